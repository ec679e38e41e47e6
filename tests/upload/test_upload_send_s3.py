# SPDX-License-Identifier: Apache-2.0
"""S3: what is asked of a receiver of our own, which does not check it."""

import hashlib
import unittest

from sending import Case, Receiver, send

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "a-secret-of-theirs"}
SECRET_LINES = "[other]\naws_access_key_id=no\n[default]\n# here\naws_access_key_id = %s\n" \
               "aws_secret_access_key=%s\r\n"


class Requests(Case):
    """Where it goes, and what is signed."""

    def setUp(self):
        super().setUp()
        self.status, self.body = 200, b""
        self.receiver = Receiver(self, lambda request: (self.status, {}, self.body))

    def send(self, url="s3://bucket/pre fix/", env=None, **keys):
        path, self.content = self.profile(1000)
        keys.setdefault("endpoint", self.receiver.url)
        return send(url, path, env=KEYS if env is None else env, **keys)

    def test_the_bucket_is_in_the_path(self):
        self.assertOutcome(self.send(region="eu-west-3"), "sent")
        request = self.receiver.requests[0]
        self.assertEqual(request["path"], "/bucket/pre%20fix/nginx.service/2026/01/02/"
                         "web1-20260102T030405.000000Z-on-cpu.pb.gz")
        self.assertEqual(request["body"], self.content)
        self.assertEqual(request["headers"]["x-amz-content-sha256"],
                         hashlib.sha256(self.content).hexdigest())
        self.assertRegex(request["headers"]["authorization"],
                         r"^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-west-3/s3/aws4_request,"
                         r" ?SignedHeaders=[^,]*x-amz-content-sha256[^,]*, ?Signature=[0-9a-f]{64}$")

    def test_the_bucket_is_in_the_hosts_name(self):
        proxy = {"http_proxy": self.receiver.url, **KEYS}
        found = self.send("s3://bucket/p", env=proxy, style="virtual-host", key="k",
                          endpoint="http://s3.example:80/")
        self.assertOutcome(found, "sent")
        self.assertEqual(self.receiver.requests[0]["path"].replace(":80/", "/"),
                         "http://bucket.s3.example/p/k")

    def test_a_session_token_of_the_credentials_file_is_sent_whole(self):
        session = "t" * 1500
        path = self.write("credentials", SECRET_LINES % ("AKID", "secret1") +
                          "aws_session_token = %s\n" % session)
        self.assertOutcome(self.send(credentials_file=path, env={}), "sent")
        headers = self.receiver.requests[0]["headers"]
        self.assertEqual(headers["x-amz-security-token"], session)
        self.assertIn("Credential=AKID/", headers["authorization"])
        self.assertIn("x-amz-security-token", headers["authorization"])

    def test_without_credentials_nothing_is_asked(self):
        self.assertOutcome(self.send(env={}), "later", "AWS_ACCESS_KEY_ID")
        path = self.write("credentials", "[other]\naws_access_key_id=a\n")
        self.assertOutcome(self.send(credentials_file=path), "later", path, "no access key")
        path = self.write("open", SECRET_LINES % ("a", "b"), mode=0o644)
        self.assertOutcome(self.send(credentials_file=path), "later", path, "others may read")
        self.assertEqual(self.receiver.requests, [])

    def test_what_is_wrong_for_now_is_tried_again(self):
        for status, code in ((403, "RequestTimeTooSkewed"), (400, "ExpiredToken"),
                             (503, "SlowDown")):
            self.status = status
            self.body = b"<?xml version='1.0'?><Error><Code>%s</Code></Error>" % code.encode()
            self.assertOutcome(self.send(), "later", "<Code>%s</Code>" % code)
        self.status, self.body = 403, b"<Error><Code>AccessDenied</Code></Error>"
        self.assertOutcome(self.send(), "refused", "AccessDenied")


if __name__ == "__main__":
    unittest.main()
