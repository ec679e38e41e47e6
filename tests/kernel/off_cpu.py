# SPDX-License-Identifier: Apache-2.0
"""Off-CPU recordings, the clocks of the threads that they are of, and what the two must agree on.

All times are nanoseconds, as in stats.json; counts in off-cpu.folded are microseconds.
"""

import collections
import glob
import os
import re
import shutil
import tempfile
import time

import shapes
from harness import (
    HIDDEN_LOSSES,
    WALK_LOSSES,
    Eprof,
    EprofTest,
    Folded,
    Program,
    program_path,
    user_frames,
    wait_until,
)

NS_PER_US = 1000
NS_PER_MS = 1000000
NS_PER_SECOND = 1000000000
TICK_NS = NS_PER_SECOND // os.sysconf("SC_CLK_TCK")

# What a thread does before its first clock and after its last one: made, exec, exit.
EDGE_NS = 300 * NS_PER_US
# Between what eprof calls the beginning and that of the ledger, on a busy machine: the events of
# each CPU are opened in between.
BEGIN_NS = 150 * NS_PER_MS
BUSY_BEGIN_NS = 400 * NS_PER_MS  # with many that want the CPUs
CONSERVED = 0.01  # on a CPU + blocked + run queue against wall
CPU_TOLERANCE = 0.01
# Before a CPU goes idle, it looks for work elsewhere. The CPU time of who left it does not go on
# meanwhile; in the ledger it leaves when the CPU is given to another.
SWITCH_NS = 1000
RUNQUEUE_TOLERANCE = 0.02
RUNQUEUE_EDGE_NS = NS_PER_MS  # and for a switch that was missed
FOLDED_TOLERANCE = 0.005
CHAIN_LEAST = 0.97  # of a thread's time is where it was made to wait
COMPLETE_LEAST = 0.99

# Who comes after a hidden thread has its times from the scheduler, but not its kernel stack.
MISSED = HIDDEN_LOSSES[0]
MISSED_MOST = 0.02

# The frame that a stack ends in; none for plain sleep.
STATE_FRAMES = {
    "runqueue": "[runqueue]",
    "uninterruptible": "[uninterruptible]",
    "stopped": "[stopped]",
    "other": "[other state]",
}
WAKER = "--"
NO_KERNEL = "[kernel stack lost"

# Thread: the state that it waits in, its functions, and what kernel function it waits in.
Wait = collections.namedtuple("Wait", "state chain kernel")
WAITS = {
    "sleeper": Wait("sleep", "sleeper_run;sleep_70_ms", "nanosleep"),
    "pipe-reader": Wait("sleep", "reader_run;read_pipe", "pipe_read"),
    "pipe-writer": Wait("sleep", "writer_run;writer_pause", "nanosleep"),
    "cond-waiter": Wait("sleep", "waiter_run;wait_condition", "futex"),
    "cond-signaller": Wait("sleep", "signaller_run;signaller_pause", "nanosleep"),
    "blocked": Wait("sleep", "blocked_run;read_forever", "pipe_read"),
    "direct-reader": Wait("uninterruptible", "direct_run;read_direct", "read"),
    "faulter": Wait("uninterruptible", "faulter_run;fault_half", "(fault|fadvise)"),
    "mutex-0": Wait("sleep", "mutex_run;(take|hold)_mutex", "(futex|nanosleep)"),
    "mutex-1": Wait("sleep", "mutex_run;(take|hold)_mutex", "(futex|nanosleep)"),
    "spinner-0": Wait("runqueue", "spinner_run;spin_briefly", "."),
    "spinner-1": Wait("runqueue", "spinner_run;spin_briefly", "."),
    "spinner-2": Wait("runqueue", "spinner_run;spin_briefly", "."),
}
GROUPS_AT_REST = ("sleep", "pipe", "condition", "blocked", "direct", "fault", "mutex")

# --- clocks ------------------------------------------------------------------------------------

Clocks = collections.namedtuple("Clocks", "name tid wall cpu runqueue times switches")


