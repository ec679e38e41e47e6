#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Profiles in ClickHouse: the same answers as of SQLite, byte for byte, whatever happens between."""

import concurrent.futures
import contextlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
import unittest

from clickhouse import ClickHouse, is_installed
from server import KEEPING, LIMIT_SECONDS, NOON, SERVER, Server, pprof_of

DAY = 86400
MINUTES = 60
ALL = {"from": NOON - 3 * DAY, "until": NOON + 3 * DAY}
BATCH = ("--clickhouse-batch", "20")
# One that is not profiles, so that a name is a part of what is asked for everywhere.
DATABASE = "eprof_test"


class Houses(Server):
    """A server whose store is ClickHouse."""

    def __init__(self, house, *words, database=DATABASE):
        super().__init__("/nowhere", *words)
        self.url = house.url(database)

    def store_words(self):
        return ("--clickhouse", self.url, *BATCH)


class ClickHouseTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="eprof-web-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.house = self.enter(ClickHouse(self.directory))
        self.house.ask(f"CREATE DATABASE {DATABASE}")
        self.server = self.enter(Houses(self.house, "--insecure"))

    def enter(self, context):
        self.addCleanup(context.__exit__)
        return context.__enter__()

    def ask(self, sql):
        return self.house.ask(sql, DATABASE)

    def assert_stored(self, answer, is_new=True):
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(json.loads(answer.body)["stored"], is_new)

    def merged(self, **parameters):
        answer = self.server.merge(**ALL, **parameters)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.body.decode()


def stacks(chance):
    return "".join(
        f"app;f{chance.randrange(9)};g{chance.randrange(9)} {chance.randrange(1, 99)}\n"
        for _ in range(8)
    )


