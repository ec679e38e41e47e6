#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Profiles as clients of Pyroscope send them; eprof's own agent is one of these clients."""

import gzip
import json
import unittest

from server import NOON, ServerTest, pprof_of

PROTO = {"Content-Type": "application/proto", "Connect-Protocol-Version": "1"}
SPAN = {"from": NOON, "until": NOON + 60}
MS10 = 10_000_000


def field(number, payload):
    """A field of bytes (protobuf's wire type 2)."""
    out, length = bytearray([number << 3 | 2]), len(payload)
    while length >= 0x80:
        out.append(length & 0x7F | 0x80)
        length >>= 7
    out.append(length)
    return bytes(out) + payload


def push_of(labels, *samples):
    """A PushRequest of one series; samples: (profile, id)."""
    series = b"".join(
        field(1, field(1, name.encode()) + field(2, value.encode()))
        for name, value in labels.items()
    )
    for profile, identity in samples:
        series += field(2, field(1, profile) + field(2, identity.encode()))
    return field(1, series)


class PyroscopeTest(ServerTest):
    def push(self, message, **headers):
        return self.server.ask(
            "POST", "/push.v1.PusherService/Push", message, {**PROTO, **headers}
        )

    def ingest(self, body, headers=None, **parameters):
        given = {"name": "shop.cpu{region=eu,hostname=a}", **SPAN, **parameters}
        return self.server.ask("POST", "/ingest", body, headers, **given)

    def values(self, name):
        answer = self.server.ask("GET", "/api/v1/values", name=name, **{"from": 1, "until": 1 << 33})
        return json.loads(answer.body)["values"]

    def merged(self, **of):
        answer = self.server.ask("GET", "/api/v1/merge", format="folded",
                                 **{"kind": "on-cpu", "from": 1, "until": 1 << 33, **of})
        self.assertEqual(answer.status, 200, answer.body)
        return answer.body.decode()