def parse_clocks(text, word="life"):
    """The clocks in what a program printed, in its order."""
    rows = (line.split() for line in text.splitlines())
    return [Clocks(row[1], *map(int, row[2:])) for row in rows if row and row[0] == word]


def subtract(later, earlier):
    return Clocks(later.name, later.tid, *(a - b for a, b in zip(later[2:], earlier[2:])))


class OffCpuProgram(Program):
    """off_cpu_threads with its file, and the clocks of its threads whenever they are asked for."""

    def __init__(self, directory, *groups, seconds=60, **options):
        path = os.path.join(directory, "data")
        super().__init__("off_cpu_threads", seconds, path, *groups, **options)

    def clocks(self):
        """Of all threads: tid -> Clocks since each was made."""
        self.write_line()
        lines = []
        for line in self.process.stdout:
            if line == "done\n":
                return {clocks.tid: clocks for clocks in parse_clocks("".join(lines), "clocks")}
            lines.append(line)
        raise AssertionError("off_cpu_threads ended")


def stolen_ns():
    """Time that CPUs did not give to threads, since the machine started.

    While the hypervisor has the CPU, and in interrupts where the kernel tells them apart (it counts
    none otherwise), the clock of the scheduler goes on, and that of a thread's CPU time does not:
    the former may be above the latter, by so much at most.
    """
    with open("/proc/stat", encoding="utf-8") as file:
        fields = [int(word) for word in file.readline().split()[1:]]
    irq, softirq, steal = fields[5:8]
    ticks = steal + (irq + softirq if irq else 0)
    return ticks * TICK_NS


def stolen_since(before):
    """At most: it is told in ticks, and one that has not ended is not."""
    return stolen_ns() - before + TICK_NS


# --- what eprof wrote --------------------------------------------------------------------------


def off_ns(row):
    return sum(row["off_cpu_ns"].values())


class Recording:
    """The off-CPU half of a finished eprof's output."""

    def __init__(self, result):
        self.result = result
        self.stats = result.stats()
        self.processes = self.stats["ledger"]["processes"]
        path = result.path("off-cpu.folded")
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            self.folded = Folded(file.read())

    def process(self, pid):
        return next(process for process in self.processes if process["pid"] == pid)

    def rows(self):
        return [row for process in self.processes for row in process["thread_rows"]]

    def thread(self, tid):
        found = [row for row in self.rows() if row["tid"] == tid]
        if len(found) != 1:
            known = [(row["tid"], row["name"], row["wall_ns"]) for row in self.rows()]
            raise AssertionError(f"{len(found)} rows of thread {tid}: {known[:50]}")
        return found[0]

    def stacks_of(self, tid):
        """Of one thread, with --per-thread, whatever its name was at the time."""
        end = f"-{tid}"
        return [(f, us) for f, us in self.folded.stacks if len(f) > 1 and f[1].endswith(end)]


def wait_chain(frames, level=1):
    """The user part of a stack as text: below the process, or below the thread."""
    frames = frames[: frames.index(WAKER)] if WAKER in frames else frames
    return ";".join(frame for frame in user_frames(frames)[level:] if not is_state(frame))


def is_state(frame):
    return frame in STATE_FRAMES.values()


def state_of_stack(frames):
    frames = frames[: frames.index(WAKER)] if WAKER in frames else frames
    return next((state for state, frame in STATE_FRAMES.items() if frames[-1] == frame), "sleep")


def is_incomplete(frames):
    return any(frame.startswith("[stack") for frame in frames)


def sum_by_state(stacks):
    sums = collections.Counter()
    for frames, us in stacks:
        sums[state_of_stack(frames)] += us * NS_PER_US
    return sums


# --- checks ------------------------------------------------------------------------------------


