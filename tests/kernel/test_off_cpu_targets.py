# SPDX-License-Identifier: Apache-2.0
"""Whose off-CPU time is recorded: cgroups, threads, crowds, the dead, and who has just begun."""

import contextlib
import os
import shutil
import signal
import subprocess
import time

from harness import Program, main, state_of, user_frames, wait_until
from off_cpu import (
    BEGIN_NS,
    EDGE_NS,
    NS_PER_MS,
    NS_PER_SECOND,
    NS_PER_US,
    OffCpuProgram,
    OffCpuTest,
    is_incomplete,
    off_ns,
    seconds_pass,
    wait_attached,
)

CROWD = 320
COMPLETE_SOON = 0.9  # of the time of a program that has just begun


def find_cgroup2():
    with open("/proc/self/mounts", encoding="utf-8") as file:
        return next((line.split()[1] for line in file if line.split()[2] == "cgroup2"), None)


def move(pid, cgroup):
    with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="utf-8") as file:
        file.write(str(pid))


class CgroupTest(OffCpuTest):
    def setUp(self):
        super().setUp()
        self.mount = find_cgroup2() or self.mount_cgroup2()
        self.cgroup = os.path.join(self.mount, f"eprof-test-{os.getpid()}")
        os.mkdir(self.cgroup)
        self.addCleanup(os.rmdir, self.cgroup)

    def mount_cgroup2(self):
        path = os.path.join(self.directory, "cgroup")
        os.mkdir(path)
        command = ["mount", "-t", "cgroup2", "none", path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            self.skipTest(f"cgroup v2 cannot be mounted: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", path], check=True)
        return path

    @contextlib.contextmanager
    def inside(self, *groups):
        """A program in the cgroup, whose threads wait there already."""
        with OffCpuProgram(self.directory, *groups) as program:
            move(program.pid, self.cgroup)
            yield program

    def assert_whole(self, recording, tid, name):
        """From the beginning of the recording to its end."""
        row = recording.thread(tid)
        self.assertTrue(row["whole"], row)
        self.assert_conserved(row)
        expected = recording.stats["seconds"] * NS_PER_SECOND
        self.assert_near(row["wall_ns"], expected, 0.01, BEGIN_NS, name)
        return row


class Cgroups(CgroupTest):
    groups = ("blocked", "sleep", "pipe")

    def record_cgroup(self, prefix=()):
        with self.inside(*self.groups) as program, OffCpuProgram(self.directory, *self.groups):
            options = ("--off-cpu", "--per-thread", "-d", 0.7)
            recording = self.record_off("-G", self.cgroup, *options, prefix=prefix)
        for name, tid in program.threads.items():
            row = self.assert_whole(recording, tid, name)
            self.assert_sums(recording, row, name)
            self.assert_stacks(recording, row, name)
        blocked = recording.thread(program.threads["blocked"])
        self.assertEqual((blocked["on_cpu_ns"], blocked["intervals"]), (0, 0))
        self.assertEqual(off_ns(blocked), blocked["wall_ns"])
        self.assert_whole(recording, program.pid, "the first thread")
        self.assert_all_conserved(recording)
        return recording, program

    def test_who_is_blocked_in_the_cgroup_all_the_time_is_there_and_nobody_else(self):
        recording, program = self.record_cgroup()
        self.assertEqual({process["pid"] for process in recording.processes}, {program.pid})
        self.assertEqual(set(recording.folded.roots()), {"off_cpu_threads"})
        for frames, _ in recording.folded.stacks:
            self.assertIn(int(frames[1].rpartition("-")[2]), recording.tids, frames)

    def read(self, result):
        recording = super().read(result)
        recording.tids = {row["tid"] for row in recording.rows()}
        return recording

    def test_eprof_in_the_cgroup_does_not_bring_everybody_else_with_it(self):
        join = ("sh", "-c", f'echo $$ >{self.cgroup}/cgroup.procs; exec "$@"', "sh")
        recording, program = self.record_cgroup(prefix=join)
        names = {process["name"] for process in recording.processes}
        self.assertLessEqual(names, {"off_cpu_threads", "eprof"})
        pids = [process["pid"] for process in recording.processes]
        self.assertEqual([pid for pid in pids if pid == os.getpid()], [])
        others = [p["pid"] for p in recording.processes if p["name"] == "off_cpu_threads"]
        self.assertEqual(others, [program.pid])


class RawCgroups(Cgroups):
    """The same by the raw tracepoint."""

    def start(self, *args, **options):
        return super().start("--raw-tracepoint", *args, **options)


