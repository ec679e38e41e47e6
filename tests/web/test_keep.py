#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What becomes of old profiles: coarser, with the same sums; and gone, by age and by bytes."""

import contextlib
import glob
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import time
import unittest

from server import LIMIT_SECONDS, NOON, ROOT, ServerTest, pprof_of

DAY = 86400
MINUTES = 120
ALL = {"from": NOON - 10 * DAY, "until": NOON + 10 * DAY}


class KeepTest(ServerTest):
    def restart(self, *words):
        """With other words, which come behind those that keep everything."""
        if self.server.process.poll() is None:
            self.assertEqual(self.server.end(), 0)
        self.server.words = (*self.WORDS, *words)
        self.server.start()

    def put_minutes(self):
        """Two hours of two hosts; all stacks of one have weights that are in no other."""
        chance = random.Random(8)
        for minute in range(MINUTES):
            for host in ("a", "b"):
                stacks = "".join(
                    f"app;f{chance.randrange(9)};g{chance.randrange(9)} {chance.randrange(1, 99)}\n"
                    for _ in range(5)
                )
                start = NOON + 60 * minute
                span = {"from": start, "until": start + 60, "host": host}
                self.assert_stored(self.server.put(pprof_of(stacks), id=f"{host}{minute}", **span))

    def points(self):
        answer = self.server.ask("GET", "/api/v1/series", kind="on-cpu", step=60, by="host", **ALL)
        self.assertEqual(answer.status, 200, answer.body)
        return json.loads(answer.body)["points"]

    def windows(self):
        """How many there are in all files."""
        count = 0
        for path in glob.glob(glob.escape(self.server.data) + "/*.db"):
            try:
                with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as day:
                    count += day.execute("SELECT count(*) FROM window").fetchone()[0]
            except sqlite3.OperationalError:
                # It goes at this moment.
                self.assertFalse(os.path.exists(path))
        return count

    def await_windows(self, count):
        limit = time.monotonic() + LIMIT_SECONDS
        while (windows := self.windows()) != count:
            self.assertLess(time.monotonic(), limit, f"{windows} windows")
            time.sleep(0.05)

    def pictures(self):
        """Of each host, and of both: what they are merged to."""
        return [self.server.merge(**ALL, **of).body for of in ({}, {"host": "a"}, {"host": "b"})]


class Coarser(KeepTest):
    def test_the_sums_stay(self):
        self.put_minutes()
        before, points = self.pictures(), self.points()
        self.assertEqual((len(points), self.windows()), (2 * MINUTES, 2 * MINUTES))
        for words, windows in (
            (("--minutes-after", "1d"), 2 * MINUTES // 10),
            (("--hours-after", "1d"), 2 * MINUTES // 60),
        ):
            self.restart(*words)
            self.await_windows(windows)
            self.assertEqual(self.pictures(), before)
            self.assertEqual(
                sum(int(point["count"]) for point in self.points()),
                sum(int(point["count"]) for point in points),
            )

    def test_what_comes_late_joins(self):
        self.put_minutes()
        self.restart("--hours-after", "1d", "--housekeeping", "1s")
        self.await_windows(4)
        self.assert_stored(self.server.put(pprof_of("late 7\n"), id="late"))
        self.await_windows(4)
        self.assertIn(b"late 70000\n", self.server.merge(**ALL).body)
        self.assert_stored(self.server.put(pprof_of("late 7\n"), id="late"), False)

    def test_what_is_young_stays_as_it_is(self):
        now = int(time.time()) // 60 * 60
        for minute in range(3):
            start = now - 60 * (minute + 1)
            span = {"from": start, "until": start + 60}
            self.assert_stored(self.server.put(pprof_of("a 1\n"), id=str(minute), **span))
        self.assert_stored(self.server.put(pprof_of("a 1\n"), id="x"))
        self.assert_stored(self.server.put(pprof_of("a 1\n"), id="y", **{"from": NOON + 60, "until": NOON + 120}))
        self.restart("--hours-after", "1d")
        self.await_windows(1 + 3)
        answer = self.server.ask(
            "GET", "/api/v1/series", kind="on-cpu", step=60, **{"from": now - 300, "until": now}
        )
        self.assertEqual(len(json.loads(answer.body)["points"]), 3)


class Gone(KeepTest):
    def put_days(self):
        for day in range(-3, 3):
            start = NOON + DAY * day
            span = {"from": start, "until": start + 60}
            self.assert_stored(self.server.put(pprof_of("a 1\n"), id=str(day), **span))

    def files(self):
        return sorted(name for name in os.listdir(self.server.data) if name.endswith(".db"))

    def test_by_age(self):
        self.put_days()
        age = int(time.time()) - NOON - DAY // 2
        self.restart("--keep", f"{age}s", "--housekeeping", "1s")
        self.await_windows(2)
        self.assertEqual(self.files(), ["2026-01-03.db", "2026-01-04.db"])

    def test_by_bytes(self):
        self.put_days()
        # What was written last is in the files when they are closed.
        self.assertEqual(self.server.end(), 0)
        sizes = [os.stat(os.path.join(self.server.data, name)).st_blocks * 512
                 for name in self.files()]
        self.restart(
            "--keep-bytes", str(sum(sizes[-2:]) + sizes[0] // 2), "--housekeeping", "1s"
        )
        self.await_windows(2)
        self.assertEqual(self.files(), ["2026-01-03.db", "2026-01-04.db"])


@unittest.skipUnless(shutil.which("sqlite3"), "sqlite3 is not installed")
class Backup(ServerTest):
    WORDS = ("--insecure",)

    def run_documented(self, beginning, backup):
        """The command of the man page that begins like that."""
        with open(ROOT + "/web/eprof-server.1", encoding="utf-8") as file:
            page = file.read().replace("\\-", "-")
        (command,) = re.findall(rf"\.nf\n({re.escape(beginning)}.*)\n\.fi", page)
        command = command.replace("DIR", self.server.data).replace("BACKUP", backup)
        subprocess.run(["bash", "-ec", command], check=True, timeout=LIMIT_SECONDS)

    def merged(self):
        return self.server.merge(**ALL).body.decode()

    def test_what_was_there_is_there_again_after_a_crash(self):
        backup = os.path.join(self.directory, "backup")
        os.mkdir(backup)
        for day in range(2):
            span = {"from": NOON + day * DAY, "until": NOON + day * DAY + 60}
            self.assert_stored(self.server.put(pprof_of(f"day{day} 1\n"), id=f"{day}", **span))
        before = self.merged()
        self.run_documented("for f in", backup)
        for number in range(20):
            self.assert_stored(self.server.put(pprof_of("later 1\n"), id=f"later{number}"))
        self.assertNotEqual(self.merged(), before)
        # What it leaves beside its files is of these, and not of those of the backup.
        self.server.process.kill()
        self.server.process.communicate()
        self.assertTrue(glob.glob(glob.escape(self.server.data) + "/*-wal"))
        self.run_documented("rm -f", backup)
        self.server.start()
        self.assertEqual(self.merged(), before)
        self.assert_stored(self.server.put(pprof_of("later 1\n"), id="later0"))


if __name__ == "__main__":
    unittest.main()
