#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`eprof diff` from the command line."""
import os
import random
import re
import unittest

from cli import Case

BEFORE = "main;work 60\nmain;old 30\nmain 10\n"
AFTER = "main;work 30\nmain;new 15\nmain 5\n"


def two_columns(before, after, normalizes):
    """What difffolded.pl has to say of two files, as a set of lines."""
    sides = [{}, {}]
    for side, text in zip(sides, (before, after)):
        for line in text.splitlines():
            stack, count = line.rsplit(" ", 1)
            side[stack] = side.get(stack, 0) + int(count)
    totals = [sum(side.values()) for side in sides]
    lines = set()
    for stack in sides[0].keys() | sides[1].keys():
        count = sides[0].get(stack, 0)
        if normalizes and totals[0] != totals[1]:
            count = count * totals[1] // totals[0]
        lines.add(f"{stack} {count} {sides[1].get(stack, 0)}")
    return lines


def random_stacks(chance, count):
    lines = []
    for _ in range(count):
        depth = chance.randint(1, 8)
        stack = ";".join(chance.choice("abcde") for _ in range(depth))
        lines.append(f"{stack} {chance.randint(1, 999)}\n")
    return "".join(lines)


class Diff(Case):
    def setUp(self):
        super().setUp()
        self.write("before", BEFORE)
        self.write("after", AFTER)

    def test_wrong_usage_is_one_line_and_exit_code_2(self):
        self.refused(2, "two inputs", "diff", "before")
        self.refused(2, "one input too many", "diff", "before", "after", "x")
        self.refused(2, "cannot hold a comparison", "diff", "before", "after", "-o", "x.pb.gz")
        self.refused(2, "cannot hold a comparison", "diff", "before", "after", "-o", "x.json")
        self.refused(2, "stdin", "diff", "-", "-")
        self.assertIn(b"--no-normalize", self.ok("diff", "--help"))

    def test_the_picture_has_both_sides(self):
        svg = self.ok("diff", "before", "after", "--title=What <changed>")
        self.assert_says(svg, "work (30 samples, 60.00%; before 30, 60.00%", "new (15 samples",
                         "old (15 samples, 30.00%, removed)", "[removed]")
        self.assertIn(b"What &lt;changed&gt;", svg)
        self.assertIn(b"before: 100 samples, scaled by 0.5; after: 50 samples", svg)
        self.assertEqual(svg, self.ok("diff", "before", "after", "--title", "What <changed>"))
        plain = self.ok("diff", "--no-normalize", "before", "after")
        self.assert_says(plain, "work (30 samples, 60.00%; before 60", "old (30 samples")
        self.assertIn(b"before: 100 samples; after: 50 samples", plain)

    def test_columns_are_those_of_difffolded(self):
        chance = random.Random(1)
        for size in (1, 5, 300):
            before, after = random_stacks(chance, size), random_stacks(chance, 2 * size)
            self.write("a", before)
            self.write("b", after)
            for one, other in ((before, after), (after, before)):
                names = ("a", "b") if one is before else ("b", "a")
                lines = self.ok("diff", *names, "--format=folded").decode().splitlines()
                self.assertEqual(set(lines), two_columns(one, other, True))
                self.assertEqual(len(lines), len(set(lines)))
                lines = self.ok("diff", *names, "--format=folded", "--no-normalize")
                self.assertEqual(set(lines.decode().splitlines()), two_columns(one, other, False))

    def test_what_it_writes_can_be_drawn(self):
        self.ok("diff", "before", "after", "-o", "x.folded", "--no-normalize")
        self.assertEqual(self.read("x.folded"),
                         "main 10 5\nmain;new 0 15\nmain;old 30 0\nmain;work 60 30\n")
        self.assert_says(self.ok("flamegraph", "--differential", "x.folded"),
                         "work (30 samples, 60.00%; before 60", "old (30 samples")

    def test_one_side_can_be_stdin(self):
        one = self.ok("diff", "before", "after", "--format=folded")
        self.assertEqual(one, self.ok("diff", "-", "after", "--format=folded",
                                      stdin=BEFORE.encode()))
        self.assertEqual(one, self.ok("diff", "before", "-", "--format=folded",
                                      stdin=AFTER.encode()))

    def test_addresses_can_be_stripped(self):
        self.write("a", "m;[x+0x12] 1\nm;[x+0x13] 2\n")
        self.write("b", "m;[x+0xff] 6\n")
        self.assertEqual(self.ok("diff", "--strip-hex", "a", "b", "--format=folded"),
                         b"m;[x+0x...] 6 6\n")

    def test_profiles_are_compared_with_profiles(self):
        for name in ("before", "after"):
            self.ok("flamegraph", name, "-o", name + ".pb.gz")
        svg = self.ok("diff", "before.pb.gz", "after.pb.gz")
        self.assert_says(svg, "work (303 ms, 60.00%; before 303 ms, 60.00%")
        self.refused(1, "cannot be compared", "diff", "before", "after.pb.gz")
        svg = self.ok("diff", "before", "after.pb.gz", "--sample-type=samples")
        self.assert_says(svg, "work (30 samples, 60.00%; before 30, 60.00%")

    def test_two_kinds_of_time_are_told(self):
        self.ok("flamegraph", "before", "-o", "on.pb.gz")
        self.ok("flamegraph", "after", "--unit=microseconds", "-o", "off.pb.gz")
        done = self.call("diff", "on.pb.gz", "off.pb.gz")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr, b"eprof: warning: 'on.pb.gz' is time on a CPU, and "
                         b"'off.pb.gz' is time off it\n")

    def test_directories_of_recordings_are_compared(self):
        for name, text in (("d1", BEFORE), ("d2", AFTER)):
            os.mkdir(name)
            self.write(name + "/on-cpu.folded", text)
            self.write(name + "/off-cpu.folded", re.sub(r"(\d+)$", r"\g<1>000", text, flags=re.M))
        self.assert_says(self.ok("diff", "d1", "d2"), "work (30 samples")
        self.assert_says(self.ok("diff", "d1", "d2", "--off-cpu"), "work (30.0 ms")
        page = self.ok("diff", "d1", "d2", "--format=html").decode()
        self.assertIn("On-CPU, before and after", page)
        self.assertIn("Off-CPU, before and after", page)
        page = self.ok("diff", "d1", "d2", "--format=html", "--on-cpu").decode()
        self.assertNotIn("Off-CPU, before and after", page)
        self.assertEqual(self.ok("diff", "d1", "after", "--format=folded"),
                         self.ok("diff", "before", "after", "--format=folded"))
        self.refused(1, "about directories", "diff", "before", "after", "--off-cpu")
        os.mkdir("empty")
        self.refused(1, "no files to compare", "diff", "d1", "empty")

    def test_what_cannot_be_compared_is_named_and_leaves_nothing(self):
        self.write("nothing", "")
        self.refused(1, "no stack in 'nothing'", "diff", "nothing", "after", "-o", "x.svg")
        self.refused(1, "no stack in 'nothing'", "diff", "before", "nothing", "-o", "x.svg")
        self.refused(1, "'gone': No such file", "diff", "gone", "after", "-o", "x.svg")
        self.refused(1, "'/bin/ls'", "diff", "before", "/bin/ls", "-o", "x.svg")
        self.refused(1, "is left by --include", "diff", "before", "after", "--include=old",
                     "-o", "x.svg")
        self.assertFalse(os.path.exists("x.svg"))

    def test_the_innermost_functions_can_come_first(self):
        chance = random.Random(7)
        self.write("one", random_stacks(chance, 200))
        self.write("other", random_stacks(chance, 300))
        for options in ((), ("--no-normalize",), ("--base=b",)):
            words = ("diff", "one", "other", "--format=folded", *options)
            lines = [line.rsplit(b" ", 2) for line in self.ok(*words).splitlines()]
            turned = {(b";".join(stack.split(b";")[::-1]), before, after)
                      for stack, before, after in lines}
            reversed_lines = self.ok(*words, "--reverse").splitlines()
            self.assertEqual(reversed_lines, sorted(reversed_lines, key=lambda line:
                                                    line.rsplit(b" ", 2)[0].split(b";")))
            self.assertEqual({tuple(line.rsplit(b" ", 2)) for line in reversed_lines}, turned)

    def test_a_directory_that_has_gone_is_an_error(self):
        self.has_no_place("diff", "before", "pipe")

    def test_who_is_stopped_while_reading_leaves_nothing(self):
        self.leaves_nothing("diff", "before", "pipe")

    def test_a_full_disk_is_noticed(self):
        with open("/dev/full", "wb") as full:
            done = self.call("diff", "before", "after", stdout=full)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, b"eprof: cannot write 'stdout': No space left on device\n")


if __name__ == "__main__":
    unittest.main()
