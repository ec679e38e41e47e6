#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drawing large folded files: CPU time and memory of `eprof flamegraph`, best of some runs.

The files come from folded_stacks. Other renderers that are in PATH take turns with eprof, so that
all see the same machine. Fails when eprof is short of what is asked of it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EPROF = os.environ.get("EPROF_BINARY", os.path.join(ROOT, "build/release/eprof"))
GENERATOR = os.path.join(os.path.dirname(EPROF), "tests/folded_stacks")
MIB = 1 << 20

# Stacks: the seconds of CPU time and the MiB that eprof may take.
LIMITS = {10_000: (0.06, 40), 100_000: (0.4, 100), 1_000_000: (4.0, 600)}

# Programs that write a picture to stdout; perl's takes a minute for the largest file.
PEERS = {"inferno-flamegraph": [], "flamegraph.pl": []}
SLOW = {"flamegraph.pl": 100_000}


def measure(argv, out):
    """CPU seconds and MiB of one run, whose stdout goes to a file."""
    with open(out, "wb") as stdout:
        process = subprocess.Popen(argv, stdout=stdout, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{argv[0]} failed: status {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / MIB


def compare(stacks, runs, directory):
    """Measures everybody on a file of so many stacks; whether eprof is good enough."""
    path = os.path.join(directory, "input.folded")
    picture = os.path.join(directory, "picture.svg")
    output = os.path.join(directory, "stdout")
    with open(path, "wb") as folded:
        subprocess.run([GENERATOR, str(stacks)], stdout=folded, check=True)
    programs = {"eprof": [EPROF, "flamegraph", path, "-o", picture]}
    for name, options in PEERS.items():
        if shutil.which(name) and stacks <= SLOW.get(name, stacks):
            programs[name] = [name, *options, path]
    best = {}
    for _ in range(runs):
        for name, argv in programs.items():
            seconds, mib = measure(argv, output)
            known = best.get(name, (seconds, mib))
            best[name] = min(seconds, known[0]), min(mib, known[1])
    print(f"{stacks:,} stacks, {os.path.getsize(path) / 1e6:.0f} MB")
    for name, (seconds, mib) in best.items():
        print(f"  {name:20} {seconds:7.2f} s {mib:7.0f} MiB")
    limit = LIMITS.get(stacks, (float("inf"), float("inf")))
    return best["eprof"][0] <= limit[0] and best["eprof"][1] <= limit[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stacks", type=int, action="append", help="instead of all sizes")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eprof-bench-") as directory:
        good = [compare(n, options.runs, directory) for n in options.stacks or LIMITS]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
