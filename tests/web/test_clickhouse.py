#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Profiles in ClickHouse: the same answers as of SQLite, byte for byte, whatever happens between."""

import concurrent.futures
import json
import os
import random
import subprocess
import sys
import time
import unittest

from clickhouse import ClickHouse, is_installed
from clickhouse_case import ALL, DATABASE, DAY, MINUTES, ClickHouseTest, Houses, SameAnswers
from server import KEEPING, LIMIT_SECONDS, NOON, SERVER, pprof_of


class Same(SameAnswers):
    def test_what_is_asked_has_the_same_answers(self):
        self.put_minutes()
        self.assert_all_the_same()

    def test_after_coarsening_and_with_what_comes_late(self):
        self.put_minutes()
        self.check_coarsening()

    def test_windows_of_a_day_stay_as_they_are(self):
        """Nothing is longer than what a question looks back for."""
        for number in range(2):
            long = {"from": NOON + 2 * number, "until": NOON + 2 * number + DAY}
            self.put_both(pprof_of(f"long{number} 8640\n"), id=f"l{number}", **long)
            short = {"from": NOON + 60 * number, "until": NOON + 60 * number + 60}
            self.put_both(pprof_of("short 1\n"), id=f"s{number}", host="b", **short)
        self.start_again("--housekeeping", "1s", "--hours-after", "1d")
        self.await_rows(3)
        span = {"from": NOON - 10, "until": NOON + 60}
        answer = self.assert_same("/api/v1/series", kind="on-cpu", step=1, host="a", **span)
        self.assertEqual(answer.status, 200, answer.body)
        self.assert_same("/api/v1/merge", kind="on-cpu", format="folded", **ALL)

    def test_servers_take_turns_to_put_windows_together(self):
        self.put_minutes()
        before = self.merged()
        others = [Houses(self.house, "--insecure", "--housekeeping", "1s", "--minutes-after", "1d",
                         "--hours-after", "1d") for _ in range(4)]
        # All of them begin with it at once.
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for server in pool.map(Houses.start, others):
                self.addCleanup(server.__exit__)
        self.await_rows(2 * 2 * 3)
        self.assertEqual(self.merged(), before)
        self.assertEqual(self.merged(kind="off-cpu"), others[3].merge(kind="off-cpu", **ALL).body.decode())
        for server in others:
            self.assertEqual(server.end(), 0)
        self.assertEqual(self.ask("SHOW TABLES LIKE 'housekeeper%'"), [])

    def test_who_dies_in_its_turn_is_in_the_way_for_an_hour(self):
        self.put_minutes()
        (now,), = self.ask("SELECT toUInt32(now())")
        hour = int(now) // 3600
        for number in (hour - 2, hour, hour + 1):
            self.ask(f"CREATE TABLE housekeeper_{number} (day UInt32) ENGINE = MergeTree() ORDER BY day")
        rows = self.ask("SELECT count() FROM profiles")
        self.start_again("--housekeeping", "1s", "--minutes-after", "1d")
        # What is older is dropped by who comes next.
        self.await_rows(2, "SELECT count() FROM system.tables WHERE name LIKE 'housekeeper%'")
        self.assertEqual(self.ask("SELECT count() FROM profiles"), rows)
        for number in (hour, hour + 1):
            self.ask(f"DROP TABLE housekeeper_{number}")
        self.await_rows(2 * 2 * 3 * MINUTES // 10)

    def test_names_that_are_hostile(self):
        names = ["'", "\\", "\\'", "');DROP TABLE profiles;--", "{x:String}", "a\tb", "%27", "é\u2028"]
        for number, name in enumerate(names):
            self.put_both(
                pprof_of(f"app;{name.replace(' ', '_')} 1\n"),
                id=name,
                service=name,
                **{"label.zone " + name: name},
            )
            self.put_both(pprof_of("x 1\n"), id=f"other{number}", label_zone=name)
        for name in names:
            for of in ({"service": name}, {"label_zone": name}, {"label.zone " + name: name}):
                answer = self.assert_same(
                    "/api/v1/merge", kind="on-cpu", format="folded", **of, **ALL
                )
                self.assertEqual(answer.status, 200, (of, answer.body))
            self.assert_same("/api/v1/series", kind="on-cpu", step=60, by=name, **ALL)
            self.assert_same("/api/v1/values", name="zone " + name, **ALL)
        self.assert_same("/api/v1/values", name="service", **ALL)
        self.assertEqual(len(self.ask("SELECT id FROM profiles")), 2 * len(names))

    def test_days_go_by_age(self):
        for day in range(-2, 3):
            span = {"from": NOON + DAY * day, "until": NOON + DAY * day + 60}
            self.put_both(pprof_of(f"a{day} 1\n"), id=str(day), **span)
        age = int(time.time()) - NOON - DAY // 2
        self.start_again("--keep", f"{age}s")
        for table in ("profiles", "stacks", "frames"):
            self.await_rows(2, f"SELECT count(DISTINCT day) FROM {table}")
        self.assert_same("/api/v1/merge", kind="on-cpu", format="folded", **ALL)
        self.assertEqual(self.merged(), "a1 10000\na2 10000\n")


class Fleet(ClickHouseTest):
    def test_a_profile_sent_again_is_known(self):
        body = pprof_of("a 1\n")
        self.assert_stored(self.server.put(body))
        self.assert_stored(self.server.put(body), False)
        # Another day's is another one.
        self.assert_stored(self.server.put(body, **{"from": NOON + DAY, "until": NOON + DAY + 60}))
        self.assertEqual(self.merged(), "a 20000\n")

    def test_an_answer_is_given_again_while_nobody_is_told_anything(self):
        other = self.enter(Houses(self.house, "--insecure"))
        self.assert_stored(other.put(pprof_of("a 1\n"), id="one"))
        span = {"from": NOON, "until": NOON + 60}
        # The engine may merge parts, after which it is asked again.
        for _ in range(100):
            self.assertEqual(self.server.merge(**span).body, b"a 10000\n")
            if self.server.cached():
                break
        self.assertEqual(self.server.cached(), 1)
        self.assert_stored(other.put(pprof_of("b 1\n"), id="two"))
        self.assertEqual(self.server.merge(**span).body, b"a 10000\nb 10000\n")
        self.house.ask(f"ALTER TABLE {DATABASE}.profiles DROP PARTITION {NOON // DAY}")
        self.assertEqual(self.server.merge(**span).status, 404)

    def test_what_comes_together_may_be_of_any_days(self):
        body = pprof_of("a 1\n")

        def put(day):
            span = {"from": NOON - day * DAY, "until": NOON - day * DAY + 60}
            return self.server.put(body, id=str(day), **span).status

        # More than an insert may have partitions; and more than are sent at once.
        with concurrent.futures.ThreadPoolExecutor(256) as pool:
            self.assertEqual(set(pool.map(put, range(300))), {200})
        self.assertEqual(self.ask("SELECT count(DISTINCT day) FROM profiles"), [["300"]])

    def test_two_servers_are_told_the_same_at_once(self):
        other = self.enter(Houses(self.house, "--insecure"))
        bodies = [pprof_of(f"main;f{number % 5} {number + 1}\n") for number in range(60)]

        def put(job):
            server, number = job
            span = {"from": NOON + number, "until": NOON + number + 60}
            return server.put(bodies[number], id=str(number), **span).status

        jobs = [(server, number) for number in range(60) for server in (self.server, other)]
        random.Random(1).shuffle(jobs)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            self.assertEqual(set(pool.map(put, jobs)), {200})
        expected = "".join(
            f"main;f{f} {sum(number + 1 for number in range(60) if number % 5 == f)}0000\n"
            for f in range(5)
        )
        self.assertEqual(self.merged(), expected)
        self.assertEqual(other.merge(**ALL).body.decode(), expected)

    def test_clickhouse_is_gone_for_a_while(self):
        body = pprof_of("a 1\n")
        kept = 0
        for number in range(10):
            kept += self.server.put(body, id=str(number)).status == 200
        self.assertEqual(kept, 10)
        self.house.end()
        answer = self.server.put(body, id="gone")
        self.assertEqual(answer.status, 503, answer.body)
        self.assertIn("Retry-After", answer.headers)
        self.assertEqual(self.server.merge(**ALL).status, 503)
        self.assertEqual(self.server.ask("GET", "/healthz").status, 200)
        self.house.start()
        self.assertEqual(self.merged(), "a 100000\n")
        self.assert_stored(self.server.put(body, id="gone"))
        self.assertEqual(self.merged(), "a 110000\n")

    def count_ids(self):
        return int(self.ask("SELECT count(DISTINCT id) FROM profiles")[0][0])

    def test_what_was_acknowledged_survives_kills(self):
        """The server is killed while many write; each that was answered is there, and none twice."""
        body = pprof_of("a 1\n")
        stored = set()

        def put(number):
            try:
                if self.server.put(body, id=str(number)).status == 200:
                    stored.add(number)
            except OSError:
                pass

        for round_number in range(5):
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                numbers = [pool.submit(put, 100 * round_number + n) for n in range(40)]
                numbers[15].result()
                self.server.process.kill()
            self.server.process.communicate()
            self.server.start()
        self.assertGreater(len(stored), 5)
        # What was on its way when it was killed may arrive while it is counted.
        distinct, merged = -1, ""
        while (before := distinct) != (distinct := self.count_ids()):
            merged = self.merged()
        self.assertEqual(before, distinct)
        self.assertGreaterEqual(distinct, len(stored))
        self.assertEqual(merged, f"a {distinct}0000\n")
        for number in stored:
            self.assert_stored(self.server.put(body, id=str(number)), False)

    @unittest.skipIf("EPROF_CHDB" in os.environ, "chdb knows no users")
    def test_it_is_told_who_may(self):
        with ClickHouse(self.directory, password="secret") as house:
            house.ask(f"CREATE DATABASE {DATABASE}")
            path = os.path.join(self.directory, "user")
            with open(path, "w", encoding="utf-8") as file:
                file.write("default:secret\n")
            with Houses(house, "--insecure", "--clickhouse-user", path) as server:
                self.assert_stored(server.put(pprof_of("a 1\n")))
            self.refused("Password required|Authentication failed", "--clickhouse", house.url(DATABASE))

    def refused(self, text, *words):
        done = subprocess.run(
            [SERVER, "--listen", "127.0.0.1:0", *KEEPING, *words],
            capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False,
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, "^eprof-server: .*(" + text + ")")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_what_it_does_not_start_with(self):
        self.refused("Couldn't connect|connect", "--clickhouse", "http://127.0.0.1:1/eprof")
        self.refused("is not http://HOST:PORT/DATABASE", "--clickhouse", "127.0.0.1:8123")
        self.refused("is not http://HOST:PORT/DATABASE", "--clickhouse", "ftp://h/x")
        self.refused("doesn't exist|does not exist", "--clickhouse", self.house.url("nothing"))
        self.ask("ALTER TABLE eprof MODIFY COLUMN version UInt32 DEFAULT 99")
        self.refused("newer", "--clickhouse", self.house.url(DATABASE))


if __name__ == "__main__":
    if not is_installed():
        print("clickhouse-server is not installed")
        sys.exit(77)
    unittest.main()
