# SPDX-License-Identifier: Apache-2.0
"""`./dev demo --server`: a page with profiles of an agent, until Ctrl-C."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from harness import LIMIT_SECONDS, ROOT, main, wait_until

DATA = os.path.join(ROOT, "eprof-demo-server")
PROGRAMS = ("eprof-server", "eprof agent", "eprof-demo")


def session_of(leader):
    """The commands that live in its session."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.getsid(int(name)) == leader:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    command = file.read().replace(b"\0", b" ").decode()
                if command:
                    found.append(command)
    return found


class DemoServer(unittest.TestCase):
    def setUp(self):
        if not os.path.exists(DATA):
            self.addCleanup(shutil.rmtree, DATA, True)
        # What it makes there, it has to take away again; the agent is somebody else.
        self.scratch = tempfile.mkdtemp(prefix="eprof-test-")
        self.addCleanup(shutil.rmtree, self.scratch, True)
        os.chmod(self.scratch, 0o755)
        self.process = subprocess.Popen(
            [os.path.join(ROOT, "dev"), "demo", "--server"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            env={**os.environ, "TMPDIR": self.scratch},
        )
        self.addCleanup(self.abandon)

    def abandon(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def read_url(self):
        for line in self.process.stdout:
            if found := re.search(r"^ +(http://\S+/)$", line):
                return found[1]
        raise AssertionError("it has ended without a URL")

    def services(self, url):
        now = int(time.time())
        query = f"api/v1/values?name=service&from={now - 600}&until={now + 60}"
        try:
            with urllib.request.urlopen(url + query, timeout=LIMIT_SECONDS) as answer:
                return json.load(answer)["values"]
        except urllib.error.URLError:
            return []

    def test_the_page_has_profiles_of_all_that_runs_until_ctrl_c(self):
        url = self.read_url()
        wait_until(lambda: self.services(url), "profiles", self.process)
        with urllib.request.urlopen(url, timeout=LIMIT_SECONDS) as answer:
            self.assertIn("text/html", answer.headers["Content-Type"])
        commands = session_of(self.process.pid)
        for program in PROGRAMS:
            self.assertTrue(any(program in command for command in commands), commands)
        os.killpg(self.process.pid, signal.SIGINT)
        self.assertNotEqual(self.process.wait(LIMIT_SECONDS), 0)
        wait_until(lambda: not session_of(self.process.pid), "the end of all that it began")
        self.assertEqual(os.listdir(self.scratch), [])


if __name__ == "__main__":
    main()