class Same(ClickHouseTest):
    """Two servers with an engine each are told the same, and asked the same."""

    def setUp(self):
        super().setUp()
        self.lite = self.enter(Server(self.directory, "--insecure"))

    def put_both(self, body, **changes):
        for server in (self.lite, self.server):
            self.assert_stored(server.put(body, **changes))

    def put_minutes(self):
        chance = random.Random(8)
        profiles = []
        for minute in range(MINUTES):
            for host in ("a", "b"):
                span = {"from": NOON + 60 * minute, "until": NOON + 60 * minute + 60}
                for kind, options in (("on-cpu", ()), ("off-cpu", ("--unit", "microseconds"))):
                    body = pprof_of(stacks(chance), *options)
                    profiles.append((body, {"id": f"{host}{minute}{kind}", "host": host,
                                            "kind": kind, "label_zone": f"z{minute % 3}", **span}))
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            list(pool.map(lambda one: self.put_both(one[0], **one[1]), profiles))

    def assert_same(self, path, **parameters):
        answers = [server.ask("GET", path, **parameters) for server in (self.lite, self.server)]
        self.assertEqual(answers[0].status, answers[1].status, (path, parameters, answers))
        self.assertEqual(answers[0].body, answers[1].body, (path, parameters))
        return answers[0]

    def assert_all_the_same(self):
        for kind in ("on-cpu", "off-cpu"):
            of = {"kind": kind, **ALL}
            for more in (
                {},
                {"host": "a"},
                {"host": ["a", "b"], "label_zone": ["z0", "z2"]},
                {"from": NOON + 90, "until": NOON + 600},
            ):
                self.assert_same("/api/v1/merge", format="folded", **{**of, **more})
                self.assert_same("/api/v1/merge", format="picture", **{**of, **more})
                self.assert_same("/api/v1/top", **{**of, **more})
                for by in ("host", "kind", "zone", "nobody"):
                    self.assert_same("/api/v1/series", step=60, by=by, **{**of, **more})
                self.assert_same("/api/v1/series", step=77, **{**of, **more})
            self.assert_same("/api/v1/callers", function="g1", **of)
            self.assert_same("/api/v1/diff", format="folded", host="a", before_host="b", **of)
            self.assertEqual(
                self.assert_same("/api/v1/merge", format="folded", service="no", **of).status, 404
            )
        for name in ({}, {"name": "host"}, {"name": "kind"}, {"name": "zone"}, {"name": "no"}):
            self.assert_same("/api/v1/values", **name, **ALL)

    def test_what_is_asked_has_the_same_answers(self):
        self.put_minutes()
        self.assert_all_the_same()

    def test_after_coarsening_and_with_what_comes_late(self):
        self.put_minutes()
        before = self.merged()
        series = 2 * 2 * 3  # hosts, kinds, zones
        for words, left in ((("--minutes-after", "1d"), series * MINUTES // 10),
                            (("--hours-after", "1d"), series)):
            for server in (self.lite, self.server):
                self.assertEqual(server.end(), 0)
                server.words = ("--insecure", "--housekeeping", "1s", *words)
                server.start()
            self.await_rows(left)
            self.assertEqual(self.merged(), before)
            late = {"id": f"late{left}", "from": NOON + 120, "until": NOON + 180,
                    "label_zone": "z2"}
            self.put_both(pprof_of("late 7\n"), **late)
            before = self.merged()
            self.assertIn("late ", before)
            self.await_rows(left)
            self.assertEqual(self.merged(), before)
            for server in (self.lite, self.server):
                self.assert_stored(server.put(pprof_of("late 7\n"), **late), False)
                self.assert_stored(server.put(pprof_of("a 1\n"), id="a0on-cpu", label_zone="z0"),
                                   False)
            self.assertEqual(self.merged(), before)

    def await_rows(self, count, sql="SELECT count() FROM profiles"):
        """Until ClickHouse has deleted what is in a sum."""
        limit = time.monotonic() + LIMIT_SECONDS
        while (rows := self.ask(sql)) != [[str(count)]]:
            self.assertLess(time.monotonic(), limit, rows)
            time.sleep(0.05)

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
        for server in (self.lite, self.server):
            self.assertEqual(server.end(), 0)
            server.words = ("--insecure", "--keep", f"{age}s")
            server.start()
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


LOCAL = "ENGINE = ReplacingMergeTree() PARTITION BY day ORDER BY"
KEYS = {
    "profiles": ("(service, kind, series, from_s, id)", "series"),
    "stacks": ("(service, stack)", "stack"),
    "frames": ("frame", "frame"),
}


@unittest.skipIf("EPROF_CHDB" in os.environ, "chdb is one server")
class Cluster(unittest.TestCase):
    """Tables over two shards: what docs/clickhouse.md has, without replicas."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="eprof-web-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.shards = [ClickHouse(self.directory) for _ in range(2)]
        shards = "".join(
            f"<shard><internal_replication>true</internal_replication><replica>"
            f"<host>127.0.0.1</host><port>{shard.tcp}</port></replica></shard>"
            for shard in self.shards
        )
        for shard in self.shards:
            shard.more = f"<remote_servers><fleet>{shards}</fleet></remote_servers>"
            shard.start()
            self.addCleanup(shard.__exit__)
            shard.ask(f"CREATE DATABASE {DATABASE}")
        self.make_tables()

    def make_tables(self):
        """The server's own statements make the local ones, so that columns are what they are."""
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/clickhouse.md")
        with open(path, encoding="utf-8") as file:
            columns = dict(
                re.findall(r"CREATE TABLE eprof\.(\w+)_local ON CLUSTER fleet \((.*?)\n\) ENGINE",
                           file.read(), re.DOTALL)
            )
        self.assertEqual(sorted(columns), sorted(KEYS))
        for shard in self.shards:
            for name, (key, by) in KEYS.items():
                shard.ask(f"CREATE TABLE {name}_local ({columns[name]}) {LOCAL} {key}", DATABASE)
                shard.ask(f"CREATE TABLE {name} AS {name}_local ENGINE ="
                          f" Distributed(fleet, {DATABASE}, {name}_local, {by})", DATABASE)
            shard.ask("CREATE TABLE eprof (name String, version UInt32 DEFAULT 1, seed UInt64"
                      " DEFAULT 14627333968688430831) ENGINE = MergeTree ORDER BY name", DATABASE)

    def test_whoever_is_asked_knows_what_another_one_was_told(self):
        words = ("--insecure", "--clickhouse-cluster", "fleet")
        expected = {}
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(Houses(shard, *words)) for shard in self.shards]
            lite = stack.enter_context(Server(self.directory, "--insecure"))
            for number in range(24):
                folded = f"main;f{number % 5};g{number % 7} {number + 1}\n"
                of = {"id": str(number), "host": f"h{number % 6}", "service": f"s{number % 3}"}
                span = {"from": NOON + 60 * number, "until": NOON + 60 * number + 60}
                for server in (*servers, lite):
                    answer = server.put(pprof_of(folded), **of, **span)
                    self.assertEqual(answer.status, 200, answer.body)
                stacks = ";".join(folded.split(" ")[0].split(";"))
                expected[stacks] = expected.get(stacks, 0) + (number + 1) * 10000
            text = "".join(f"{stack} {count}\n" for stack, count in sorted(expected.items()))
            for server in servers:
                self.assertEqual(server.merge(**ALL).body.decode(), text)
            self.assert_same([*servers, lite])
            counts = [int(shard.ask("SELECT count() FROM profiles_local", DATABASE)[0][0])
                      for shard in self.shards]
            self.assertEqual(sum(counts), 24)
            self.assertGreater(min(counts), 0)

    def assert_same(self, servers):
        for path, of in (
            ("/api/v1/series", {"kind": "on-cpu", "by": "host", "step": 77}),
            ("/api/v1/values", {"name": "service"}),
            ("/api/v1/values", {}),
            ("/api/v1/top", {"kind": "on-cpu", "service": "s1"}),
            ("/api/v1/merge", {"kind": "on-cpu", "service": ["s1", "s2"], "format": "picture"}),
        ):
            bodies = {server.ask("GET", path, **of, **ALL).body for server in servers}
            self.assertEqual(len(bodies), 1, (path, of))


if __name__ == "__main__":
    if not is_installed():
        print("clickhouse-server is not installed")
        sys.exit(77)
    unittest.main()
