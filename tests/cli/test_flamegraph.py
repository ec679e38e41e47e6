#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`eprof flamegraph` from the command line."""
import gzip
import os
import socket
import subprocess
import unittest

from cli import EPROF, Case

FOLDED = "main;read_[k] 30\nmain;work 50\nmain 20\n"
PERF = """a.out  123/124  [000] 10.000001:  cpu-clock:uhH:
\t            1139 work+0x5 (/usr/bin/a.out)
\t            2139 main+0x9 (/usr/bin/a.out)

"""


class Arguments(Case):
    def test_wrong_usage_is_one_line_and_exit_code_2(self):
        self.refused(2, "--colours", "flamegraph", "--colours", "red")
        self.refused(2, "'pink'", "flamegraph", "--colors", "pink")
        self.refused(2, "regular expression", "flamegraph", "--include", "(")
        self.refused(2, "regular expression", "flamegraph", "--exclude", "a{2,1}")
        self.refused(2, "--width", "flamegraph", "--width")
        self.refused(2, "contradict", "flamegraph", "-o", "x.svg", "--format", "html")
        self.refused(2, "--nameattr", "flamegraph", "--nameattr", "x")
        self.assertEqual(os.listdir(), [])

    def test_options_are_spelled_as_flamegraph_pl_takes_them(self):
        self.write("in", FOLDED)
        one = self.ok("flamegraph", "--title=Title <&>", "--countname=cycles", "--width=900", "in")
        other = self.ok("flamegraph", "--title", "Title <&>", "--countname", "cycles",
                        "--width", "900", "--hash", "--cp", "--fonttype", "Verdana", "in")
        self.assertEqual(one, other)
        self.assert_says(one, "work (50 cycles, 50.00%)", "all (100 cycles, 100%)")
        self.assertIn(b"Title &lt;&amp;&gt;", one)
        self.assertIn(b'width="900"', one)

    def test_every_option_of_flamegraph_pl_is_taken_or_refused(self):
        self.write("in", FOLDED)
        self.ok("flamegraph", "--fonttype", "x", "--width", "800", "--height", "20",
                "--encoding", "UTF-8", "--fontsize", "11", "--fontwidth", "0.6",
                "--minwidth", "0.5", "--title", "t", "--subtitle", "s", "--nametype", "n",
                "--countname", "c", "--total", "200", "--factor", "2", "--color", "java",
                "--bgcolors", "blue", "--hash", "--random", "--cp", "--reverse", "--inverted",
                "--negate", "--notes", "n", "in")
        self.ok("flamegraph", "--flamechart", "in")
        self.assertIn(b"--flamechart", self.ok("flamegraph", "--help"))

    def test_help_is_for_stdout(self):
        self.assertIn(b"--include=REGEX", self.ok("flamegraph", "--help"))
        self.assertEqual(self.ok("help", "flamegraph"), self.ok("flamegraph", "-h"))
        self.assertIn(b"eprof diff", self.ok("--help"))


