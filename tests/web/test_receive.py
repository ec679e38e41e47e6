#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""POST /api/v1/profiles: what is taken, what is refused, and who may."""

import contextlib
import gzip
import http.client
import json
import os
import socket
import tempfile
import time
import unittest

from server import LIMIT_SECONDS, NOON, Server, ServerTest, TOKEN_READ, TOKEN_WRITE, pprof_of


class Profiles(ServerTest):
    def test_a_profile_is_kept_once(self):
        profile = pprof_of("a;b 3\na 1\n")
        self.assert_stored(self.server.put(profile))
        self.assert_stored(self.server.put(profile), False)
        self.assert_merged(self.server.merge(), "a 10000\na;b 30000\n")

    def test_it_need_not_be_compressed(self):
        self.assert_stored(self.server.put(gzip.decompress(pprof_of("a;b 3\n"))))
        self.assert_merged(self.server.merge(), "a;b 30000\n")

    def test_names_of_strangers_stay_text(self):
        name = "<script>alert(1)</script>'\"../%00"
        profile = pprof_of(f"{name};b 1\n")
        self.assert_stored(self.server.put(profile, service=name, label_x=name))
        values = {"name": "service", "from": NOON, "until": NOON + 60}
        answer = self.server.ask("GET", "/api/v1/values", **values)
        self.assertEqual(json.loads(answer.body)["values"], [name])
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        span = {"from": NOON, "until": NOON + 60}
        svg = self.server.ask("GET", "/api/v1/merge", kind="on-cpu", **span)
        self.assertEqual(svg.status, 200)
        self.assertNotIn(b"<script>alert", svg.body)
        self.assertEqual(sorted(os.listdir(self.server.data))[0], "2026-01-02.db")

    def test_what_is_missing_or_wrong_is_named(self):
        profile = pprof_of("a 1\n")
        for name in ("id", "service", "host", "kind", "until"):
            self.assert_error(self.server.put(profile, **{name: None}), 400, f"missing: '{name}'")
        self.assert_error(self.server.put(profile, until="x"), 400, "no time .*: 'x'")
        self.assert_error(self.server.put(profile, until="-1"), 400, "no time")
        self.assert_error(self.server.put(profile, until="1e9"), 400, "no time")
        self.assert_error(self.server.put(profile, until=str(1 << 70)), 400, "no time")
        self.assert_error(self.server.put(profile, until=NOON), 400, "no window")
        self.assert_error(self.server.put(profile, until=NOON + 86401), 400, "no window")
        self.assert_error(self.server.put(profile, colour="red"), 400, "unknown .*: 'colour'")
        self.assert_error(self.server.put(profile, label_a=["1", "2"]), 400, "two labels .*: 'a'")
        labels = {f"label_{i}": "x" for i in range(65)}
        self.assert_error(self.server.put(profile, **labels), 400, "more than 64 labels")
        self.assert_error(self.server.put(profile, service="s" * 256), 422, "longer")
        self.assert_error(self.server.put(profile, id="i" * 129), 422, "longer")

    def test_what_is_no_profile_is_refused(self):
        profile = pprof_of("a;b;c 1\n")
        for body in (b"", b"hello", profile[:-9], b"\x1f\x8b" + profile[2:40], b"\xff" * 1000):
            self.assert_error(self.server.put(body), 422, "no pprof profile: .")
        bomb = gzip.compress(bytes(1 << 30), 9)
        self.assert_error(self.server.put(bomb), 422, "no pprof profile: .")
        self.assert_error(self.server.put(bytes(33 << 20)), 413, "too large")
        # None of them was kept by that id.
        self.assert_stored(self.server.put(profile))

    def test_a_name_that_leads_here_is_none_of_ours(self):
        for name in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil"):
            answer = self.server.ask("GET", "/api/v1/values", headers={"Host": name})
            self.assert_error(answer, 403, "asked by its address")
        for name in ("localhost", "LOCALHOST:9", "127.0.0.1:80", "[::1]:80"):
            answer = self.server.ask("GET", "/api/v1/values", headers={"Host": name})
            self.assertEqual(answer.status, 200, name)

    def test_labels_have_names_of_their_own(self):
        profile = pprof_of("a 1\n")
        for name in ("service", "host", "kind"):
            answer = self.server.put(profile, **{"label_" + name: "x"})
            self.assert_error(answer, 400, f"a name that is taken: '{name}'")

    def test_times_that_cannot_be_are_refused(self):
        profile, now = pprof_of("a 1\n"), int(time.time())
        ahead = {"from": now + 7200, "until": now + 7260}
        self.assert_error(self.server.put(profile, **ahead), 422, "in the future")
        far = {"from": 253402300799, "until": 253402300859}
        self.assert_error(self.server.put(profile, **far), 400, "no time in seconds")

    def test_time_is_nanoseconds_whatever_it_came_as(self):
        self.assert_stored(self.server.put(pprof_of("a 1\n"), id="1"))
        answer = self.server.put(pprof_of("a 5\n", "--unit", "bytes"), id="2")
        self.assert_error(answer, 422, "count time, and this one counts 'bytes'")
        other = self.server.put(pprof_of("a 5\n", "--unit", "bytes"), id="2", kind="memory")
        self.assert_stored(other)
        self.assert_merged(self.server.merge(), "a 10000\n")

    def test_more_than_one_may_send_comes_later(self):
        self.server.end()
        self.server.words = (*self.WORDS, "--rate", "1")
        self.server.start()
        profile = pprof_of("a 1\n")
        answers = [self.server.put(profile, id=str(i)) for i in range(15)]
        self.assertEqual([answer.status for answer in answers[:10]], [200] * 10)
        self.assert_error(answers[-1], 429, "more profiles than one may send")
        self.assertIn(int(answers[-1].headers["Retry-After"]), (1, 2))
        self.assertEqual(self.server.merge().status, 200)

    def test_an_id_is_that_of_a_service(self):
        for service in ("one", "two"):
            self.assert_stored(self.server.put(pprof_of("a 1\n"), service=service))
            self.assert_stored(self.server.put(pprof_of("a 1\n"), service=service), False)
        self.assert_merged(self.server.merge(), "a 20000\n")

    def test_a_thousand_that_say_nothing(self):
        sockets = []
        try:
            for _ in range(1000):
                sockets.append(socket.create_connection(("127.0.0.1", self.server.port)))
            self.assert_stored(self.server.put(pprof_of("a 1\n")))
            self.assert_merged(self.server.merge(), "a 10000\n")
        finally:
            for one in sockets:
                one.close()

    def test_other_paths_and_methods_are_told(self):
        self.assert_error(self.server.ask("GET", "/api/v1/profiles"), 405, "method")
        for path in ("/api/v1/../../etc/passwd", "/api/v1/profiles/", "/api/%00", "/x?" + "a" * 99):
            self.assert_error(self.server.ask("GET", path), 404, "path")
        self.assertEqual(self.server.ask("GET", "/healthz").body, b"ok\n")

    def test_head_is_answered_and_methods_are_told(self):
        head = self.server.ask("HEAD", "/healthz")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(self.server.ask("HEAD", "/").status, 200)
        for path, allowed in (("/api/v1/profiles", "POST"), ("/api/v1/merge", "GET, HEAD")):
            answer = self.server.ask("DELETE", path)
            self.assertEqual((answer.status, answer.headers["Allow"]), (405, allowed))

    def test_what_is_too_large_is_counted(self):
        answer = self.server.put(b"x" * (33 << 20))
        self.assertEqual(answer.status, 413)
        metrics = self.server.ask("GET", "/metrics").body.decode()
        self.assertIn('eprof_server_refused_requests_total{why="too_large"} 1\n', metrics)

    def test_nodes_have_a_limit(self):
        """Some kilobytes can be millions of nodes."""
        deep = ";".join(["f"] * 60_000)
        body = pprof_of("".join(f"{name};{deep} 1\n" for name in range(20)))
        self.assertLess(len(body), 1 << 20)
        self.assert_error(self.server.put(body), 422, "no pprof profile: .")

    def test_pages_of_other_sites_may_not_ask(self):
        profile = pprof_of("a 1\n")
        origin = {"Origin": "https://example.org"}
        self.assert_error(self.server.put(profile, headers=origin), 403, "other sites")
        own = {"Origin": f"http://127.0.0.1:{self.server.port}"}
        self.assert_stored(self.server.put(profile, headers=own))

    def test_what_was_kept_is_there_after_a_new_start(self):
        self.assert_stored(self.server.put(pprof_of("a;b 3\n")))
        self.assertEqual(self.server.end(), 0)
        self.server.start()
        self.assert_stored(self.server.put(pprof_of("a;b 3\n")), False)
        self.assert_merged(self.server.merge(), "a;b 30000\n")


