# SPDX-License-Identifier: Apache-2.0
"""A running eprof-server, and what a client says to it."""

import collections
import http.client
import json
import os
import re
import signal
import subprocess
import tempfile
import unittest
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EPROF = os.environ.get("EPROF_BINARY", ROOT + "/build/release/eprof")
SERVER = os.environ.get("EPROF_SERVER", ROOT + "/build/release/eprof-server")
LIMIT_SECONDS = 60
NOON = 1767355200  # 2026-01-02 12:00 UTC
TOKEN_WRITE, TOKEN_READ = "w" * 32, "r" * 32

# NOON is long ago.
KEEPING = ("--keep", "0", "--minutes-after", "0", "--hours-after", "0")

Answer = collections.namedtuple("Answer", "status headers body")


def pprof_of(folded, *options):
    """A profile as `eprof flamegraph` writes it: samples of 10 ms, or microseconds off a CPU."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "profile.pb.gz")
        subprocess.run(
            [EPROF, "flamegraph", "-F", "100", *options, "-o", path, "-"],
            input=folded.encode(),
            check=True,
            stderr=subprocess.DEVNULL,
            timeout=LIMIT_SECONDS,
        )
        with open(path, "rb") as file:
            return file.read()


class Server:
    """Ends with the block; kill() and start() again are what a crash is."""

    def __init__(self, directory, *words):
        self.data = os.path.join(directory, "data")
        self.words = words
        self.process = None
        self.port = None
        self.tls = None  # an ssl.SSLContext that knows the server's certificate

    def store_words(self):
        return ("--data", self.data)

    def start(self):
        words = ["--listen", "127.0.0.1:0", *self.store_words(), *KEEPING, *self.words]
        self.process = subprocess.Popen(
            [SERVER, *words], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        line = self.process.stderr.readline()
        match = re.match(r"eprof-server: answers at https?://127\.0\.0\.1:(\d+)/$", line)
        if not match:
            raise AssertionError(line + self.process.communicate()[1])
        self.port = int(match[1])
        return self

    __enter__ = start

    def end(self, number=signal.SIGTERM):
        """Its exit code."""
        self.process.send_signal(number)
        self.process.communicate(timeout=LIMIT_SECONDS)
        return self.process.returncode

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.end(signal.SIGKILL)

    def connect(self):
        if self.tls:
            return http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=LIMIT_SECONDS, context=self.tls
            )
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_SECONDS)

    def ask(self, method, path, body=None, headers=None, **parameters):
        """Parameters that are lists come several times; '_' in a name is a '.'."""
        pairs = [
            (name.replace("_", "."), item)
            for name, value in parameters.items()
            for item in (value if isinstance(value, list) else [value])
        ]
        query = "?" + urllib.parse.urlencode(pairs) if pairs else ""
        connection = self.connect()
        try:
            connection.request(method, path + query, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def put(self, body, headers=None, **changes):
        """A minute of redis on host a from NOON on, or what the changes say; None leaves out."""
        parameters = {
            "id": "1",
            "service": "redis",
            "host": "a",
            "kind": "on-cpu",
            "from": NOON,
            "until": NOON + 60,
            **changes,
        }
        given = {name: value for name, value in parameters.items() if value is not None}
        return self.ask("POST", "/api/v1/profiles", body, headers, **given)

    def merge(self, kind="on-cpu", **parameters):
        """The folded stacks of that day."""
        span = {"from": NOON - 43200, "until": NOON + 43200, **parameters}
        return self.ask("GET", "/api/v1/merge", kind=kind, format="folded", **span)

    def cached(self):
        """How many answers were given again."""
        lines = self.ask("GET", "/metrics").body.decode().splitlines()
        return int(next(l for l in lines if "cached_answers_total " in l and l[0] != "#").split()[1])


class ServerTest(unittest.TestCase):
    WORDS = ("--insecure",)

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="eprof-web-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.server = Server(self.directory, *self.WORDS)
        self.server.start()
        self.addCleanup(self.server.__exit__)

    def assert_error(self, answer, status, text):
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertRegex(json.loads(answer.body)["error"], text)

    def assert_stored(self, answer, is_new=True):
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(json.loads(answer.body)["stored"], is_new)

    def assert_merged(self, answer, folded):
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.body.decode(), folded)
