#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many stacks are whole: eprof beside perf's frame pointers and perf's copies of the stack.

Each workload is started, and eprof, `perf record -g` and `perf record --call-graph dwarf,16384`
look at the same processes in turns; the next round begins with another tool. A stack is whole when
one of its three outermost user frames is where a program or thread begins, by name or, in stripped
files, by the ELF header's e_entry. Counted are the samples that have a user stack, those in the
kernel included. Ticks that find another process are BPF runs, too: they are in the time for each
sample of the workload. Programs that are missing are left out, with a word. Needs root.

All of them on Debian: apt-get install --no-install-recommends linux-perf redis-server postgresql
python3 g++ gcc openssl xz-utils ruby php-cli perl clang stress-ng rustc nodejs golang-go
openjdk-17-jdk-headless
"""

import argparse
import collections
import itertools
import os
import shutil
import subprocess
import sys
import tempfile

from stack_reading import Entries, Tally, read_folded, read_perf, read_stats
from stack_workloads import WORKLOADS, children, is_installed, parse_turns, workload
from workloads import EPROF

TOOLS = ("eprof", "fp", "dwarf")
PERF_OPTIONS = {"fp": ["--call-graph", "fp"], "dwarf": ["--call-graph", "dwarf,16384", "-m", "16M"]}
SHOWN_ENDS = 4
# What chance does to the share of a tool that misses as often as another.
CHANCE = 2.0


class Result:
    """One workload."""

    def __init__(self, name):
        self.name = name
        self.asked = WORKLOADS[name][0]
        self.tallies = {tool: Tally() for tool in TOOLS}
        self.stops = collections.Counter()
        self.bpf_ns = 0.0
        self.bpf_runs = 0

    def verdict(self):
        """What is wrong with it, or nothing."""
        share = self.tallies["eprof"].share()
        best = max(self.tallies["fp"].share(), self.tallies["dwarf"].share())
        samples = self.tallies["eprof"].samples
        wrong = []
        if not samples:
            return "no samples"
        if self.asked and share < self.asked:
            wrong.append(f"below {self.asked:.1%}")
        # The difference of two shares of that many samples is uncertain by this.
        slack = CHANCE * (max(best * (1 - best), 1 / samples) / samples) ** 0.5
        if share < best - slack:
            wrong.append("below perf")
        return ", ".join(wrong)


def pid_list(pids):
    """Those that have not ended. What they fork, every tool follows."""
    alive = [str(pid) for pid in pids if os.path.isdir(f"/proc/{pid}")]
    if not alive:
        raise RuntimeError("the workload has ended")
    return ",".join(alive)


def run(argv):
    done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{argv} failed:\n{done.stderr.decode(errors='replace')}")


class Bench:
    def __init__(self, options, scratch):
        self.options = options
        self.scratch = scratch

    def record_eprof(self, pids, out):
        options = ["-q", "--on-cpu", "-F", str(self.options.hz), "-d", str(self.options.seconds)]
        run([EPROF, "record", *options, "-o", out + "/", "-p", pid_list(pids)])

    def record_perf(self, tool, pids, out):
        argv = ["perf", "record", "-q", "-N", "-B", "-e", "cpu-clock", "-F", str(self.options.hz)]
        argv += [*PERF_OPTIONS[tool], "-p", pid_list(pids), "-o", out]
        run([*argv, "--", "sleep", str(self.options.seconds)])

    def record(self, tool, pids, out):
        if tool == "eprof":
            self.record_eprof(pids, out)
        else:
            self.record_perf(tool, pids, out)

    def read(self, tool, out, entries, result):
        if tool == "eprof":
            tally = read_folded(os.path.join(out, "on-cpu.folded"), entries)
            stats = read_stats(os.path.join(out, "stats.json"))
            result.stops.update(stats["stop_reasons"])
            if stats["tool"]["bpf_ns_per_sample"] is not None:
                result.bpf_ns += stats["tool"]["bpf_ns_per_sample"] * stats["samples"]
                result.bpf_runs += stats["tool"]["bpf_runs"]
            if not self.options.keep:
                shutil.rmtree(out)
        else:
            tally = read_perf(out, entries)
            os.unlink(out)
        result.tallies[tool].merge(tally)

    def round(self, number, result):
        """Everybody has a turn; what they wrote is read when the workload is gone."""
        entries = Entries()
        first = number % len(TOOLS)
        outputs = {}
        with workload(result.name, self.scratch) as pids:
            for tool in TOOLS[first:] + TOOLS[:first]:
                outputs[tool] = os.path.join(self.scratch, f"{tool}.out")
                if tool == "eprof" and self.options.keep:
                    name = f"{result.name.replace(' ', '')}-{number}"
                    outputs[tool] = os.path.join(self.options.keep, name)
                self.record(tool, pids, outputs[tool])
            for pid in itertools.chain.from_iterable(map(children, pids)):
                entries.add_process(pid)
        for tool, out in outputs.items():
            self.read(tool, out, entries, result)

    def measure(self, name):
        result = Result(name)
        for number in range(self.options.rounds):
            self.round(number, result)
        return result


def print_head():
    print(f"{'':<10} {'samples':>7} {'whole stacks':^24} {'frames per stack':^20} ", end="")
    print(f"{'BPF ns':^14}")
    print(f"{'workload':<10} {'eprof':>7} ", end="")
    print(f"{'eprof':>8}{'perf fp':>8}{'dwarf':>8} {'eprof':>6} {'fp':>6} {'dwarf':>6} ", end="")
    print(f"{'/sample':>7} {'/run':>6}  asked")


def print_result(result):
    tallies = [result.tallies[tool] for tool in TOOLS]
    samples = tallies[0].samples
    print(f"{result.name:<10} {samples:>7} ", end="")
    print("".join(f"{t.share():>8.2%}" if t.samples else f"{'-':>8}" for t in tallies), end=" ")
    print(" ".join(f"{tally.depth():>6.1f}" for tally in tallies), end=" ")
    print(f"{result.bpf_ns / max(1, samples):>7.0f} ", end="")
    print(f"{result.bpf_ns / max(1, result.bpf_runs):>6.0f} ", end="")
    print(f"{f'{result.asked:.1%}' if result.asked else '-':>6} {result.verdict()}")
    odd = {name: n for name, n in result.stops.items() if n and name != "complete"}
    if odd:
        print(f"{'':<10} not complete: " + ", ".join(f"{n} {name}" for name, n in odd.items()))
    for (why, where), count in tallies[0].ends.most_common(SHOWN_ENDS):
        print(f"{'':<10} {count:>6} x {why}: {where}")
    sys.stdout.flush()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3, help="of each turn (3)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each tool (5)")
    parser.add_argument("--hz", type=int, default=299, help="samples per second and CPU (299)")
    parser.add_argument("--keep", help="directory for what eprof wrote")
    return parse_turns(parser, WORKLOADS)


def main():
    options = parse_arguments()
    if os.geteuid() != 0:
        sys.exit("recording needs root")
    if not shutil.which("perf"):
        sys.exit("perf is not installed: there is nothing to compare with")
    if options.keep:
        os.makedirs(options.keep, exist_ok=True)
    failed = []
    with tempfile.TemporaryDirectory(prefix="eprof-bench-") as scratch:
        os.chmod(scratch, 0o755)  # postgres runs as somebody else
        bench = Bench(options, scratch)
        print_head()
        for name in options.workloads or WORKLOADS:
            if not is_installed(name):
                print(f"{name:<10} is not installed: left out")
                continue
            try:
                result = bench.measure(name)
            except (OSError, RuntimeError, subprocess.SubprocessError) as error:
                print(f"{name:<10} failed: {error}")
                failed.append(name)
                continue
            print_result(result)
            if result.verdict():
                failed.append(name)
    # A smoke test has too few samples to judge by.
    sys.exit(1 if failed and not options.quick else 0)


if __name__ == "__main__":
    main()
