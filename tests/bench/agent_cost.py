#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `eprof agent` takes of a busy machine, and its peers at the same loads.

redis, postgres, cc1 and 200 new processes a second run all the while; the agent with both kinds,
and then the peers, each have some minutes of it. CPU time is the kernel's, of each process and
thread (/proc/PID/task/TID/schedstat). Fails when the agent is above LIMITS. Needs root; what is
not installed is left out, with a word. While it has an hour of the agent, peers can have ten
minutes of the same loads: --beside --minutes 10.
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

from off_cpu_cost import BPFTRACE as BPFTRACE_OFF_CPU
from off_cpu_cost import end
from stack_workloads import children, run_postgres
from workloads import redis, running, write_c_file

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EPROF = os.environ.get("EPROF_BINARY", os.path.join(ROOT, "build/release/eprof"))
MIB = 1 << 20
PAGE = os.sysconf("SC_PAGESIZE")
NOBODY = 65534
READY_SECONDS = 30
LOOK_SECONDS, STATUS_SECONDS = 2, 60
MESSAGES_MOST = 5
CHURN_PER_SECOND = 200
SMALL_FUNCTIONS = 3000  # seconds of work
# Of one CPU; of all processes together; and of the tables, what the agent is told to keep to.
CPU_PERCENT_MOST, RSS_MIB_MOST, SLOPE_MIB_MOST = 1.0, 80, 1.0
UNWIND_MIB = 256
# A slope is asked for when there is enough to see one, behind the minutes in which memory is new.
SLOPE_MINUTES_LEAST, SLOPE_FROM = 20, 1 / 6
# Threads that a sandbox hides from BPF programs are nobody's loss.
HIDDEN = ("off_cpu_switches_missed", "off_cpu_wakers_missed")

CHURN = """
import os, sys, time
rate, began, count = float(sys.argv[1]), time.monotonic(), 0
while True:
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    count += 1
    time.sleep(max(0, began + count / rate - time.monotonic()))
"""
COMPILE = """
import subprocess, sys
while True:
    subprocess.run(sys.argv[1:], check=False)
"""
BPFTRACE_ON_CPU = "profile:hz:99 { @on[comm, kstack, ustack] = count(); }"
BPFTRACE_WINDOW = "interval:s:%d { print(@on); clear(@on); print(@off); clear(@off); }"


# --- loads -------------------------------------------------------------------------------------


def run_churn(rate):
    argv = ["/usr/bin/python3", "-S", "-c", CHURN, str(rate)]
    return running(*argv)


@contextlib.contextmanager
def run_cc1(scratch):
    """Whole compilations of a small file, one after the other."""
    path = os.path.join(scratch, "small.c")
    with open(write_c_file(scratch), encoding="ascii") as large, open(path, "w") as small:
        functions = large.read().split("\n}\n")[:SMALL_FUNCTIONS]
        small.write("".join(function + "\n}\n" for function in functions))
    argv = ["gcc", "-O2", "-S", "-o", "/dev/null", path]
    with running("/usr/bin/python3", "-S", "-c", COMPILE, *argv, start_new_session=True) as loop:
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(loop.pid, signal.SIGTERM)


LOADS = {
    "redis": (("redis-server", "redis-benchmark"), redis),
    "postgres": (("pgbench",), run_postgres),
    "cc1": (("gcc",), run_cc1),
    "churn": ((), None),  # run_churn()
}


@contextlib.contextmanager
def under_load(names, scratch, churn):
    with contextlib.ExitStack() as stack:
        for name in names:
            needed, load = LOADS[name]
            if all(map(shutil.which, needed)):
                stack.enter_context(load(scratch) if load else run_churn(churn))
            else:
                print(f"{name} is not installed: left out")
        yield


# --- tools -------------------------------------------------------------------------------------


