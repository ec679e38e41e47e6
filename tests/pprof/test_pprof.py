#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
pprof files against Go's own tool: what eprof writes is what `go tool pprof` reads, to the unit, and
what Go's runtime writes is read by eprof with the same totals. Needs go; exits with 77 without it.
"""

import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")
EPROF = os.environ["EPROF_BINARY"]
HZ = 99
PERIOD = 10**9 // HZ
KIND = re.compile(r"_\[[kij]\]$")


def run(*command, **options):
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {result.stderr}")
    return result.stdout


def go_environment(directory):
    """Nothing is downloaded, and the user's settings do not matter."""
    return dict(
        os.environ,
        GO111MODULE="off",
        GOFLAGS="",
        GOTOOLCHAIN="local",
        GOCACHE=os.environ.get("GOCACHE") or os.path.join(directory, "go-cache"),
        PPROF_TMPDIR=directory,
        HOME=directory,
    )


def read_folded(text):
    """Stacks, as tuples of names without their kinds, and their counts."""
    stacks = collections.Counter()
    for line in text.splitlines():
        stack, count = line.rsplit(" ", 1)
        stacks[tuple(KIND.sub("", name) for name in stack.split(";"))] += int(count)
    return stacks


class Raw:
    """What `go tool pprof -raw` prints: for each type of value its stacks, outermost first."""

    SAMPLE = re.compile(r"^ *(-?\d+(?: +-?\d+)*): ?([\d ]*)$")
    LOCATION = re.compile(r"^ *(\d+): 0x[0-9a-f]+ (?:M=\d+ )?(?:\[F\] )?(.*)$")
    LINE = re.compile(r"^(.*) \S*:-?\d+(?::\d+)? s=\d+(?:\(.*\))?$")

    def __init__(self, text):
        lines = iter(text.splitlines())
        for line in lines:
            if line == "Samples:":
                break
        self.types = [word.split("/")[0] for word in next(lines).split()]
        samples, locations, location = [], {}, None
        for line in lines:
            if line == "Locations":
                break
            match = self.SAMPLE.match(line)
            if match:
                values = [int(value) for value in match[1].split()]
                samples.append((values, [int(number) for number in match[2].split()]))
        for line in lines:
            if line == "Mappings":
                break
            match = self.LOCATION.match(line)
            if match:
                location = locations.setdefault(int(match[1]), [])
            name = self.LINE.match(match[2] if match else line.strip())
            location.append(name[1] if name else None)
        self.stacks = {name: collections.Counter() for name in self.types}
        for values, numbers in samples:
            names = [name for number in numbers for name in locations[number]]
            for name, value in zip(self.types, values):
                self.stacks[name][tuple(reversed(names))] += value


