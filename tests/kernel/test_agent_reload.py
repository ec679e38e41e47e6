# SPDX-License-Identifier: Apache-2.0
"""`eprof agent`: what a reload must not break, and a process that cannot be started."""

import glob
import os
import shutil
import signal
import subprocess

from agent import Agent, NOBODY
from harness import EPROF, EprofTest, Folded, LIMIT_SECONDS, Program, main, wait_until

HZ, LEAST_HZ = 99, 7  # agent/agent_budget.c


class Reload(EprofTest):
    def write_config(self, *lines, spool="spool"):
        path = os.path.join(self.directory, "agent.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                "\n".join(
                    [
                        "[agent]",
                        "window = 1",
                        f"spool-dir = {self.directory}/{spool}",
                        f"socket = {self.directory}/run/agent.sock",
                        f"user = {NOBODY}",
                        "split = host",
                        *lines,
                        "[upload directory]",
                        f"url = file://{self.directory}/uploads",
                        "formats = folded",
                    ]
                )
                + "\n"
            )
        os.chmod(path, 0o644)
        return path

    def hang_up(self, agent, reloads):
        agent.process.send_signal(signal.SIGHUP)
        wait_until(
            lambda: (agent.status() or {}).get("reloads") == reloads, "a reload", agent.process
        )

    def uploads(self):
        return set(glob.glob(f"{self.directory}/uploads/**/*.folded", recursive=True))

    def test_what_follows_a_change_of_the_spool_is_sent_from_the_one_in_use(self):
        with Agent(self.directory, config=self.write_config()) as agent:
            agent.wait_windows(1)
            os.makedirs(f"{self.directory}/elsewhere")
            os.chown(f"{self.directory}/elsewhere", NOBODY, NOBODY)
            self.write_config(spool="elsewhere")
            self.hang_up(agent, 1)
            before = self.uploads()
            wait_until(lambda: len(self.uploads() - before) >= 2, "uploads", agent.process)
            self.assertEqual(agent.end(), 0, agent.messages)
        self.assertIn("spool-dir", agent.messages)

    def test_a_config_by_which_nothing_can_be_sampled_changes_nothing(self):
        with Agent(self.directory, config=self.write_config()) as agent:
            self.write_config("cgroup = /there/is/none")
            agent.process.send_signal(signal.SIGHUP)
            agent.wait_windows(2)
            self.assertEqual(agent.status()["reloads"], 0)
            self.assertEqual(agent.end(), 0, agent.messages)
        self.assertIn("/there/is/none", agent.messages)
        self.assertIn("goes on with the config as it was", agent.messages)

    def test_windows_that_begin_in_the_same_second_are_files_of_their_own(self):
        with Agent(self.directory, config=self.write_config()) as agent:
            for reloads in range(1, 6):
                self.hang_up(agent, reloads)
            self.assertEqual(agent.end(), 0, agent.messages)
            kinds = [path.rsplit("-", 2)[1:] for path in self.uploads()]
        # The agent itself is what is always off a CPU.
        self.assertGreaterEqual(kinds.count(["off", "cpu.folded"]), 6)

    def wait_hz(self, agent, hz):
        wait_until(
            lambda: (agent.status() or {}).get("sample_hz") == hz, f"{hz} Hz", agent.process
        )

    def test_a_budget_lowers_the_rate_for_as_long_as_it_is_there(self):
        config = self.write_config("max-cpu = 0.01", "cpu = 0")
        with Agent(self.directory, config=config) as agent, Program("spin", 120, cpu=0):
            self.wait_hz(agent, LEAST_HZ)
            self.hang_up(agent, 1)
            status = agent.status()
            # What was sampled more often may still be on its way.
            agent.wait_windows(2)
            before = self.uploads()
            wait_until(lambda: len(self.on_cpu_since(before)) >= 2, "windows", agent.process)
            lowered = [folded.total for folded in self.on_cpu_since(before)]
            self.write_config("max-cpu = 10000", "cpu = 0")
            self.hang_up(agent, 2)
            self.wait_hz(agent, HZ)
            self.assertEqual(agent.end(), 0, agent.messages)
        self.assertEqual((status["sample_hz"], status["asked_hz"]), (LEAST_HZ, HZ))
        # Of a CPU that is never idle, for a second each.
        self.assertGreater(min(lowered), 0)
        self.assertLess(max(lowered), 0.5 * HZ)
        self.assertRegex(agent.messages, r"took [0-9.]+ % of a CPU, of 0\.01 \(max-cpu\)")

    def on_cpu_since(self, before):
        found = []
        for path in sorted(self.uploads() - before):
            if path.endswith("-on-cpu.folded"):
                with open(path, encoding="utf-8", errors="surrogateescape") as file:
                    found.append(Folded(file.read()))
        return found

    def test_what_waits_in_the_spool_is_told_before_the_first_window(self):
        words = ("--formats", "folded", "--split", "host")
        dead = "http://127.0.0.1:9/"  # the discard port: nobody listens
        with Agent(self.directory, *words, upload=dead) as agent:
            agent.wait_windows(1)
            self.assertEqual(agent.end(), 0, agent.messages)
        with Agent(self.directory, *words, upload=dead, window=3600) as agent:
            status = agent.status()
            self.assertEqual(status["windows"], 0)
            self.assertEqual(status["targets"][0]["spool"]["files"], len(agent.queued()))
            self.assertEqual(agent.end(), 0, agent.messages)


class Directories(EprofTest):
    def test_one_that_cannot_be_given_to_the_user_does_not_stay(self):
        agent = Agent(self.directory)
        done = subprocess.run(
            ["setpriv", "--bounding-set=-chown", "--inh-caps=-chown", EPROF, "agent", *agent.words],
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(agent.spool, done.stderr)
        self.assertFalse(os.path.exists(agent.spool))


class Uploader(EprofTest):
    def test_one_that_cannot_be_started_for_now_ends_nothing(self):
        binary = shutil.copy(EPROF, self.directory + "/eprof")
        words = ("--formats", "folded", "--split", "host")
        with Agent(self.directory, *words, binary=binary) as agent:
            agent.wait_windows(1)
            os.chmod(binary, 0)  # it may not be executed any more
            os.kill(agent.uploader(), signal.SIGKILL)
            for line in agent.process.stderr:
                if "cannot start the process" in line:
                    break
            os.chmod(binary, 0o755)
            wait_until(
                lambda: (agent.status() or {}).get("uploader_restarts") == 1,
                "another one",
                agent.process,
            )
            self.assertEqual(agent.end(), 0, agent.messages)


if __name__ == "__main__":
    main()
