# SPDX-License-Identifier: Apache-2.0
"""What Pyroscope is sent, read back by the definition of its message."""

import importlib.util
import os
import shutil
import subprocess
import sys
import unittest
import urllib.parse
import uuid

from sending import Case, Receiver, send

OTHER_PYTHON = "/usr/bin/python3"


def load_push(directory):
    """The message's module, made of the definition; None without protoc or its Python."""
    proto = os.environ["PUSH_PROTO"]
    if not shutil.which("protoc"):
        return None
    subprocess.run(["protoc", "--proto_path=" + os.path.dirname(proto), "--python_out=" + directory,
                    os.path.basename(proto)], check=True)
    sys.path.insert(0, directory)
    try:
        return importlib.import_module("push_pb2")
    except ImportError:
        return None
    finally:
        sys.path.remove(directory)


class Push(Case):
    def setUp(self):
        super().setUp()
        self.push = load_push(self.directory)
        if not self.push:
            self.skipTest("protoc, or protobuf for this Python, is not installed")
        self.receiver = Receiver(self, lambda request: (200, {}, b""))
        self.url = self.receiver.url.replace("http://", "pyroscope+http://")

    def read(self, request):
        message = self.push.PushRequest()
        message.ParseFromString(request["body"])
        self.assertEqual(message.SerializeToString(), request["body"])
        self.assertEqual(len(message.series), 1)
        self.assertEqual(len(message.series[0].samples), 1)
        series = message.series[0]
        labels = [(label.name, label.value) for label in series.labels]
        self.assertEqual(len(labels), len({name for name, _ in labels}))
        return dict(labels), series.samples[0]

    def test_a_profile_arrives_with_its_labels(self):
        path, content = self.profile()
        tenant = {"tenant": "team", "label_zone": "eu", "label_a-b.c": "1"}
        self.assertOutcome(send(self.url + "/base", path, **tenant), "sent")
        request = self.receiver.requests[0]
        labels, sample = self.read(request)
        self.assertEqual((request["method"], request["path"]),
                         ("POST", "/base/push.v1.PusherService/Push"))
        self.assertEqual(request["headers"]["content-type"], "application/proto")
        self.assertEqual(request["headers"]["connect-protocol-version"], "1")
        self.assertEqual(request["headers"]["x-scope-orgid"], "team")
        self.assertEqual(labels, {"__name__": "process_cpu", "service_name": "nginx.service",
                                  "hostname": "web1", "zone": "eu", "a_b_c": "1"})
        self.assertEqual(sample.raw_profile, content)
        self.assertEqual(str(uuid.UUID(sample.ID)), sample.ID)

    def test_off_cpu_profiles_have_the_name_that_others_use(self):
        path, _ = self.profile()
        self.assertOutcome(send(self.url, path, kind="off-cpu"), "sent")
        self.assertEqual(self.read(self.receiver.requests[0])[0]["__name__"], "off_cpu")

    def test_sending_it_twice_sends_the_same(self):
        path, _ = self.profile()
        self.assertOutcome(send(self.url, path, times=2), "sent")
        self.assertEqual(len({request["body"] for request in self.receiver.requests}), 1)

    def test_a_label_comes_once_and_cannot_replace_ours(self):
        path, _ = self.profile()
        found = {"label___name__": "x", "label_service_name": "y", "label_a.b": "1",
                 "label_a-b": "2", "label_none": ""}
        self.assertOutcome(send(self.url, path, **found), "sent")
        self.assertEqual(self.read(self.receiver.requests[0])[0],
                         {"__name__": "process_cpu", "service_name": "nginx.service",
                          "hostname": "web1", "a_b": "1"})

    def test_what_it_does_not_take_is_refused_without_asking(self):
        path, _ = self.profile()
        self.assertOutcome(send(self.url, path, format="svg"), "refused", "svg")
        self.assertOutcome(send(self.url, path, kind="both"), "refused", "one kind")
        large = self.path("large")
        with open(large, "wb") as file:
            file.truncate((16 << 20) + 1)
        self.assertOutcome(send(self.url, large), "refused", "16777217")
        self.assertEqual(self.receiver.requests, [])


class Ingest(Case):
    def setUp(self):
        super().setUp()
        self.receiver = Receiver(self, lambda request: (200, {}, b""))
        self.url = self.receiver.url.replace("http://", "pyroscope+http://") + "/ingest"

    def query(self, **keys):
        path, content = self.profile()
        self.assertOutcome(send(self.url, path, **keys), "sent")
        request = self.receiver.requests[-1]
        parts = urllib.parse.urlsplit(request["path"])
        self.assertEqual((request["method"], parts.path), ("POST", "/ingest"))
        self.assertEqual(request["body"], content)
        return dict(urllib.parse.parse_qsl(parts.query, strict_parsing=True))

    def test_pprof_is_named_by_its_service(self):
        self.assertEqual(self.query(label_zone="eu"), {
            "name": "nginx.service{service_name=nginx.service,hostname=web1,zone=eu}",
            "from": "1767323045", "until": "1767323105", "format": "pprof", "sampleRate": "99",
            "spyName": "eprof", "units": "samples", "aggregationType": "sum"})

    def test_folded_stacks_say_what_they_count_in_the_name(self):
        found = self.query(format="folded")
        self.assertTrue(found["name"].startswith("nginx.service.cpu{"), found)
        self.assertEqual(found["format"], "folded")
        found = self.query(format="folded", kind="off-cpu")
        self.assertTrue(found["name"].startswith("nginx.service.wall{"), found)
        self.assertEqual((found["sampleRate"], found["units"]), ("1000000", "microseconds"))

    def test_what_parts_a_name_is_not_in_its_values(self):
        found = self.query(service="a{b}&c", label_x="1,2=3}")
        self.assertEqual(found["name"], "a_b__c{service_name=a_b_&c,hostname=web1,x=1_2_3_}")

    def test_other_formats_are_refused(self):
        path, _ = self.profile()
        self.assertOutcome(send(self.url, path, format="html"), "refused", "html")


if __name__ == "__main__":
    # The distribution's packages are its own Python's, which need not be the first one.
    if not importlib.util.find_spec("google") and sys.executable != OTHER_PYTHON and \
            os.access(OTHER_PYTHON, os.X_OK):
        os.execv(OTHER_PYTHON, [OTHER_PYTHON, "-B"] + sys.argv)
    unittest.main()