class Push(PyroscopeTest):
    LABELS = {
        "__name__": "process_cpu",
        "__session_id__": "1",
        "service_name": "shop",
        "hostname": "a",
        "region": "eu",
    }

    def test_labels_say_what_it_is(self):
        answer = self.push(push_of(self.LABELS, (pprof_of("main;f 3\n"), "id-1")))
        self.assertEqual((answer.status, answer.body), (200, b""), answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/proto")
        self.assertEqual(self.merged(service="shop", host="a", label_region="eu"), "main;f 30000\n")
        self.assertEqual(self.values("kind"), ["on-cpu"])
        self.assertEqual(self.values("__session_id__"), [])

    def test_sent_again_counts_once(self):
        message = push_of(self.LABELS, (pprof_of("main;f 3\n"), "id-1"))
        for _ in range(3):
            self.assertEqual(self.push(message).status, 200)
        self.assertEqual(self.merged(), "main;f 30000\n")

    def test_without_an_id_it_has_that_of_its_content(self):
        for _ in range(2):
            for folded in ("main;f 3\n", "main;g 4\n"):
                self.assertEqual(self.push(push_of(self.LABELS, (pprof_of(folded), ""))).status, 200)
        self.assertEqual(self.merged(), "main;f 30000\nmain;g 40000\n")

    def test_several_samples_and_a_message_that_is_compressed(self):
        message = push_of(
            {**self.LABELS, "__name__": "off_cpu"},
            (pprof_of("main;f 3\n", "--unit", "microseconds"), "1"),
            (pprof_of("main;f 4\n", "--unit", "microseconds"), "2"),
        )
        answer = self.push(gzip.compress(message), **{"Content-Encoding": "gzip"})
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(self.merged(kind="off-cpu"), "main;f 7\n")

    def test_what_is_none_is_refused(self):
        good = push_of(self.LABELS, (pprof_of("a 1\n"), "1"))
        self.assert_error(self.push(b"\xff\xff"), 400, "no push.v1.PushRequest")
        self.assert_error(self.push(b""), 400, "is empty")
        self.assert_error(self.push(good[:-9]), 400, "no push.v1.PushRequest")
        self.assert_error(self.push(push_of(self.LABELS, (b"junk", "1"))), 422, "no pprof")
        bomb = gzip.compress(b"\0" * (200 << 20))
        self.assert_error(self.push(bomb), 400, "cannot be read")
        self.assert_error(self.push(good, **{"Content-Type": "application/json"}), 415, "proto")
        crowd = push_of(self.LABELS, *[(b"junk", "1")] * 1001)
        self.assert_error(self.push(crowd), 413, "more than 1000 profiles")
        many = {f"l{i}": "x" for i in range(100)}
        self.assert_error(self.push(push_of(many, (pprof_of("a 1\n"), "1"))), 400, "64 labels")
        many = {f"l{i}": "x" for i in range(1_000_000)}
        refused = self.push(push_of(many, (pprof_of("a 1\n"), "1")))
        self.assert_error(refused, 400, "64 labels|no push.v1.PushRequest")


class Ingest(PyroscopeTest):
    def test_folded_samples_become_time(self):
        self.assertEqual(self.ingest(b"main;f 3\n", sampleRate=100).status, 200)
        self.assertEqual(self.merged(service="shop", host="a", label_region="eu"), "main;f 30000\n")

    def test_a_name_without_a_kind_is_time_on_a_cpu(self):
        self.assertEqual(self.ingest(b"main;f 3\n", name="shop", sampleRate=100).status, 200)
        self.assertEqual(self.merged(service="shop"), "main;f 30000\n")

    def test_times_stay_what_they_are(self):
        answer = self.ingest(b"main;f 3\n", name="shop.off_cpu", units="microseconds")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(self.merged(kind="off-cpu", host="unknown"), "main;f 3\n")

    def test_pprof_by_itself_and_in_a_form(self):
        self.assertEqual(self.ingest(pprof_of("main;f 3\n"), name="shop", format="pprof").status, 200)
        form = (b'--form\r\nContent-Disposition: form-data; name="sample_type_config"\r\n\r\n{}\r\n'
                b'--form\r\nContent-Disposition: form-data; name="profile"; filename="p"\r\n'
                b"Content-Type: application/octet-stream\r\n\r\n" + pprof_of("main;g 4\n")
                + b"\r\n--form--\r\n")
        answer = self.ingest(form, {"Content-Type": "multipart/form-data; boundary=form"}, name="shop")
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(self.merged(service="shop"), "main;f 30000\nmain;g 40000\n")

    def test_what_is_wrong_is_said(self):
        body = b"main 1\n"
        self.assert_error(self.ingest(body, name="shop{"), 400, "no name of an application")
        self.assert_error(self.ingest(body, name="{a=b}"), 400, "no name of an application")
        self.assert_error(self.ingest(body, until=NOON), 400, "no window")
        self.assert_error(self.ingest(body, format="jfr"), 415, "pprof, folded, groups")
        self.assert_error(self.ingest(b"no count\n"), 422, "does not end in a count")
        self.assert_error(self.ingest(b""), 422, "no folded stacks")
        self.assert_error(self.ingest(body, sampleRate=0), 400, "sampleRate")
        form = b'--form\r\nContent-Disposition: form-data; name="other"\r\n\r\n1\r\n--form--\r\n'
        headers = {"Content-Type": "multipart/form-data; boundary=form"}
        self.assert_error(self.ingest(form, headers), 400, "no field 'profile'")
        cut = form.replace(b"other", b"profile")[: -len("--form--\r\n")]
        self.assert_error(self.ingest(cut, headers), 400, "to its end")


class Metrics(PyroscopeTest):
    def test_what_came_is_counted(self):
        message = push_of(Push.LABELS, (pprof_of("main;f 3\n"), "id-1"))
        self.push(message)
        self.push(message)
        self.push(b"\xff")
        self.assert_stored(self.server.put(pprof_of("a 1\n")))
        answer = self.server.ask("GET", "/metrics")
        self.assertEqual(answer.status, 200)
        lines = dict(
            line.rsplit(" ", 1) for line in answer.body.decode().splitlines() if line[0] != "#"
        )
        of = 'eprof_server_profiles_total{result="%s"}'
        self.assertEqual([lines[of % r] for r in ("stored", "known", "refused", "failed")],
                         ["2", "1", "1", "0"])
        path = 'eprof_server_requests_total{path="/push.v1.PusherService/Push",code="%s"}'
        self.assertEqual((lines[path % "2xx"], lines[path % "4xx"]), ("2", "1"))
        self.assertGreater(int(lines["eprof_server_store_bytes"]), 0)
        self.assertEqual(int(lines["eprof_server_store_oldest_seconds"]), NOON // 86400 * 86400)


class Rate(PyroscopeTest):
    WORDS = ("--insecure", "--rate", "1")

    def test_all_profiles_of_a_message_count(self):
        """Ten may come at once."""
        samples = [(pprof_of("a 1\n"), str(number)) for number in range(11)]
        self.assertEqual(self.push(push_of(Push.LABELS, *samples)).status, 200)
        refused = self.push(push_of(Push.LABELS, (pprof_of("a 1\n"), "more")))
        self.assert_error(refused, 429, "more profiles than one may send")
        self.assertIn("Retry-After", refused.headers)


if __name__ == "__main__":
    unittest.main()
