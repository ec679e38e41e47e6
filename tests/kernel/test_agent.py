# SPDX-License-Identifier: Apache-2.0
"""`eprof agent`: window after window, into a directory."""

import os
import shutil
import signal
import subprocess

from agent import Agent, NOBODY, status_field
from harness import CPUS, EPROF, EprofTest, Program, main, wait_until

HZ = 99
# Of the samples of a program that is on a CPU all the time; ticks, and the ends of it.
SAMPLES_OFF = 0.1
NS = 1_000_000_000


class Windows(EprofTest):
    def test_all_that_a_program_ran_is_in_some_window(self):
        with Agent(self.directory, "--split", "comm", "--formats", "folded") as agent:
            agent.wait_windows(1)
            with Program("spin", cpu=CPUS[0]) as spin:
                spin.wait_cpu(3.5)
                spin.end()
            agent.wait_windows(1)
            status = agent.status()
            self.assertGreater(status["name_seconds"], 0)
            self.assertGreater(status["write_seconds"], 0)
            # Of its programs in the kernel: some time, and not most of it.
            self.assertGreater(status["bpf_ns"], 0)
            self.assertLess(status["bpf_ns"], 0.5 * spin.reports["spin"] * NS)
            self.assertEqual(agent.end(), 0, agent.messages)
        windows = agent.folded("spin")
        self.assertGreaterEqual(len(windows), 3)
        total = sum(window.total for window in windows)
        wanted = spin.reports["spin"] * HZ
        self.assertAlmostEqual(total, wanted, delta=wanted * SAMPLES_OFF)
        for window in windows:
            self.assertEqual(set(window.roots()), {"spin"})
            self.assertLessEqual(window.total, 2 * HZ)

    def test_what_a_program_slept_is_in_the_windows(self):
        # By a name of its own: the whole machine is looked at.
        name = f"sleep{os.getpid()}"
        process = subprocess.Popen([shutil.copy("/bin/sleep", f"{self.directory}/{name}"), "1000"])
        try:
            with Agent(
                self.directory, "--split", "comm", "--formats", "folded", "--include", f"^{name}$"
            ) as agent:
                agent.wait_windows(3)
                self.assertEqual(agent.end(), 0, agent.messages)
        finally:
            process.kill()
            process.wait()
        windows = [window.total for window in agent.folded(name, "off-cpu")]
        self.assertGreaterEqual(len(windows), 3)
        # Windows between others are whole: a second of sleep each, in microseconds.
        for window in windows[1:-1]:
            self.assertAlmostEqual(window, 1_000_000, delta=50_000)

    def test_the_window_is_cut_and_kept_when_it_ends(self):
        with Agent(self.directory, "--split", "comm", "--formats", "folded", window=3600) as agent:
            with Program("spin", cpu=CPUS[0]) as spin:
                spin.wait_cpu(1)
                self.assertEqual(agent.end(), 0, agent.messages)
        self.assertEqual(len(agent.folded("spin")), 1)
        self.assertEqual(agent.queued(), [])
        self.assertFalse(os.path.exists(agent.socket))

    def test_another_agent_does_not_take_the_same_spool(self):
        with Agent(self.directory) as agent:
            other = subprocess.run(
                [EPROF, "agent", *agent.words], capture_output=True, text=True, check=False
            )
            self.assertEqual(other.returncode, 1)
            self.assertIn(agent.spool, other.stderr)
            self.assertIsNone(agent.process.poll())


class Reload(EprofTest):
    def write_config(self, **keys):
        path = os.path.join(self.directory, "agent.conf")
        lines = [
            "[agent]",
            "window = 1",
            f"spool-dir = {self.directory}/spool",
            f"socket = {self.directory}/run/agent.sock",
            f"user = {NOBODY}",
            "split = comm",
            *(f"{name.replace('_', '-')} = {value}" for name, value in keys.items()),
            "[upload directory]",
            f"url = file://{self.directory}/uploads",
            "formats = folded",
        ]
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        os.chmod(path, 0o644)
        return path

    def test_a_hangup_reads_the_config_and_loses_no_window(self):
        config = self.write_config()
        with Agent(self.directory, config=config) as agent:
            with Program("spin", cpu=CPUS[0]) as spin:
                spin.wait_cpu(1.5)
                self.write_config(frequency=49)
                agent.process.send_signal(signal.SIGHUP)
                wait_until(
                    lambda: (agent.status() or {}).get("reloads") == 1, "a reload", agent.process
                )
                spin.wait_cpu(2)
                spin.end()
                self.assertEqual(agent.end(), 0, agent.messages)
        windows = agent.folded("spin")
        # What was before is there, at the one rate and at the other.
        self.assertGreaterEqual(sum(window.total for window in windows), 1.3 * HZ + 1.5 * 49)

    def test_a_config_that_is_wrong_changes_nothing(self):
        config = self.write_config()
        with Agent(self.directory, config=config) as agent:
            self.write_config(windw=3)
            agent.process.send_signal(signal.SIGHUP)
            agent.wait_windows(2)
            self.assertEqual(agent.end(), 0)
        self.assertIn("windw", agent.messages)


