# SPDX-License-Identifier: Apache-2.0
"""What `eprof agent` says while it runs, and when it cannot."""

import os
import signal
import subprocess

from agent import Agent, NOBODY
from harness import EPROF, EprofTest, LIMIT_SECONDS, main, wait_until


class Messages(EprofTest):
    def lines(self, agent, number=signal.SIGTERM):
        """What it said, but for what this machine does not let it have."""
        self.assertEqual(agent.end(number), 0, agent.messages)
        return [line for line in agent.messages.splitlines() if "ulimit -r" not in line]

    def test_it_says_when_it_begins_and_what_is_left_at_the_end(self):
        with Agent(self.directory, "--formats", "folded", "--split", "host") as agent:
            agent.wait_windows(1)
            begin, end = self.lines(agent, signal.SIGINT)
        self.assertRegex(begin, rf"^samples \d+ CPUs? as user {NOBODY}; a window of 1 s is sent to ")
        self.assertRegex(end, r"^ended after \d+ windows?; 0 files wait in the spool$")

    def test_a_directory_that_is_somebody_elses_is_named_and_its_files_wait(self):
        other = os.path.join(self.directory, "other")
        os.mkdir(other, 0o700)
        with Agent(
            self.directory, "--formats", "folded", "--split", "host", upload="file://" + other
        ) as agent:
            agent.wait_windows(1)
            wait_until(
                lambda: agent.status()["targets"][0]["uploads"]["last_error"],
                "an attempt fails",
                agent.process,
            )
            _, warning, end = self.lines(agent)
        self.assertIn(f"cannot open the directory '{other}': Permission denied", warning)
        self.assertNotIn("; 0 files", end)
        self.assertGreater(len(agent.queued()), 0)

    def test_what_it_may_not_use_is_one_line_with_the_user(self):
        os.chmod(self.directory, 0o755)
        other = os.path.join(self.directory, "other")
        os.mkdir(other, 0o700)
        for words in (
            ["--spool-dir", other, "--socket", self.directory + "/run/s"],
            ["--spool-dir", self.directory + "/spool", "--socket", other + "/s"],
        ):
            agent = subprocess.run(
                [EPROF, "agent", "--user", str(NOBODY), "--log-level", "error", *words]
                + ["--upload", f"file://{self.directory}/uploads"],
                capture_output=True,
                text=True,
                check=False,
                timeout=LIMIT_SECONDS,
            )
            self.assertEqual(agent.returncode, 1)
            self.assertRegex(
                agent.stderr, rf"\Aeprof: [^\n]*'{other}[^\n]* as user {NOBODY}: Perm[^\n]*\n\Z"
            )


if __name__ == "__main__":
    main()
