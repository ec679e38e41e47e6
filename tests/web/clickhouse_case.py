# SPDX-License-Identifier: Apache-2.0
"""What tests of ClickHouse share: a server whose store it is, beside one on SQLite."""

import concurrent.futures
import json
import random
import tempfile
import time
import unittest

from clickhouse import ClickHouse
from server import LIMIT_SECONDS, NOON, Server, pprof_of

DAY = 86400
MINUTES = 60
ALL = {"from": NOON - 3 * DAY, "until": NOON + 3 * DAY}
BATCH = ("--clickhouse-batch", "20")
# One that is not profiles, so that a name is a part of what is asked for everywhere.
DATABASE = "eprof_test"


class Houses(Server):
    """A server whose store is ClickHouse."""

    def __init__(self, house, *words, database=DATABASE, cluster=None):
        super().__init__("/nowhere", *words)
        self.url = house.url(database)
        self.cluster = ("--clickhouse-cluster", cluster) if cluster else ()

    def store_words(self):
        return ("--clickhouse", self.url, *self.cluster, *BATCH)


class ClickHouseTest(unittest.TestCase):
    database = DATABASE

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="eprof-web-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.house = self.enter(ClickHouse(self.directory))
        self.house.ask(f"CREATE DATABASE {DATABASE}")
        self.server = self.enter(Houses(self.house, "--insecure"))

    def enter(self, context):
        self.addCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def ask(self, sql):
        return self.house.ask(sql, self.database)

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


class SameAnswers(ClickHouseTest):
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

    def start_again(self, *words):
        for server in (self.lite, self.server):
            self.assertEqual(server.end(), 0)
            server.words = ("--insecure", *words)
            server.start()

    def check_coarsening(self):
        """Of minutes that have been put; with what comes late."""
        before = self.merged()
        series = 2 * 2 * 3  # hosts, kinds, zones
        for words, left in ((("--minutes-after", "1d"), series * MINUTES // 10),
                            (("--hours-after", "1d"), series)):
            self.start_again("--housekeeping", "1s", *words)
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
