# SPDX-License-Identifier: Apache-2.0
"""What off-CPU time is shown of whom: states, lengths, wakers, the whole machine."""

import os

import test_off_cpu_edges as edges
import test_off_cpu_ledger as ledger
from harness import Program, main
from off_cpu import (
    BEGIN_NS,
    NS_PER_SECOND,
    NS_PER_US,
    WAITS,
    WAKER,
    OffCpuProgram,
    OffCpuTest,
    off_ns,
    state_of_stack,
    stolen_ns,
    stolen_since,
)
from test_off_cpu_ledger import LedgerChecks, Lives

SHORT_US, LONG_US = 20000, 60000  # between what the pipe and the sleeper wait for
PF_KTHREAD = 0x00200000  # linux/sched.h


class RawTracepoint(LedgerChecks, Lives):
    """As where there is no typed one: all of it, the same."""

    options = ("--raw-tracepoint",)
    seconds = 1.5


class Raw:
    """Records by the raw tracepoint whatever the class beside this one records."""

    def start(self, *args, **options):
        return super().start("--raw-tracepoint", *args, **options)


class RawAttached(Raw, ledger.Attached):
    seconds = 1


class RawIds(Raw, edges.Ids):
    pass


class RawExecs(Raw, edges.Execs):
    pass


class RawStops(Raw, edges.Stops):
    pass


class FilterTest(OffCpuTest):
    """Some of the time is hidden: what is left, what is counted, and the ledger that has it all."""

    groups = ("sleep", "pipe")

    def record_groups(self, *options):
        with OffCpuProgram(self.directory, *self.groups) as program:
            recording = self.record_off(
                "-p", program.pid, "--off-cpu", "--per-thread", "-d", 1, *options
            )
            self.threads = dict(program.threads)
        self.assert_all_conserved(recording)
        for row in recording.rows():
            self.assertGreater(off_ns(row), 0, row)
        return recording

    def shown_ns(self, recording, name):
        stacks = recording.stacks_of(self.threads[name])
        return sum(us for _, us in stacks) * NS_PER_US

    def assert_hidden(self, recording):
        """Shown and hidden together are the ledger's."""
        off = recording.stats["off_cpu"]
        self.assertGreater(off["hidden_intervals"], 0, off)
        total = recording.folded.total + off["hidden_ns"] / NS_PER_US
        expected = sum(off_ns(row) for row in recording.rows()) / NS_PER_US
        self.assert_near(total, expected, 0.005, 1000, "shown and hidden")


class Lengths(FilterTest):
    def test_short_intervals_are_left_out_and_counted(self):
        recording = self.record_groups("--min-block", SHORT_US)
        for name in ("pipe-reader", "pipe-writer"):
            self.assertEqual(self.shown_ns(recording, name), 0, recording.folded.text())
        row = recording.thread(self.threads["sleeper"])
        self.assertGreater(self.shown_ns(recording, "sleeper"), 0.95 * off_ns(row))
        self.assert_hidden(recording)

    def test_long_intervals_are_left_out_and_counted(self):
        recording = self.record_groups("--max-block", LONG_US)
        row = recording.thread(self.threads["pipe-reader"])
        self.assertGreater(self.shown_ns(recording, "pipe-reader"), 0.95 * off_ns(row))
        row = recording.thread(self.threads["sleeper"])
        self.assertGreater(off_ns(row), 5 * LONG_US * NS_PER_US)
        # Of those at the two edges of the window a short part may have been seen.
        self.assertLess(self.shown_ns(recording, "sleeper"), 2 * LONG_US * NS_PER_US)
        self.assert_hidden(recording)

    def test_without_limits_nothing_is_hidden(self):
        recording = self.record_groups()
        off = recording.stats["off_cpu"]
        self.assertEqual((off["hidden_intervals"], off["hidden_ns"]), (0, 0))


class AllHidden(OffCpuTest):
    """Who sleeps all along, so that no interval has ended when the recording does."""

    def check(self, *options):
        with Program("off_cpu_crowd", 3) as program:
            result = self.start("-p", program.pid, "--off-cpu", "-d", 0.5, *options).finish()
        self.assertEqual(result.code, 0, result.stderr)
        off = result.stats()["off_cpu"]
        self.assertEqual(off["hidden_intervals"], 0)
        self.assertGreater(off["hidden_ns"], 0.5 * 4 * 0.5 * NS_PER_SECOND)
        self.assertRegex(result.stderr, "left out, as asked for: [0-9.]+ s off-CPU")
        self.assertNotIn("nothing of", result.stderr)
        self.assertIn("is left out", result.stderr)

    def test_hidden_states_are_said_to_be(self):
        self.check("--state", "D")

    def test_so_are_long_intervals(self):
        self.check("--max-block", 1000)