class OffCpuTest(EprofTest):
    TIMES = ()

    def assert_near(self, value, expected, share, floor, what, above=0):
        """Within a share of what is expected, and a floor; above it by that much more."""
        slack = share * expected + floor
        text = f"{what}: {value:,} instead of {expected:,}, at most {slack:,.0f} (+{above:,}) off"
        self.assertGreaterEqual(value, expected - slack, text)
        self.assertLessEqual(value, expected + slack + above, text)

    def read(self, result):
        """Of a recording that has to have gone well."""
        self.assertEqual(result.code, 0, result.stderr)
        recording = Recording(result)
        self.assert_nothing_lost(recording)
        return recording

    def assert_nothing_lost(self, recording):
        losses = {name: count for name, count in recording.stats["losses"].items() if count}
        intervals = sum(row["intervals"] for row in recording.rows())
        for name in HIDDEN_LOSSES:
            most = MISSED_MOST * intervals + recording.result.hidden_most
            self.assertLessEqual(losses.pop(name, 0), most, name)
        # When it is a hidden one that runs behind its last switch, a thread's end is hidden, too.
        most = recording.result.hidden_switches
        self.assertLessEqual(losses.pop("off_cpu_threads_exiting", 0), most)
        self.assertEqual({n: c for n, c in losses.items() if n not in WALK_LOSSES}, {})

    def record_off(self, *args, **options):
        return self.read(self.start(*args, **options).finish())

    def assert_conserved(self, row, what=""):
        total = row["on_cpu_ns"] + off_ns(row)
        text = f"{what} {row['name']} {row['tid']}"
        self.assert_near(total, row["wall_ns"], CONSERVED, EDGE_NS, text)

    def assert_all_conserved(self, recording, what=""):
        rows = recording.rows()
        self.assertGreater(len(rows), 0)
        for row in rows:
            self.assert_conserved(row, what)

    def assert_life(self, row, clocks, stolen):
        """The ledger of a thread against its own clocks at its end."""
        name = clocks.name
        self.assert_conserved(row)
        self.assert_near(row["wall_ns"], clocks.wall, CONSERVED, EDGE_NS, f"{name} wall")
        on, above = row["on_cpu_ns"], stolen + SWITCH_NS * clocks.switches
        self.assert_near(on, clocks.cpu, CPU_TOLERANCE, EDGE_NS, f"{name} CPU", above)
        waited = row["off_cpu_ns"]["runqueue"]
        what = f"{name} run queue"
        self.assert_near(waited, clocks.runqueue, RUNQUEUE_TOLERANCE, RUNQUEUE_EDGE_NS, what)

    def assert_intervals(self, row, clocks):
        """Every switch away from a thread begins an interval; so does its being made."""
        lengths = row["interval_us_log2"]
        text = f"{clocks} {row}"
        self.assertEqual(sum(lengths), row["intervals"], text)
        # Switches while it exits are in no clock.
        self.assertGreaterEqual(row["intervals"], clocks.switches, text)
        self.assertLessEqual(row["intervals"], clocks.switches + 3, text)
        least = sum(count << i for i, count in enumerate(lengths) if i) * NS_PER_US
        most = sum(count << (i + 1) for i, count in enumerate(lengths)) * NS_PER_US
        self.assertLessEqual(least, off_ns(row), text)
        self.assertGreaterEqual(most + EDGE_NS, off_ns(row), text)

    def assert_sums(self, recording, row, name):
        """What is in the picture of a thread is what its ledger says, state by state."""
        stacks = recording.stacks_of(row["tid"])
        sums = sum_by_state(stacks)
        # Each stack is rounded to a microsecond.
        floor = NS_PER_US * len(stacks) + EDGE_NS // 10
        for state, expected in row["off_cpu_ns"].items():
            what = f"{name} {state} in the picture"
            self.assert_near(sums[state], expected, FOLDED_TOLERANCE, floor, what)

    def assert_stacks(self, recording, row, name, least=CHAIN_LEAST):
        """A thread waited where it was made to, with stacks from its entry to the kernel."""
        stacks = recording.stacks_of(row["tid"])
        # All of them wait for each other at the beginning, and at the end.
        together = re.compile(rf"{shapes.THREAD};worker_main;[^;]*(barrier|sem).*")
        stacks = [(f, us) for f, us in stacks if not together.fullmatch(wait_chain(f, 2))]
        total = sum(us for _, us in stacks)
        text = Folded("")
        text.stacks = stacks
        wait = WAITS[name]
        chain = re.compile(rf"{shapes.THREAD};worker_main;{wait.chain}(;.*)?")
        self.assertGreater(total, 0, f"{name} has no stacks")
        right = [(f, us) for f, us in stacks if chain.fullmatch(wait_chain(f, 2))]
        self.assertGreaterEqual(sum(us for _, us in right), least * total, text.text())
        broken = sum(us for f, us in stacks if is_incomplete(f))
        self.assertLessEqual(broken, (1 - COMPLETE_LEAST) * total, text.text())
        blocked = [(f, us) for f, us in right if state_of_stack(f) == wait.state]
        self.assertGreater(len(blocked), 0, text.text())
        kernel = re.compile(rf".*{wait.kernel}.*_\[k\]")
        known = sum(us for f, us in blocked if any(kernel.fullmatch(frame) for frame in f))
        lost = sum(us for f, us in blocked if any(frame.startswith(NO_KERNEL) for frame in f))
        self.assertLessEqual(lost, self.most_missed_us(recording, row, total), text.text())
        self.assertGreaterEqual(known + lost, 0.99 * sum(us for _, us in blocked), text.text())

    def most_missed_us(self, recording, row, total):
        """What a thread may lack of its kernel stacks: a share, or two of its longest waits."""
        if not recording.stats["losses"][MISSED]:
            return 0
        lengths = [i for i, count in enumerate(row["interval_us_log2"]) if count]
        longest = 2 << max(lengths) if lengths else total
        return max(MISSED_MOST * total, 2 * longest)

    def assert_blocks_in(self, row, state, least=0.95):
        """Of the time that a thread waited for something else than a CPU."""
        blocked = off_ns(row) - row["off_cpu_ns"]["runqueue"]
        self.assertGreater(blocked, 0, row)
        self.assertGreaterEqual(row["off_cpu_ns"][state], least * blocked, row)


