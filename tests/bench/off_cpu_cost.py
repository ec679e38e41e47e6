#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What watching every switch of a CPU adds to what runs there: eprof beside its peers.

The load has a CPU of its own, the tools have the others. Each run under a tool is compared with a
run without any just before it; tools take turns. Fails when eprof adds more than LIMITS, or does
not count every switch. Needs root, two CPUs, and perf; offcputime (libbpf-tools) and bpftrace are
left out, with a word, where they are missing.
"""

import argparse
import collections
import contextlib
import glob
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from off_cpu_loads import LOADS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EPROF = os.environ.get("EPROF_BINARY", os.path.join(ROOT, "build/release/eprof"))
CPUS = sorted(os.sched_getaffinity(0))
LOAD_CPU, TOOL_CPUS = CPUS[-1], CPUS[:-1]
STATS_SWITCH = "/proc/sys/kernel/bpf_stats_enabled"
SETTLE_SECONDS = 0.7  # after it holds its events: what a tool still does before it rests
READY_SECONDS, END_SECONDS = 30, 120
COUNTED_LEAST = 0.999  # of the switches that the pipe is known to make
COMPLETE_LEAST = 0.99
MISSED = "off_cpu_switches_missed"

# Added per operation at most: in all, and as a share of what offcputime adds.
Limit = collections.namedtuple("Limit", "most share")
LIMITS = {"pipe": Limit(0.5, 1 / 7), "messaging": Limit(0.5, 1 / 2), "mix": Limit(None, 1 / 2)}

# Stacks are taken where a thread leaves the CPU, as offcputime does it.
BPFTRACE = """
tracepoint:sched:sched_switch
{
	if (args->prev_pid) {
		@since[args->prev_pid] = nsecs;
		@kernel[args->prev_pid] = kstack;
		@user[args->prev_pid] = ustack;
	}
	$since = @since[args->next_pid];
	if ($since) {
		@off[args->next_comm, @kernel[args->next_pid], @user[args->next_pid]] =
			sum(nsecs - $since);
		delete(@since[args->next_pid]);
	}
}
"""


# --- tools -------------------------------------------------------------------------------------


def tool_commands(directory, names):
    """name -> argv; what is not installed is left out."""
    out = os.path.join(directory, "eprof-out")
    eprof = [EPROF, "record", "-q", "--off-cpu", "-o", out + "/"]
    all_events = [*eprof, "--max-events", "0"]
    perf = ["perf", "record", "-q", "-N", "-B", "-e", "sched:sched_switch", "-g"]
    commands = {
        "eprof -a": [*all_events, "-a"],
        # What this process starts from now on is followed.
        "eprof -p": [*all_events, "-p", str(os.getpid())],
        "eprof limited": [*eprof, "-a"],
        "eprof raw": [*all_events, "-a", "--raw-tracepoint"],
        "offcputime": ["offcputime"],
        "bpftrace": ["bpftrace", "-e", BPFTRACE],
        "perf": [*perf, "-a", "-o", os.path.join(directory, "perf.data")],
    }
    chosen = {}
    for name, argv in commands.items():
        if names and name not in names:
            continue
        if shutil.which(argv[0]):
            chosen[name] = argv
        else:
            print(f"{argv[0]} is not installed: left out")
    return chosen


def holds_events(pid):
    """Whether it has a BPF program or a perf event that could be attached."""
    for link in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if any(word in target for word in ("bpf_link", "bpf-raw-tracepoint", "perf_event")):
            return True
    return False


@contextlib.contextmanager
def watching(name, argv, directory):
    """The tool at work, on CPUs that are not the load's; whatever it wrote is there afterwards."""
    message = os.path.join(directory, "message")
    with open(message, "w", encoding="utf-8") as file:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            preexec_fn=lambda: os.sched_setaffinity(0, TOOL_CPUS),
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not holds_events(process.pid):
            if process.poll() is not None or time.monotonic() > deadline:
                with open(message, encoding="utf-8") as file:
                    raise SystemExit(f"{name} does not start:\n{file.read()}")
            time.sleep(0.05)
        time.sleep(SETTLE_SECONDS)
        yield process
        if process.poll() is not None:
            raise SystemExit(f"{name} ended before its load")
    finally:
        end(process)


