#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`eprof query`: what the server answers, as files; and what it says when there is no answer."""

import json
import os
import subprocess
import time
import unittest

from server import EPROF, LIMIT_SECONDS, NOON, ServerTest, TOKEN_READ, pprof_of

SPAN = ("--from", str(NOON), "--until", str(NOON + 600))


class Query(ServerTest):
    def setUp(self):
        super().setUp()
        for minute, host in enumerate("ab"):
            start = NOON + 60 * minute
            span = {"from": start, "until": start + 60}
            folded = f"app;main;f{host} {minute + 3}\n"
            self.assert_stored(
                self.server.put(pprof_of(folded), id=host, host=host, label_v=str(minute), **span)
            )

    def query(self, *words, code=0):
        url = f"http://127.0.0.1:{self.server.port}"
        done = subprocess.run([EPROF, "query", "-S", url, *words], capture_output=True, check=False,
                              timeout=LIMIT_SECONDS, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout.decode() if code == 0 else done.stderr.decode()

    def test_merge_and_selections(self):
        both = "app;main;fa 30000\napp;main;fb 40000\n"
        self.assertEqual(self.query(*SPAN), both)
        self.assertEqual(self.query("merge", "-s", "redis", *SPAN), both)
        self.assertEqual(self.query("--host", "a", *SPAN), "app;main;fa 30000\n")
        self.assertEqual(self.query("-l", "v=1", *SPAN), "app;main;fb 40000\n")
        self.assertEqual(self.query("--host", "a", "--host", "b", *SPAN), both)

    def test_files_by_their_names(self):
        for name, begin in (("x.svg", b"<?xml"), ("x.html", b"<!DOCTYPE"), ("x.pb.gz", b"\x1f\x8b"),
                            ("x.folded", b"app;main")):
            path = os.path.join(self.directory, name)
            self.query(*SPAN, "-o", path)
            with open(path, "rb") as file:
                self.assertTrue(file.read().startswith(begin), name)
        self.assertTrue(self.query(*SPAN, "--format", "svg").startswith("<?xml"))

    def test_diff(self):
        answer = self.query("diff", "--host", "b", "--before", "host=a", *SPAN)
        self.assertEqual(answer, "app;main;fa 30000 0\napp;main;fb 0 40000\n")
        answer = self.query("diff", "-l", "v=1", "--before", "label.v=0", *SPAN)
        self.assertEqual(answer, "app;main;fa 30000 0\napp;main;fb 0 40000\n")

    def test_json(self):
        top = json.loads(self.query("top", "--by", "total", "--limit", "1", *SPAN))
        self.assertEqual([one["name"] for one in top["functions"]], ["app"])
        around = json.loads(self.query("callers", "--function", "fa", *SPAN))
        self.assertEqual(around["callers"][0]["name"], "main")
        series = json.loads(self.query("series", "--step", "60", "--by", "host", *SPAN))
        self.assertEqual([point["value"] for point in series["points"]], ["a", "b"])
        values = json.loads(self.query("values", "--name", "host", *SPAN))
        self.assertEqual(values["values"], ["a", "b"])

    def test_times_before_now(self):
        now = int(time.time())
        span = {"from": now - 120, "until": now - 60}
        self.assert_stored(self.server.put(pprof_of("now 1\n"), id="now", **span))
        self.assertEqual(self.query("--from", "-5m"), "now 10000\n")
        self.assertIn("no profile", self.query("--from", "-30s", code=1))
        self.assertEqual(self.query("--from", "-1d", "--until", "now"), "now 10000\n")

    def test_what_is_wrong_is_one_line(self):
        for words, code, text in (
            (("--from", "yesterday"), 1, "'yesterday' is no time"),
            (("-s", "none", *SPAN), 1, "answers 404: no profile was kept"),
            (("diff", "--before", "color=red", *SPAN), 1, "unknown parameter: 'color'"),
            (("callers", *SPAN), 1, "a parameter is missing: 'function'"),
            (("merge", "diff"), 2, "one word too many"),
            (("all",), 2, "is none of merge, diff"),
            (("-l", "x"), 2, "'x' is not NAME=VALUE"),
            (("-o", "x.json", *SPAN), 2, "x.json"),
            (("--token-file", "/none", *SPAN), 1, "cannot read a token from '/none'"),
            ((*SPAN, "-o", "/none/x.svg"), 1, "/none"),
        ):
            with self.subTest(words):
                line = self.query(*words, code=code)
                self.assertIn(text, line)
                self.assertEqual(line.count("\n"), 1, line)

    def test_nobody_there(self):
        self.server.end()
        self.assertIn("cannot ask 'http://127.0.0.1:", self.query(*SPAN, code=1))


class Tokens(ServerTest):
    def setUp(self):
        self.token = None
        super().setUp()

    def test_a_token_is_shown(self):
        path = os.path.join(self.directory, "tokens")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"r read {TOKEN_READ}\n")
        os.chmod(path, 0o600)
        self.server.end()
        self.server.words = ("--tokens", path)
        self.server.start()
        token = os.path.join(self.directory, "token")
        with open(token, "w", encoding="ascii") as file:
            file.write(TOKEN_READ + "\n")
        url = f"http://127.0.0.1:{self.server.port}/"
        for words, code, text in ((("--token-file", token), 0, '"values"'), ((), 1, "answers 401")):
            done = subprocess.run([EPROF, "query", "values", "-S", url, *words], check=False,
                                  capture_output=True, timeout=LIMIT_SECONDS, text=True)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(text, done.stdout + done.stderr)
            self.assertNotIn(TOKEN_READ, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