class WithGo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.mkdtemp(prefix="eprof-pprof-")
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        cls.go = go_environment(cls.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def pprof(self, *arguments):
        return run("go", "tool", "pprof", "-symbolize=none", *arguments, env=self.go)

    def raw(self, path):
        return Raw(self.pprof("-raw", path))

    def top(self, path, sample_type):
        """For each function (flat, cumulative)."""
        text = self.pprof(
            "-top",
            f"-sample_index={sample_type}",
            "-unit=ns",
            "-nodecount=0",
            "-nodefraction=0",
            "-edgefraction=0",
            path,
        )
        table = {}
        for line in text.split("flat  flat%")[1].splitlines()[1:]:
            flat, _, _, cumulative, _, name = line.split(None, 5)
            name = re.sub(r" \((partial-)?inline\)$", "", name)
            table[name] = tuple(int(value.removesuffix("ns")) for value in (flat, cumulative))
        return table


def expected_top(stacks):
    flat, cumulative = collections.Counter(), collections.Counter()
    for stack, count in stacks.items():
        flat[stack[-1]] += count
        for name in set(stack):
            cumulative[name] += count
    return {name: (flat[name], cumulative[name]) for name in cumulative}


def many_stacks():
    """Recursion and kinds; sums in nanoseconds that pprof's doubles still hold exactly."""
    lines = []
    for i in range(1, 400):
        names = [f"f{(i * k) % 37}" for k in range(i % 29)]
        suffixes = ["", "_[i]", "", "_[j]", "", "_[k]"]
        frames = ["p"] + [name + suffixes[(i + k) % 6] for k, name in enumerate(names)]
        lines.append(f"{';'.join(frames)} {i * i}\n")
    return "".join(lines)


class WhatEprofWrites(WithGo):
    INPUTS = ["kinds", "lines", "waits"]

    def inputs(self):
        """(name, path of folded stacks as eprof itself writes them, path of their pprof file)."""
        with open(self.path("many.in"), "w", encoding="utf-8") as file:
            file.write(many_stacks())
        sources = {name: os.path.join(GOLDEN, name + ".folded") for name in self.INPUTS}
        sources["many"] = self.path("many.in")
        for name, source in sources.items():
            folded, profile = self.path(name + ".folded"), self.path(name + ".pb.gz")
            run(EPROF, "flamegraph", "--from", "folded", source, "-o", folded)
            run(EPROF, "flamegraph", "--from", "folded", source, "-o", profile)
            yield name, folded, profile

    def test_raw_has_every_stack_with_its_count(self):
        for name, folded, profile in self.inputs():
            with self.subTest(name), open(folded, encoding="utf-8") as file:
                expected = read_folded(file.read())
                raw = self.raw(profile)
                self.assertEqual(raw.types[0], "samples")
                self.assertEqual(raw.stacks["samples"], expected)
                self.assertEqual(
                    sum(raw.stacks["cpu"].values()), PERIOD * sum(expected.values())
                )

    def test_top_has_what_each_function_has_itself_and_with_callees(self):
        for name, folded, profile in self.inputs():
            with self.subTest(name), open(folded, encoding="utf-8") as file:
                expected = expected_top(read_folded(file.read()))
                self.assertEqual(self.top(profile, "samples"), expected)
                in_time = {
                    name: (flat * PERIOD, cumulative * PERIOD)
                    for name, (flat, cumulative) in expected.items()
                }
                self.assertEqual(self.top(profile, "cpu"), in_time)

    def test_it_comes_back_as_the_same_folded_stacks(self):
        for name, folded, profile in self.inputs():
            back = self.path(name + ".back.folded")
            run(EPROF, "flamegraph", "--sample-type", "samples", profile, "-o", back)
            with self.subTest(name), open(folded, "rb") as one, open(back, "rb") as other:
                self.assertEqual(one.read(), other.read())

    def test_decimals_are_divided_without_loss(self):
        source, profile = self.path("decimals.in"), self.path("decimals.pb.gz")
        with open(source, "w", encoding="utf-8") as file:
            file.writelines(f"p;f{i} 0.{i:03}\n" for i in range(1, 1000))
        run(EPROF, "flamegraph", "--from", "folded", source, "-o", profile)
        raw = self.raw(profile)
        whole = sum(range(1, 1000)) * PERIOD // 1000
        self.assertEqual(sum(raw.stacks["cpu"].values()), whole)
        self.assertEqual(sum(raw.stacks["samples"].values()), sum(range(1, 1000)) // 1000)


class WhatGoWrites(WithGo):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        program = os.path.join(cls.directory, "profiles")
        run("go", "build", "-o", program, os.path.join(HERE, "profiles.go"), env=cls.go)
        run(program, cls.directory)

    def profiles(self):
        names = ("cpu", "heap", "allocs", "mutex", "block", "goroutine")
        return [(name, self.path(name + ".pb.gz")) for name in names]

    def folded(self, profile, *arguments):
        target = self.path("read.folded")
        run(EPROF, "flamegraph", *arguments, profile, "-o", target)
        with open(target, encoding="utf-8") as file:
            return read_folded(file.read())

    def test_totals_are_those_of_pprof_for_every_type_of_value(self):
        seen = set()
        for name, profile in self.profiles():
            raw = self.raw(profile)
            for kind, stacks in raw.stacks.items():
                total = sum(stacks.values())
                if total == 0:
                    continue
                seen.add(kind)
                with self.subTest(f"{kind} of {name}"):
                    read = self.folded(profile, "--sample-type", kind)
                    self.assertEqual(sum(read.values()), total)
        self.assertLessEqual(
            {"cpu", "inuse_space", "alloc_objects", "contentions", "delay", "goroutine"}, seen
        )

    def test_stacks_are_those_of_pprof(self):
        for name, profile in self.profiles():
            raw = self.raw(profile)
            kind = raw.types[-1]
            expected = {stack: value for stack, value in raw.stacks[kind].items() if value > 0}
            with self.subTest(name):
                self.assertEqual(self.folded(profile, "--sample-type", kind), expected)

    def test_samples_without_a_stack_are_unknown(self):
        read = self.folded(self.path("threadcreate.pb.gz"))
        text = self.pprof("-top", self.path("threadcreate.pb.gz"))
        self.assertEqual(list(read), [("[unknown]",)])
        self.assertIn(f" of {sum(read.values())} total", text)

    def test_without_a_type_it_is_the_one_that_go_shows(self):
        heap = self.raw(self.path("heap.pb.gz"))
        read = self.folded(self.path("heap.pb.gz"))
        self.assertEqual(sum(read.values()), sum(heap.stacks["inuse_space"].values()))
        self.assertGreater(sum(read.values()), 64 * 4096)

    def test_functions_that_go_inlines_are_inlined_frames(self):
        target = self.path("mutex.folded")
        run(EPROF, "flamegraph", self.path("mutex.pb.gz"), "-o", target)
        with open(target, encoding="utf-8") as file:
            self.assertIn("main.contend;sync.(*Mutex).Unlock_[i]", file.read())


if __name__ == "__main__":
    if not shutil.which("go"):
        print("skipped 'go is not installed'")
        sys.exit(77)
    unittest.main(verbosity=2)
