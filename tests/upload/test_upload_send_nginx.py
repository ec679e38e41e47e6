# SPDX-License-Identifier: Apache-2.0
"""PUT over TLS to nginx, with an authority of our own. Skipped where nginx or openssl is missing."""

import os
import shutil
import subprocess
import sys
import unittest

from sending import Case, can_connect, free_port, send, stop, wait_for

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

CONFIG = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log;
events {{}}
http {{
	access_log off;
	client_body_temp_path {dir}/body; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
	uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
	client_max_body_size 1m; root {dir}/root;
	dav_methods PUT; create_full_put_path on;
	ssl_protocols TLSv1.2 TLSv1.3;
	server {{
		listen 127.0.0.1:{good} ssl http2;
		ssl_certificate {dir}/good.pem; ssl_certificate_key {dir}/good.key;
	}}
	server {{
		listen 127.0.0.1:{expired} ssl;
		ssl_certificate {dir}/expired.pem; ssl_certificate_key {dir}/expired.key;
	}}
	server {{
		listen 127.0.0.1:{other} ssl;
		ssl_certificate {dir}/other.pem; ssl_certificate_key {dir}/other.key;
	}}
	server {{
		listen 127.0.0.1:{client} ssl;
		ssl_certificate {dir}/good.pem; ssl_certificate_key {dir}/good.key;
		ssl_client_certificate {dir}/ca.pem; ssl_verify_client on;
	}}
	server {{
		listen 127.0.0.1:{basic} ssl;
		ssl_certificate {dir}/good.pem; ssl_certificate_key {dir}/good.key;
		auth_basic profiles; auth_basic_user_file {dir}/users;
	}}
	server {{
		listen 127.0.0.1:{old} ssl;
		ssl_certificate {dir}/good.pem; ssl_certificate_key {dir}/good.key;
		ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;
	}}
}}
"""
SERVERS = ("good", "expired", "other", "client", "basic", "old")


def openssl(*words, **keys):
    subprocess.run(("openssl",) + words, check=True, capture_output=True, **keys)


def make_certificate(directory, name, subject, days):
    """days: "-days N", or both dates for one that is over."""
    def at(ending):
        return os.path.join(directory, name + ending)

    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", at(".key"), "-out", at(".csr"), "-subj", "/CN=" + name)
    with open(at(".ext"), "w", encoding="ascii") as out:
        out.write("subjectAltName=" + subject + "\n")
    openssl("x509", "-req", "-in", at(".csr"), "-CA", os.path.join(directory, "ca.pem"), "-CAkey",
            os.path.join(directory, "ca.key"), "-CAcreateserial", "-out", at(".pem"), "-extfile",
            at(".ext"), "-days", str(days))


class Nginx(Case):
    @classmethod
    def setUpClass(cls):
        cls.shared = subprocess.run(["mktemp", "-d", "/tmp/eprof-nginx-XXXXXX"], check=True,
                                    capture_output=True).stdout.decode().strip()
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", cls.shared], check=False)
        os.mkdir(os.path.join(cls.shared, "root"))
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-keyout", cls.shared + "/ca.key", "-out", cls.shared + "/ca.pem",
                "-subj", "/CN=test authority", "-days", "2")
        for name, subject, days in (("good", "IP:127.0.0.1", 2), ("expired", "IP:127.0.0.1", -1),
                                    ("other", "DNS:elsewhere.example", 2),
                                    ("me", "DNS:me.example", 2)):
            make_certificate(cls.shared, name, subject, days)
        os.chmod(cls.shared + "/me.key", 0o640)
        with open(cls.shared + "/users", "w", encoding="ascii") as out:
            out.write("joe:{PLAIN}pass word\n")
        os.chmod(cls.shared, 0o755)
        cls.ports = {name: free_port() for name in SERVERS}
        with open(cls.shared + "/nginx.conf", "w", encoding="ascii") as out:
            out.write(CONFIG.format(dir=cls.shared, **cls.ports))
        process = subprocess.Popen([NGINX, "-p", cls.shared, "-c", cls.shared + "/nginx.conf"],
                                   stderr=subprocess.DEVNULL)
        cls.addClassCleanup(stop, process)
        wait_for("nginx", lambda: can_connect(cls.ports["old"]))

    def send(self, server, **keys):
        path, self.content = self.profile(keys.pop("bytes", 70000))
        keys.setdefault("ca_file", self.shared + "/ca.pem")
        return send("https://127.0.0.1:%d/up" % self.ports[server], path, **keys)

    def read(self, name):
        with open(os.path.join(self.shared, "root/up", name), "rb") as file:
            return file.read()

    def test_a_file_arrives_byte_identical_and_twice(self):
        for _ in range(2):
            self.assertOutcome(self.send("good"), "sent")
        self.assertEqual(self.read("nginx.service/2026/01/02/"
                                   "web1-20260102T030405.000000Z-on-cpu.pb.gz"), self.content)

    def test_a_file_that_is_too_large_is_refused(self):
        self.assertOutcome(self.send("good", bytes=2 << 20), "refused", "413")

    def test_an_authority_that_is_not_known_is_not_trusted(self):
        self.assertOutcome(self.send("good", ca_file=self.shared + "/me.pem"), "later",
                           "certificate")
        path, _ = self.profile()
        found = send("https://127.0.0.1:%d/" % self.ports["good"], path)
        self.assertOutcome(found, "later", "certificate")

    def test_a_certificate_that_has_expired_is_not_trusted(self):
        self.assertOutcome(self.send("expired"), "later", "expired")

    def test_a_certificate_of_another_host_is_not_trusted(self):
        self.assertOutcome(self.send("other"), "later", "127.0.0.1")

    def test_tls_before_1_2_is_not_spoken(self):
        self.assertOutcome(self.send("old"), "later")

    def test_a_client_certificate_is_shown(self):
        self.assertOutcome(self.send("client", key="c"), "refused", "400")
        found = self.send("client", key="c", client_cert=self.shared + "/me.pem",
                          client_key=self.shared + "/me.key")
        self.assertOutcome(found, "sent")
        self.assertEqual(self.read("c"), self.content)

    def test_a_key_that_others_may_read_is_not_used(self):
        key = self.write("open.key", b"key", mode=0o644)
        found = self.send("client", client_cert=self.shared + "/me.pem", client_key=key)
        self.assertOutcome(found, "later", "others may read", key)

    def test_name_and_password_are_told(self):
        self.assertOutcome(self.send("basic", key="b"), "refused", "401")
        wrong = self.write("wrong", b"joe:other")
        self.assertOutcome(self.send("basic", key="b", user_file=wrong), "refused", "401")
        right = self.write("right", b"joe:pass word\n")
        self.assertOutcome(self.send("basic", key="b", user_file=right), "sent")
        self.assertEqual(self.read("b"), self.content)

    def test_probing_tells_who_is_let_in(self):
        url = "https://127.0.0.1:%d" % self.ports["basic"]
        ca = self.shared + "/ca.pem"
        self.assertOutcome(send(url, probe=1, ca_file=ca), "refused", "401")
        right = self.write("right", b"joe:pass word\n")
        self.assertOutcome(send(url, probe=1, ca_file=ca, user_file=right), "sent")


if __name__ == "__main__":
    if not NGINX or not shutil.which("openssl"):
        print("skipped: nginx or openssl is not installed")
        sys.exit(77)
    unittest.main()
