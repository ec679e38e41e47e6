#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A disk that is full: agents are told to come again, what was acknowledged is there, and it goes on
when there is room."""

import os
import subprocess
import unittest

from server import LIMIT_SECONDS, NOON, Server, ServerTest, pprof_of

MIB = 1 << 20
PUTS_MAX = 2000


def stacks(number):
    """1,000 stacks that no other profile has."""
    return "".join(f"app;f{number};g{number}x{i};{'leaf' * 9}{i} 1\n" for i in range(1000))


@unittest.skipUnless(os.geteuid() == 0, "a file system is mounted: run as root")
class Full(ServerTest):
    def setUp(self):
        super().setUp()
        self.server.__exit__()
        self.disk = self.directory + "/disk"
        os.mkdir(self.disk)
        mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", self.disk]
        if subprocess.run(mount, check=False, timeout=LIMIT_SECONDS).returncode:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=True)
        self.server = Server(self.disk, *self.WORDS)
        self.server.start()
        self.addCleanup(self.server.__exit__)

    def put_number(self, number):
        return self.server.put(pprof_of(stacks(number)), id=str(number))

    def test_it_fills_and_goes_on(self):
        self.assert_stored(self.server.put(pprof_of("first 1\n"), id="first"))
        kept = 0
        while (answer := self.put_number(kept)).status == 200:
            kept += 1
            self.assertLess(kept, PUTS_MAX)
        self.assertGreater(kept, 2)
        self.assert_error(answer, 507, "disk of the store is full")
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.check(kept)
        subprocess.run(["mount", "-o", "remount,size=64m", self.disk], check=True)
        self.assert_stored(self.put_number(kept))
        self.assert_stored(self.put_number(0), False)
        self.check(kept + 1)
        self.server.end()
        self.server.start()
        self.check(kept + 1)

    def check(self, kept):
        answer = self.server.ask("GET", "/api/v1/top", kind="on-cpu", limit=1,
                                 **{"from": NOON, "until": NOON + 60})
        self.assertEqual(answer.status, 200, answer.body)
        self.assertIn(f'"total":"{(1000 * kept + 1) * 10_000_000}"', answer.body.decode().replace(" ", "")
                      .replace("\t", ""))


if __name__ == "__main__":
    unittest.main()
