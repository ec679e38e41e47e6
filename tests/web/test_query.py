#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What can be asked: sums to the unit, over any selection, in each format."""

import json
import os
import random
import subprocess
import unittest

from server import EPROF, LIMIT_SECONDS, NOON, ServerTest, pprof_of

DAY = 86400


class Queries(ServerTest):
    def get(self, path, **parameters):
        answer = self.server.ask("GET", path, **{"from": NOON, "until": NOON + 3600, **parameters})
        self.assertEqual(answer.status, 200, answer.body)
        return json.loads(answer.body)

    def assert_counts(self, folded, expected):
        """As assertEqual(), which would draw up a difference for minutes."""
        lines = [line.rsplit(" ", 1) for line in folded.decode().splitlines()]
        counts = {stack: int(count) for stack, count in lines}
        wrong = [s for s in counts.keys() | expected if counts.get(s) != expected.get(s)]
        self.assertEqual(wrong[:5], [], f"{len(wrong)} of {len(expected)} stacks")

    def put_hosts(self):
        for i, host in enumerate(("a", "b", "c")):
            profile = pprof_of(f"main;f{i} {10 ** i}\n")
            start = {"from": NOON + 60 * i, "until": NOON + 60 * i + 60}
            labels = {"label_zone": str(i % 2)}
            self.assert_stored(self.server.put(profile, id=host, host=host, **labels, **start))

    def test_a_selection_is_by_labels_and_time(self):
        self.put_hosts()
        everything = "main;f0 10000\nmain;f1 100000\nmain;f2 1000000\n"
        self.assert_merged(self.server.merge(), everything)
        self.assert_merged(self.server.merge(host="b"), "main;f1 100000\n")
        self.assert_merged(
            self.server.merge(host=["a", "b"]), "main;f0 10000\nmain;f1 100000\n"
        )
        self.assert_merged(self.server.merge(label_zone="1", service="redis"), "main;f1 100000\n")
        self.assert_merged(
            self.server.merge(**{"from": NOON + 60, "until": NOON + 61}), "main;f1 100000\n"
        )
        self.assert_error(self.server.merge(host="d"), 404, "no profile")
        self.assert_error(self.server.merge(kind="off-cpu"), 404, "no profile")

    def test_values_are_listed_once(self):
        self.put_hosts()
        late = {"from": NOON + DAY, "until": NOON + DAY + 60}
        self.assert_stored(self.server.put(pprof_of("a 1\n"), id="late", **late))
        span = {"until": NOON + 2 * DAY}
        self.assertEqual(self.get("/api/v1/values", **span)["values"], ["host", "service", "zone"])
        self.assertEqual(self.get("/api/v1/values", name="host", **span)["values"], ["a", "b", "c"])
        self.assertEqual(
            self.get("/api/v1/values", name="host", label_zone="0", **span)["values"], ["a", "c"]
        )
        self.assertEqual(self.get("/api/v1/values", name="kind", **span)["values"], ["on-cpu"])
        self.assertEqual(self.get("/api/v1/values", name="none", **span)["values"], [])

    def test_a_series_has_sums_by_step(self):
        self.put_hosts()
        points = self.get("/api/v1/series", kind="on-cpu", step=120)["points"]
        self.assertEqual(
            [(p["at"] - NOON, p["count"], p["unit"]) for p in points],
            [(0, "110000000", "nanoseconds"), (120, "1000000000", "nanoseconds")],
        )
        points = self.get("/api/v1/series", kind="on-cpu", by="host")["points"]
        self.assertEqual([p["value"] for p in points], ["a", "b", "c"])

    def test_a_window_is_shared_among_the_steps_that_it_lies_in(self):
        span = {"from": NOON + 30, "until": NOON + 150}
        self.assert_stored(self.server.put(pprof_of("a 12\n"), **span))
        points = self.get("/api/v1/series", kind="on-cpu", step=60)["points"]
        self.assertEqual(
            [(p["at"] - NOON, int(p["count"])) for p in points],
            [(0, 30_000_000), (60, 60_000_000), (120, 30_000_000)],
        )
        within = {"from": NOON + 60, "until": NOON + 100}
        points = self.get("/api/v1/series", kind="on-cpu", step=60, **within)["points"]
        self.assertEqual([(p["at"] - NOON, int(p["count"])) for p in points], [(60, 60_000_000)])

    def test_half_a_time_before_is_not_kept(self):
        """What completes it is the time now, or that of the other half."""
        self.put_hosts()
        half = {"before_from": NOON - 7200, "from": NOON, "until": NOON + 60}
        for _ in range(2):
            answer = self.server.ask("GET", "/api/v1/diff", kind="on-cpu", format="folded", **half)
            self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(self.server.cached(), 0)

    def test_an_answer_is_given_again_while_nothing_comes(self):
        self.put_hosts()
        first = self.server.merge().body
        self.assertEqual(self.server.cached(), 0)
        for _ in range(3):
            self.assert_merged(self.server.merge(), first.decode())
        self.assertEqual(self.server.cached(), 3)
        self.assert_merged(self.server.merge(host="a"), "main;f0 10000\n")
        # Of another time it changes nothing.
        late = {"from": NOON + 5 * DAY, "until": NOON + 5 * DAY + 60}
        self.assert_stored(self.server.put(pprof_of("late 1\n"), id="late", **late))
        self.assertEqual(self.server.merge().body, first)
        self.assertEqual(self.server.cached(), 4)
        self.assert_stored(self.server.put(pprof_of("new 1\n"), id="new"))
        self.assertIn(b"new 10000\n", self.server.merge().body)
        self.assertEqual(self.server.cached(), 4)

    def test_waiting_is_told_by_state(self):
        folded = "a;f 1\na;f;[runqueue] 20\na;g;[uninterruptible] 300\n"
        profile = pprof_of(folded, "--unit", "microseconds")
        self.assert_stored(self.server.put(profile, kind="off-cpu"))
        points = self.get("/api/v1/series", kind="off-cpu")["points"]
        self.assertEqual(
            {p["state"]: int(p["count"]) for p in points},
            {"sleep": 1000, "runqueue": 20000, "uninterruptible": 300000},
        )

    def test_wrong_questions_are_answered(self):
        self.put_hosts()
        for path, wrong, text in (
            ("/api/v1/merge", {}, "missing: 'kind'"),
            ("/api/v1/merge", {"kind": "on-cpu", "format": "gif"}, "format is one of"),
            ("/api/v1/merge", {"kind": "on-cpu", "from": 2, "until": 1}, "no span"),
            ("/api/v1/merge", {"kind": "on-cpu", "host": ["x"] * 257}, "too many values"),
            ("/api/v1/series", {"step": 0}, "step is"),
            ("/api/v1/series", {"step": "x"}, "step is"),
            ("/api/v1/values", {"format": "svg"}, "unknown parameter: 'format'"),
        ):
            with self.subTest(path=path, **wrong):
                self.assert_error(self.server.ask("GET", path, **wrong), 400, text)
        tiny = {"from": 1, "until": NOON, "step": 1}
        self.assert_error(self.server.ask("GET", "/api/v1/series", **tiny), 422, "limit")

    def test_totals_are_equal_to_the_unit_in_each_format(self):
        """What was sent, line by line, is what is merged: over hosts, days and formats."""
        numbers = random.Random(7)
        sums = {}
        for i in range(40):
            stacks = {}
            for _ in range(60):
                stack = ";".join(f"f{numbers.randrange(6)}" for _ in range(numbers.randrange(1, 9)))
                stacks[stack] = stacks.get(stack, 0) + numbers.randrange(1, 1000)
            for stack, count in stacks.items():
                sums[stack] = sums.get(stack, 0) + count
            profile = pprof_of("".join(f"{s} {n}\n" for s, n in stacks.items()))
            start = NOON + i * 7200
            span = {"from": start, "until": start + 60}
            self.assert_stored(self.server.put(profile, id=str(i), host=f"h{i % 5}", **span))
        everything = {"kind": "on-cpu", "from": NOON, "until": NOON + 40 * 7200}
        expected = {stack: 10000 * count for stack, count in sums.items()}
        folded = self.server.ask("GET", "/api/v1/merge", format="folded", **everything).body
        self.assert_counts(folded, expected)
        pprof = self.server.ask("GET", "/api/v1/merge", format="pprof", **everything).body
        path = os.path.join(self.directory, "merged.pb.gz")
        with open(path, "wb") as file:
            file.write(pprof)
        again = subprocess.run(
            [EPROF, "flamegraph", path, "-o", "-", "--format", "folded"],
            stdout=subprocess.PIPE,
            check=True,
            timeout=LIMIT_SECONDS,
        )
        # Which has nanoseconds.
        exact = {stack: 1000 * count for stack, count in expected.items()}
        self.assert_counts(again.stdout, exact)
        for kind, mark in (("svg", b"<svg"), ("html", b"<!DOCTYPE html")):
            answer = self.server.ask("GET", "/api/v1/merge", format=kind, **everything)
            self.assertEqual(answer.status, 200)
            self.assertIn(mark.lower(), answer.body[:400].lower())
            self.assertIn(b"40 profiles", answer.body)


if __name__ == "__main__":
    unittest.main(verbosity=2)
