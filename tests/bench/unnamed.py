#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many frames of programs as they are installed have no name, in which modules, and why.

An address that eprof shows as [MODULE+0x...] is looked for in all symbols that the machine has of
that module: its own, and those of its separate debug file. What is found there eprof should have
named, and is listed. With --before another eprof has its turn at the same processes. Needs root.
"""

import argparse
import bisect
import collections
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile

from stack_workloads import WORKLOADS, announced, is_installed, parse_turns, run_java, source
from workloads import EPROF

DEBUG = "/usr/lib/debug/.build-id"
MODULES_SHOWN = 5
MISSED_SHOWN = 10
ADDRESS = re.compile(r"\[(.+)\+0x([0-9a-f]+)\]")


@contextlib.contextmanager
def run_java_with_map(scratch):
    with run_java(scratch, "-XX:+PreserveFramePointer") as pids:
        map_names = ["jcmd", str(pids[0]), "Compiler.perfmap"]
        subprocess.run(map_names, check=True, stdout=subprocess.DEVNULL)
        try:
            yield pids
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"/tmp/perf-{pids[0]}.map")


@contextlib.contextmanager
def run_node_with_map(scratch):
    # It writes its map where it runs.
    with announced("node", "--perf-basic-prof", source("words.js"), cwd=scratch) as pids:
        try:
            yield pids
        finally:
            for directory in (scratch, "/tmp"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{directory}/perf-{pids[0]}.map")


# Name: (programs needed besides, how it is run), or None as in stack_workloads.py.
RUNS = {
    "redis": None,
    "cc1": None,
    "postgres": None,
    "node": None,
    "node-map": ("node", run_node_with_map),
    "java-fp": None,
    "java-map": ("java-fp", run_java_with_map),
    "rust": None,
    "g++ -O2": None,
}


class Profile:
    """User frames of one recording, by samples."""

    def __init__(self, out):
        self.total = 0
        self.unnamed = collections.Counter()  # module -> samples
        self.addresses = collections.Counter()  # (module, address) -> samples
        with open(os.path.join(out, "on-cpu.folded"), encoding="utf-8", errors="replace") as file:
            for line in file.read().split("\n"):
                stack, _, count = line.rpartition(" ")
                if stack:
                    self.add(stack.split(";")[1:], int(count))
        with open(os.path.join(out, "stats.json"), encoding="utf-8") as file:
            self.stats = json.load(file)

    def add(self, frames, count):
        for frame in frames:
            if frame.startswith("[stack: ") or frame.endswith("_[k]"):
                continue
            self.total += count
            found = ADDRESS.fullmatch(frame)
            if found:
                self.unnamed[found[1]] += count
                self.addresses[found[1], int(found[2], 16)] += count
            elif frame in ("[anon]", "[unknown]"):
                self.unnamed[frame] += count

    def share(self):
        return sum(self.unnamed.values()) / max(1, self.total)


def record(eprof, pids, seconds, directory):
    out = os.path.join(directory, "out")
    argv = [eprof, "record", "-q", "--on-cpu", "-F", "499", "-d", str(seconds), "-o", out + "/"]
    argv += ["-p", ",".join(map(str, pids))]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return Profile(out)


class Symbols:
    """All functions that a file, or its debug file, has a size and a name for."""

    def __init__(self, path, build_id):
        debug = f"{DEBUG}/{build_id[:2]}/{build_id[2:]}.debug" if build_id else ""
        self.functions = []
        for argv in (["nm", "-S", path], ["nm", "-S", "-D", path], ["nm", "-S", debug]):
            if os.path.exists(argv[-1]):
                done = subprocess.run(argv, capture_output=True, text=True, check=False)
                self.functions += map(self.parse, done.stdout.splitlines())
        self.functions = sorted(filter(None, self.functions))

    @staticmethod
    def parse(line):
        words = line.split()
        if len(words) != 4 or words[2] not in "tTwWiuV":
            return None
        return int(words[0], 16), int(words[1], 16), words[3]

    def find(self, address):
        at = bisect.bisect_right(self.functions, (address, sys.maxsize, "")) - 1
        # One that begins earlier may be larger.
        for begin, size, name in reversed(self.functions[max(0, at - 8) : at + 1]):
            if begin <= address < begin + size:
                return name
        return None


def find_missed(profile):
    """(samples, module, address, name) of what has a symbol, and was not named."""
    missed, symbols = [], {}
    for module in profile.stats.get("modules", []):
        name = os.path.basename(module["path"])
        if profile.unnamed[name] and os.path.exists(module["path"]):
            symbols[name] = Symbols(module["path"], module["build_id"])
    for (module, address), count in profile.addresses.items():
        name = symbols[module].find(address) if module in symbols else None
        if name:
            missed.append((count, module, address, name))
    return sorted(missed, reverse=True)


def print_profile(title, profile):
    stats, share = profile.stats, 100 * profile.share()
    print(f"  {title:<7}{share:6.2f} % of {profile.total} frames in samples", end="")
    print(f"; of distinct stacks {stats['unnamed_user_frames']} of {stats['frames']}", end="")
    losses = {name: n for name, n in stats["losses"].items() if n}
    print(f"; losses {losses}" if losses else "")
    for module, count in profile.unnamed.most_common(MODULES_SHOWN):
        print(f"         {100 * count / profile.total:6.2f} % {module}")
    for module in stats.get("modules", [])[:MODULES_SHOWN]:
        path, symbols = module["path"], module["symbols"]
        print(f"         {module['unnamed_frames']:>6} of {module['frames']:<7} {path} ({symbols})")


def print_missed(missed):
    print(f"  {len(missed)} addresses have a symbol, and no name")
    for count, module, address, name in missed[:MISSED_SHOWN]:
        print(f"         {count:>6} samples in {module}+{address:#x}: {name}")


def run_of(name):
    return RUNS[name][1] if RUNS[name] else WORKLOADS[name][2]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5, help="of each recording (5)")
    parser.add_argument("--before", metavar="PATH", help="another eprof to compare with")
    options = parse_turns(parser, RUNS)
    if os.geteuid() != 0:
        sys.exit("recording others needs root")
    any_missed = False
    with tempfile.TemporaryDirectory(prefix="eprof-bench-") as scratch:
        os.chmod(scratch, 0o755)  # PostgreSQL runs as somebody else
        for name in options.workloads or RUNS:
            if not is_installed(RUNS[name][0] if RUNS[name] else name):
                print(f"{name}: not installed")
                continue
            print(name)
            with run_of(name)(scratch) as pids:
                if options.before:
                    print_profile("before", record(options.before, pids, options.seconds, scratch))
                profile = record(EPROF, pids, options.seconds, scratch)
            print_profile("now", profile)
            missed = find_missed(profile)
            print_missed(missed)
            any_missed = any_missed or missed
    return 1 if any_missed else 0


if __name__ == "__main__":
    sys.exit(main())
