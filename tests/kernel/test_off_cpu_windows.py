# SPDX-License-Identifier: Apache-2.0
"""One recording after the other under a load that switches all the time: in each, no time is lost.

Three of them; ten with EPROF_SLOW=1.
"""

import contextlib
import os
import shutil
import signal
import subprocess

from harness import main, wait_until
from off_cpu import BUSY_BEGIN_NS, NS_PER_SECOND, OffCpuTest, off_ns

LOAD = ("stress-ng", "--quiet", "--switch", "4", "--io", "2", "--cpu", "2", "--timeout", "120")
WORKERS = 8
WINDOWS = 10 if os.environ.get("EPROF_SLOW") == "1" else 3
WINDOW_SECONDS = 1


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return []


def descendants(pid):
    found = [pid]
    for child in children(pid):
        found += descendants(child)
    return found


@contextlib.contextmanager
def load(directory):
    """stress-ng at work; the ids of all its processes."""
    with subprocess.Popen(
        LOAD, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        try:
            # Those that switch have a partner each.
            wait_until(
                lambda: len(descendants(process.pid)) >= 1 + WORKERS + 4, "all work", process
            )
            yield lambda: descendants(process.pid)
        finally:
            process.send_signal(signal.SIGINT)


class Windows(OffCpuTest):
    def test_every_window_is_conserved_under_load(self):
        if not shutil.which(LOAD[0]):
            self.skipTest(f"{LOAD[0]} is not installed")
        with load(self.directory) as pids:
            for number in range(WINDOWS):
                with self.subTest(window=number):
                    self.check_window(pids())
                shutil.rmtree(os.path.join(self.directory, "out"), True)

    def check_window(self, pids):
        recording = self.record_off("-p", ",".join(map(str, pids)), "-d", WINDOW_SECONDS)
        self.assert_all_conserved(recording)
        seconds = recording.stats["seconds"]
        by_pid = {process["pid"]: process for process in recording.processes}
        walls = []
        for pid in pids:
            self.assertIn(pid, by_pid)
            rows = [row for row in by_pid[pid]["thread_rows"] if row["whole"]]
            walls += [row["wall_ns"] for row in rows]
        self.assertGreaterEqual(len(walls), WORKERS)
        for wall in walls:
            self.assert_near(wall, max(walls), 0.001, 0, "wall")
            self.assert_near(wall, seconds * NS_PER_SECOND, 0.01, BUSY_BEGIN_NS, "wall")
        # Whatever was sampled: the picture has all of the time.
        off = sum(off_ns(row) for row in recording.rows()) / 1000
        floor = len(recording.folded.stacks)
        self.assert_near(recording.folded.total, off, 0.005, floor, "the picture")
        self.assertEqual(recording.stats["off_cpu"]["hidden_ns"], 0)


if __name__ == "__main__":
    main()
