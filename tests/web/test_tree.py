#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is made of merged trees: comparisons, functions, who calls them, and the page's pictures."""

import json
import re
import unittest

from server import NOON, ServerTest, pprof_of

MS10 = 10_000_000
DAY = {"from": NOON - 43200, "until": NOON + 43200}
ONE = """\
app;main;work;help;work;leaf 30
app;main;work 10
app;main;serve;read_[k] 20
"""
OTHER = """\
app;main;work 10
app;main;gone 5
"""


class TreeTest(ServerTest):
    def get(self, path, **parameters):
        return self.ask_json(path, {"kind": "on-cpu", **DAY, **parameters})

    def ask_json(self, path, parameters):
        answer = self.server.ask("GET", path, **parameters)
        self.assertEqual(answer.status, 200, answer.body)
        return json.loads(answer.body)

    def put_both(self):
        """Host a at noon, host b an hour later; 10 ms a sample."""
        self.assert_stored(self.server.put(pprof_of(ONE), id="1"))
        later = {"from": NOON + 3600, "until": NOON + 3660}
        self.assert_stored(self.server.put(pprof_of(OTHER), id="2", host="b", **later))


class Functions(TreeTest):
    def test_a_stack_counts_once_in_a_function(self):
        self.put_both()
        answer = self.get("/api/v1/top", host="a")
        self.assertEqual((answer["unit"], answer["total"]), ("nanoseconds", str(60 * MS10)))
        found = [
            (one["name"], int(one["self"]) // MS10, int(one["total"]) // MS10)
            for one in answer["functions"]
        ]
        self.assertEqual(
            found,
            [
                ("leaf", 30, 30),
                ("read", 20, 20),
                ("work", 10, 40),
                ("app", 0, 60),
                ("help", 0, 30),
                ("main", 0, 60),
                ("serve", 0, 20),
            ],
        )

    def test_by_total_and_so_many(self):
        self.put_both()
        answer = self.get("/api/v1/top", host="a", by="total", limit=3)
        self.assertEqual([one["name"] for one in answer["functions"]], ["app", "main", "work"])

    def test_who_calls_and_who_is_called(self):
        self.put_both()
        answer = self.get("/api/v1/callers", host="a", function="work")
        self.assertEqual(int(answer["function"]["total"]), 40 * MS10)
        of = {
            which: {one["name"]: int(one["total"]) // MS10 for one in answer[which]}
            for which in ("callers", "callees")
        }
        self.assertEqual(of["callers"], {"main": 40, "help": 30})
        self.assertEqual(of["callees"], {"help": 30, "leaf": 30})

    def test_a_function_that_is_not_there(self):
        self.put_both()
        answer = self.get("/api/v1/callers", function="nobody")
        self.assertEqual((answer["callers"], answer["callees"]), ([], []))
        self.assertNotIn("function", answer)

    def test_what_is_wrong_is_said(self):
        self.put_both()
        for path, wrong, text in (
            ("top", {"by": "name"}, "self or total"),
            ("top", {"limit": "0"}, "limit is a number"),
            ("top", {"limit": "1000001"}, "limit is a number"),
            ("callers", {}, "missing: 'function'"),
        ):
            given = {"kind": "on-cpu", **DAY, **wrong}
            self.assert_error(self.server.ask("GET", "/api/v1/" + path, **given), 400, text)
        none = self.server.ask("GET", "/api/v1/top", kind="on-cpu", service="none", **DAY)
        self.assert_error(none, 404, "no profile")


class Comparison(TreeTest):
    def diff(self, **parameters):
        given = {"kind": "on-cpu", "format": "folded", **DAY, **parameters}
        return self.server.ask("GET", "/api/v1/diff", **given)

    def test_two_hosts(self):
        self.put_both()
        answer = self.diff(host="a", before_host="b")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(
            answer.body.decode(),
            "app;main;gone 50000 0\n"
            "app;main;serve;read_[k] 0 200000\n"
            "app;main;work 100000 100000\n"
            "app;main;work;help;work;leaf 0 300000\n",
        )

    def test_two_times(self):
        self.put_both()
        spans = {"from": NOON + 3600, "until": NOON + 3660}
        answer = self.diff(**spans, before_from=NOON, before_until=NOON + 60)
        self.assertIn("app;main;gone 0 50000\n", answer.body.decode())
        self.assertIn("app;main;work 100000 100000\n", answer.body.decode())

    def test_a_picture_has_both(self):
        self.put_both()
        for flag, normalized in (("0", False), ("1", True)):
            answer = self.diff(host="a", before_host="b", format="svg", normalize=flag)
            text = answer.body.decode()
            self.assertIn("<title>On-CPU, before and after</title>", text)
            self.assertIn('data-before-total="150000"', text)
            self.assertEqual('data-normalized="1"' in text, normalized)
            self.assertIn("[removed]", text)

    def test_a_side_without_profiles_is_told(self):
        self.put_both()
        self.assert_error(self.diff(host="a", before_host="c"), 404, "no profile")

    def test_what_is_wrong_is_said(self):
        self.put_both()
        for wrong, text in (
            ({"before_kind": "off-cpu"}, "unknown parameter: 'before.kind'"),
            ({"before_x": "1"}, "unknown parameter: 'x'"),
            ({"format": "pprof"}, "format is one of"),
            ({"normalize": "2"}, "normalize is 0 or 1"),
            ({"before_from": "5", "before_until": "5"}, "no span of time"),
        ):
            self.assert_error(self.diff(**wrong), 400, text)


class Picture(TreeTest):
    def picture(self, **parameters):
        given = {"kind": "on-cpu", "format": "picture", **DAY, **parameters}
        return self.server.ask("GET", "/api/v1/merge", **given)

    def test_it_is_an_element_without_script_and_style(self):
        self.put_both()
        answer = self.picture()
        self.assertEqual(answer.headers["Content-Type"], "image/svg+xml")
        text = answer.body.decode()
        self.assertRegex(text, r'^<svg class="eprof"')
        self.assertNotRegex(text, "<script|<style| style=| on[a-z]+=")
        self.assertIn('class="nodes"', text)

    def test_what_is_large_is_cut_and_its_sum_is_not(self):
        # 130,000 names of 45 letters each are more than is sent at once.
        lines = [f"app;{'f' * 40}{i:06d} {1 + i % 7}\n" for i in range(130_000)]
        total = sum(1 + i % 7 for i in range(130_000))
        self.assert_stored(self.server.put(pprof_of("".join(lines)), id="large"))
        answer = self.picture()
        self.assertEqual(answer.status, 200)
        self.assertLessEqual(len(answer.body), 4 << 20)
        self.assertIn(b"[too small to be sent]", answer.body)
        top = self.get("/api/v1/top", limit=1)
        self.assertEqual(top["total"], str(total * MS10))
        folded = self.server.merge().body.decode()
        self.assertEqual(sum(int(line.rsplit(" ", 1)[1]) for line in folded.splitlines()),
                         total * MS10 // 1000)

    def test_a_file_is_kept_and_no_page(self):
        self.put_both()
        for form, ending in (("svg", "svg"), ("pprof", "pb.gz"), ("html", "html")):
            answer = self.picture(format=form)
            self.assertEqual(
                answer.headers["Content-Disposition"], f'attachment; filename="profile.{ending}"'
            )
            self.assertEqual(answer.headers["Content-Security-Policy"],
                             "default-src 'none'; sandbox")
            self.assertEqual(answer.headers["Cache-Control"], "no-store")


class Page(ServerTest):
    def test_all_of_it_comes_from_here(self):
        page = self.server.ask("GET", "/")
        self.assertEqual(page.status, 200)
        policy = page.headers["Content-Security-Policy"]
        self.assertNotIn("unsafe", policy)
        self.assertIn("script-src 'self'", policy)
        waiting = re.findall(r'(?:src|href)="(/ui/[^"]+)"', page.body.decode())
        seen = set()
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            answer = self.server.ask("GET", path)
            self.assertEqual(answer.status, 200, path)
            text = answer.body.decode()
            elsewhere = re.findall(r"""(?:from\s+|import\(|url\()['"]?https?:\S+['")]""", text)
            self.assertEqual(elsewhere, [], path)
            waiting += ["/ui/" + name for name in re.findall(r"from '\./([\w.]+)'", text)]
        self.assertIn("/ui/timeline.js", seen)
        self.assertIn("/ui/uplot.js", seen)

    def test_there_is_nothing_else(self):
        for path in ("/ui/", "/ui/../main.c", "/ui/%2e%2e/secret", "//etc/passwd", "/ui/app.jsx"):
            self.assertEqual(self.server.ask("GET", path).status, 404, path)


if __name__ == "__main__":
    unittest.main()
