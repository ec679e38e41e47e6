#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whatever was answered is there after SIGKILL, once."""

import concurrent.futures
import http.client
import os
import random
import signal
import sqlite3
import threading
import unittest

from server import LIMIT_SECONDS, NOON, ServerTest, pprof_of

KILLS = int(os.environ.get("EPROF_KILLS", "12"))
WRITERS = 4


class Kills(ServerTest):
    def put_one(self, number, count):
        """The count-th profile of a writer."""
        span = {"from": NOON + count % 3600, "until": NOON + count % 3600 + 60}
        profile = self.profiles[count % len(self.profiles)]
        answer = self.server.put(profile, id=f"{number}-{count}", **span)
        self.assertEqual(answer.status, 200, answer.body)

    def write(self, number):
        """One after the other, each until it is answered. How many were."""
        count = 0
        while not self.is_over:
            try:
                self.put_one(number, count)
            except (OSError, http.client.HTTPException):
                continue  # Was it kept? It is sent again.
            count += 1
            with self.answered:
                self.total += 1
                self.answered.notify()
        return count

    def kill_often(self, writers):
        numbers = random.Random(11)
        for _ in range(KILLS):
            with self.answered:
                goal = self.total + numbers.randrange(1, 60)
                self.answered.wait_for(
                    lambda: self.total >= goal or any(writer.done() for writer in writers),
                    LIMIT_SECONDS,
                )
            self.server.end(signal.SIGKILL)
            self.server.start()

    def test_nothing_that_was_answered_is_lost_or_counted_twice(self):
        self.profiles = [pprof_of(f"a;f{i};g 1\n") for i in range(16)]
        self.answered, self.total, self.is_over = threading.Condition(), 0, False
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            writers = [pool.submit(self.write, i) for i in range(WRITERS)]
            try:
                self.kill_often(writers)
            finally:
                self.is_over = True
            counts = [writer.result() for writer in writers]
        self.assertEqual(sum(counts), self.total)
        self.assertGreater(self.total, KILLS)
        # What was on its way at the end may be there, or not: then it comes now.
        for number, count in enumerate(counts):
            self.put_one(number, count)
        merged = self.server.merge().body.decode()
        counted = sum(int(line.rsplit(" ", 1)[1]) for line in merged.splitlines())
        self.assertEqual(counted, 10000 * (self.total + WRITERS))
        self.assertEqual(self.server.end(), 0)
        with sqlite3.connect(self.server.data + "/2026-01-02.db") as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])


if __name__ == "__main__":
    unittest.main(verbosity=2)
