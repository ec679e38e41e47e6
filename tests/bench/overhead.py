#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What recording the whole machine costs: eprof beside perf.

All CPUs are busy with pinned programs. eprof (which samples, names and draws) and `perf record -g`
(which only samples: its report costs extra) take turns, so that both see the same machine; what
counts is the ratio of the medians. Needs root.
"""

import argparse
import collections
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EPROF = os.environ.get("EPROF_BINARY", os.path.join(ROOT, "build/release/eprof"))
PROGRAMS = os.environ.get("EPROF_PROGRAMS", os.path.join(os.path.dirname(EPROF), "tests/programs"))
CPUS = sorted(os.sched_getaffinity(0))
MIB = 1 << 20


@contextlib.contextmanager
def busy_cpus(seconds):
    """A program with a known call chain on each CPU; they end by themselves, or here."""
    spin = os.path.join(PROGRAMS, "spin")
    processes = []
    try:
        for cpu in CPUS:
            argv = ["taskset", "-c", str(cpu), spin, str(seconds + 30), "wall"]
            processes.append(subprocess.Popen(argv, stdout=subprocess.PIPE))
        for process in processes:
            if not process.stdout.readline().startswith(b"ready"):
                raise SystemExit(f"{spin} did not start")
        yield
    finally:
        for process in processes:
            process.terminate()
            process.communicate()


def run(argv):
    """CPU seconds (user, system and children) and peak RSS of a command.

    A child's peak includes what this interpreter had when it forked, so smaller ones do not show.
    """
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    message = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode != 0:
        raise SystemExit(f"{argv} failed:\n{message}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def measure_eprof(directory, options):
    out = os.path.join(directory, "eprof-out")
    record = [EPROF, "record", "-q", "-a", "--on-cpu"]
    record += ["-F", str(options.hz), "-d", str(options.seconds)]
    with busy_cpus(options.seconds):
        cpu, rss = run([*record, "-o", out + "/"])
    with open(os.path.join(out, "stats.json"), encoding="utf-8") as file:
        stats = json.load(file)
    shutil.rmtree(out)
    return {"cpu": cpu, "rss": rss, "stats": stats}


def measure_perf(directory, options):
    out = os.path.join(directory, "perf.data")
    record = ["perf", "record", "-q", "-N", "-B", "-a", "-g", "-F", str(options.hz), "-o", out]
    with busy_cpus(options.seconds):
        cpu, rss = run([*record, "--", "sleep", str(options.seconds)])
    size = os.path.getsize(out)
    os.unlink(out)
    return {"cpu": cpu, "rss": rss, "size": size}


def figures(values):
    return " ".join(f"{value:.3f}" for value in values)


def report(eprof, perf):
    eprof_cpu = [run["cpu"] for run in eprof]
    perf_cpu = [run["cpu"] for run in perf]
    told = [run["stats"]["tool"]["cpu_seconds"] for run in eprof]
    samples = [run["stats"]["samples"] for run in eprof]
    ns = [run["stats"]["tool"]["bpf_ns_per_sample"] for run in eprof]
    losses = collections.Counter()
    for run in eprof:
        losses.update({name: n for name, n in run["stats"]["losses"].items() if n})
    ratio = statistics.median(eprof_cpu) / statistics.median(perf_cpu)
    print(f"eprof CPU s        {figures(eprof_cpu)}  median {statistics.median(eprof_cpu):.3f}")
    print(f"  by its own count {figures(told)}  median {statistics.median(told):.3f}")
    print(f"perf  CPU s        {figures(perf_cpu)}  median {statistics.median(perf_cpu):.3f}")
    print(f"ratio of medians   {ratio:.2f} (eprof / perf; below 1: eprof is cheaper)")
    print(f"peak RSS MiB       eprof {max(r['rss'] for r in eprof) / MIB:.1f}", end=", ")
    print(f"perf {max(r['rss'] for r in perf) / MIB:.1f}", end="")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB
    print(f" (nothing below {own:.1f} shows)")
    print(f"eprof samples      {' '.join(map(str, samples))}, losses {dict(losses)}")
    if None not in ns:
        print(f"BPF ns per sample  {' '.join(f'{n:.0f}' for n in ns)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20, help="of each recording (20)")
    parser.add_argument("--pairs", type=int, default=5, help="recordings of each tool (5)")
    parser.add_argument("--hz", type=int, default=99, help="samples per second and CPU (99)")
    parser.add_argument("--quick", action="store_true", help="one pair of 2 s: does it work?")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.pairs = 2, 1
    if os.geteuid() != 0:
        sys.exit("recording the whole machine needs root")
    if not shutil.which("perf"):
        sys.exit("perf is not installed: there is nothing to compare with")
    eprof, perf = [], []
    with tempfile.TemporaryDirectory(prefix="eprof-bench-") as directory:
        for pair in range(options.pairs):
            # Who comes first changes, too.
            turns = [(eprof, measure_eprof), (perf, measure_perf)]
            for results, measure in turns if pair % 2 == 0 else reversed(turns):
                results.append(measure(directory, options))
    print(f"{options.seconds:g} s at {options.hz} Hz, -a, {len(CPUS)} busy CPUs, interleaved")
    report(eprof, perf)


if __name__ == "__main__":
    main()
