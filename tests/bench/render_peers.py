#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Folded stacks to pictures: eprof beside other renderers that are found here.

All draw the same generated files (tests/bench/folded_stacks), in turns, so that they see the same
machine. What counts is CPU time, user and system, of the best run of each, and its ratio to eprof's.
Two tasks: an SVG as each makes it by default, and one with every frame.

Renderers are found by PATH, where Debian puts them, or by FLAMEGRAPH_PL, INFERNO_FLAMEGRAPH and
STACKVIS (paths of programs). flamegraph.pl: apt-get install libdevel-nytprof-perl has one of 2014.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EPROF = os.path.abspath(os.environ.get("EPROF_BINARY", ROOT + "/build/release/eprof"))
GENERATOR = os.environ.get("EPROF_FOLDED_STACKS",
                           os.path.join(os.path.dirname(EPROF), "tests/folded_stacks"))
DEBIAN_FLAMEGRAPH_PL = "/usr/share/perl5/Devel/NYTProf/flamegraph.pl"
MIB = 1 << 20
# A run of a peer that takes longer is its last.
PATIENCE_SECONDS = 60
# Below this, times are those of starting a program.
SECONDS_MIN = 0.01
EXIT_FAILED = 1

# What is asked of eprof, at each number of stacks: CPU seconds, MiB of memory, MiB of the file.
# Others have to be slower, too.
BUDGETS = {100_000: (0.4, 100, 3.5), 1_000_000: (4.0, 600, None)}


def found(variable, *names):
    """The path that a variable has, or else the first of names that is a program here."""
    path = os.environ.get(variable)
    return path or next((shutil.which(name) for name in names if shutil.which(name)), None)


def renderers():
    """{name: (arguments, more of them for every frame; None: it cannot)}; {} stands for the input."""
    known = {"eprof": ([EPROF, "flamegraph", "{}"], [])}
    perl = found("FLAMEGRAPH_PL", "flamegraph.pl", DEBIAN_FLAMEGRAPH_PL)
    inferno = found("INFERNO_FLAMEGRAPH", "inferno-flamegraph")
    stackvis = found("STACKVIS", "stackvis")
    if perl:
        known["flamegraph.pl"] = (["perl", perl, "{}"], ["--minwidth", "0"])
    if inferno:
        known["inferno"] = ([inferno, "{}"], ["--minwidth", "0"])
    if stackvis:
        known["stackvis"] = ([stackvis, "collapsed", "flamegraph-svg"], None)
    return known


class Run:
    """CPU seconds, peak memory and size of the output of one run.

    A child's peak includes what this interpreter had when it forked, so smaller ones do not show.
    """

    def __init__(self, words, source, folder):
        argv = [source if word == "{}" else word for word in words]
        output = os.path.join(folder, "output")
        with open(source, "rb") as stdin, open(output, "wb") as stdout, \
                tempfile.TemporaryFile() as messages:
            process = subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=messages)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            messages.seek(0)
            said = messages.read().decode(errors="replace")
        if process.returncode != 0:
            raise RuntimeError(f"{argv[0]}: {process.returncode}\n{said[-500:]}")
        self.seconds = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss * 1024
        self.size = os.path.getsize(output)


def compare(task, source, folder, rounds):
    """The best run of each renderer, {name: Run}; they take turns."""
    best, given_up = {}, set()
    for _ in range(rounds):
        for name, (words, more) in renderers().items():
            if name in given_up or (task == "all" and more is None):
                continue
            try:
                run = Run(words + (more if task == "all" else []), source, folder)
            except RuntimeError as error:
                print(f"left out, as it failed: {error}", file=sys.stderr)
                given_up.add(name)
                continue
            if name not in best or run.seconds < best[name].seconds:
                best[name] = run
            if run.seconds > PATIENCE_SECONDS:
                given_up.add(name)
    return best


def show(task, stacks, best):
    words = "every frame" if task == "all" else "by default"
    print(f"\n{stacks:,} stacks, {words}:")
    print(f"{'':16}{'CPU':>9}{'ratio':>8}{'memory':>10}{'ratio':>8}{'file':>10}{'ratio':>8}")
    ours = best["eprof"]
    for name, run in best.items():
        ratio = run.seconds / max(ours.seconds, SECONDS_MIN)
        print(f"{name:16}{run.seconds:7.2f} s{ratio:8.2f}{run.memory / MIB:6.0f} MiB"
              f"{run.memory / ours.memory:8.2f}{run.size / MIB:6.1f} MiB{run.size / ours.size:8.2f}")


def shortfalls(stacks, best):
    """In words, where eprof is behind a peer or its budget."""
    ours = best["eprof"]
    for name, run in best.items():
        if run.seconds < ours.seconds and ours.seconds > SECONDS_MIN:
            yield f"{stacks:,} stacks: {name} takes {run.seconds:.2f} s, eprof {ours.seconds:.2f} s"
    seconds, memory, size = BUDGETS.get(stacks, (None, None, None))
    for what, value, budget in (("CPU seconds", ours.seconds, seconds),
                                ("MiB of memory", ours.memory / MIB, memory),
                                ("MiB of output", ours.size / MIB, size)):
        if budget and value > budget:
            yield f"{stacks:,} stacks: {value:.2f} {what}, {budget} are asked for"


def main():
    parser = argparse.ArgumentParser(description="folded stacks to pictures, eprof and others")
    parser.add_argument("--stacks", default="10000,100000", help="numbers of stacks (10000,100000)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the best counts (5)")
    arguments = parser.parse_args()
    names = list(renderers())
    print("renderers:", ", ".join(names), "" if len(names) > 1 else "(no other one is found)")
    wrong = []
    with tempfile.TemporaryDirectory(prefix="eprof-bench-") as folder:
        for stacks in map(int, arguments.stacks.split(",")):
            source = os.path.join(folder, "stacks.folded")
            with open(source, "wb") as file:
                subprocess.run([GENERATOR, str(stacks)], stdout=file, check=True)
            for task in ("default", "all"):
                best = compare(task, source, folder, arguments.rounds)
                show(task, stacks, best)
                wrong += shortfalls(stacks, best)
    for line in dict.fromkeys(wrong):
        print("short of what is asked:", line)
    return EXIT_FAILED if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
