# SPDX-License-Identifier: Apache-2.0
"""What becomes of profiles when `eprof agent`, its disk, or the clock fails."""

import os
import struct
import subprocess

from agent import Agent, NOBODY, read_items, read_uploads
from harness import EprofTest, main, program_path, wait_until

NS = 1_000_000_000
HOUR_NS = 3600 * NS
DEAD = "http://127.0.0.1:9/"  # the discard port: nobody listens
MEBIBYTE = 1 << 20


class DiskFull(EprofTest):
    SPOOL_BYTES = MEBIBYTE

    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o755)
        self.small = self.directory + "/small"
        os.mkdir(self.small)
        options = f"size={self.SPOOL_BYTES},mode=755,uid={NOBODY},gid={NOBODY}"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "small", self.small], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.small], check=True)

    def fill(self):
        with open(self.small + "/ballast", "ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass

    def has_no_room(self, agent):
        """Also what the agent made room with, by dropping its oldest, is taken from it."""
        self.fill()
        return agent.status()["files_failed"] > 0

    def is_all_counted(self, agent):
        """What was put is there, or was dropped; looked at again if more came meanwhile."""
        dropped = agent.status()["targets"][0]["spool"]["dropped_for_bytes"]
        there = len(read_items(agent))
        return there + dropped == agent.status()["files_put"]

    def test_what_has_no_room_is_counted_and_others_come_when_there_is(self):
        words = ("--formats", "folded,svg", "--split", "host")
        with Agent(self.directory, *words, "--spool-dir", self.small + "/spool",
                   upload=DEAD) as agent:
            agent.spool = self.small + "/spool"
            agent.wait_windows(1)
            wait_until(lambda: self.has_no_room(agent), "no room", agent.process)
            agent.wait_windows(2)
            full = agent.status()
            self.assertGreater(full["windows_failed"], 0)
            os.unlink(self.small + "/ballast")
            wait_until(
                lambda: agent.status()["files_put"] > full["files_put"] + 1, "room", agent.process
            )
            self.assertEqual(agent.end(), 0, agent.messages)
            self.assertIn("No space left", agent.messages)
        items = read_items(agent)
        self.assertEqual(os.listdir(agent.spool + "/tmp"), [])
        for item in items:
            self.assertEqual(int(item.head["size"]), len(item.content), item.name)

    def test_what_went_and_what_is_there_is_what_was_put(self):
        with Agent(self.directory, "--formats", "folded,svg", "--split", "host", "--spool-dir",
                   self.small + "/spool", upload=DEAD) as agent:
            agent.spool = self.small + "/spool"
            agent.wait_windows(2)
            wait_until(lambda: self.has_no_room(agent), "no room", agent.process)
            agent.wait_windows(1)
            wait_until(lambda: self.is_all_counted(agent), "all is counted", agent.process)
            self.assertEqual(agent.end(), 0, agent.messages)


class Clock(EprofTest):
    def setUp(self):
        super().setUp()
        self.shift = self.directory + "/shift"
        with open(self.shift, "wb") as file:
            file.write(bytes(8))
        os.chmod(self.shift, 0o644)

    def set_clock(self, ns):
        # Never shorter than it is: the agent has it in its memory.
        with open(self.shift, "r+b", buffering=0) as file:
            file.write(struct.pack("=q", ns))

    def test_windows_go_on_and_stay_when_the_clock_jumps(self):
        sleeper = subprocess.Popen(["sleep", "1000"])
        self.addCleanup(sleeper.wait)
        self.addCleanup(sleeper.kill)
        shifts = (HOUR_NS, 0, -HOUR_NS, 0, -2 * NS, -HOUR_NS - 4 * NS // 10)
        env = {"LD_PRELOAD": program_path("libclock_shim.so"), "EPROF_CLOCK_SHIFT": self.shift}
        words = ("--split", "comm", "--pids", sleeper.pid, "--kinds", "off-cpu")
        upload = ("--upload", DEAD, "--formats", "folded")
        with Agent(self.directory, "--formats", "folded", *words, *upload, env=env) as agent:
            agent.wait_windows(2)
            for shift in shifts:
                self.set_clock(shift)
                agent.wait_windows(2)
            status = agent.status()
            self.assertEqual(agent.end(), 0, agent.messages)
        for target in status["targets"]:
            self.assertEqual(target["spool"]["dropped_for_bytes"], 0)
            self.assertEqual(target["spool"]["dropped_for_age"], 0)
        self.check_windows(read_items(agent), len(shifts))
        # Each is there, also of two that began in the same second.
        contents = sorted(item.content for item in read_items(agent))
        self.assertEqual(sorted(read_uploads(agent).values()), contents)

    def check_windows(self, items, jumps):
        lengths = [int(i.head["until_ns"]) - int(i.head["from_ns"]) for i in items]
        begins = [int(item.head["from_ns"]) for item in items]
        self.assertGreater(max(begins) - min(begins), 2 * HOUR_NS - 10 * NS)
        self.assertGreater(min(lengths), 0)
        self.assertLess(max(lengths), 1.3 * NS)
        # The first and the last, and those where the clock jumped by a part of a second.
        odd = [ns for ns in lengths if abs(ns - NS) > 0.1 * NS]
        self.assertLessEqual(len(odd), 2 + 2, lengths)
        self.assertGreaterEqual(len(lengths), 2 * (jumps + 1))
        for item, ns in zip(items, lengths):
            slept_us = int(item.content.rpartition(b" ")[2])
            # Of all time, no more and no less: it sleeps and does nothing else.
            self.assertAlmostEqual(slept_us, ns / 1000, delta=50_000)



if __name__ == "__main__":
    main(needs_own_mounts=True)
