#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A writer and a reader of a spool are killed at random moments: what was said to be there is."""
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest

PROGRAMS = os.environ.get("EPROF_SPOOL_PROGRAMS", "build/dev/tests/spool")
TARGETS = ("0000000000000001", "0000000000000002")
KILLS = 120
FILES_MAX = 12  # that are put between two kills
REFUSED_PER = 5  # as in take.c


class Writer:
    """put, from a number that was not tried before."""

    def __init__(self, first):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen([PROGRAMS + "/put", "spool", str(first)],
                                        stdout=subprocess.PIPE)

    def wait_for(self, count):
        """The numbers that are there: so many, or all if it ends."""
        lines = [self.process.stdout.readline() for _ in range(count)]
        return [int(line) for line in lines if line]

    def kill(self):
        """What it said until it was killed; a line that is cut was not said."""
        self.process.kill()
        said = self.process.stdout.read()
        self.process.stdout.close()
        code = self.process.wait()
        assert code == -signal.SIGKILL, code
        return [int(line) for line in said.splitlines(keepends=True) if line.endswith(b"\n")]


class Reader:
    """take, of one target, that looks again when it is told to."""

    def __init__(self, target):
        # pylint: disable-next=consider-using-with
        self.process = subprocess.Popen(
            [PROGRAMS + "/take", "spool", target, "out-" + target, "wait"],
            stdin=subprocess.PIPE)

    def wake(self):
        os.write(self.process.stdin.fileno(), b"x")

    def kill(self):
        self.process.kill()
        self.process.stdin.close()
        code = self.process.wait()
        assert code == -signal.SIGKILL, code


class Kill(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="eprof-spool-")
        self.addCleanup(directory.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(directory.name)
        for target in TARGETS:
            os.mkdir("out-" + target)

    def kill_at_random(self, random_source):
        """The numbers that were said to be there, and the last that was tried."""
        there, first = [], 1
        writer, readers = Writer(first), {}
        there += writer.wait_for(1)
        for _ in range(KILLS):
            for target in TARGETS:
                if target not in readers:
                    readers[target] = Reader(target)
            there += writer.wait_for(random_source.randrange(FILES_MAX))
            for reader in readers.values():
                reader.wake()
            # In the middle of whatever they do.
            time.sleep(random_source.random() / 200)
            victim = random_source.randrange(len(TARGETS) + 1)
            if victim < len(TARGETS):
                readers.pop(TARGETS[victim]).kill()
                continue
            there += writer.kill()
            first = there[-1] + 2  # one was perhaps put without a word
            writer = Writer(first)
            there += writer.wait_for(1)
        for reader in readers.values():
            reader.kill()
        there += writer.kill()
        return there

    def drain(self):
        """What is left is taken without a writer."""
        for target in TARGETS:
            subprocess.run([PROGRAMS + "/take", "spool", target, "out-" + target], check=True,
                           timeout=60)

    def service_of(self, name):
        return int(name.split("-")[2])

    def test_what_was_said_to_be_there_arrives_once_whoever_is_killed(self):
        seed = int.from_bytes(os.urandom(4), "little")
        with self.subTest(seed=seed):
            there = self.kill_at_random(random.Random(seed))
            self.assertEqual(len(there), len(set(there)))
            self.assertGreater(len(there), KILLS)
            self.drain()
            for target in TARGETS:
                # Contents are checked by take.
                sent = {int(name) for name in os.listdir("out-" + target)}
                dead = os.listdir("spool/dead/" + target)
                dead = [name for name in dead if not name.startswith(".")]
                parked = [self.service_of(name) for name in dead if name.endswith(".pb.gz")]
                texts = [self.service_of(name) for name in dead if name.endswith(".txt")]
                self.assertEqual(len(parked), len(set(parked)))
                self.assertEqual(set(texts), set(parked))
                self.assertEqual(os.listdir("spool/queue/" + target), [])
                refused = {number for number in there if number % REFUSED_PER == 0}
                self.assertEqual(refused - set(parked), set())
                self.assertEqual(set(there) - refused - sent, set())
                # Each of the others was being put when the writer was killed.
                self.assertLessEqual(len((sent | set(parked)) - set(there)), KILLS)
                self.assertEqual(sent & set(parked), set())
            writer = Writer(max(there) + 2)
            writer.wait_for(1)
            writer.kill()


if __name__ == "__main__":
    unittest.main(verbosity=2)
