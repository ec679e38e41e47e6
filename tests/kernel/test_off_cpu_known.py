# SPDX-License-Identifier: Apache-2.0
"""Stacks that are known again without a walk: with --verify-stacks each of them is walked as well."""

import os
import shutil

from harness import main
from off_cpu import OffCpuTest

# Places where threads wait, the same and others: pipes, locks, sleeps, the disk, short lives.
SCRIPT = r"""
import os, subprocess, sys, threading, time
directory = sys.argv[1]
end = time.monotonic() + 3

def ping(read, write):
    while time.monotonic() < end:
        os.write(write, b"x")
        os.read(read, 1)
    os.write(write, b"x")

def lock(mutex):
    while time.monotonic() < end:
        with mutex:
            time.sleep(0.0002)

def sync(number):
    with open(f"{directory}/sync-{number}", "wb") as file:
        while time.monotonic() < end:
            file.write(b"x" * 4096)
            os.fsync(file.fileno())

def fork():
    while time.monotonic() < end:
        subprocess.run(["true"], check=True)

one, two = os.pipe(), os.pipe()
mutex = threading.Lock()
jobs = [(ping, one[0], two[1]), (ping, two[0], one[1]), (lock, mutex), (lock, mutex),
        (sync, 1), (fork,)]
threads = [threading.Thread(target=job[0], args=job[1:]) for job in jobs]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


class Known(OffCpuTest):
    def check(self, *command):
        recording = self.record_off("--verify-stacks", "-d", 60, "--", *command)
        kinds = recording.stats["off_cpu"]
        self.assertEqual(recording.stats["losses"]["off_cpu_stacks_known_wrong"], 0)
        self.assertGreater(kinds["user_stacks_known"], kinds["intervals"] / 4, kinds)
        self.assertGreater(kinds["kernel_stacks_known"], kinds["intervals"] / 4, kinds)
        return kinds

    def test_stacks_known_again_are_the_same_in_a_mix(self):
        self.check(shutil.which("python3"), "-c", SCRIPT, self.directory)

    def test_stacks_known_again_are_the_same_at_high_rates(self):
        if not shutil.which("stress-ng"):
            self.skipTest("stress-ng is not installed")
        load = "--switch 2 --futex 1 --poll 1 --epoll 1 --timeout 3".split()
        kinds = self.check(shutil.which("stress-ng"), "--quiet", "--temp-path", self.directory, *load)
        self.assertGreater(kinds["kernel_stacks_known"], 10000)


if __name__ == "__main__":
    os.umask(0o022)
    main()
