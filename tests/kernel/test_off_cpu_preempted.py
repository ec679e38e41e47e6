# SPDX-License-Identifier: Apache-2.0
"""Threads that are preempted, with a stack for each so much time that they wait.

Four programs share a CPU and never block, so all of their time off it is of that kind. Each is in
some functions that only compute, and asks for the time in between: mostly it is preempted there, as
the kernel then sees how long it has had the CPU.
"""

import contextlib

from harness import Program, main, program_path
from off_cpu import NS_PER_US, OffCpuProgram, OffCpuTest, is_incomplete, off_ns

PROGRAMS, SECONDS = 4, 3
SAMPLE_US = 50000
FUNCTIONS = ("clock_seconds", "heavy", "medium", "light")
# Some 180 samples: the standard deviation of a share of one half is 4 %.
SHARES_ALIKE = 0.16
LOOP_AND_EXEC = 'i=0; while [ $i -lt 120000 ]; do i=$((i+1)); done; exec "$0" 0.2'


class Preempted(OffCpuTest):
    def record_programs(self, *options):
        with contextlib.ExitStack() as stack:
            programs = [
                stack.enter_context(Program("shares", 60, cpu=0)) for _ in range(PROGRAMS)
            ]
            self.pids = [program.pid for program in programs]
            targets = ("-p", ",".join(map(str, self.pids)))
            options = ("--off-cpu", "--per-thread", *options, "-d", SECONDS)
            return self.record_off(*targets, *options)

    def check_sums(self, recording):
        """All of the time is there, by process and state, whatever stands for it."""
        self.assert_all_conserved(recording)
        for pid in self.pids:
            row = recording.thread(pid)
            self.assertGreater(row["off_cpu_ns"]["runqueue"], 0.5 * row["wall_ns"], row)
            self.assert_sums(recording, row, "shares")

    def seen_us(self, recording, is_meant):
        stacks = (stack for pid in self.pids for stack in recording.stacks_of(pid))
        return sum(us for frames, us in stacks if is_meant(frames))

    def shares(self, recording):
        """Of the functions that it can be in, in all that has a stack."""
        times = {
            name: self.seen_us(recording, lambda frames, name=name: {name, f"{name}_[i]"} & {*frames})
            for name in FUNCTIONS
        }
        total = sum(times.values())
        self.assertGreater(total, 0.8 * self.seen_us(recording, lambda frames: True))
        return {name: us / total for name, us in times.items()}

    def counts(self, recording):
        off = recording.stats["off_cpu"]
        return off["preempted_sampled"], off["preempted_not_sampled"]

    def check_sampled(self, recording):
        sampled, not_sampled = self.counts(recording)
        # A CPU is given to the next one after some 3 ms.
        self.assertGreater(not_sampled, 2 * sampled)
        expected = self.seen_us(recording, lambda frames: True) / SAMPLE_US
        self.assertGreater(sampled, 0.4 * expected)
        self.assertLess(sampled, 1.3 * expected + PROGRAMS)
        self.assertIn("--preempt-sample", recording.result.stderr)
        # What is left in the end: a sum that was not reached, one and a half times at most.
        without = self.seen_us(recording, is_incomplete)
        self.assertLess(without, 2 * SAMPLE_US * PROGRAMS, recording.folded.text())

    def test_sums_and_shares_are_what_they_are_with_all_stacks(self):
        every = self.record_programs()
        self.check_sums(every)
        self.assertEqual(self.counts(every), (0, 0))
        self.assertNotIn("--preempt-sample", every.result.stderr)
        expected = self.shares(every)
        some = self.record_programs("--preempt-sample", SAMPLE_US)
        self.check_sums(some)
        self.check_sampled(some)
        for name, share in self.shares(some).items():
            self.assertLess(abs(share - expected[name]), SHARES_ALIKE, f"{name}: {expected}")

    def test_what_was_waited_before_an_exec_is_the_program_s_before(self):
        shares = {}
        # As long a sum that none is reached: nothing but what was left at the exec, and at the end.
        for sample_us in (0, 1000000):
            with contextlib.ExitStack() as stack:
                for _ in range(PROGRAMS - 1):
                    stack.enter_context(Program("shares", 60, cpu=0))
                recording = self.record_off(
                    "--off-cpu", "--preempt-sample", sample_us, "-d", 60, "--",
                    "taskset", "-c", 0, "sh", "-c", LOOP_AND_EXEC, program_path("shares"),
                )
            total = recording.folded.total
            shares[sample_us] = recording.folded.of_root("sh").total / total
            self.assertGreater(total, 2e5, recording.folded.text())
        self.assertGreater(shares[0], 0.15, shares)
        self.assertAlmostEqual(shares[1000000], shares[0], delta=0.15)

    def test_who_blocks_is_seen_with_all_stacks(self):
        with OffCpuProgram(self.directory, "sleep", "pipe") as program:
            recording = self.record_off(
                "-p", program.pid, "--off-cpu", "--per-thread", "-d", 1,
                "--preempt-sample", 1000000,
            )
            threads = dict(program.threads)
        self.assert_all_conserved(recording)
        for name in ("sleeper", "pipe-reader"):
            row = recording.thread(threads[name])
            stacks = recording.stacks_of(row["tid"])
            shown = NS_PER_US * sum(us for frames, us in stacks if not is_incomplete(frames))
            self.assertGreater(shown, 0.97 * (off_ns(row) - row["off_cpu_ns"]["runqueue"]))


if __name__ == "__main__":
    main()