def end(process):
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def read_eprof(directory):
    """What eprof says of its own run, and its folder away."""
    out = os.path.join(directory, "eprof-out")
    with open(os.path.join(out, "stats.json"), encoding="utf-8") as file:
        stats = json.load(file)
    shutil.rmtree(out)
    return stats


# --- measuring ---------------------------------------------------------------------------------


Pair = collections.namedtuple("Pair", "bare watched stats")


def measure(name, argv, load, directory):
    """The same load without the tool, and with it."""
    bare = load.run()
    with watching(name, argv, directory):
        watched = load.run()
    stats = read_eprof(directory) if argv[0] == EPROF else None
    return Pair(bare, watched, stats)


@contextlib.contextmanager
def bpf_statistics():
    with open(STATS_SWITCH, "r+", encoding="ascii") as file:
        before = file.read()
        file.seek(0)
        file.write("1")
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.write(before)


def bpf_programs():
    """id -> program, as bpftool tells of them."""
    text = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, check=True).stdout
    return {program["id"]: program for program in json.loads(text)}


def measure_run_time(name, argv, load, directory):
    """(program, runs, ns a run) of each that the tool loaded and that ran often."""
    before = bpf_programs()
    with bpf_statistics(), watching(name, argv, directory):
        load.run()
        programs = [p for i, p in bpf_programs().items() if i not in before]
    if argv[0] == EPROF:
        read_eprof(directory)
    rows = [(p.get("name", "?"), p.get("run_cnt", 0), p.get("run_time_ns", 0)) for p in programs]
    return [(n, runs, ns / runs) for n, runs, ns in rows if runs > 1000]


# --- the report --------------------------------------------------------------------------------


def added(pairs):
    return [pair.watched - pair.bare for pair in pairs]


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def print_table(load_name, load, results):
    bare = [pair.bare for pairs in results.values() for pair in pairs]
    print(f"\n{load_name}: {statistics.median(bare):.3f} {load.unit} bare, added by each:")
    head = "".join(f"{word:>9}" for word in ("median", "q1", "q3", "min", "max", "share"))
    print(f"{'':<14}{head} {'of offcputime':>14}")
    peer = statistics.median(added(results["offcputime"])) if "offcputime" in results else None
    for name, pairs in results.items():
        values = added(pairs)
        low, middle, high = quartiles(values)
        share = middle / statistics.median(pair.bare for pair in pairs)
        ratio = f"{middle / peer:>14.3f}" if peer else f"{'-':>14}"
        print(f"{name:<14} {middle:>+8.3f} {low:>+8.3f} {high:>+8.3f}", end=" ")
        print(f"{min(values):>+8.3f} {max(values):>+8.3f} {share:>+8.1%} {ratio}")


def print_memos(results):
    """How many of the stacks eprof knew again without walking them."""
    for name, pairs in results.items():
        rows = [pair.stats["off_cpu"] for pair in pairs if pair.stats]
        for kind in ("user", "kernel") if rows else ():
            known = sum(row[f"{kind}_stacks_known"] for row in rows)
            walked = sum(row[f"{kind}_stacks_walked"] for row in rows)
            share = known / max(1, known + walked)
            print(f"{name:<14} {kind} stacks: {share:.2%} of {known + walked} known without a walk")


def print_run_times(rows):
    for name, programs in rows.items():
        for program, runs, ns in programs:
            print(f"{name:<14} {program:<16} {runs:>10} runs {ns:>8.1f} ns each")