class Lives(OffCpuTest):
    """A program is recorded from before its first instruction: lives against ledgers, exactly."""

    seconds = 2
    groups = ()
    options = ("--off-cpu",)

    @classmethod
    def setUpClass(cls):
        if cls is Lives:
            return
        cls.folder = tempfile.mkdtemp(prefix="eprof-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        stolen = stolen_ns()
        argv = [program_path("off_cpu_threads"), cls.seconds, os.path.join(cls.folder, "data")]
        eprof = Eprof(cls.folder, "--per-thread", *cls.options, "-d", 60, "--", *argv, *cls.groups)
        cls.result = eprof.finish()
        cls.stolen = stolen_since(stolen)
        cls.lives = parse_clocks(cls.result.stdout)

    def setUp(self):
        super().setUp()
        self.assertEqual(self.result.code, 0, self.result.stderr)
        self.recording = Recording(self.result)
        self.assertGreater(len(self.lives), 0, self.result.stdout)

    def check(self, check, *names):
        """check(row, clocks) of every thread, or of those with these names."""
        known = {clocks.name for clocks in self.lives}
        self.assertLessEqual(set(names), known)
        for clocks in self.lives:
            if not names or clocks.name in names:
                with self.subTest(thread=clocks.name):
                    check(self.recording.thread(clocks.tid), clocks)


def has_attached(pid):
    """Whether a process has a program of its own at the switch from one thread to the next."""
    for path in glob.glob(f"/proc/{pid}/fdinfo/*"):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                if "tp_name:\tsched_switch\n" in file.read():
                    return True
        except OSError:
            continue
    return False


def wait_attached(eprof):
    """Until a recording of off-CPU time begins: a moment later, threads are looked at."""
    wait_until(lambda: has_attached(eprof.pid()), "eprof attaches", eprof.process)


def seconds_pass(seconds, process=None):
    goal = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= goal, f"{seconds} s pass", process)
