#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the agent's user-space half costs a window, by the number of CPUs: see agent_scale.c.

The code that is run is that of libc, libstdc++, cc1 and Python, as far as they are there. Fails
when time or memory grows worse than linearly.
"""

import argparse
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EPROF = os.environ.get("EPROF_BINARY", os.path.join(ROOT, "build/release/eprof"))
PROGRAM = os.path.join(os.path.dirname(EPROF), "tests/agent_scale")
SIZES = 1, 8, 64, 256


def compiler_file(question):
    """What the compiler has, or what it would look for."""
    try:
        answer = subprocess.run(["gcc", question], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer.stdout.strip()


def code():
    paths = [
        compiler_file("-print-file-name=libc.so.6"),
        compiler_file("-print-file-name=libstdc++.so.6"),
        compiler_file("-print-prog-name=cc1"),
        os.path.realpath(sys.executable),
    ]
    return [path for path in paths if os.path.isfile(path)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpus", type=int, action="append", help="instead of all sizes")
    parser.add_argument("--windows", type=int, default=3, help="the first one is cold (3)")
    parser.add_argument("--services", type=int, help="in all sizes (10 to 60, by size)")
    options = parser.parse_args()
    argv = [PROGRAM, "-w", str(options.windows)]
    if options.services:
        argv += ["-s", str(options.services)]
    for cpus in options.cpus or SIZES:
        argv += ["-n", str(cpus)]
    return subprocess.run(argv + code(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