class Inputs(Case):
    def test_stdin_to_stdout_is_the_default(self):
        self.assert_says(self.ok("flamegraph", stdin=FOLDED.encode()), "work (50 samples")
        self.write("in", FOLDED)
        svg = self.ok("flamegraph", "-", "in", stdin=FOLDED.encode())
        self.assert_says(svg, "work (100 samples, 50.00%)")

    def test_a_pipe_that_is_slow_is_read_to_its_end(self):
        with subprocess.Popen([EPROF, "flamegraph", "--format", "folded"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdin.write(b"main;wo")
            process.stdin.flush()
            out, _ = process.communicate(b"rk 5\nmain 1", timeout=60)
        self.assertEqual(out, b"main 1\nmain;work 5\n")

    def test_all_forms_are_told_apart_and_merged(self):
        self.write("folded", "a.out;main;work 4\n")
        self.write("perf", PERF)
        self.ok("flamegraph", "folded", "-o", "x.pb.gz")
        with gzip.open("x.pb.gz") as file:
            self.write("raw", file.read())
        merged = self.ok("flamegraph", "--format=folded", "--sample-type=samples", "folded",
                         "perf", "x.pb.gz", "raw")
        self.assertEqual(merged, b"a.out;main;work 13\n")
        forced = self.ok("flamegraph", "--format=folded", "--from", "perf", stdin=PERF.encode())
        self.assertEqual(forced, b"a.out;main;work 1\n")

    def test_what_counts_different_things_is_not_merged(self):
        self.write("folded", FOLDED)
        self.ok("flamegraph", "folded", "-o", "x.pb.gz")
        self.refused(1, "cannot be added", "flamegraph", "folded", "x.pb.gz")
        self.refused(1, "'cycles'", "flamegraph", "x.pb.gz", "--sample-type", "cycles")

    def test_times_that_went_through_folded_stacks_are_the_same_times(self):
        self.write("in", FOLDED)
        self.ok("flamegraph", "in", "--unit=microseconds", "--factor=1000", "-o", "x.pb.gz")
        times = self.ok("flamegraph", "x.pb.gz", "--format=folded")
        self.assertIn(b"main;work 50000000\n", times)
        for name in ("x.pb.gz", "-"):
            svg = self.ok("flamegraph", name, "--unit=nanoseconds", stdin=times)
            self.assert_says(svg, "all (100 ms, 100%)", "work (50.0 ms, 50.00%")

    def test_what_cannot_be_read_is_named(self):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("sock")
            self.refused(1, "'sock': It is a socket", "flamegraph", "sock", "-o", "x.svg")
        self.refused(1, "'gone': No such file", "flamegraph", "gone", "-o", "x.svg")
        self.refused(1, "'.': Is a directory", "flamegraph", ".", "-o", "x.svg")
        if os.geteuid() != 0:
            self.write("secret", FOLDED)
            os.chmod("secret", 0)
            self.refused(1, "'secret': Permission denied", "flamegraph", "secret", "-o", "x.svg")
        self.assertFalse(os.path.exists("x.svg"))

    def test_a_program_is_not_drawn(self):
        self.refused(1, "'/bin/ls'", "flamegraph", "/bin/ls", "-o", "x.folded")
        self.write("bin", b"\x7fELF\x01\n\0\0\n\xff\xfe junk 7\n\x02\x03\n")
        self.refused(1, "3 of 4 lines are bad", "flamegraph", "bin", "-o", "y.svg")
        self.assertFalse(os.path.exists("y.svg"))

    def test_a_few_bad_lines_are_warnings(self):
        self.write("in", FOLDED + "no count\n" + FOLDED)
        done = self.call("flamegraph", "in", "--format=folded")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"warning: 'in': line 4 does not end in", done.stderr)
        self.assertIn(b"main;work 100\n", done.stdout)

    def test_nothing_is_a_picture_that_says_so(self):
        svg = self.refused(1, "there is no stack in '-'", "flamegraph")
        self.assertIn(b"There was no stack in the input.", svg)
        self.titles(svg)
        self.write("junk", "no\ncount\n")
        svg = self.refused(1, "'junk' holds no folded stacks: line 1", "flamegraph", "junk")
        self.assertIn(b"There was no stack in the input.", svg)

    def test_samples_have_a_time_when_their_rate_is_given(self):
        with_rate = self.ok("flamegraph", "-F", "100", stdin=b"main;work 300\n")
        self.assertIn(b' data-period-ns="10000000"', with_rate)
        without = self.ok("flamegraph", stdin=b"main;work 300\n")
        self.assertNotIn(b" data-period-ns=", without)

    def test_times_too_short_to_be_drawn_are_told_from_none(self):
        svg = self.refused(1, "less than a microsecond in all", "flamegraph",
                           "--unit=nanoseconds", stdin=b"main;work 300\n")
        self.assertIn(b"less than a microsecond in all", svg)

    def test_a_part_can_be_drawn(self):
        self.write("in", "a;b;c 1\na;b;d 2\nx;b;c 4\nz 8\n")
        folded = ("flamegraph", "--format=folded", "in")
        self.assertEqual(self.ok(*folded, "--include", "^x$"), b"x;b;c 4\n")
        self.assertEqual(self.ok(*folded, "--include", "^x$", "--include", "d|z"),
                         b"a;b;d 2\nx;b;c 4\nz 8\n")
        self.assertEqual(self.ok(*folded, "--exclude", "[cd]"), b"z 8\n")
        self.assertEqual(self.ok(*folded, "--base", "b"), b"b;c 5\nb;d 2\n")
        self.assertEqual(self.ok(*folded, "--reverse"), b"c;b;a 1\nc;b;x 4\nd;b;a 2\nz 8\n")
        self.assertEqual(self.ok(*folded, "--order=value"), b"z 8\nx;b;c 4\na;b;d 2\na;b;c 1\n")
        self.assertIn(b"--base", self.refused(1, "no stack of the input is left", "flamegraph",
                                              "in", "--include", "nowhere"))


class Outputs(Case):
    def test_a_full_disk_is_noticed(self):
        self.write("in", FOLDED)
        with open("/dev/full", "wb") as full:
            done = self.call("flamegraph", "in", stdout=full)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, b"eprof: cannot write 'stdout': No space left on device\n")
        self.refused(1, "none/x.svg", "flamegraph", "in", "-o", "none/x.svg")

    def test_a_directory_that_has_gone_is_an_error(self):
        self.has_no_place("flamegraph", "pipe")

    def test_who_is_stopped_while_reading_leaves_nothing(self):
        self.leaves_nothing("flamegraph", "pipe")

    def test_all_forms_are_written_and_the_same_twice(self):
        self.write("in", FOLDED)
        for name in ("x.svg", "x.html", "x.folded", "x.pb.gz", "x.json"):
            self.ok("flamegraph", "in", "-o", name)
            self.ok("flamegraph", "in", "-o", "2" + name)
            with open(name, "rb") as one, open("2" + name, "rb") as other:
                content = one.read()
                self.assertTrue(content)
                self.assertEqual(content, other.read(), name)

    def test_two_counts_are_a_comparison_when_that_is_said(self):
        self.write("in", "a;b 10 5\na;gone 7 0\na;c 0 5\n")
        svg = self.ok("flamegraph", "--differential", "in")
        self.assert_says(svg, "[removed]", "gone (7 samples", "new")
        self.assertEqual(self.ok("flamegraph", "--differential", "in", "--format=folded"),
                         b"a;b 10 5\na;c 0 5\na;gone 7 0\n")


if __name__ == "__main__":
    unittest.main()
