# SPDX-License-Identifier: Apache-2.0
"""Who is blocked when it is looked at: stacks that are walked from outside, names, accounts."""

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import unittest

from harness import Program, main, user_frames
from off_cpu import (
    EDGE_NS,
    NS_PER_MS,
    NS_PER_US,
    OffCpuTest,
    Recording,
    is_incomplete,
    off_ns,
)

LOST, SLEEPERS = 8, 320
CROWD = 60
BEGINNERS = 700  # more than begin until the recording ends
IDLE, MORTALS = 800, 100
ROUNDS = 4


class Looks(OffCpuTest):
    @unittest.skipUnless(platform.machine() == "x86_64", "unwind rules are followed there only")
    def test_looking_at_who_has_half_a_stack_takes_nothing_from_the_others(self):
        # There is always somebody to be looked at, and some wake up while others are.
        with Program("off_cpu_lost", LOST, SLEEPERS) as program:
            recording = self.record_off("-p", program.pid, "--off-cpu", "-d", 2.2)
        text = recording.folded.text(40)
        self.assertGreater(recording.folded.having("lost_sleep"), 0, text)
        self.assertEqual(recording.folded.having("[stack lost]"), 0, text)
        # But for those that slept when it began, and woke up at once.
        broken = recording.folded.count(lambda f: is_incomplete(f) and "lost_sleep" not in f)
        self.assertLess(broken * NS_PER_US, LOST * 20 * NS_PER_MS, text)
        chains = {user_frames(f) for f, _ in recording.folded.stacks if "long_sleep" in f}
        self.assertEqual([chain for chain in chains if "sleeper_main" not in chain], [])


class FramePointers(OffCpuTest):
    def test_who_is_blocked_all_along_has_no_stack_and_it_says_so(self):
        with Program("off_cpu_crowd", CROWD) as program:
            recording = self.record_off("-p", program.pid, "--off-cpu", "--unwind=fp", "-d", 0.5)
        text = recording.folded.text()
        self.assertEqual([f for f, _ in recording.folded.stacks if not is_incomplete(f)], [], text)
        self.assertGreater(recording.folded.having("[stack: unreadable]"), 0, text)
        self.assertEqual(recording.stats["off_cpu"]["complete_share"], 0)

    def test_without_user_stacks_none_is_missing(self):
        with Program("off_cpu_crowd", CROWD) as program:
            recording = self.record_off("-p", program.pid, "--off-cpu", "--unwind=none", "-d", 0.5)
        text = recording.folded.text()
        self.assertEqual([f for f, _ in recording.folded.stacks if is_incomplete(f)], [], text)


@contextlib.contextmanager
def beginners():
    """Programs that begin to sleep, one after the other, and sleep on."""
    command = ("sh", "-c", f"for i in $(seq {BEGINNERS}); do sleep 60 & done; wait")
    with subprocess.Popen(command, start_new_session=True) as process:
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)


class Rounds(OffCpuTest):
    """Short recordings, as what is looked for happens in some of them only."""

    def read_round(self, *options):
        result = self.start("--off-cpu", "-d", 0.1, *options).finish()
        self.assertEqual(result.code, 0, result.stderr)
        recording = Recording(result)
        shutil.rmtree(result.out)
        return recording


class Names(Rounds):
    def test_who_begins_while_the_recording_does_has_its_name(self):
        for number in range(ROUNDS):
            with self.subTest(recording=number), beginners():
                recording = self.read_round("-a")
                nameless = [p for p in recording.processes if p["pid"] == 0 or not p["name"]]
                self.assertEqual(nameless, [])
                self.assertNotIn("[unnamed]", recording.folded.roots())


class Accounts(Rounds):
    def test_who_ends_while_the_accounts_are_read_is_in_them_once(self):
        for options in ((IDLE, MORTALS, 40), (1, 2000, 900)):
            with Program("off_cpu_crowd", *options) as program:
                for number in range(ROUNDS):
                    with self.subTest(crowd=options, recording=number):
                        self.check(self.read_round("-p", program.pid).process(program.pid))

    def check(self, process):
        others = [process["other_threads"]] if process["other_threads"] else []
        for row in [process, *process["thread_rows"], *others]:
            total = row["on_cpu_ns"] + off_ns(row)
            self.assert_near(row["wall_ns"], total, 0.001, EDGE_NS // 10, "wall")


if __name__ == "__main__":
    main()