class FewConnections(ServerTest):
    WORDS = ("--insecure", "--connections", "3")

    def test_one_address_has_no_more_and_others_have_theirs(self):
        def connect(address):
            where = ("127.0.0.1", self.server.port)
            return socket.create_connection(where, LIMIT_SECONDS, source_address=(address, 0))

        with contextlib.ExitStack() as stack:
            few = [stack.enter_context(connect("127.0.0.2")) for _ in range(3)]
            # From its first answer on a connection is counted.
            for one in few:
                self.assert_healthy(one)
            fourth = stack.enter_context(connect("127.0.0.2"))
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(fourth.recv(1), b"")
            self.assert_stored(self.server.put(pprof_of("a 1\n")))
            self.assert_healthy(few[0])

    def assert_healthy(self, one):
        """It answers, and the connection stays."""
        one.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = http.client.HTTPResponse(one)
        answer.begin()
        self.assertEqual(answer.status, 200)
        answer.read()


class WithoutTokens(ServerTest):
    WORDS = ()

    def test_reading_is_open_and_writing_is_not(self):
        self.assert_error(self.server.put(pprof_of("a 1\n")), 401, "token")
        self.assert_error(self.server.merge(), 404, "no profile")


class WithTokens(ServerTest):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="eprof-tokens-")
        cls.addClassCleanup(scratch.cleanup)
        path = os.path.join(scratch.name, "tokens")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"# who\nagents write {TOKEN_WRITE}\n\nteam read {TOKEN_READ}\n")
        os.chmod(path, 0o640)
        cls.WORDS = ("--tokens", path)

    @staticmethod
    def bearer(token):
        return {"Authorization": f"Bearer {token}"}

    def test_each_has_its_right(self):
        profile = pprof_of("a;b 1\n")
        self.assert_error(self.server.put(profile), 401, "token")
        for wrong in ("", "x", TOKEN_WRITE[:-1], TOKEN_WRITE + "w", "W" * 32, "w" * 5000):
            self.assert_error(self.server.put(profile, headers=self.bearer(wrong)), 401, "token")
        self.assert_error(
            self.server.put(profile, headers=self.bearer(TOKEN_READ)), 403, "not for this"
        )
        self.assert_stored(self.server.put(profile, headers=self.bearer(TOKEN_WRITE)))
        span = {"from": NOON, "until": NOON + 60, "format": "folded", "kind": "on-cpu"}
        for token, status in ((TOKEN_WRITE, 403), (TOKEN_READ, 200)):
            answer = self.server.ask("GET", "/api/v1/merge", None, self.bearer(token), **span)
            self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(self.server.ask("GET", "/healthz").status, 200)


class TwoServers(ServerTest):
    def test_one_directory_is_one_servers(self):
        with self.assertRaisesRegex(AssertionError, "is another eprof-server's"):
            Server(self.directory).start()


if __name__ == "__main__":
    unittest.main(verbosity=2)
