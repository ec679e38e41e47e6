#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a sample costs in the kernel, by BPF statistics, at 999 Hz.

One workload on one CPU, and in turns there: eprof with unwind tables, bpf_get_stackid() for both
stacks and a count (tests/stackid_cost of the build: what most profilers do), and eprof along frame
pointers. Interrupts of other processes on that CPU cost a little, too: that is measured apart and
subtracted. What else runs on the machine makes all of them slower; the ratio says more than the
time. Needs root.
"""

import argparse
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

from stack_reading import read_stats
from stack_workloads import busy, compiled, cpu_seconds, parse_turns, source, wait_until
from workloads import EPROF, cc1_argv, python_argv, redis, running

STACKID_COST = os.path.join(os.path.dirname(EPROF), "tests/stackid_cost")
CPU = max(os.sched_getaffinity(0))
TURNS = ("tables", "stackid", "fp")


def pinned(*argv):
    return ["taskset", "-c", str(CPU), *argv]


def deep(depth):
    def start(scratch):
        program = compiled(scratch, "deep", "gcc", "-O2", "-o", "deep", source("deep.c"))
        return busy(*pinned(program, str(depth)))

    return start


@contextlib.contextmanager
def pinned_redis(scratch):
    with redis(scratch) as pid:
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), {CPU})
        wait_until(lambda: cpu_seconds(pid) > 1, "redis")
        yield [pid]


# Name: (ns that a sample may cost, how it is run). The depths of deep are those of its own
# function; spin, main and three of the C library are there, too.
WORKLOADS = {
    "35 frames": (2500, deep(29)),
    "python3": (4000, lambda scratch: busy(*pinned(*python_argv(scratch)))),
    "redis": (5000, pinned_redis),
    "cc1": (10000, lambda scratch: busy(*pinned(*cc1_argv(scratch)))),
    "300 frames": (15000, deep(294)),
}


class Cost:
    """samples, and what all runs of a program took, those for other processes included."""

    def __init__(self, samples, runs, ns):
        self.samples = samples
        self.runs = runs
        self.ns = ns

    def per_sample(self, ns_of_others):
        return (self.ns - (self.runs - self.samples) * ns_of_others) / max(1, self.samples)


def user_frames(path):
    """Of the average sample."""
    frames = samples = 0
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            stack, _, count = line.rpartition(" ")
            names = stack.split(";")[1:]
            user = [f for f in names if not re.search(r"_\[[ki]\]$|^\[stack: ", f)]
            frames += len(user) * int(count)
            samples += int(count)
    return frames / max(1, samples)


class Bench:
    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch
        self.frames = dict.fromkeys(TURNS)
        self.ns_of_others = {}

    def run_eprof(self, turn, pid):
        out = os.path.join(self.scratch, "eprof-out")
        unwind = "fp" if turn == "fp" else "auto"
        argv = [EPROF, "record", "-q", "-p", str(pid), "-C", str(CPU), "-F", str(self.options.hz)]
        argv += ["-d", str(self.options.seconds), f"--unwind={unwind}", "-o", out + "/"]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        stats = read_stats(os.path.join(out, "stats.json"))
        self.frames[turn] = user_frames(os.path.join(out, "on-cpu.folded"))
        shutil.rmtree(out)
        samples, runs = stats["samples"], stats["tool"]["bpf_runs"]
        if not samples:
            raise RuntimeError("no samples")
        return Cost(samples, runs, stats["tool"]["bpf_ns_per_sample"] * samples)

    def run_stackid(self, pid):
        argv = [STACKID_COST, pid, CPU, self.options.hz, self.options.seconds]
        done = subprocess.run(list(map(str, argv)), check=True, stdout=subprocess.PIPE, text=True)
        return Cost(*map(int, done.stdout.split()))

    def run(self, turn, pid):
        return self.run_stackid(pid) if turn == "stackid" else self.run_eprof(turn, pid)

    def measure_others(self):
        """A run for a process that is left out: the CPU is another's nearly all the time."""
        rarely = "import time\nwhile True: time.sleep(0.05); sum(range(5000))"
        other = pinned("/bin/sh", "-c", "while :; do :; done")
        with running(*pinned("python3", "-c", rarely)) as process, running(*other):
            for turn in TURNS:
                cost = self.run(turn, process.pid)
                self.ns_of_others[turn] = cost.ns / max(1, cost.runs)

    def measure(self, name):
        """ns per sample of each round, by turn."""
        costs = {turn: [] for turn in TURNS}
        samples = runs = 0
        with WORKLOADS[name][1](self.scratch) as pids:
            for number in range(self.options.rounds):
                first = number % len(TURNS)
                for turn in TURNS[first:] + TURNS[:first]:
                    cost = self.run(turn, pids[0])
                    costs[turn].append(cost.per_sample(self.ns_of_others[turn]))
                    samples += cost.samples
                    runs += cost.runs
        return costs, samples / max(1, runs)


def print_result(name, limit, costs, share, frames):
    medians = {turn: statistics.median(costs[turn]) for turn in TURNS}
    ratios = [a / b for a, b in zip(costs["tables"], costs["stackid"]) if b > 0]
    print(f"{name:<11} {frames['tables']:>6.1f} {frames['fp']:>5.1f} ", end="")
    print(" ".join(f"{medians[turn]:>8.0f}" for turn in TURNS), end="")
    print(f" {statistics.median(ratios):>8.2f} {min(costs['tables']):>8.0f} {limit:>7}", end="")
    print(f" {share:>8.1%}  {'' if medians['tables'] <= limit else 'above'}")
    sys.stdout.flush()
    return medians["tables"] <= limit


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2, help="of each turn (2)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each (5)")
    parser.add_argument("--hz", type=int, default=999, help="samples per second (999)")
    return parse_turns(parser, WORKLOADS)


def main():
    options = parse_arguments()
    if os.geteuid() != 0:
        sys.exit("recording needs root")
    if not os.access(STACKID_COST, os.X_OK):
        sys.exit(f"{STACKID_COST} is missing: build it")
    is_good = True
    with tempfile.TemporaryDirectory(prefix="eprof-bench-") as scratch:
        bench = Bench(options, scratch)
        bench.measure_others()
        left_out = ", ".join(f"{turn} {ns:.0f}" for turn, ns in bench.ns_of_others.items())
        print(f"{options.hz} Hz, CPU {CPU}; ns of a tick that is not the workload's: {left_out}")
        print(f"{'':<11} {'frames':^12} {'ns per sample (median)':^26}   tables/  fewest")
        print(f"{'workload':<11} {'tables':>6} {'fp':>5} ", end="")
        print(" ".join(f"{turn:>8}" for turn in TURNS), end="")
        print(f"  {'stackid':>7} {'tables':>8} {'limit':>7} {'its runs':>8}")
        for name in options.workloads or WORKLOADS:
            if name == "redis" and not shutil.which("redis-server"):
                print("redis is not installed: left out")
                continue
            costs, share = bench.measure(name)
            is_good &= print_result(name, WORKLOADS[name][0], costs, share, bench.frames)
    sys.exit(0 if is_good or options.quick else 1)


if __name__ == "__main__":
    main()
