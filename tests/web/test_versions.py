#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files of every version of the store that there ever was: what is in them is found, and goes on.

day_N.sql is a day as the first eprof-server of that version wrote it (test_versions.py --write makes
that of today's): a new version of web/day_schema.c comes with another one.
"""

import contextlib
import glob
import os
import re
import sqlite3
import sys
import tempfile
import unittest

from server import NOON, Server, ServerTest, pprof_of

HERE = os.path.dirname(os.path.abspath(__file__))
DAY = "2026-01-02.db"
STACKS = ("main;work 3\nmain;serve;read_[k] 5\n", "main;work 7\nmain;[note] 1\n")
MERGED = "main;[note] 10000\nmain;serve;read_[k] 50000\nmain;work 100000\n"


def put_all(server):
    for number, folded in enumerate(STACKS):
        span = {"from": NOON + 60 * number, "until": NOON + 60 * number + 60}
        answer = server.put(pprof_of(folded), id=str(number), label_zone="é'", **span)
        assert answer.status == 200, answer.body


def dump():
    with tempfile.TemporaryDirectory() as directory:
        with Server(directory, "--insecure") as server:
            put_all(server)
            server.end()
        with contextlib.closing(sqlite3.connect(os.path.join(directory, "data", DAY))) as day:
            version = day.execute("PRAGMA user_version").fetchone()[0]
            text = f"PRAGMA user_version = {version};\n" + "\n".join(day.iterdump()) + "\n"
    with open(f"{HERE}/day_{version}.sql", "w", encoding="utf-8") as file:
        file.write(text)


class Versions(ServerTest):
    def restart_with(self, script):
        self.assertEqual(self.server.end(), 0)
        with contextlib.closing(sqlite3.connect(os.path.join(self.server.data, DAY))) as day:
            day.executescript(script)
        self.server.start()

    def test_each_is_read_and_written(self):
        paths = glob.glob(HERE + "/day_*.sql")
        self.assertTrue(paths)
        for path in paths:
            with self.subTest(os.path.basename(path)), open(path, encoding="utf-8") as file:
                directory = tempfile.TemporaryDirectory(prefix="eprof-web-")
                self.addCleanup(directory.cleanup)
                self.server.end()
                self.server = Server(directory.name, *self.WORDS)
                self.server.start()
                self.addCleanup(self.server.__exit__)
                self.restart_with(file.read())
                self.assert_merged(self.server.merge(label_zone="é'"), MERGED)
                # Known, and another one.
                again = self.server.put(pprof_of(STACKS[0]), id="0", label_zone="é'")
                self.assert_stored(again, False)
                self.assert_stored(self.server.put(pprof_of("main;work 1\n"), id="new"))
                self.assert_merged(self.server.merge(), MERGED.replace("100000", "110000"))

    def test_todays_has_a_file(self):
        self.assert_stored(self.server.put(pprof_of("a 1\n")))
        self.assertEqual(self.server.end(), 0)
        with contextlib.closing(sqlite3.connect(os.path.join(self.server.data, DAY))) as day:
            version = day.execute("PRAGMA user_version").fetchone()[0]
        known = [int(re.search(r"day_(\d+)\.sql$", path)[1]) for path in glob.glob(HERE + "/day_*.sql")]
        self.assertEqual(sorted(known), list(range(1, version + 1)))

    def test_a_newer_one_is_left_alone(self):
        self.restart_with("PRAGMA user_version = 99;")
        self.assertEqual(self.server.put(pprof_of("a 1\n")).status, 500)
        self.assertEqual(self.server.merge().status, 500)
        with contextlib.closing(sqlite3.connect(os.path.join(self.server.data, DAY))) as day:
            self.assertEqual(day.execute("SELECT count(*) FROM sqlite_master").fetchone(), (0,))


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        dump()
    else:
        unittest.main()
