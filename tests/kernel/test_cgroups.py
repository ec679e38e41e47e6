# SPDX-License-Identifier: Apache-2.0
"""Which cgroup a sample was in, also when that is gone by the time it is asked for.

EPROF_CGROUP_SAMPLES: the program cgroup_samples, which has the parts of eprof that are tested.
"""

import collections
import contextlib
import os
import signal
import subprocess
import time
import unittest

from harness import LIMIT_SECONDS, PROGRAMS, main, program_path, state_of, wait_until

SAMPLES = os.environ.get(
    "EPROF_CGROUP_SAMPLES",
    os.path.join(os.path.dirname(os.path.dirname(PROGRAMS)), "tests/kernel/cgroup_samples"),
)
CHURN_HZ = 50
CHURN_SECONDS = 3
BUSY_SECONDS = 0.01
# More than the kernel keeps for us, with names as long as they may be.
CROWD = 600
LONG_NAME = "x" * 200

Row = collections.namedtuple("Row", "kind tgid id path service command")


def find_mount():
    """Of the unified hierarchy."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            if " - cgroup2 " in line:
                return line.split()[4]
    return None


def remove(directory):
    """With those below it. Who was in it may need a moment to be gone."""
    for path, _, _ in os.walk(directory, topdown=False):
        deadline = time.monotonic() + LIMIT_SECONDS
        while True:
            try:
                os.rmdir(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise


def run_in(cgroup, *argv):
    """Starts a program that is in the cgroup from its first instruction on."""
    with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="utf-8") as procs:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(procs.fileno(),),
            preexec_fn=lambda: os.write(procs.fileno(), b"0"),
        )


class Cgroups(unittest.TestCase):
    def setUp(self):
        mount = find_mount()
        if not mount:
            self.skipTest("cgroup2 is not mounted")
        self.name = f"eprof-test-{os.getpid()}"
        self.base = os.path.join(mount, self.name)
        os.mkdir(self.base)
        self.addCleanup(remove, self.base)

    def make(self, name):
        path = os.path.join(self.base, name)
        os.makedirs(path)
        return path

    def path_of(self, name):
        return f"/{self.name}/{name}"

    @contextlib.contextmanager
    def sampling(self, *args):
        """Of everything meanwhile; afterwards rows and losses are in what it yields."""
        found = {}
        with subprocess.Popen(
            [SAMPLES, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            self.assertEqual(process.stdout.readline().split()[:1], ["ready"])
            found["pid"] = process.pid
            yield found
            output, _ = process.communicate("\n", LIMIT_SECONDS)
        self.assertEqual(process.returncode, 0)
        *lines, last = output.splitlines()
        found["lost"] = int(last.removeprefix("lost "))
        found["rows"] = []
        for line in lines:
            words = line.split(" ", 5)
            found["rows"].append(Row(words[0], int(words[1]), int(words[2]), *words[3:]))

    @contextlib.contextmanager
    def program_in(self, cgroup, *argv):
        with run_in(cgroup, *argv) as process:
            try:
                yield process
            finally:
                process.kill()

    def churn(self):
        """Cgroups that come, have one short program, and go. Path and id by pid."""
        expected = {}
        begin = time.monotonic()
        for number in range(CHURN_HZ * CHURN_SECONDS):
            name = f"short{number}.service"
            cgroup = self.make(name)
            with run_in(cgroup, program_path("spin"), str(BUSY_SECONDS)) as process:
                process.wait(LIMIT_SECONDS)
            expected[process.pid] = (self.path_of(name), os.stat(cgroup).st_ino)
            remove(cgroup)
            # The rate is a load, not what is tested.
            time.sleep(max(0, begin + (number + 1) / CHURN_HZ - time.monotonic()))
        return expected

    def check_churn(self, *args):
        with self.sampling(*args) as found:
            expected = self.churn()
        seen = {"on": set(), "off": set()}
        for row in found["rows"]:
            if row.tgid in expected and row.command == "spin":
                self.assertEqual((row.path, row.id), expected[row.tgid], row)
                self.assertEqual(row.service, row.path.split("/")[-1].removesuffix(".service"))
                seen[row.kind].add(row.tgid)
        # Ten samples are due in each; and who starts waits for a CPU, however shortly.
        self.assertGreater(len(seen["on"]), 0.9 * len(expected))
        self.assertGreater(len(seen["off"]), 0.5 * len(expected))

    def test_samples_have_their_cgroups_which_are_gone(self):
        self.check_churn()

    def test_so_they_have_with_raw_tracepoints(self):
        self.check_churn("--raw")

    def test_who_slept_all_the_while_has_the_cgroup_that_was_there_before(self):
        cgroup = self.make("deep/er/sleeper.service")
        with self.program_in(cgroup, "sleep", "1000") as process:
            wait_until(lambda: state_of(process.pid) == "S", "it sleeps", process)
            with self.sampling() as found:
                pass
        rows = [row for row in found["rows"] if row.tgid == process.pid]
        self.assertTrue(rows)
        for row in rows:
            self.assertEqual(row.kind, "off")
            self.assertEqual(row.path, self.path_of("deep/er/sleeper.service"))
            self.assertEqual(row.id, os.stat(cgroup).st_ino)
            self.assertEqual(row.service, "sleeper")

    def test_what_the_kernel_could_not_tell_is_found_by_a_walk(self):
        crowd = "/".join(["crowd"] + 4 * [LONG_NAME])
        with self.sampling() as found:
            os.kill(found["pid"], signal.SIGSTOP)
            wait_until(lambda: state_of(found["pid"]) == "T", "it stops")
            for number in range(CROWD):
                self.make(f"{crowd}/{number}")
            cgroup = self.make("late.service")
            with self.program_in(cgroup, program_path("spin"), "0.2") as process:
                os.kill(found["pid"], signal.SIGCONT)
                process.wait(LIMIT_SECONDS)
        rows = [row for row in found["rows"] if row.command == "spin" and row.tgid == process.pid]
        self.assertGreater(found["lost"], 0)
        self.assertTrue(rows)
        self.assertEqual({row.path for row in rows}, {self.path_of("late.service")})


if __name__ == "__main__":
    main()