class Movers(CgroupTest):
    """Of who switches, and so is seen to move."""

    seconds = 0.4

    def record_move(self, begin, end):
        """A program is moved in the middle of a recording."""
        with OffCpuProgram(self.directory, "sleep", "pipe") as program, self.inside("blocked"):
            move(program.pid, begin)
            eprof = self.start("-G", self.cgroup, "--off-cpu", "--per-thread", "-d", 60)
            wait_attached(eprof)
            seconds_pass(self.seconds, eprof.process)
            move(program.pid, end)
            seconds_pass(self.seconds, eprof.process)
            eprof.send(signal.SIGINT)
            recording = self.read(eprof.finish())
        return recording, program

    def assert_half(self, recording, program):
        self.assert_all_conserved(recording)
        whole = recording.stats["seconds"] * NS_PER_SECOND
        half = self.seconds * NS_PER_SECOND
        for name in ("sleeper", "pipe-reader", "pipe-writer"):
            tid = program.threads[name]
            with self.subTest(thread=name):
                row = recording.thread(tid)
                self.assertGreaterEqual(row["wall_ns"], 0.8 * half, row)
                self.assertLessEqual(row["wall_ns"], whole - 0.8 * half, row)
                self.assert_sums(recording, row, name)
                self.assert_stacks(recording, row, name, 0.8)

    def test_who_moves_in_is_there_from_then_on(self):
        recording, program = self.record_move(self.mount, self.cgroup)
        self.assert_half(recording, program)

    def test_who_moves_out_is_there_until_then(self):
        recording, program = self.record_move(self.cgroup, self.mount)
        self.assert_half(recording, program)


class Threads(OffCpuTest):
    def test_only_the_threads_that_were_asked_for_are_there(self):
        with OffCpuProgram(self.directory, "blocked", "sleep", "pipe") as program:
            tids = {name: program.threads[name] for name in ("blocked", "pipe-reader")}
            listed = ",".join(map(str, tids.values()))
            recording = self.record_off("-t", listed, "--off-cpu", "--per-thread", "-d", 0.7)
        self.assertEqual({row["tid"] for row in recording.rows()}, set(tids.values()))
        for name, tid in tids.items():
            row = recording.thread(tid)
            self.assertTrue(row["whole"], row)
            self.assert_conserved(row)
            self.assert_sums(recording, row, name)
            self.assert_stacks(recording, row, name)
        found = {int(frames[1].rpartition("-")[2]) for frames, _ in recording.folded.stacks}
        self.assertEqual(found, set(tids.values()))


class Crowds(OffCpuTest):
    def check(self, *target):
        with Program("off_cpu_crowd", CROWD) as program:
            target = target or ("-p", program.pid)
            recording = self.record_off(*target, "--off-cpu", "-d", 0.5)
        self.assert_all_conserved(recording)
        process = recording.process(program.pid)
        rows = process["thread_rows"]
        self.assertEqual(len(rows), CROWD + 1)
        self.assertEqual(len({row["tid"] for row in rows}), CROWD + 1)
        for row in rows:
            self.assertTrue(row["whole"], row)
            self.assertGreater(off_ns(row), 0, row)
        if target[0] == "-a":
            for row in recording.rows():
                self.assertGreater(row["on_cpu_ns"] + off_ns(row), 0, row)
        folded = recording.folded.of_root("off_cpu_crowd")
        off = process["wall_ns"] - process["on_cpu_ns"]
        waiting = NS_PER_US * folded.having("crowd_wait")
        self.assert_near(waiting, off * CROWD / (CROWD + 1), 0.01, 0, "crowd_wait")
        self.assertEqual([f for f, _ in folded.stacks if is_incomplete(f)], [])

    def test_hundreds_of_blocked_threads_of_a_process_are_all_there(self):
        self.check()

    def test_hundreds_of_blocked_threads_are_all_there_among_the_whole_machine(self):
        self.check("-a")


@contextlib.contextmanager
def unreaped(*command):
    """A child that nobody has waited for, dead or alive."""
    with subprocess.Popen(command) as process:
        try:
            yield process.pid
        finally:
            process.kill()


def wait_dead(pid, eprof=None):
    wait_until(lambda: state_of(pid) == "Z", "it dies", eprof.process if eprof else None)


