#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""eprof-server's command line, and what it does not start with."""

import os
import shutil
import ssl
import subprocess
import tempfile
import unittest

from server import LIMIT_SECONDS, SERVER, Server, TOKEN_READ


class Options(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="eprof-web-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def refused(self, code, text, *words):
        done = subprocess.run(
            [SERVER, *words], capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(text, done.stderr)
        self.assertTrue(done.stderr.startswith("eprof-server: "), done.stderr)

    def write(self, name, text, mode=0o600):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def test_mistakes_are_named(self):
        data = ("--data", self.directory + "/data")
        self.refused(2, "--data", "--listen", "127.0.0.1:0")
        self.refused(2, "'127.0.0.1' is not ADDRESS:PORT", *data, "--listen", "127.0.0.1")
        self.refused(2, "'65536' is no port", *data, "--listen", "127.0.0.1:65536")
        self.refused(2, "'localhost' is no address", *data, "--listen", "localhost:1")
        self.refused(2, "'--colour' is no option", *data, "--colour")
        self.refused(2, "'--data' needs a value", "--data")
        self.refused(2, "'more' is no option", *data, "more")
        self.refused(2, "go together", *data, "--tls-cert", "x")
        self.refused(2, "--keep: 'x' is no number", *data, "--keep", "x")
        self.refused(2, "--keep: '3w' has a unit that is not known", *data, "--keep", "3w")
        self.refused(2, "'99999999999999999999' is no number", *data, "--keep-bytes", "9" * 20)
        self.refused(2, "'99999999T' is too large", *data, "--keep-bytes", "99999999T")
        self.refused(2, "at least one second", *data, "--housekeeping", "0")
        self.refused(2, "a hundred years", *data, "--keep", "36526d")
        self.refused(2, "kept in one of them", *data, "--clickhouse", "http://localhost/x")
        self.refused(2, "is more than", *data, "--clickhouse-batch", "10001")
        self.refused(2, "--connections: '4294967296' is more", *data, "--connections", str(1 << 32))

    def test_others_are_only_let_in_with_tls_and_tokens(self):
        data = ("--data", self.directory + "/data", "--listen", "0.0.0.0:0")
        self.refused(2, "--tls-cert and --tls-key are needed", *data)
        tls = ("--tls-cert", "c", "--tls-key", "k")
        self.refused(2, "--tokens is needed", *data, *tls)
        self.refused(2, "--tls-cert", "--data", "x", "--listen", "[::]:0", "--tokens", "t")

    @unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
    def test_tls(self):
        key, certificate = self.directory + "/key.pem", self.directory + "/cert.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-keyout", key, "-out", certificate, "-subj", "/CN=127.0.0.1",
             "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True, timeout=LIMIT_SECONDS,
        )
        tokens = self.write("tokens", f"r read {TOKEN_READ}\n")
        words = ("--tls-cert", certificate, "--tls-key", key, "--tokens", tokens)
        with Server(self.directory, *words) as server:
            server.tls = ssl.create_default_context(cafile=certificate)
            header = {"Authorization": "Bearer " + TOKEN_READ}
            self.assertEqual(server.ask("GET", "/api/v1/values", headers=header).status, 200)
            refused = server.ask("GET", "/api/v1/values")
            self.assertEqual(refused.status, 401)
            self.assertEqual(refused.headers["WWW-Authenticate"], "Bearer")
            # Whoever does not speak it is not answered.
            server.tls = None
            with self.assertRaises(OSError):
                server.ask("GET", "/healthz")
            server.tls = ssl.create_default_context()
            with self.assertRaises(ssl.SSLCertVerificationError):
                server.ask("GET", "/healthz")
        empty = self.write("empty", "")
        self.refused(1, "", "--data", self.directory + "/d", "--listen", "127.0.0.1:0",
                     "--tls-cert", empty, "--tls-key", key)

    def test_files_that_cannot_be_used_are_named(self):
        data = ("--data", self.directory + "/data", "--listen", "127.0.0.1:0")
        self.refused(1, "'/none/x'", "--data", "/none/x", "--listen", "127.0.0.1:0")
        self.refused(1, "/none'", *data, "--tokens", "/none")
        open_to_all = self.write("open", "a all 0123456789abcdef\n", 0o644)
        self.refused(1, "others may read it", *data, "--tokens", open_to_all)
        for text, reason in (
            ("# nobody\n", "there is no token in it"),
            ("a all\n", "line 1: it is not NAME RIGHT TOKEN"),
            ("# x\na some 0123456789abcdef\n", "line 2: its right"),
            ("a all short\n", "line 1: its token"),
            ("a all " + "x" * 257 + "\n", "line 1: its token"),
            ("a all " + "x" * 5000 + "\n", "line 1: it is too long"),
            ("a all 0123456789abcdef more\n", "line 1: it is not"),
            ("a read 0123456789abcdef\nb all 0123456789abcdef\n", "line 2: its token is another"),
        ):
            self.refused(1, reason, *data, "--tokens", self.write("tokens", text))
        self.refused(1, "not a regular file", *data, "--tokens", "/dev/null")
        self.refused(1, "'/none'", *data, "--tls-cert", "/none", "--tls-key", "/none")
        self.refused(1, "listen", *data, "--tls-cert", open_to_all, "--tls-key", open_to_all)

    def test_help_and_version(self):
        for word in ("--help", "-h", "--version"):
            done = subprocess.run([SERVER, word], capture_output=True, text=True, check=True)
            self.assertIn("eprof-server", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
