#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Profiles in a cluster of ClickHouse servers, with the tables of docs/clickhouse.md."""

import contextlib
import os
import re
import sys
import tempfile
import time
import unittest

import zookeeper
from clickhouse import ClickHouse, is_installed
from clickhouse_case import ALL, DATABASE, DAY, Houses, SameAnswers
from ports import free_port
from server import LIMIT_SECONDS, NOON, Server, pprof_of

CLUSTER = "fleet"
LOCAL = "ENGINE = ReplacingMergeTree() PARTITION BY day ORDER BY"
KEYS = {
    "profiles": ("(service, kind, series, from_s, id)", "series"),
    "stacks": ("(service, stack)", "stack"),
    "frames": ("frame", "frame"),
}


def documented_statements():
    """What docs/clickhouse.md says is to be run on a cluster."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/clickhouse.md")
    with open(path, encoding="utf-8") as file:
        section = file.read().partition("\n## A cluster\n")[2]
    text = re.sub("--.*", "", section.split("```")[1])
    return [statement.strip() for statement in text.split(";") if statement.strip()]


def shard_of(replicas):
    return "<shard><internal_replication>true</internal_replication>" + "".join(
        f"<replica><host>127.0.0.1</host><port>{replica.tcp}</port></replica>"
        for replica in replicas
    ) + "</shard>"


@unittest.skipIf("EPROF_CHDB" in os.environ, "chdb is one server")
class Cluster(unittest.TestCase):
    """Tables over two shards: what docs/clickhouse.md has, without replicas."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="eprof-web-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.shards = [ClickHouse(self.directory) for _ in range(2)]
        shards = "".join(shard_of([shard]) for shard in self.shards)
        for shard in self.shards:
            shard.more = f"<remote_servers><fleet>{shards}</fleet></remote_servers>"
            shard.start()
            self.addCleanup(shard.__exit__)
            shard.ask(f"CREATE DATABASE {DATABASE}")
        self.make_tables()

    def make_tables(self):
        columns = {}
        for statement in documented_statements():
            match = re.match(r"CREATE TABLE eprof\.(\w+)_local ON CLUSTER fleet \((.*?)\n\) ENGINE",
                             statement, re.DOTALL)
            if match:
                columns[match[1]] = match[2]
        self.assertEqual(sorted(columns), sorted(KEYS))
        for shard in self.shards:
            for name, (key, by) in KEYS.items():
                shard.ask(f"CREATE TABLE {name}_local ({columns[name]}) {LOCAL} {key}", DATABASE)
                shard.ask(f"CREATE TABLE {name} AS {name}_local ENGINE ="
                          f" Distributed(fleet, {DATABASE}, {name}_local, {by})", DATABASE)
            shard.ask("CREATE TABLE eprof (name String, version UInt32 DEFAULT 1, seed UInt64"
                      " DEFAULT 14627333968688430831) ENGINE = MergeTree ORDER BY name", DATABASE)

    def test_whoever_is_asked_knows_what_another_one_was_told(self):
        expected = {}
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(Houses(shard, "--insecure", cluster=CLUSTER))
                       for shard in self.shards]
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


@unittest.skipIf("EPROF_CHDB" in os.environ, "chdb is one server")
@unittest.skipUnless(zookeeper.is_installed(), "ZooKeeper is not installed")
class Replicas(SameAnswers):
    """Two shards of two replicas, whose tables the documented statements have made."""

    database = "eprof"

    def setUp(self):
        directory = self.directory = self.enter(tempfile.TemporaryDirectory(prefix="eprof-web-"))
        keeper = self.enter(zookeeper.ZooKeeper(directory, free_port()))
        shards = [[ClickHouse(directory) for _ in range(2)] for _ in range(2)]
        self.replicas = [replica for shard in shards for replica in shard]
        fleet = "".join(shard_of(shard) for shard in shards)
        for number, replica in enumerate(self.replicas):
            replica.more = (
                f"<remote_servers><{CLUSTER}>{fleet}</{CLUSTER}></remote_servers>"
                f"<zookeeper><node><host>127.0.0.1</host><port>{keeper.port}</port></node></zookeeper>"
                f"<macros><shard>{number // 2}</shard><replica>{number % 2}</replica></macros>"
                "<distributed_ddl><path>/clickhouse/ddl</path></distributed_ddl>"
                "<interserver_http_host>127.0.0.1</interserver_http_host>"
                f"<interserver_http_port>{free_port()}</interserver_http_port>"
            )
            self.enter(replica)
        self.house = self.replicas[0]
        for statement in documented_statements():
            self.house.ask(statement)
        self.server = self.enter(
            Houses(self.house, "--insecure", database=self.database, cluster=CLUSTER)
        )
        self.lite = self.enter(Server(directory, "--insecure"))

    def rows_of(self, replica):
        return int(replica.ask("SELECT count() FROM profiles_local", self.database)[0][0])

    def await_replicas(self):
        """Until the two of each shard have the same."""
        limit = time.monotonic() + LIMIT_SECONDS
        while True:
            rows = [self.rows_of(replica) for replica in self.replicas]
            if rows[0::2] == rows[1::2]:
                return rows[0::2]
            self.assertLess(time.monotonic(), limit, rows)
            time.sleep(0.05)

    def test_answers_are_those_of_sqlite_and_windows_become_coarser(self):
        self.put_minutes()
        self.assert_all_the_same()
        self.assertGreater(min(self.await_replicas()), 0)
        self.check_coarsening()
        self.await_replicas()
        other = self.enter(
            Houses(self.replicas[3], "--insecure", database=self.database, cluster=CLUSTER)
        )
        self.assertEqual(other.merge(**ALL).body.decode(), self.merged())

    def test_a_replica_is_gone_for_a_while(self):
        self.put_both(pprof_of("before 1\n"), id="before")
        self.await_replicas()
        self.replicas[2].end()
        self.put_both(pprof_of("meanwhile 1\n"), id="meanwhile", host="b")
        self.put_both(pprof_of("meanwhile 2\n"), id="more", host="c")
        self.put_both(pprof_of("meanwhile 3\n"), id="most", host="d")
        self.assert_same("/api/v1/merge", kind="on-cpu", format="folded", **ALL)
        self.replicas[2].start()
        self.await_replicas()
        self.assert_same("/api/v1/merge", kind="on-cpu", format="folded", **ALL)
        self.assertEqual(self.merged(), "before 10000\nmeanwhile 60000\n")

    def test_days_go_by_age(self):
        for day in range(-2, 3):
            span = {"from": NOON + DAY * day, "until": NOON + DAY * day + 60}
            self.put_both(pprof_of(f"a{day} 1\n"), id=str(day), **span)
        self.start_again("--keep", f"{int(time.time()) - NOON - DAY // 2}s")
        for table in ("profiles", "stacks", "frames"):
            self.await_rows(2, f"SELECT count(DISTINCT day) FROM {table}")
        self.assertEqual(self.merged(), "a1 10000\na2 10000\n")


if __name__ == "__main__":
    if not is_installed():
        print("clickhouse-server is not installed")
        sys.exit(77)
    unittest.main()
