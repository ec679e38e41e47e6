# SPDX-License-Identifier: Apache-2.0
"""One `eprof agent` with many targets: what they get, and what becomes of it when they fail."""

import glob
import gzip
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest
import xml.etree.ElementTree

from agent import Agent
from harness import CPUS, EPROF, EprofTest, Folded, Program, ROOT, main, wait_until

sys.path.insert(0, os.path.join(ROOT, "tests/upload"))
# pylint: disable=wrong-import-position
from sending import Receiver, can_connect, free_port, stop, wait_for
from test_upload_send_nginx import NGINX, make_certificate, openssl

CONFIG = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log;
user root;
events {{}}
http {{
	access_log off;
	client_body_temp_path {dir}/body; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
	uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
	root {dir}/root; dav_methods PUT; create_full_put_path on;
	server {{
		listen 127.0.0.1:{port} ssl;
		ssl_certificate {dir}/{name}.pem; ssl_certificate_key {dir}/{name}.key;
	}}
}}
"""
# Only what a test starts itself, so that there are few files.
FEW = ("--split", "comm", "--include", "^spin$")
RETRY_AFTER_S = 3
# As clocks and threads have it.
SLACK_S = 0.1


def read_tree(directory):
    """What is in each file, by its path below; names that begin with a dot are not final."""
    found = {}
    for path in glob.glob(glob.escape(directory) + "/**", recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[os.path.relpath(path, directory)] = file.read()
    return found


@unittest.skipUnless(NGINX and shutil.which("openssl"), "nginx or openssl is not installed")
class TlsTest(EprofTest):
    def setUp(self):
        super().setUp()
        self.tls = os.path.join(self.directory, "tls")
        self.root = os.path.join(self.tls, "root")
        os.makedirs(self.root)
        os.chmod(self.directory, 0o755)
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        openssl("req", "-x509", *key, "-keyout", self.tls + "/ca.key", "-out",
                self.tls + "/ca.pem", "-subj", "/CN=test authority", "-days", "2")
        make_certificate(self.tls, "good", "IP:127.0.0.1", 2)
        make_certificate(self.tls, "expired", "IP:127.0.0.1", -1)
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"

    def start_nginx(self, name):
        """With the certificate of that name."""
        path = f"{self.tls}/{name}.conf"
        with open(path, "w", encoding="ascii") as out:
            out.write(CONFIG.format(dir=self.tls, port=self.port, name=name))
        process = subprocess.Popen([NGINX, "-p", self.tls, "-c", path], stderr=subprocess.DEVNULL)
        self.addCleanup(stop, process)
        wait_for("nginx", lambda: can_connect(self.port))
        return process


class Uploads(TlsTest):
    FORMATS = ("svg", "folded", "pprof", "html")

    def setUp(self):
        super().setUp()
        self.start_nginx("good")
        self.pyroscope = Receiver(self, lambda request: (200, {}, b""))
        formats = ("--formats", ",".join(self.FORMATS))
        self.words = [
            *formats, *FEW, "--upload", self.url, *formats, "--ca-file", self.tls + "/ca.pem",
            "--upload", f"pyroscope+http://127.0.0.1:{self.pyroscope.port}",
        ]

    def run_agent(self):
        with Agent(self.directory, *self.words) as agent:
            with Program("spin", cpu=CPUS[0]):
                agent.wait_windows(3)
            self.assertEqual(agent.end(), 0, agent.messages)
        self.assertEqual(agent.queued(), [])
        self.assertEqual(glob.glob(agent.spool + "/dead/*/*"), [])
        return read_tree(agent.uploads)

    def check_loadable(self, files):
        """Each is what its ending says, and the forms of one window agree."""
        for path, content in files.items():
            if path.endswith(".svg"):
                xml.etree.ElementTree.fromstring(content)
            elif path.endswith(".pb.gz"):
                self.assertIn(b"spin", gzip.decompress(content))
        path = sorted(p for p in files if p.endswith("on-cpu.pb.gz"))[0]
        profile, folded = self.directory + "/one.pb.gz", self.directory + "/one.folded"
        with open(profile, "wb") as out:
            out.write(files[path])
        subprocess.run([EPROF, "flamegraph", profile, "-o", folded], check=True)
        with open(folded, encoding="utf-8") as file:
            read = Folded(file.read())
        sent = Folded(files[path.replace(".pb.gz", ".folded")].decode())
        # One counts nanoseconds, the other samples.
        self.assertEqual([frames for frames, _ in read.stacks], [f for f, _ in sent.stacks])
        self.assertEqual(read.total % sent.total, 0)
        if shutil.which("go"):
            env = {**os.environ, "HOME": self.directory, "GOFLAGS": "", "GOTOOLCHAIN": "local"}
            raw = subprocess.run(["go", "tool", "pprof", "-raw", profile], check=True,
                                 capture_output=True, env=env)
            self.assertIn(b"Samples:", raw.stdout)

    def test_all_targets_get_the_same_files(self):
        files = self.run_agent()
        for ending in (".svg", ".folded", ".pb.gz", ".html"):
            self.assertTrue([p for p in files if p.endswith(ending)], sorted(files))
        self.assertEqual(files, read_tree(self.root))
        profiles = sorted(c for p, c in files.items() if p.endswith(".pb.gz"))
        bodies = [request["body"] for request in self.pyroscope.requests]
        self.assertEqual(len(bodies), len(profiles))
        # The message has the profile in one piece.
        for profile in profiles:
            self.assertEqual(sum(profile in body for body in bodies), 1)
        self.check_loadable(files)


class Sick:
    """A receiver that does what .sickness does, until that is None; .got has what it took."""

    def __init__(self, case, sickness):
        self.sickness = sickness
        self.got = []  # path and body, in order
        self.attempts = []  # when
        self.released = threading.Event()
        self.receiver = None
        self.case = case
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        case.addCleanup(self.released.set)
        if sickness is not refuse:
            self.listen()

    def listen(self):
        self.receiver = Receiver(self.case, self.answer, self.port)

    def answer(self, request):
        self.attempts.append(time.monotonic())
        if self.sickness:
            return self.sickness(self, request)
        self.got.append((request["path"].lstrip("/"), request["body"]))
        return 201, {}, b""

    def heal(self):
        self.sickness = None
        self.released.set()
        if not self.receiver:
            self.listen()


def refuse(sick, request):
    raise AssertionError("nobody listens")


def reset(sick, request):
    connection = request["connection"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())
    raise ConnectionResetError


def hang(sick, request):
    sick.released.wait()
    raise ConnectionResetError


def say(status, text, **headers):
    return lambda sick, request: (status, headers, text.encode())


class Faults(TlsTest):
    SICK_WINDOWS = 3

    def setUp(self):
        super().setUp()
        busy = say(429, "slowly", **{"Retry-After": str(RETRY_AFTER_S)})
        self.later = {
            "refuse": Sick(self, refuse),
            "reset": Sick(self, reset),
            "hang": Sick(self, hang),
            "500": Sick(self, say(500, "broken")),
            "429": Sick(self, busy),
        }
        self.never = {
            "413": Sick(self, say(413, "that is too large for the test")),
            "403": Sick(self, say(403, "the test does not let you in")),
        }
        sick = [*self.later.values(), *self.never.values()]
        urls = [each.url for each in sick] + ["http://nowhere.invalid", self.url]
        words = ["--formats", "folded", "--kinds", "on-cpu", *FEW]
        for url in urls:
            words += ["--upload", url, "--formats", "folded", "--timeout", "1s"]
        words += ["--ca-file", self.tls + "/ca.pem"]
        self.agent = Agent(self.directory, *words)

    def targets(self):
        """By URL."""
        return {target["url"].rstrip("/"): target for target in self.agent.status()["targets"]}

    def directory_has_all(self):
        status = self.agent.status()
        return status["targets"][0]["uploads"]["sent"] == status["files_put"]

    def check_while_sick(self):
        targets = self.targets()
        put = self.agent.status()["files_put"]
        self.assertGreaterEqual(put, self.SICK_WINDOWS)
        self.assertEqual(targets[f"file://{self.agent.uploads}"]["uploads"]["retried"], 0)
        for name, words in (("refuse", "connect"), ("500", "500"), ("429", "429")):
            uploads = targets[self.later[name].url]["uploads"]
            self.assertEqual((uploads["sent"], uploads["parked"]), (0, 0), name)
            self.assertGreater(uploads["retried"], 0, name)
            self.assertIn(words, uploads["last_error"].lower(), name)
        for name in ("reset", "hang"):
            self.assertGreater(targets[self.later[name].url]["uploads"]["retried"], 0, name)
        self.assertIn("nowhere.invalid",
                      targets["http://nowhere.invalid"]["uploads"]["last_error"])
        self.assertIn("expired", targets[self.url]["uploads"]["last_error"])

    def check_parked(self, agent, files):
        """What was refused is dead, whole, with the words of who refused it."""
        texts = {}
        for path in glob.glob(agent.spool + "/dead/*/*.txt"):
            with open(path, encoding="utf-8") as file:
                texts.setdefault(os.path.dirname(path), []).append(file.read())
            with open(path.removesuffix(".txt"), "rb") as file:
                self.assertIn(file.read().partition(b"\n")[2], files.values())
        self.assertEqual(len(texts), len(self.never))
        for words in ("too large for the test", "does not let you in"):
            having = [each for each in texts.values() if all(words in text for text in each)]
            self.assertEqual(len(having), 1, texts)

    def check_healed(self, name, sick, files):
        paths = [path for path, _ in sick.got]
        self.assertEqual(paths, sorted(set(paths)), f"{name}: in order, and once")
        self.assertEqual(dict(sick.got), files, name)

    def test_who_is_sick_holds_up_nobody_and_gets_the_rest_when_well(self):
        nginx = self.start_nginx("expired")
        with self.agent as agent, Program("spin", cpu=CPUS[0]) as spin:
            agent.wait_windows(self.SICK_WINDOWS + 1)
            wait_until(self.directory_has_all, "the directory has all", agent.process)
            self.check_while_sick()
            for sick in (*self.later.values(), *self.never.values()):
                sick.heal()
            stop(nginx)
            self.start_nginx("good")
            well = [*(sick.url for sick in self.later.values()), self.url]
            wait_until(
                lambda: all(self.targets()[url]["uploads"]["sent"] for url in well),
                "all of them are tried again",
                agent.process,
            )
            spin.end()
            nowhere = self.targets()["http://nowhere.invalid"]["uploads"]
            self.assertEqual((nowhere["sent"], nowhere["parked"]), (0, 0))
            self.assertEqual(agent.end(), 0, agent.messages)
        files = read_tree(agent.uploads)
        for name, sick in self.later.items():
            self.check_healed(name, sick, files)
        self.assertEqual(read_tree(self.root), files)
        self.check_parked(agent, files)
        # All that is left is for the one that nobody knows.
        self.assertEqual(len(agent.queued()), len(files))
        first, second = self.later["429"].attempts[:2]
        self.assertGreaterEqual(second - first, RETRY_AFTER_S - SLACK_S)


if __name__ == "__main__":
    main()
