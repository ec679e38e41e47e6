# SPDX-License-Identifier: Apache-2.0
"""`eprof agent` where there are very many processes, or cgroups that come and go.

Prints what a window cost.
"""

import datetime
import glob
import os
import re
import subprocess
import sys
import time

from agent import Agent
from harness import CPUS, EprofTest, Program, main, program_path, wait_until
from test_cgroups import find_mount, remove, run_in

CHURN = """
count=0
while [ ! -e "$3/stop" ]; do
	cgroup=$1/short$count.service
	mkdir "$cgroup"
	(echo $BASHPID >"$cgroup/cgroup.procs"; exec "$2" 0.004 >/dev/null)
	rmdir "$cgroup"
	count=$((count + 1))
done
echo $count
"""


def print_cost(what, status):
    print(
        f"{what}: naming {status['name_seconds']:.3f} s, writing {status['write_seconds']:.3f} s, "
        f"RSS {status['rss_bytes'] >> 20} MiB, maps {status['map_bytes'] >> 20} MiB, "
        f"CPU {status['cpu_seconds'] / max(1, status['windows']):.3f} s a window",
        file=sys.stderr,
    )


class Crowd(EprofTest):
    COUNT = 10_000
    WINDOW = 2

    def test_windows_of_ten_thousand_processes_are_whole(self):
        words = ("--formats", "folded", "--split", "comm", "--include", "^sleepers$")
        with Program("sleepers", self.COUNT), Agent(
            self.directory, *words, window=self.WINDOW
        ) as agent:
            agent.wait_windows(4)
            status = agent.status()
            self.assertEqual(agent.end(), 0, agent.messages)
        print_cost(f"{self.COUNT} processes", status)
        lost = {name: count for name, count in status["lost"].items() if count}
        print(f"lost: {lost}", file=sys.stderr)
        windows = agent.folded("sleepers", "off-cpu")
        self.assertGreaterEqual(len(windows), 4)
        # All of them sleep all the while. How long a window was, the next one's beginning tells; the
        # first one begins before all of them are known.
        begins = self.read_begins(agent)
        for window, begin, end in list(zip(windows, begins, begins[1:]))[1:]:
            wanted = self.COUNT * (end - begin) * 1_000_000
            self.assertAlmostEqual(window.total, wanted, delta=wanted * 0.1)

    def read_begins(self, agent):
        """Of each window, in seconds."""
        pattern = agent.uploads + "/sleepers/**/*-off-cpu.folded"
        names = sorted(os.path.basename(path) for path in glob.glob(pattern, recursive=True))
        times = [re.search(r"(\d{8}T\d{6}\.\d{6})Z-off-cpu", name)[1] for name in names]
        return [datetime.datetime.strptime(t, "%Y%m%dT%H%M%S.%f").timestamp() for t in times]


class Cgroups(EprofTest):
    MOST = 10

    def setUp(self):
        super().setUp()
        mount = find_mount()
        if not mount:
            self.skipTest("cgroup2 is not mounted")
        self.base = os.path.join(mount, f"eprof-test-{os.getpid()}")
        os.mkdir(self.base)
        self.addCleanup(remove, self.base)

    def churn(self):
        """A shell that makes cgroups, runs a program in each, removes them, and counts."""
        return subprocess.Popen(
            ["bash", "-c", CHURN, "bash", self.base, program_path("spin"), self.directory],
            stdout=subprocess.PIPE,
            text=True,
        )

    def test_services_come_and_go_and_are_no_more_than_they_may_be(self):
        steady = f"{self.base}/steady.service"
        os.mkdir(steady)
        words = ("--formats", "folded", "--max-services", self.MOST, "--kinds", "on-cpu",
                 "--include", "^(steady|short.*)$")
        # Before the agent: until it is "spin", what is in that cgroup is a copy of this process.
        with run_in(steady, program_path("spin"), "60") as spin, Agent(
            self.directory, *words, window=2
        ) as agent:
            agent.wait_windows(1)
            begin = time.monotonic()
            with self.churn() as shell:
                agent.wait_windows(4)
                with open(self.directory + "/stop", "wb"):
                    number = int(shell.communicate()[0])
            seconds = time.monotonic() - begin
            status = agent.status()
            spin.kill()
            self.assertEqual(agent.end(), 0, agent.messages)
        print_cost(f"{number / seconds:.0f} cgroups a second", status)
        print(f"services: {status['services']}", file=sys.stderr)
        self.check(agent, status)

    def check(self, agent, status):
        services = os.listdir(agent.uploads)
        self.assertIn("other", services)
        self.assertTrue([name for name in services if name.startswith("short")], services)
        self.assertLessEqual(status["services"]["known"], self.MOST + 1)
        self.assertGreater(status["services"]["other_samples"], 0)
        self.assertEqual(status["lost"]["cgroup_paths"], 0)
        self.assertEqual(status["windows_failed"], 0)
        begun = {}
        for service in services:
            for path, _, names in os.walk(f"{agent.uploads}/{service}"):
                for name in names:
                    begun.setdefault(name, []).append(service)
        self.assertLessEqual(max(map(len, begun.values())), self.MOST + 1)
        steady = agent.folded("steady")
        self.assertGreaterEqual(len(steady), 4)
        # Nobody else is in it.
        self.assertEqual({root for window in steady for root in window.roots()}, {"spin"})


if __name__ == "__main__":
    main()