class States(FilterTest):
    groups = ("sleep", "spin")

    def test_only_the_states_that_were_asked_for_are_shown(self):
        recording = self.record_groups("--state", "R")
        self.assertEqual({state_of_stack(f) for f, _ in recording.folded.stacks}, {"runqueue"})
        spinner = recording.thread(self.threads["spinner-0"])
        self.assertGreater(self.shown_ns(recording, "spinner-0"), 0.98 * off_ns(spinner))
        sleeper = recording.thread(self.threads["sleeper"])
        self.assert_near(
            self.shown_ns(recording, "sleeper"),
            sleeper["off_cpu_ns"]["runqueue"],
            0.01,
            100 * NS_PER_US,
            "the sleeper's run queue",
        )
        self.assert_hidden(recording)


class Wakers(OffCpuTest):
    def test_who_woke_a_thread_up_follows_what_it_waited_in(self):
        with OffCpuProgram(self.directory, "pipe", "condition", "sleep") as program:
            recording = self.record_off(
                "-p", program.pid, "--off-cpu", "--per-thread", "--wakers", "-d", 1
            )
            threads = dict(program.threads)
        for name, waker in (("pipe-reader", "feed_pipe"), ("cond-waiter", "signal_condition")):
            row = recording.thread(threads[name])
            stacks = recording.stacks_of(threads[name])
            woken = [(f, us) for f, us in stacks if WAKER in f]
            right = sum(us for f, us in woken if self.is_woken_by(f, WAITS[name].chain, waker))
            text = recording.folded.text(40)
            self.assertGreaterEqual(right * NS_PER_US, 0.9 * off_ns(row), text)
            self.assert_sums(recording, row, name)
        # A timer is no thread: who happened to run then has nothing to do with it.
        self.assert_sums(recording, recording.thread(threads["sleeper"]), "sleeper")

    def is_woken_by(self, frames, chain, function):
        """Leaf first: kernel, user, and the process at last."""
        at = frames.index(WAKER)
        sleeper, waker = frames[:at], frames[at + 1 :]
        kernel = [frame.endswith("_[k]") for frame in waker]
        return (
            chain in ";".join(sleeper)
            and function in waker
            and waker[-1] == "off_cpu_threads"
            and waker.index(function) < waker.index("worker_main")
            and kernel[0]
            and sorted(kernel, reverse=True) == kernel
        )

    def test_without_being_asked_for_wakers_are_not_there(self):
        with OffCpuProgram(self.directory, "pipe") as program:
            recording = self.record_off("-p", program.pid, "--off-cpu", "-d", 0.5)
        self.assertNotIn(WAKER, recording.folded.frames())


class RawWakers(Raw, Wakers):
    pass


def is_kernel_thread(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return bool(int(file.read().rpartition(")")[2].split()[6]) & PF_KTHREAD)
    except FileNotFoundError:
        return False


class WholeMachine(OffCpuTest):
    def test_everybody_is_conserved_but_the_kernels_own_threads_and_idle(self):
        stolen = stolen_ns()
        with OffCpuProgram(self.directory) as program:
            recording = self.record_off("-a", "-d", 1.5)
            names = {tid: name for name, tid in program.threads.items()}
        stolen = stolen_since(stolen)
        self.assert_all_conserved(recording)
        for tid, name in names.items():
            row = recording.thread(tid)
            self.assertTrue(row["whole"], row)
            seconds = recording.stats["seconds"]
            self.assert_near(row["wall_ns"], seconds * NS_PER_SECOND, 0.01, BEGIN_NS, name)
        pids = {process["pid"] for process in recording.processes}
        self.assertEqual([pid for pid in pids if is_kernel_thread(pid)], [])
        self.assert_no_idle(recording)
        on = sum(row["on_cpu_ns"] for row in recording.rows())
        cpus = os.cpu_count() * recording.stats["seconds"] * NS_PER_SECOND
        self.assertLessEqual(on, 1.01 * cpus + stolen)
        # It keeps two CPUs busy, but for others.
        self.assertGreater(on, 0.5 * min(os.cpu_count(), 2) * cpus / os.cpu_count())

    def assert_no_idle(self, recording):
        self.assertEqual([p for p in recording.processes if p["pid"] == 0], [])
        self.assertEqual([r for r in recording.folded.roots() if r.startswith("swapper")], [])

    def test_kernel_threads_are_there_when_they_are_asked_for(self):
        with OffCpuProgram(self.directory, "direct", "sleep", "spin"):
            recording = self.record_off("-a", "--off-cpu", "--kernel-threads", "-d", 1)
        kernel = [p for p in recording.processes if is_kernel_thread(p["pid"])]
        self.assertGreater(len(kernel), 5)
        self.assertIn("kthreadd", {process["name"] for process in kernel})
        self.assert_all_conserved(recording)
        self.assert_no_idle(recording)


if __name__ == "__main__":
    main()
