# SPDX-License-Identifier: Apache-2.0
"""A running `eprof agent`, and what its targets got."""

import collections
import contextlib
import glob
import json
import os
import signal
import subprocess

from harness import EPROF, Folded, LIMIT_SECONDS, wait_until

NOBODY = 65534

# A file in the spool, head and content.
Item = collections.namedtuple("Item", "target name head content")


class Agent:
    """Its files are below a directory that everybody may look into: it is another user's soon."""

    def __init__(
        self, directory, *words, upload=None, window=1, config=None, binary=EPROF, env=None
    ):
        os.chmod(directory, 0o755)
        self.directory = directory
        self.binary = binary
        self.uploads = os.path.join(directory, "uploads")
        self.spool = os.path.join(directory, "spool")
        self.socket = os.path.join(directory, "run/agent.sock")
        self.words = ["--window", str(window)]
        if config:
            self.words = ["--config", config]
        else:
            self.words += ["--spool-dir", self.spool, "--socket", self.socket]
            self.words += ["--user", str(NOBODY)]
            self.words += ["--upload", upload or "file://" + self.uploads]
        self.words += [str(word) for word in words]
        self.env = {**os.environ, **(env or {})}
        self.process = None
        self.messages = ""

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.binary, "agent", *self.words],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=self.env,
            text=True,
            errors="surrogateescape",
        )
        try:
            wait_until(lambda: self.status() is not None, "the agent answers", self.process)
        except AssertionError as error:
            self.process.kill()
            raise AssertionError(f"{error}\n{self.process.communicate()[1]}") from error
        return self

    def status(self):
        """The answer on its socket; None: there is none."""
        answer = subprocess.run(
            [EPROF, "agent", "--status", "--json", "--socket", self.socket],
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_SECONDS,
        )
        return json.loads(answer.stdout) if answer.returncode == 0 else None

    def wait_windows(self, count):
        """Until so many windows more are in the spool."""
        goal = self.windows() + count
        wait_until(lambda: self.windows() >= goal, f"{count} windows", self.process)

    def windows(self):
        """While it attaches to other CPUs it does not answer: an emulated machine takes seconds."""
        answers = []
        wait_until(lambda: answers.append(self.status()) or answers[-1], "it answers", self.process)
        return answers[-1]["windows"]

    def children(self):
        """Of all its threads."""
        pids = []
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/children"):
            with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
                pids += map(int, file.read().split())
        return pids

    def uploader(self):
        """The pid of the process that sends."""
        for pid in self.children():
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if b"uploader" in file.read():
                    return pid
        raise AssertionError("there is no uploader")

    def end(self, number=signal.SIGTERM):
        """Its exit code."""
        self.process.send_signal(number)
        _, self.messages = self.process.communicate(timeout=LIMIT_SECONDS)
        return self.process.returncode

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def folded(self, service, kind="on-cpu"):
        """What was uploaded of a service: a list, in the order of their times."""
        paths = sorted(
            glob.glob(f"{glob.escape(self.uploads)}/{service}/**/*-{kind}.folded", recursive=True)
        )
        profiles = []
        for path in paths:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                profiles.append(Folded(file.read()))
        return profiles

    def queued(self):
        """Names of what waits."""
        return sorted(os.path.basename(p) for p in glob.glob(self.spool + "/queue/*/*"))


def status_field(pid, name):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith(name + ":"):
                return line.split(":", 1)[1].strip()
    raise AssertionError(f"no {name}")


def read_item(path):
    """What a file in the spool is; None: it is gone."""
    try:
        with open(path, "rb") as file:
            head, _, content = file.read().partition(b"\n")
    except FileNotFoundError:
        return None
    target, name = path.split("/")[-2:]
    return Item(target, name, json.loads(head), content)


def read_items(agent):
    """What waits, in the order in which it is sent."""
    paths = sorted(glob.glob(agent.spool + "/queue/*/*"))
    return [item for item in map(read_item, paths) if item]


def read_uploads(agent):
    """What the directory has, by name."""
    found = {}
    for path in glob.glob(agent.uploads + "/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[os.path.relpath(path, agent.uploads)] = file.read()
    return found