class Privileges(EprofTest):
    def test_it_is_another_user_with_few_capabilities(self):
        with Agent(self.directory) as agent:
            agent.wait_windows(1)
            pid, uploader = agent.process.pid, agent.uploader()
            for process in (pid, uploader):
                self.assertEqual(status_field(process, "Uid").split(), [str(NOBODY)] * 4)
                self.assertEqual(status_field(process, "NoNewPrivs"), "1")
                self.assertEqual(status_field(process, "Seccomp"), "2")
            for name in ("CapInh", "CapPrm", "CapEff", "CapAmb", "CapBnd"):
                self.assertEqual(int(status_field(uploader, name), 16), 0, name)
            for task in os.listdir(f"/proc/{pid}/task"):
                self.assertEqual(
                    status_field(f"{pid}/task/{task}", "CapEff"), status_field(pid, "CapEff")
                )
            self.assertEqual(agent.end(), 0, agent.messages)


class Costs(EprofTest):
    def test_memory_and_cpu_time_are_told_of_each_process(self):
        with Agent(self.directory, "--formats", "folded", "--split", "host") as agent:
            # Programs of ours have debug information.
            with Program("spin", cpu=CPUS[0]):
                taken = []
                wait_until(
                    lambda: taken.append(self.take(agent)) or taken[-1], "names", agent.process
                )
            own, reader, status, resident = taken[-1]
            self.assertGreater(reader, 0)
            self.assertGreaterEqual(status["cpu_seconds"], own + reader - 0.02)
            for name, size in resident.items():
                self.assertAlmostEqual(status[name], size, delta=size / 2, msg=name)
            self.assertGreater(status["heap_bytes"], 1 << 20)
            self.assertLess(status["heap_bytes"], status["rss_bytes"] + (16 << 20))
            self.assertEqual(agent.end(), 0, agent.messages)

    def take(self, agent):
        """CPU seconds of its own and of its reader, its status, and memory; None: no reader yet."""
        children = {status_field(pid, "Name"): pid for pid in agent.children()}
        if "eprof-dwarf" not in children:
            return None
        reader = children["eprof-dwarf"]
        with open(f"/proc/{agent.process.pid}/stat", encoding="ascii") as file:
            ticks = sum(map(int, file.read().rpartition(")")[2].split()[11:15]))
        with open(f"/proc/{reader}/schedstat", encoding="ascii") as file:
            reader_seconds = int(file.read().split()[0]) / NS
        status = agent.status()
        pids = {
            "rss_bytes": agent.process.pid,
            "uploader_rss_bytes": agent.uploader(),
            "reader_rss_bytes": reader,
        }
        resident = {
            name: int(status_field(pid, "VmRSS").split()[0]) << 10 for name, pid in pids.items()
        }
        # A reader that has only begun has no time to speak of.
        if not status or reader_seconds < 0.05 or not status["reader_rss_bytes"]:
            return None
        return ticks / os.sysconf("SC_CLK_TCK"), reader_seconds, status, resident


class Faults(EprofTest):
    def test_an_uploader_that_dies_is_started_again(self):
        with Agent(self.directory, "--formats", "folded", "--split", "host") as agent:
            agent.wait_windows(1)
            os.kill(agent.uploader(), signal.SIGKILL)
            wait_until(
                lambda: agent.status()["uploader_restarts"] == 1, "another one", agent.process
            )
            agent.wait_windows(2)
            self.assertEqual(agent.end(), 0, agent.messages)
        self.assertEqual(agent.queued(), [])

    def test_what_a_killed_agent_had_put_is_sent_by_the_next(self):
        words = ("--formats", "folded", "--split", "host")
        dead = "http://127.0.0.1:9/"  # the discard port: nobody listens
        with Agent(self.directory, *words, upload=dead) as agent:
            agent.wait_windows(2)
            waiting = agent.queued()
            agent.process.kill()
            agent.process.communicate()
        self.assertGreaterEqual(len(waiting), 2)
        with Agent(self.directory, *words, upload=dead) as agent:
            agent.wait_windows(1)
            self.assertLessEqual(set(waiting), set(agent.queued()))
            self.assertEqual(agent.end(), 0, agent.messages)


if __name__ == "__main__":
    main()