class Zombies(OffCpuTest):
    def test_the_times_of_a_zombie_end_with_its_life(self):
        with unreaped("sleep", "60") as pid:
            eprof = self.start("-a", "--off-cpu", "-d", 60)
            begin = time.monotonic_ns()
            wait_attached(eprof)
            seconds_pass(0.3, eprof.process)
            os.kill(pid, signal.SIGKILL)
            wait_dead(pid, eprof)
            end = time.monotonic_ns()
            seconds_pass(0.3, eprof.process)
            eprof.send(signal.SIGINT)
            recording = self.read(eprof.finish())
            self.assertEqual(state_of(pid), "Z")
        row = recording.thread(pid)
        self.assert_conserved(row)
        self.assertFalse(row["whole"], row)
        self.assertGreaterEqual(row["wall_ns"], 300 * NS_PER_MS - EDGE_NS)
        self.assertLessEqual(row["wall_ns"], end - begin)

    def test_who_lived_and_died_in_the_recording_is_there_once_though_nobody_waited_for_it(self):
        eprof = self.start("-a", "--off-cpu", "-d", 60)
        wait_attached(eprof)
        begin = time.monotonic_ns()
        with unreaped("sleep", "0.3") as pid:
            wait_dead(pid, eprof)
            end = time.monotonic_ns()
            seconds_pass(0.2, eprof.process)
            eprof.send(signal.SIGINT)
            recording = self.read(eprof.finish())
            self.assertEqual(state_of(pid), "Z")
        rows = [row for row in recording.rows() if row["tid"] == pid]
        for row in rows:
            self.assert_conserved(row)
        wall = sum(row["wall_ns"] for row in rows)
        self.assertGreaterEqual(wall, 300 * NS_PER_MS)
        self.assertLessEqual(wall, end - begin)
        # What it was before its exec is another program.
        lives = [row for row in rows if row["name"] == "sleep"]
        self.assertEqual(len(lives), 1, rows)

    def test_who_was_a_zombie_before_is_not_there(self):
        with unreaped("true") as pid:
            wait_dead(pid)
            recording = self.record_off("-a", "--off-cpu", "-d", 0.3)
            self.assertEqual(state_of(pid), "Z")
        self.assertEqual([row for row in recording.rows() if row["tid"] == pid], [])
        self.assert_all_conserved(recording)


class Beginners(OffCpuTest):
    """A program that waits as soon as it runs: its tables are built meanwhile."""

    seconds = 0.5

    def setUp(self):
        super().setUp()
        self.nap = os.path.join(self.directory, "eprof-nap")
        shutil.copy(shutil.which("sleep"), self.nap)

    def assert_complete(self, recording):
        stacks = recording.folded.of_root("eprof-nap").stacks
        text = recording.folded.of_root("eprof-nap").text()
        total = sum(us for _, us in stacks)
        self.assertGreaterEqual(NS_PER_US * total, self.seconds * NS_PER_SECOND, text)
        broken = sum(us for frames, us in stacks if is_incomplete(frames))
        self.assertLessEqual(broken, (1 - COMPLETE_SOON) * total, text)
        slept = [us for frames, us in stacks if self.is_nap(frames)]
        self.assertGreaterEqual(sum(slept), COMPLETE_SOON * total, text)

    def is_nap(self, frames):
        # It has no names of its own.
        user = user_frames(frames)
        return any("__libc_start_main" in frame for frame in user) and any(
            "nanosleep" in frame for frame in user
        )

    def test_the_command_has_its_stack_though_it_waits_at_once(self):
        options = ("--off-cpu", "-d", 60)
        self.assert_complete(self.record_off(*options, "--", self.nap, self.seconds))

    def test_so_has_who_begins_in_a_recording_of_the_whole_machine(self):
        eprof = self.start("-a", "--off-cpu", "-d", 60)
        wait_attached(eprof)
        subprocess.run([self.nap, str(self.seconds)], check=True)
        eprof.send(signal.SIGINT)
        self.assert_complete(self.read(eprof.finish()))

    def test_so_has_one_that_goes_on_after_the_recording(self):
        eprof = self.start("-a", "--off-cpu", "-d", 60)
        wait_attached(eprof)
        with unreaped(self.nap, "60"):
            seconds_pass(self.seconds + 0.1, eprof.process)
            eprof.send(signal.SIGINT)
            recording = self.read(eprof.finish())
        self.assert_complete(recording)


class Endings(OffCpuTest):
    def check(self, program, recording):
        self.assert_all_conserved(recording)
        seconds = recording.stats["seconds"]
        for name, tid in program.threads.items():
            row = recording.thread(tid)
            self.assertTrue(row["whole"], row)
            self.assert_near(row["wall_ns"], seconds * NS_PER_SECOND, 0.01, BEGIN_NS, name)
            self.assert_sums(recording, row, name)

    def test_interrupted_or_over_a_recording_ends_the_same_way(self):
        options = ("--off-cpu", "--per-thread")
        with OffCpuProgram(self.directory, "sleep", "blocked", "pipe") as program:
            recording = self.record_off("-p", program.pid, *options, "-d", 0.6)
            self.check(program, recording)
            shutil.rmtree(recording.result.out)
            eprof = self.start("-p", program.pid, *options, "-d", 60)
            wait_attached(eprof)
            seconds_pass(0.6, eprof.process)
            eprof.send(signal.SIGINT)
            self.check(program, self.read(eprof.finish()))


if __name__ == "__main__":
    main()
