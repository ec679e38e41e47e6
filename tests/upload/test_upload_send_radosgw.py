# SPDX-License-Identifier: Apache-2.0
"""S3 by a real radosgw, which checks signatures and hashes. Skipped where it is not installed."""

import os
import shutil
import subprocess
import sys
import unittest
import uuid

from sending import Case, can_connect, free_port, send, stop, wait_for

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "ceph-authtool",
            "monmaptool", "curl")
POOLS = (".rgw.root", "default.rgw.log", "default.rgw.control", "default.rgw.meta",
         "default.rgw.buckets.index", "default.rgw.buckets.data")
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "a-secret-of-theirs"}


class Radosgw(Case):
    """One monitor, one OSD in memory, one gateway."""

    @classmethod
    def run_program(cls, *words):
        done = subprocess.run(words, capture_output=True, timeout=60, check=False,
                              env={**os.environ, "CEPH_CONF": cls.shared + "/ceph.conf"})
        if done.returncode:
            raise AssertionError("%s: %s" % (" ".join(words), done.stderr.decode()[-800:]))
        return done.stdout.decode()

    @classmethod
    def start(cls, *words):
        with open(cls.shared + "/log", "ab") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log, env={
                **os.environ, "CEPH_CONF": cls.shared + "/ceph.conf"})
        cls.addClassCleanup(stop, process)
        return process

    @classmethod
    def write_config(cls, fsid, ports):
        with open(cls.shared + "/ceph.conf", "w", encoding="ascii") as out:
            out.write("""[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = {dir}/keyring
run dir = {dir}
log file = {dir}/$name.log
admin socket = {dir}/$name.asok
pid file = {dir}/$name.pid
mon allow pool size one = true
mon warn on pool no redundancy = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
[mon]
mon data = {dir}/mon
mon data avail crit = 1
mon data avail warn = 1
[osd]
osd data = {dir}/osd
osd objectstore = memstore
memstore device bytes = 268435456
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{gateway}
rgw data = {dir}/rgw
""".format(fsid=fsid, dir=cls.shared, **ports))

    @classmethod
    def setUpClass(cls):
        cls.shared = subprocess.run(["mktemp", "-d", "/tmp/eprof-rgw-XXXXXX"], check=True,
                                    capture_output=True).stdout.decode().strip()
        cls.addClassCleanup(subprocess.run, ["rm", "-rf", cls.shared], check=False)
        fsid, directory = str(uuid.uuid4()), cls.shared
        ports = {name: free_port() for name in ("v1", "v2", "gateway")}
        cls.port = ports["gateway"]
        cls.write_config(fsid, ports)
        for name in ("mon", "osd", "rgw"):
            os.mkdir(os.path.join(directory, name))
        ring = directory + "/keyring"
        cls.run_program("ceph-authtool", "-C", ring, "--gen-key", "-n", "mon.", "--cap", "mon",
                        "allow *")
        for name, caps in (("client.admin", ("mon", "allow *", "osd", "allow *", "mgr", "allow *")),
                           ("client.rgw", ("mon", "allow rw", "osd", "allow rwx")),
                           ("osd.0", ("mon", "allow profile osd", "osd", "allow *"))):
            words = [word for i in range(0, len(caps), 2) for word in ("--cap", *caps[i:i + 2])]
            cls.run_program("ceph-authtool", ring, "--gen-key", "-n", name, *words)
        cls.run_program("monmaptool", "--create", "--fsid", fsid, "--addv", "a",
                        "[v2:127.0.0.1:%d,v1:127.0.0.1:%d]" % (ports["v2"], ports["v1"]),
                        directory + "/monmap")
        cls.run_program("ceph-mon", "--mkfs", "-i", "a", "--monmap", directory + "/monmap",
                        "--keyring", ring)
        cls.start("ceph-mon", "-f", "-i", "a")
        wait_for("the monitor", lambda: can_connect(ports["v2"]))
        cls.run_program("ceph", "osd", "new", str(uuid.uuid4()))
        cls.run_program("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid",
                        cls.run_program("ceph", "osd", "dump").split("osd.0")[1].split()[-1])
        cls.start("ceph-osd", "-f", "-i", "0")
        for pool in POOLS:
            cls.run_program("ceph", "osd", "pool", "create", pool, "1")
        cls.run_program("radosgw-admin", "user", "create", "--uid=u", "--display-name=u",
                        "--access-key=AKIDEXAMPLE", "--secret-key=a-secret-of-theirs")
        cls.start("radosgw", "-f", "-n", "client.rgw")
        wait_for("the gateway", lambda: can_connect(cls.port), 60)
        cls.ask("PUT", "/profiles")

    @classmethod
    def ask(cls, method, path):
        """By curl, which signs as well."""
        return subprocess.run(
            ["curl", "-sSf", "-X", method, "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD",
             "--aws-sigv4", "aws:amz:us-east-1:s3", "--user",
             "AKIDEXAMPLE:a-secret-of-theirs", "--noproxy", "*", "http://127.0.0.1:%d%s" % (cls.port, path)],
            check=True, capture_output=True).stdout

    def send(self, url="s3://profiles/p", env=None, size=70000, **keys):
        path, self.content = self.profile(size)
        return send(url, path, env=env or KEYS, endpoint="http://127.0.0.1:%d" % self.port, **keys)

    def test_a_file_arrives_byte_identical_and_twice(self):
        for _ in range(2):
            self.assertOutcome(self.send(), "sent")
        found = self.ask("GET", "/profiles/p/nginx.service/2026/01/02/"
                                "web1-20260102T030405.000000Z-on-cpu.pb.gz")
        self.assertEqual(found, self.content)

    def test_keys_with_all_kinds_of_characters_are_signed_right(self):
        for service in ("a b", "a+b=c&d", "é~", "x%20y", "(a)!*'", "a:b@c,d;e"):
            self.assertOutcome(self.send(service=service, label_v="1"), "sent")

    def test_a_large_file_arrives(self):
        self.assertOutcome(self.send(size=9 << 20, key="large"), "sent")
        self.assertEqual(self.ask("GET", "/profiles/p/large"), self.content)

    def test_a_wrong_secret_is_refused_with_its_own_words(self):
        found = self.send(env={**KEYS, "AWS_SECRET_ACCESS_KEY": "another-secret"})
        self.assertOutcome(found, "refused", "answered 403", "SignatureDoesNotMatch", "</Error>")
        self.assertNotIn("another-secret", found["text"])

    def test_a_bucket_that_is_not_there_is_refused(self):
        self.assertOutcome(self.send("s3://nothing/"), "refused", "404", "NoSuchBucket")

    def test_probing_tells_whether_the_bucket_is_ours(self):
        self.assertOutcome(self.send(probe=1), "sent", "200")
        self.assertOutcome(self.send("s3://nothing/", probe=1), "refused", "404")
        found = self.send(env={**KEYS, "AWS_SECRET_ACCESS_KEY": "another-secret"}, probe=1)
        self.assertOutcome(found, "refused", "403")


if __name__ == "__main__":
    if not all(shutil.which(name) for name in PROGRAMS):
        print("skipped: radosgw and the rest of Ceph are not installed")
        sys.exit(77)
    unittest.main()
