# SPDX-License-Identifier: Apache-2.0
"""Threads that begin, change and end while they wait, and CPUs that go away."""

import collections
import contextlib
import os
import signal
import subprocess

from harness import Program, main, program_path, state_of, wait_until
from off_cpu import (
    CONSERVED,
    EDGE_NS,
    NS_PER_MS,
    NS_PER_US,
    OffCpuProgram,
    OffCpuTest,
    Recording,
    off_ns,
    parse_clocks,
    seconds_pass,
    stolen_ns,
    stolen_since,
    wait_attached,
)

# After its last clock a function prints that, and may have to wait for a CPU.
PRINTING_NS = 20 * NS_PER_MS
UNSHARE_PIDS = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
LIVES = program_path("off_cpu_lives")


def time_in(folded, function):
    return NS_PER_US * folded.count(lambda frames: function in frames)


class Ids(OffCpuTest):
    def record_reuse(self, count):
        """Threads one after the other under a few ids, as nobody else is there to take them."""
        done = subprocess.run([*UNSHARE_PIDS, "true"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.skipTest(f"pid namespaces cannot be made: {done.stderr.strip()}")
        if not os.path.exists("/proc/sys/kernel/ns_last_pid"):
            self.skipTest("ids cannot be chosen in this kernel")
        options = ("--off-cpu", "--per-thread", "-d", 60)
        return self.record_off(*options, "--", LIVES, "reuse", count, prefix=UNSHARE_PIDS)

    def test_threads_of_one_id_are_all_accounted_for(self):
        recording = self.record_reuse(200)
        by_tid = collections.defaultdict(list)
        for life in parse_clocks(recording.result.stdout):
            by_tid[life.tid].append(life)
        self.assertLess(len(by_tid), 20, "ids were to be used again")
        for tid, lives in by_tid.items():
            rows = [row for row in recording.rows() if row["tid"] == tid]
            floor = EDGE_NS * len(lives)
            wall = sum(row["wall_ns"] for row in rows)
            total = wall - sum(row["on_cpu_ns"] + off_ns(row) for row in rows)
            self.assertLessEqual(abs(total), CONSERVED * wall + EDGE_NS)
            self.assert_near(wall, sum(life.wall for life in lives), 0.01, floor, "wall")
            intervals = sum(row["intervals"] for row in rows)
            self.assertGreaterEqual(intervals, sum(life.switches for life in lives))
            off = sum(off_ns(row) for row in rows)
            expected = sum(life.wall - life.cpu for life in lives)
            self.assert_near(off, expected, 0.01, floor, "off")

    def test_threads_of_one_id_keep_their_names_and_their_stacks(self):
        recording = self.record_reuse(100)
        for name, other in (("odd", "even"), ("even", "odd")):
            lives = [life for life in parse_clocks(recording.result.stdout) if life.name == name]
            stacks = [(f, us) for f, us in recording.folded.stacks if f[1].startswith(f"{name}-")]
            slept = sum(us for f, us in stacks if f"{name}_sleep" in f) * NS_PER_US
            expected = sum(life.wall - life.cpu for life in lives)
            self.assert_near(slept, expected, 0.02, EDGE_NS * len(lives), name)
            self.assertEqual([f for f, _ in stacks if f"{other}_sleep" in f], [])


class Execs(OffCpuTest):
    def test_an_exec_by_another_thread_than_the_leader_loses_no_time(self):
        recording = self.record_off("--off-cpu", "-d", 60, "--", LIVES, "exec", 300)
        rows = (line.split() for line in recording.result.stdout.splitlines())
        slept = {row[1]: int(row[2]) for row in rows if row[0] == "slept"}
        self.assertEqual(len(slept), 3, recording.result.stdout)
        for function, ns in slept.items():
            seen = time_in(recording.folded, function)
            self.assert_near(seen, ns, 0.01, EDGE_NS, function, PRINTING_NS)
        self.assert_all_conserved(recording)
        self.assertEqual(len({process["pid"] for process in recording.processes}), 1)
        wall = sum(process["wall_ns"] for process in recording.processes)
        # Leader, thread, and the thread as the leader of the new program; and three beginnings.
        self.assertGreaterEqual(wall, sum(slept.values()))
        self.assertLess(wall, sum(slept.values()) + 200 * NS_PER_MS)


class Ends(OffCpuTest):
    def kill_blocked(self, *target, seconds=0.5):
        """Everybody dies where they wait, and is in the picture with all of the time until then."""
        with OffCpuProgram(self.directory, "sleep", "blocked", "pipe") as program:
            target = target or ("-p", program.pid)
            eprof = self.start(*target, "--per-thread", "-d", 60)
            wait_attached(eprof)
            before = program.clocks()
            seconds_pass(seconds, eprof.process)
            after = program.clocks()
            program.process.kill()
            program.process.wait()
            if target[0] == "-a":
                eprof.send(signal.SIGINT)
            recording = self.read(eprof.finish())
        for tid, clocks in after.items():
            row = recording.thread(tid)
            self.assert_conserved(row)
            self.assertFalse(row["whole"], row)
            self.assertGreaterEqual(row["wall_ns"], clocks.wall - before[tid].wall - EDGE_NS)
            self.assert_sums(recording, row, clocks.name)
            self.assert_stacks(recording, row, clocks.name)
        blocked = recording.thread(program.threads["blocked"])
        self.assertLess(blocked["on_cpu_ns"], 10 * NS_PER_MS, "but its end")

    def test_who_is_killed_while_waiting_is_accounted_for_until_then(self):
        self.kill_blocked()

    def test_the_same_in_a_recording_of_the_whole_machine_that_goes_on(self):
        self.kill_blocked("-a")


class Stops(OffCpuTest):
    def test_a_stopped_process_is_stopped(self):
        with OffCpuProgram(self.directory, "sleep", "spin") as program:
            tids = dict(program.threads)
            eprof = self.start("-p", program.pid, "--per-thread", "-d", 60)
            wait_attached(eprof)
            seconds_pass(0.3, eprof.process)
            os.kill(program.pid, signal.SIGSTOP)
            for tid in tids.values():
                wait_until(lambda tid=tid: state_of(tid) == "T", "it stops", eprof.process)
            seconds_pass(0.7, eprof.process)
            os.kill(program.pid, signal.SIGCONT)
            seconds_pass(0.1, eprof.process)
            eprof.send(signal.SIGINT)
            recording = self.read(eprof.finish())
        for name, tid in tids.items():
            row = recording.thread(tid)
            self.assert_conserved(row)
            self.assertGreaterEqual(row["off_cpu_ns"]["stopped"], 700 * NS_PER_MS, row)
            self.assertLess(row["off_cpu_ns"]["stopped"], row["wall_ns"] - 390 * NS_PER_MS, row)
            self.assert_sums(recording, row, name)

    def test_who_was_stopped_before_is_stopped_from_the_beginning(self):
        with Program("spin", 60) as program:
            os.kill(program.pid, signal.SIGSTOP)
            wait_until(lambda: state_of(program.pid) == "T", "it stops", program.process)
            recording = self.record_off("-p", program.pid, "--off-cpu", "-d", 0.5)
            os.kill(program.pid, signal.SIGCONT)
        row = recording.thread(program.pid)
        self.assert_near(row["off_cpu_ns"]["stopped"], row["wall_ns"], 0.01, 0, "stopped")
        self.assertEqual({frames[-1] for frames, _ in recording.folded.stacks}, {"[stopped]"})


class FullMaps(OffCpuTest):
    def test_stacks_without_room_leave_their_time_in_a_frame_that_says_so(self):
        # More stacks than there is room for, however often the maps are drained.
        stolen = stolen_ns()
        options = ("--off-cpu", "--per-thread", "--max-events", 0, "-d", 60)
        result = self.start(*options, "--", LIVES, "stacks", 17).finish()
        stolen = stolen_since(stolen)
        self.assertEqual(result.code, 0, result.stderr)
        recording = Recording(result)
        for clocks in parse_clocks(result.stdout):
            row = recording.thread(clocks.tid)
            self.assert_life(row, clocks, stolen)
            self.assert_intervals(row, clocks)
            stacks = recording.stacks_of(clocks.tid)
            # Each is rounded; half of them up.
            floor = len(stacks) * NS_PER_US
            total = sum(us for _, us in stacks) * NS_PER_US
            self.assert_near(total, off_ns(row), 0.005, floor, clocks.name)
        lost = recording.folded.having("[stack lost]")
        self.assertGreater(lost, 0, "all had room: take more stacks")
        losses = sum(recording.stats["losses"].values())
        self.assertGreater(losses, 0, recording.stats["losses"])


CPU_SWITCH = "/sys/devices/system/cpu/cpu{}/online"


@contextlib.contextmanager
def cpu_offline(cpu):
    """The CPU comes back however this ends: who sees to that waits for the end of our pipe."""
    path = CPU_SWITCH.format(cpu)
    guard = ["setsid", "sh", "-c", 'trap "" INT TERM HUP; read -r line; echo 1 >"$1"', "sh", path]
    with subprocess.Popen(guard, stdin=subprocess.PIPE) as process:
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write("0")
            yield
        finally:
            process.stdin.close()
            process.wait()
            with open(path, encoding="ascii") as file:
                assert file.read().strip() == "1", f"{path} is still 0"


class Cpus(OffCpuTest):
    def find_cpu(self):
        online = sorted(os.sched_getaffinity(0))
        cpu = online[-1]
        if len(online) < 2 or not os.access(CPU_SWITCH.format(cpu), os.W_OK):
            self.skipTest("no CPU can be taken offline here")
        return cpu

    def test_a_cpu_that_goes_offline_and_comes_back_takes_no_time_with_it(self):
        cpu = self.find_cpu()
        groups = ("sleep", "pipe", "blocked", "spin")
        with OffCpuProgram(self.directory, *groups) as program:
            eprof = self.start("-p", program.pid, "--per-thread", "-d", 60)
            wait_attached(eprof)
            before = program.clocks()
            seconds_pass(0.2, eprof.process)
            try:
                with cpu_offline(cpu):
                    seconds_pass(0.5, eprof.process)
            except OSError as error:
                self.skipTest(f"CPU {cpu} stays online: {error}")
            seconds_pass(0.3, eprof.process)
            after = program.clocks()
            eprof.send(signal.SIGINT)
            recording = self.read(eprof.finish())
        for tid, clocks in after.items():
            row = recording.thread(tid)
            self.assertTrue(row["whole"])
            self.assert_conserved(row)
            self.assertGreaterEqual(row["wall_ns"], clocks.wall - before[tid].wall - EDGE_NS)
            self.assert_sums(recording, row, clocks.name)


if __name__ == "__main__":
    main()