def check_counts(name, load, pairs):
    """What eprof says of how it got there; what is wrong with that."""
    wrong = []
    for stats in (pair.stats for pair in pairs if pair.stats):
        off = stats["off_cpu"]
        losses = {loss: count for loss, count in stats["losses"].items() if count}
        # Of threads that a sandbox hides from BPF programs; of the load itself, none are.
        if losses.get(MISSED, 0) <= (1 - COUNTED_LEAST) * off["intervals"]:
            losses.pop(MISSED, None)
        if losses:
            wrong.append(f"lost: {losses}")
        expected = load.ops * load.switches_per_op
        if off["intervals"] < COUNTED_LEAST * expected:
            wrong.append(f"{off['intervals']} of {expected} switches counted")
        if off["not_sampled_intervals"]:
            wrong.append(f"{off['not_sampled_intervals']} intervals were not looked at")
        # With -a, strangers' stacks are in it.
        if name == "eprof -p" and (off["complete_share"] or 0) < COMPLETE_LEAST:
            wrong.append(f"complete stacks: {off['complete_share']}")
    return wrong


def judge(load_name, load, results):
    """What eprof does not keep of its limits."""
    limit, wrong = LIMITS[load_name], []
    peer = statistics.median(added(results["offcputime"])) if "offcputime" in results else None
    for name in ("eprof -a", "eprof -p"):
        if name not in results:
            continue
        value = statistics.median(added(results[name]))
        if limit.most and value > limit.most:
            wrong.append(f"{load_name}, {name}: {value:+.3f} {load.unit}, at most {limit.most}")
        if peer and value > limit.share * peer:
            share = f"{value / peer:.3f} of offcputime's, at most {limit.share:.3f}"
            wrong.append(f"{load_name}, {name}: {share}")
        counts = check_counts(name, load, results[name])
        wrong += [f"{load_name}, {name}: {text}" for text in counts]
    return wrong


def run_load(load_name, options, directory):
    load = LOADS[load_name](LOAD_CPU, options.scale, directory)
    commands = tool_commands(directory, options.tools)
    results = {name: [] for name in commands}
    load.run()  # caches
    for pair in range(options.pairs):
        names = list(commands)
        # Who comes first changes, too.
        for name in names[pair % len(names) :] + names[: pair % len(names)]:
            results[name].append(measure(name, commands[name], load, directory))
    print_table(load_name, load, results)
    print_memos(results)
    if load_name == "pipe":
        print("by BPF statistics (which cost some 25 ns a run), in runs of their own:")
        times = {n: measure_run_time(n, argv, load, directory) for n, argv in commands.items()}
        print_run_times(times)
    return judge(load_name, load, results)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=8, help="runs of each tool (8)")
    parser.add_argument("--scale", type=float, default=1, help="of the work of each load (1)")
    parser.add_argument("--load", action="append", choices=sorted(LOADS), help="(default: all)")
    parser.add_argument("--tools", type=lambda text: text.split(","), help="NAME[,NAME...]")
    parser.add_argument("--quick", action="store_true", help="one small pair: does it work?")
    options = parser.parse_args()
    if options.quick:
        options.pairs, options.scale = 1, 0.2
    if os.geteuid() != 0:
        sys.exit("watching every switch needs root")
    if len(CPUS) < 2 or not shutil.which("perf"):
        sys.exit("this needs two CPUs and perf")
    wrong = []
    with tempfile.TemporaryDirectory(prefix="eprof-bench-") as directory:
        print(f"{options.pairs} pairs, load on CPU {LOAD_CPU}, tools on {TOOL_CPUS}")
        for load_name in options.load or LOADS:
            wrong += run_load(load_name, options, directory)
    for text in wrong:
        print(f"too much: {text}")
    print("short of what is asked" if wrong else "all within what is asked")
    # A single small pair says nothing about costs.
    sys.exit(bool(wrong) and not options.quick)


if __name__ == "__main__":
    main()
