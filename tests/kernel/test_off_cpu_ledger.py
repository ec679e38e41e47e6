# SPDX-License-Identifier: Apache-2.0
"""Where each thread's time went, by eprof and by the thread's own clocks."""

import re
import signal

import shapes
from harness import main, user_frames
from off_cpu import (
    BEGIN_NS,
    CONSERVED,
    CPU_TOLERANCE,
    EDGE_NS,
    GROUPS_AT_REST,
    NS_PER_MS,
    NS_PER_SECOND,
    NS_PER_US,
    SWITCH_NS,
    WAITS,
    Lives,
    OffCpuProgram,
    OffCpuTest,
    off_ns,
    seconds_pass,
    stolen_ns,
    stolen_since,
    subtract,
    wait_attached,
    wait_chain,
)

SPINNERS = [name for name in WAITS if name.startswith("spinner")]
# A page, or a file read around the cache, that was there at once blocked nobody.
BLOCKS_LEAST = 0.5
HZ = 99  # samples, by default
SLEEP_LENGTH = 16  # 70 ms lie in 2^16 microseconds and more
# Of the time on a CPU: more than that, and most threads have some of it in their sums.
STOLEN_MOST = 0.05
# A clock that is read from outside of a thread does not know the wait that has not ended yet.
UNFINISHED_NS = 40 * NS_PER_MS


class LedgerChecks:
    """Of every thread that lived and died in a recording."""

    def test_nothing_is_lost(self):
        self.assert_nothing_lost(self.recording)

    def test_the_ledger_of_each_thread_agrees_with_its_own_clocks(self):
        self.check(lambda row, clocks: self.assert_life(row, clocks, self.stolen))

    def test_most_threads_were_on_a_cpu_for_as_long_as_their_clocks_say(self):
        """Also those that ran so briefly that what may have been stolen is more."""
        if self.stolen > STOLEN_MOST * sum(clocks.cpu for clocks in self.lives):
            self.skipTest(f"the hypervisor took {self.stolen / NS_PER_MS:.0f} ms")
        differences = []
        for clocks in self.lives:
            least = (1 - CPU_TOLERANCE) * clocks.cpu - EDGE_NS
            most = (1 + CPU_TOLERANCE) * clocks.cpu + EDGE_NS + SWITCH_NS * clocks.switches
            on = self.recording.thread(clocks.tid)["on_cpu_ns"]
            if not least <= on <= most:
                differences.append(f"{clocks.name}: {on:,} instead of {clocks.cpu:,}")
        self.assertLessEqual(len(differences), len(self.lives) / 2, differences)

    def test_what_the_hypervisor_took_is_counted_once_and_not_for_each(self):
        rows = [(self.recording.thread(clocks.tid), clocks) for clocks in self.lives]
        on = sum(row["on_cpu_ns"] for row, _ in rows)
        cpu = sum(clocks.cpu for _, clocks in rows)
        above = self.stolen + SWITCH_NS * sum(clocks.switches for _, clocks in rows)
        self.assert_near(on, cpu, CPU_TOLERANCE, len(rows) * EDGE_NS, "CPU", above)

    def test_every_switch_is_an_interval_and_has_its_length_counted(self):
        self.check(self.assert_intervals)

    def test_the_picture_of_each_thread_sums_up_to_its_ledger(self):
        self.check(lambda row, clocks: self.assert_sums(self.recording, row, clocks.name))

    def test_threads_wait_in_the_functions_that_they_were_made_for(self):
        self.check(lambda row, clocks: self.assert_stacks(self.recording, row, clocks.name))

    def test_a_process_is_the_sum_of_its_threads(self):
        self.assert_all_conserved(self.recording)
        lines = map(str.split, self.result.stdout.splitlines())
        pid = next(int(words[1]) for words in lines if words[:1] == ["ready"])
        process = self.recording.process(pid)
        rows = process["thread_rows"]
        self.assertEqual(process["threads"], len(rows))
        for name in ("wall_ns", "on_cpu_ns", "intervals"):
            self.assertEqual(process[name], sum(row[name] for row in rows))
        for state, ns in process["off_cpu_ns"].items():
            self.assertEqual(ns, sum(row["off_cpu_ns"][state] for row in rows))