def agent_argv(directory, options):
    argv = [EPROF, "agent", "--window", str(options.window), "--user", str(NOBODY)]
    argv += ["--spool-dir", directory + "/spool", "--socket", directory + "/run/agent.sock"]
    argv += ["--unwind-memory", f"{UNWIND_MIB}M", "--log-level", "warning"]
    argv += ["--upload", f"file://{directory}/uploads", "--formats", "svg,pprof"]
    return argv + options.agent_words


def peer_argv(name, directory, options):
    window = options.window
    perf = ["perf", "record", "-q", "-N", "-B", "-a", "-g", "-F", "99"]
    perf += [f"--switch-output={window}s", "--switch-max-files=2", "-o", directory + "/perf.data"]
    on_cpu = BPFTRACE_ON_CPU + BPFTRACE_WINDOW.replace("print(@off); clear(@off); ", "")
    both = BPFTRACE_ON_CPU + BPFTRACE_OFF_CPU + BPFTRACE_WINDOW
    return {
        "perf": perf,
        "bpftrace": ["bpftrace", "-e", on_cpu % window],
        "bpftrace-both": ["bpftrace", "-e", both % window],
    }[name]


PEERS = ("perf", "bpftrace", "bpftrace-both")


def agent_status(directory):
    socket = directory + "/run/agent.sock"
    argv = [EPROF, "agent", "--status", "--json", "--socket", socket]
    answer = subprocess.run(argv, capture_output=True, text=True, check=False)
    return json.loads(answer.stdout) if answer.returncode == 0 else None


# --- what a tool takes -------------------------------------------------------------------------


def read_text(path):
    """Empty, if whoever it tells of has ended."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


class Watch:
    """The CPU time of each thread of a process and its children, and what memory they have."""

    def __init__(self, pid):
        self.pid = pid
        self.began = time.monotonic()
        self.first, self.last = {}, {}  # (process, thread, name) -> seconds
        self.rss = []  # (seconds, MiB) of all
        self.each = []  # process -> MiB, at the same times
        self.files = []  # and of all, what is of files and maps that others have, too
        self.told = []  # (seconds, the agent's status), each minute

    def look(self):
        each, files = {}, 0
        for pid in children(self.pid):
            leader = read_text(f"/proc/{pid}/comm").strip()
            pages = read_text(f"/proc/{pid}/statm").split() or [0, 0, 0]
            mib = int(pages[1]) * PAGE / MIB
            files += int(pages[2]) * PAGE / MIB
            process = f"{leader} {pid}"
            each[process] = mib
            for path in glob.glob(f"/proc/{pid}/task/*"):
                name = read_text(path + "/comm").strip()
                taken = read_text(path + "/schedstat").split()
                if not name or not taken:
                    continue
                key = (process, int(os.path.basename(path)), name)
                seconds = int(taken[0]) / 1e9
                # What begins later has taken nothing before.
                self.first.setdefault(key, 0 if self.rss else seconds)
                self.last[key] = seconds
        elapsed = time.monotonic() - self.began
        self.rss.append((elapsed, sum(each.values())))
        self.each.append(each)
        self.files.append(files)

    def ask(self, directory):
        elapsed = time.monotonic() - self.began
        if elapsed >= STATUS_SECONDS * (len(self.told) + 1):
            self.told.append((elapsed, agent_status(directory)))

    def processes(self):
        """Each process, and its MiB at all times: 0 where it was not there."""
        names = list(dict.fromkeys(name for each in self.each for name in each))
        return {name: [each.get(name, 0.0) for each in self.each] for name in names}

    def threads(self):
        """(process, thread's name) -> seconds; those of one name are one."""
        sums = collections.Counter()
        for key, seconds in self.last.items():
            process, _, name = key
            sums[process, name] += seconds - self.first[key]
        return sums

    def seconds(self):
        return sum(self.threads().values())

    def elapsed(self):
        return self.rss[-1][0] - self.rss[0][0]

    def percent(self):
        return 100 * self.seconds() / self.elapsed() if self.elapsed() else 0.0

    def slope(self):
        """MiB per hour, fitted to all but the beginning."""
        rows = [row for row in self.rss if row[0] >= SLOPE_FROM * self.rss[-1][0]]
        if len(rows) < 3:
            return 0.0
        return 3600 * statistics.linear_regression(*zip(*rows)).slope


def wait_ready(process, is_ready, message):
    deadline = time.monotonic() + READY_SECONDS
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{process.args[0]} does not start:\n{read_text(message)}")
        time.sleep(0.1)


def watch_tool(argv, directory, seconds, is_ready=None):
    """What it took in that time, and the agent's status before and behind it (of others, None)."""
    message = directory + "/message"
    with open(message, "w", encoding="utf-8") as file:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=file
        )
    try:
        if is_ready:
            wait_ready(process, is_ready, message)
        watch = Watch(process.pid)
        before = agent_status(directory) if is_ready else None
        watch.look()
        while time.monotonic() - watch.began < seconds:
            time.sleep(min(LOOK_SECONDS, seconds / 4))
            if process.poll() is not None and is_ready:
                raise SystemExit(f"{argv[0]} ended:\n{read_text(message)}")
            if process.poll() is not None:
                print(f"{argv[0]} ended by itself; what it took until then:")
                break
            watch.look()
            if is_ready:
                watch.ask(directory)
        after = agent_status(directory) if is_ready else None
    finally:
        end(process)
    lines = read_text(message).splitlines()
    # bpftrace says one for each stack that it could not keep.
    print("\n".join(lines[:MESSAGES_MOST]))
    if len(lines) > MESSAGES_MOST:
        print(f"... and {len(lines) - MESSAGES_MOST} lines more")
    return watch, before, after


