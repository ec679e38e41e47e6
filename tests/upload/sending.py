# SPDX-License-Identifier: Apache-2.0
"""What the tests of uploads share: sending one file, and receivers that behave as they are told."""

import http.server
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from ports import free_port  # its users take it from here

SEND_ONE = os.environ.get("SEND_ONE", "")

# Whatever stands between us and the network has no say on the loopback.
for _name in list(os.environ):
    if _name.lower().endswith("_proxy") or _name.startswith("AWS_"):
        del os.environ[_name]


def send(url, path=None, env=None, **keys):
    """What send_one prints, as a dictionary; keys are its own ("label.x" by label_x)."""
    words = [SEND_ONE, "url=" + url] + (["file=" + str(path)] if path else [])
    for key, value in keys.items():
        words.append("%s=%s" % (key.replace("label_", "label."), value))
    done = subprocess.run(words, capture_output=True, timeout=60, check=False,
                          env={**os.environ, **(env or {})})
    out = done.stdout.decode()
    found = dict(line.split("=", 1) for line in out.splitlines())
    found["code"] = done.returncode
    found["stderr"] = done.stderr.decode()
    return found


def wait_for(what, condition, seconds=30):
    """Until the condition holds; a process has no event for others that it is ready."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("never came: " + what)
        time.sleep(0.02)


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Case(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="eprof-send-")
        self.addCleanup(subprocess.run, ["rm", "-rf", self.directory], check=False)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, content, mode=0o640):
        path = self.path(name)
        with open(path, "wb") as out:
            out.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        return path

    def profile(self, size=70000):
        """All bytes that there are."""
        piece = bytes((i * 7 + i // 256) & 255 for i in range(65521))
        content = (piece * (size // len(piece) + 1))[:size]
        return self.write("profile", content), content

    def assertOutcome(self, found, outcome, *words):
        self.assertEqual(found.get("outcome"), outcome, found)
        for word in words:
            self.assertIn(word, found["text"])


class Receiver:
    """
    An HTTP server on the loopback; answer(request) returns (status, headers, body). A request that
    was cut off has a body that is shorter than its headers say.
    """

    def __init__(self, case, answer=None, port=0):
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                length = int(self.headers.get("Content-Length", 0))
                request = {"method": self.command, "path": self.path,
                           "headers": {k.lower(): v for k, v in self.headers.items()},
                           "body": self.rfile.read(length), "peer": self.client_address,
                           "connection": self.connection}
                outer.requests.append(request)
                status, headers, body = answer(request) if answer else (201, {}, b"")
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    if self.command != "HEAD":
                        self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # they have had enough

            do_PUT = do_POST = do_HEAD = do_GET = handle_one

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *arguments):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = "http://127.0.0.1:%d" % self.port
        thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        thread.start()
        case.addCleanup(thread.join)
        case.addCleanup(self.server.server_close)
        case.addCleanup(self.server.shutdown)


class RawReceiver:
    """A socket on the loopback; each connection is handed to act(connection)."""

    def __init__(self, case, act):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = "http://127.0.0.1:%d" % self.port
        self.held = []

        def serve():
            while True:
                try:
                    connection, _ = self.listener.accept()
                except OSError:
                    return
                self.held.append(connection)
                try:
                    act(connection)
                except OSError:
                    pass

        thread = threading.Thread(target=serve)
        thread.start()

        def close():
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            for connection in self.held:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            thread.join()
            for connection in self.held:
                connection.close()

        case.addCleanup(close)


def stop(process):
    process.terminate()
    process.wait(20)
