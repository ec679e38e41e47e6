# SPDX-License-Identifier: Apache-2.0
"""Numbers of processes that are used again at once, and more processes than there is room for."""

import os
import signal
import subprocess
import sys
import unittest

from harness import CPUS, EprofTest, Program, main, parse_reports, program_path

LAST_PID = "/proc/sys/kernel/ns_last_pid"
SPIN = ("main", "alpha", "beta", "gamma")
HZ = 499
# A grace period after the end of the process before, what was known of that is given up.
REUSES = 12
LIFE_SECONDS = 0.25

# Runs a program COUNT times with the same number, each as soon as the one before is gone.
REUSE = """
import os, resource, sys
number, count, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]

def start():
    with open("/proc/sys/kernel/ns_last_pid", "w") as file:
        file.write(str(number - 1))
    pid = os.fork()
    if pid == 0:
        if os.getpid() != number:
            os._exit(0)
        os.execv(argv[0], argv)
    os.waitpid(pid, 0)
    return pid == number

done = sum(start() for _ in range(count))
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print("cpu children", usage.ru_utime + usage.ru_stime)
print("cpu times", done)
"""

# Forks COUNT children, one after another, that burn a millisecond; many libraries are mapped.
STORM = """
import mmap, os, sys, time
kept = []
with open(sys.argv[2], "rb") as file:
    for _ in range(100):
        kept.append(mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC))
        kept.append(mmap.mmap(-1, 8192))

def burn():
    end = time.process_time() + 0.001
    while time.process_time() < end:
        pass

for _ in range(int(sys.argv[1])):
    pid = os.fork()
    if pid == 0:
        burn()
        os._exit(0)
    os.waitpid(pid, 0)
"""

# Maps code on each CPU until there is no room for more of that in its ring of records.
FILL = """
import mmap, os, sys
with open(sys.argv[1], "rb") as file:
    for cpu in map(int, sys.argv[2:]):
        os.sched_setaffinity(0, {cpu})
        for _ in range(6000):
            mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()
"""


class Numbers(EprofTest):
    @unittest.skipUnless(os.path.exists(LAST_PID), "the kernel lets nobody choose a number")
    def test_a_process_with_the_number_of_one_that_has_just_ended_is_recorded(self):
        spin = (program_path("spin"), LIFE_SECONDS)
        command = (sys.executable, "-c", REUSE, 30000, REUSES, *spin)
        result = self.record("-d", 60, "-F", HZ, "--", *command)
        reports = parse_reports(result.stdout)
        self.assertGreater(reports["times"], REUSES / 2)
        folded = result.folded().of_root("spin")
        self.assertGreater(folded.total, 0.9 * HZ * reports["children"])
        self.assert_mostly(folded, *SPIN, least=0.95)


class Storms(EprofTest):
    def test_processes_that_have_ended_leave_room_for_others(self):
        command = (sys.executable, "-c", STORM, 1500, program_path("spin"))
        result = self.record("-d", 60, "-F", 1999, "--", *command)
        stats = result.stats()
        reasons = stats["stop_reasons"]
        walked = stats["samples"] - reasons["no_user_stack"]
        self.assertGreater(reasons["complete"], 0.99 * walked, reasons)


class Gaps(EprofTest):
    def test_what_was_lost_is_read_again(self):
        eprof = self.start("-a", "-d", 60, "-F", HZ)
        eprof.wait_recording()
        with eprof.stopped():
            argv = (sys.executable, "-c", FILL, program_path("spin"), *map(str, CPUS))
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
            program = Program("spin", 60)
            program.__enter__()
            self.addCleanup(program.__exit__)
        program.wait_cpu(6)
        eprof.send(signal.SIGINT)
        result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        self.assertGreater(result.stats()["losses"]["process_records"], 0)
        folded = result.folded().of_root("spin")
        self.assertGreater(folded.ending(*SPIN), 0.5 * folded.total, folded.text())


if __name__ == "__main__":
    main(needs_own_pids=True)