def directory_size(path):
    paths = [os.path.join(root, name) for root, _, names in os.walk(path) for name in names]
    return len(paths), sum(map(os.path.getsize, paths))


# --- the report --------------------------------------------------------------------------------


def tenths(values):
    """The mean of each tenth."""
    size = max(1, len(values) // 10)
    means = (statistics.mean(values[i : i + size]) for i in range(0, len(values), size))
    return " ".join(f"{mean:.1f}" for mean in means)


def print_told(watch):
    """What its heap held, and when it lost what."""
    print("  allocated, MiB", tenths([status["heap_bytes"] / MIB for _, status in watch.told]))
    before = {}
    for seconds, status in watch.told:
        lost = {loss: n for loss, n in status["lost"].items() if n and loss not in HIDDEN}
        if lost != before:
            print(f"  lost after {seconds:.0f} s: {lost}")
        before = lost


def print_tool(name, watch):
    rss = [mib for _, mib in watch.rss]
    print(f"\n{name}: {watch.percent():.2f} % of one CPU, ", end="")
    if not watch.elapsed():
        print("it did not run")
        return
    print(f"{60 * watch.seconds() / watch.elapsed():.3f} CPU s a minute; RSS {rss[-1]:.1f} MiB, ")
    print(f"  {max(rss):.1f} at most, slope {watch.slope():+.1f} MiB/h over {watch.elapsed():.0f} s")
    for process, mib in watch.processes().items():
        print(f"  {process:<20} RSS {max(mib):.1f} MiB at most:", tenths(mib))
    print("  of files and shared maps, MiB", tenths(watch.files))
    for (process, thread), seconds in sorted(watch.threads().items()):
        print(f"  {process:<20} {thread:<16} {60 * seconds / watch.elapsed():8.3f} s a minute")


def print_agent(watch, before, after, directory):
    windows = after["windows"] - before["windows"]
    files, size = directory_size(directory + "/uploads")
    print(f"  {windows} windows, {after['samples'] - before['samples']} samples, ", end="")
    print(f"{after['services']['known']} services, {files} files of {size / MIB:.1f} MiB")
    print(f"  maps {after['map_bytes'] / MIB:.1f} MiB, tables {after['table_bytes'] / MIB:.1f}", end="")
    print(f" of {UNWIND_MIB}; the last window was written in {after['write_seconds']:.3f} s")
    print(f"  by its own count {after['cpu_seconds']:.2f} CPU s since it began, and ", end="")
    print(f"{after['uploader_cpu_seconds']:.2f} of the uploader")
    for loss, count in after["lost"].items():
        if count:
            print(f"  lost: {loss} {count}")
    print("  RSS MiB", tenths([mib for _, mib in watch.rss]))
    if watch.told:
        print_told(watch)


def judge(watch, after, minutes):
    wrong = []
    if watch.percent() > CPU_PERCENT_MOST:
        wrong.append(f"CPU: {watch.percent():.2f} %, at most {CPU_PERCENT_MOST}")
    if max(mib for _, mib in watch.rss) > RSS_MIB_MOST:
        wrong.append(f"RSS: more than {RSS_MIB_MOST} MiB")
    if minutes >= SLOPE_MINUTES_LEAST and watch.slope() > SLOPE_MIB_MOST:
        wrong.append(f"RSS: {watch.slope():+.1f} MiB/h, at most {SLOPE_MIB_MOST}")
    if after["table_bytes"] > UNWIND_MIB * MIB:
        wrong.append("unwind tables are above their cap")
    if after["windows_failed"] or after["files_failed"]:
        wrong.append(f"{after['files_failed']} files were not kept")
    lost = {loss: n for loss, n in after["lost"].items() if n and loss not in HIDDEN}
    return wrong + ([f"lost: {lost}"] if lost else [])


def run_agent(options, scratch):
    directory = tempfile.mkdtemp(dir=scratch)
    os.chmod(directory, 0o755)
    argv = agent_argv(directory, options)
    watch, before, after = watch_tool(
        argv, directory, 60 * options.minutes, lambda: agent_status(directory)
    )
    print_tool("eprof agent", watch)
    print_agent(watch, before, after, directory)
    shutil.rmtree(directory)
    return judge(watch, after, options.minutes)


def run_peer(name, options, scratch):
    directory = tempfile.mkdtemp(dir=scratch)
    argv = peer_argv(name, directory, options)
    if not shutil.which(argv[0]):
        print(f"{argv[0]} is not installed: left out")
        return
    watch, _, _ = watch_tool(argv, directory, 60 * options.minutes)
    print_tool(name, watch)
    shutil.rmtree(directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10, help="of each tool (10)")
    parser.add_argument("--window", type=int, default=60, help="seconds of each window (60)")
    parser.add_argument("--peer", action="append", choices=PEERS, help="(default: all)")
    parser.add_argument("--no-peers", action="store_true", help="the agent only")
    parser.add_argument(
        "--beside", action="store_true", help="the peers only, beside another one of these"
    )
    parser.add_argument(
        "--churn", type=int, default=CHURN_PER_SECOND, help="processes a second (200)"
    )
    parser.add_argument("--load", action="append", choices=sorted(LOADS), help="(default: all)")
    parser.add_argument("--quick", action="store_true", help="20 s under churn: does it work?")
    parser.add_argument("agent_words", nargs="*", help="-- KEY... of the agent")
    options = parser.parse_args()
    if options.quick:
        options.minutes, options.window, options.no_peers = 20 / 60, 5, True
        options.load = ["churn"]
    if os.geteuid() != 0:
        sys.exit("recording the whole machine needs root")
    # What it has started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="eprof-bench-") as scratch:
        os.chmod(scratch, 0o755)  # the agent and postgres run as somebody else
        loads = () if options.beside else options.load or LOADS
        with under_load(loads, scratch, options.churn):
            wrong = [] if options.beside else run_agent(options, scratch)
            for name in () if options.no_peers else options.peer or PEERS:
                run_peer(name, options, scratch)
    for text in wrong:
        print(f"too much: {text}")
    if not options.beside:
        print("short of what is asked" if wrong else "all within what is asked")
    # Some seconds say nothing about costs.
    sys.exit(bool(wrong) and not options.quick)


if __name__ == "__main__":
    main()
