# SPDX-License-Identifier: Apache-2.0
"""Calls eprof in an empty directory, and looks at what it says and leaves."""
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

EPROF = os.path.abspath(os.environ.get("EPROF_BINARY", "build/release/eprof"))


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="eprof-cli-")
        self.addCleanup(directory.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(directory.name)

    def call(self, *words, stdin=b"", stdout=subprocess.PIPE):
        """The finished process; what it was given and has said are bytes."""
        return subprocess.run([EPROF, *words], input=stdin, stdout=stdout,
                              stderr=subprocess.PIPE, timeout=60, check=False)

    def ok(self, *words, stdin=b""):
        """stdout of a call that succeeds without a word."""
        done = self.call(*words, stdin=stdin)
        self.assertEqual((done.returncode, done.stderr), (0, b""), words)
        return done.stdout

    def refused(self, code, part, *words, stdin=b""):
        """The call fails with that exit code and one line, with part in it, on stderr."""
        done = self.call(*words, stdin=stdin)
        line = done.stderr.decode()
        self.assertEqual(done.returncode, code, (words, line))
        self.assertIn(part, line)
        self.assertTrue(line.startswith("eprof: "), line)
        self.assertEqual(line.count("\n"), 1, line)
        return done.stdout

    def held(self, *words):
        """A process that has opened the pipe 'pipe', one of words, and the end to write to."""
        os.mkfifo("pipe")
        # pylint: disable-next=consider-using-with
        process = subprocess.Popen([EPROF, *words], stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, open("pipe", "wb", buffering=0)

    def has_no_place(self, *words):
        """The directory of d/x.svg, an output, goes, with all that is above it, as it is read."""
        os.makedirs("d/d")
        process, end = self.held(*words, "-o", "d/d/x.svg")
        with end:
            shutil.rmtree("d")
            end.write(b"main;work 1\n")
        line = process.stderr.read()
        self.assertEqual((process.wait(), line),
                         (1, b"eprof: cannot write 'd/d/x.svg': No such file or directory\n"))

    def leaves_nothing(self, *words):
        """Signals that end the program as it reads a pipe end it, and x.svg does not come to be."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            before = os.listdir()
            process, end = self.held(*words, "-o", "x.svg")
            with end:
                process.send_signal(number)
                self.assertEqual(process.wait(), -number)
            os.remove("pipe")
            self.assertEqual(sorted(os.listdir()), sorted(before), number)

    @staticmethod
    def write(path, content):
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def titles(self, svg):
        """What the frames of a picture say, which has to be well-formed."""
        root = xml.etree.ElementTree.fromstring(svg)
        return [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]

    def assert_says(self, svg, *parts):
        titles = "\n".join(text or "" for text in self.titles(svg))
        for part in parts:
            self.assertIn(part, titles)