class AtRest(LedgerChecks, Lives):
    groups = GROUPS_AT_REST

    def test_what_threads_wait_for_is_the_state_of_their_time(self):
        def check(row, clocks):
            self.assert_blocks_in(row, WAITS[clocks.name].state)

        self.check(check, *(n for n, wait in WAITS.items() if wait.state == "sleep"))

    def test_reads_around_the_cache_and_page_faults_are_uninterruptible(self):
        def check(row, clocks):
            if clocks.switches < BLOCKS_LEAST * clocks.times:
                self.skipTest("files are in memory here: nobody waits for a disk")
            self.assert_blocks_in(row, "uninterruptible")

        self.check(check, "direct-reader", "faulter")

    def test_sleeps_of_70_ms_are_counted_under_their_length(self):
        def check(row, clocks):
            counted = row["interval_us_log2"][SLEEP_LENGTH]
            self.assertGreaterEqual(counted, 0.9 * clocks.times, row)
            self.assertLessEqual(counted, clocks.times + 1, row)

        self.check(check, "sleeper")

    def test_one_wait_of_a_whole_life_is_one_interval(self):
        def check(row, clocks):
            length = (clocks.wall // NS_PER_US).bit_length() - 1
            self.assertGreater(sum(row["interval_us_log2"][length - 1 : length + 1]), 0, row)
            self.assertGreater(off_ns(row), 0.98 * clocks.wall, row)

        self.check(check, "blocked")


class UnderLoad(LedgerChecks, Lives):
    """With more spinners than CPUs: all of them wait for one, and everybody else at times."""

    options = ()

    def test_spinners_wait_for_a_cpu_and_nothing_else(self):
        def check(row, clocks):
            self.assertGreater(row["off_cpu_ns"]["runqueue"], 0.98 * off_ns(row), row)
            self.assertGreater(off_ns(row), 0.1 * clocks.wall, row)
            stacks = self.recording.stacks_of(clocks.tid)
            waiting = sum(us for frames, us in stacks if frames[-1] == "[runqueue]")
            self.assertGreaterEqual(waiting, 0.98 * sum(us for _, us in stacks))

        self.check(check, *SPINNERS)

    def test_both_kinds_of_time_are_of_one_recording(self):
        samples = self.result.folded()

        def check(row, clocks):
            expected = row["on_cpu_ns"] * HZ / NS_PER_SECOND
            thread = f"{clocks.name}-{clocks.tid}"
            sampled = samples.count(lambda frames: frames[1] == thread)
            # Ticks are regular, turns on a CPU are not.
            self.assertLess(abs(sampled - expected), 0.2 * expected + 10)

        self.check(check, *SPINNERS)


class Attached(OffCpuTest):
    """Threads that were there before the recording, and are there after it."""

    seconds = 2

    def record_between_clocks(self, program, *options):
        """A recording, and what the threads' clocks did within it, and around it."""
        around = [program.clocks()]
        eprof = self.start("-p", program.pid, "--per-thread", "-d", 60, *options)
        wait_attached(eprof)
        within = [program.clocks()]
        seconds_pass(self.seconds, eprof.process)
        within.append(program.clocks())
        eprof.send(signal.SIGINT)
        result = eprof.finish()
        around.append(program.clocks())
        differences = [
            {tid: subtract(after[tid], before[tid]) for tid in after}
            for before, after in (within, around)
        ]
        return self.read(result), *differences

    def assert_between(self, value, least, most, tolerance, slack, what):
        text = f"{what}: {value:,} is not between {least:,} and {most:,}"
        self.assertGreaterEqual(value, (1 - tolerance) * least - slack, text)
        self.assertLessEqual(value, (1 + tolerance) * most + slack, text)

    def test_a_window_holds_what_lies_in_it_and_nothing_from_before_and_after(self):
        stolen = stolen_ns()
        with OffCpuProgram(self.directory) as program:
            recording, within, around = self.record_between_clocks(program)
        stolen = stolen_since(stolen)
        for tid, least in within.items():
            row, most = recording.thread(tid), around[tid]
            with self.subTest(thread=least.name):
                self.assertTrue(row["whole"], row)
                self.assert_conserved(row)
                self.assert_between(row["wall_ns"], least.wall, most.wall, 0.01, EDGE_NS, "wall")
                on, slack = row["on_cpu_ns"], EDGE_NS + stolen
                self.assert_between(on, least.cpu, most.cpu, 0.01, slack, "CPU")
                waited = row["off_cpu_ns"]["runqueue"]
                self.assert_between(
                    waited, least.runqueue, most.runqueue, 0.02, UNFINISHED_NS, "run queue"
                )
                self.assert_sums(recording, row, least.name)
                self.assert_stacks(recording, row, least.name, 0.9)

    def test_all_threads_have_the_same_window(self):
        with OffCpuProgram(self.directory, *GROUPS_AT_REST) as program:
            recording = self.record_off("-p", program.pid, "--off-cpu", "-d", 1)
            threads = len(program.threads) + 1
        rows = recording.process(program.pid)["thread_rows"]
        self.assertEqual(len(rows), threads)
        walls = [row["wall_ns"] for row in rows]
        self.assertLessEqual(max(walls) - min(walls), CONSERVED * max(walls))
        seconds = recording.stats["seconds"]
        self.assert_near(max(walls), seconds * NS_PER_SECOND, 0.01, BEGIN_NS, "wall")

    def test_who_blocked_before_the_beginning_is_there_from_it_on_with_the_whole_stack(self):
        with OffCpuProgram(self.directory, "blocked") as program:
            recording = self.record_off("-p", program.pid, "--off-cpu", "--per-thread", "-d", 1)
            tid, pid = program.threads["blocked"], program.pid
        row, leader = recording.thread(tid), recording.thread(pid)
        for blocked in (row, leader):
            self.assertTrue(blocked["whole"])
            self.assert_conserved(blocked)
            self.assertEqual(blocked["on_cpu_ns"], 0)
            self.assertEqual(blocked["intervals"], 0, "it has not ended")
            self.assert_near(off_ns(blocked), blocked["wall_ns"], 0.01, 0, "off")
            self.assert_blocks_in(blocked, "sleep", 1)
        self.assert_sums(recording, row, "blocked")
        self.assert_stacks(recording, row, "blocked", 1)
        chain = re.compile(shapes.MAIN + "(;.*)?")
        stacks = recording.stacks_of(pid)
        self.assertEqual(len(stacks), 1, recording.folded.text())
        self.assertTrue(chain.fullmatch(wait_chain(stacks[0][0], 2)), stacks)
        self.assertIn("answer", user_frames(stacks[0][0]))


if __name__ == "__main__":
    main()
