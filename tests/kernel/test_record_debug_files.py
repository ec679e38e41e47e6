# SPDX-License-Identifier: Apache-2.0
"""Names of stripped binaries: from a directory of copies, and from debuginfod servers."""

import contextlib
import http.server
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from harness import (
    EPROF,
    LIMIT_SECONDS,
    ROOT,
    STRAY_SAMPLES,
    EprofTest,
    Program,
    main,
    program_path,
    state_of,
    wait_until,
)

sys.path.insert(0, os.path.join(ROOT, "tests"))
# pylint: disable=wrong-import-position
from ports import free_port

# What cxx.cpp burns its time in, with lines; spin_here() is inlined into burn().
CHAIN = (
    r"main \(cxx\.cpp:\d+\)",
    r"unsigned long shapes::repeat<.*>\(.*\) \(cxx\.cpp:\d+\)",
    r"shapes::Caller::operator\(\)\(unsigned long\) const \(cxx\.cpp:\d+\)",
    r"shapes::\(anonymous namespace\)::hidden_step\(unsigned long\) \(cxx\.cpp:\d+\)",
    r"shapes::Burner<double>::burn\(double\) \(cxx\.cpp:\d+\)",
    r"spin_here \(work\.h:\d+\)_\[i\]",
)
SPIN_LINE = re.compile(r"gamma \(spin\.c:\d+\)$")
NAMED_MOST = 0.9  # the rest is start-up code, and what was sampled while it returned


def build_id(path):
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True)
    return re.search(r"Build ID: ([0-9a-f]+)", notes.stdout)[1]


class Server(http.server.ThreadingHTTPServer):
    """As much of a debuginfod server as eprof needs."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files = files  # build id -> path
        self.asked = []

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        _, _, asked, kind = self.path.split("/", 3)
        self.server.asked.append((asked, kind))
        path = self.server.files.get(asked) if kind == "debuginfo" else None
        if not path:
            self.send_error(404)
            return
        with open(path, "rb") as file:
            content = file.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def can_be_downloaded(url):
    try:
        with urllib.request.urlopen(url, timeout=LIMIT_SECONDS) as answer:
            return answer.status == 200
    except urllib.error.URLError:
        return False


class DebugFileTest(EprofTest):
    """A stripped program, and what was taken out of it."""

    def setUp(self):
        super().setUp()
        self.program = os.path.join(self.directory, "split")
        self.debug_file = os.path.join(self.directory, "taken.debug")
        full = program_path("cxx")
        self.id = build_id(full)
        subprocess.run(["objcopy", "--only-keep-debug", full, self.debug_file], check=True)
        subprocess.run(["objcopy", "--strip-all", full, self.program], check=True)

    def environment(self, port):
        # Nothing of what others have asked for, and no proxy in between.
        return (
            "env",
            f"DEBUGINFOD_URLS=http://127.0.0.1:{port}",
            f"DEBUGINFOD_CACHE_PATH={self.directory}/cache",
            "DEBUGINFOD_TIMEOUT=1000",
            "no_proxy=*",
        )

    def module(self, result):
        return next(m for m in result.stats()["modules"] if m["path"] == self.program)

    def count_named(self, folded):
        pattern = re.compile(";".join(CHAIN) + "$")
        count = 0
        for frames, samples in folded.stacks:
            user = ";".join(frame for frame in frames if not frame.endswith("_[k]"))
            count += samples if pattern.search(user) else 0
        return count

    def assert_named(self, result):
        folded = result.folded()
        named = self.count_named(folded)
        self.assertGreaterEqual(
            named, NAMED_MOST * folded.total - STRAY_SAMPLES, folded.text()
        )
        self.assertGreater(named, STRAY_SAMPLES, folded.text())

    def assert_not_named(self, result):
        folded = result.folded()
        self.assertEqual(self.count_named(folded), 0, folded.text())
        self.assertGreater(folded.count(lambda f: "[split+0x" in ";".join(f)), STRAY_SAMPLES)

    def record_it(self, *options, **more):
        with Program("split", 60, path=self.program) as program:
            return self.record("-p", program.pid, "-d", 1, "-F", 499, "--lines", *options, **more)


class Without(DebugFileTest):
    def test_a_stripped_program_has_no_names(self):
        result = self.record_it()
        self.assert_not_named(result)
        module = self.module(result)
        self.assertEqual((module["symbols"], module["debug_information"]), ("none", "none"))
        self.assertEqual(module["build_id"], self.id)
        self.assertEqual(module["unnamed_frames"], module["frames"])
        self.assertNotIn("debuginfod_asked", result.stats()["names"])


class Symfs(DebugFileTest):
    def test_the_copy_with_symbols_is_found(self):
        copies = os.path.join(self.directory, "copies")
        os.makedirs(copies + self.directory)
        shutil.copy(program_path("cxx"), copies + self.program)
        result = self.record_it("--symfs", copies)
        self.assert_named(result)
        module = self.module(result)
        self.assertEqual((module["symbols"], module["debug_information"]), ("symfs", "symfs"))

    def test_a_copy_of_another_build_is_not_taken(self):
        copies = os.path.join(self.directory, "copies")
        os.makedirs(copies + self.directory)
        shutil.copy(program_path("spin"), copies + self.program)
        self.assert_not_named(self.record_it("--symfs", copies))


class Debuginfod(DebugFileTest):
    def assert_downloaded(self, result):
        self.assert_named(result)
        module = self.module(result)
        sources = (module["symbols"], module["debug_information"])
        self.assertEqual(sources, ("debuginfod", "debuginfod"))
        names = result.stats()["names"]
        # libc's may be asked for, too.
        self.assertEqual(names["debuginfod_found"], 1)
        self.assertEqual(names["debuginfod_asked"], 1 + names["debuginfod_not_found"])

    def test_names_lines_and_inlined_functions_come_from_a_server(self):
        with Server({self.id: self.debug_file}) as server:
            result = self.record_it("--debuginfod", prefix=self.environment(server.server_port))
            self.assertIn((self.id, "debuginfo"), server.asked)
            self.assertEqual(len(set(server.asked)), len(server.asked))
        self.assert_downloaded(result)

    def test_a_command_that_has_ended_is_named_as_well(self):
        with Server({self.id: self.debug_file}) as server:
            options = ("--debuginfod", "--lines", "-F", 499, "-d", 30, "--", self.program, 0.5)
            result = self.record(*options, prefix=self.environment(server.server_port))
        self.assert_downloaded(result)

    def test_the_server_of_elfutils_is_understood(self):
        if not shutil.which("debuginfod"):
            self.skipTest("there is no debuginfod")
        port = free_port()
        folder = os.path.join(self.directory, "served")
        os.mkdir(folder)
        shutil.move(self.debug_file, folder)
        server = subprocess.Popen(
            ["debuginfod", "-p", str(port), "-d", ":memory:", "-F", folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}/buildid/{self.id}/debuginfo"
            wait_until(lambda: can_be_downloaded(url), "the server has the file", server)
            self.assert_downloaded(self.record_it("--debuginfod", prefix=self.environment(port)))
        finally:
            server.terminate()
            server.wait(LIMIT_SECONDS)

    def test_a_file_of_another_build_is_refused(self):
        with Server({self.id: program_path("spin")}) as server:
            with Program("split", 60, path=self.program) as program:
                eprof = self.start(
                    *("-p", program.pid, "-d", 1, "-F", 499, "--debuginfod"),
                    prefix=self.environment(server.server_port),
                )
                result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        self.assert_not_named(result)
        self.assertEqual(result.stats()["losses"]["debuginfod_refused"], 1)
        self.assertIn("lost: debuginfod_refused 1", result.stderr)


class SilentServer(DebugFileTest):
    """It takes connections, as the kernel does for who listens, and says nothing."""

    @contextlib.contextmanager
    def listening(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(64)
            yield listener.getsockname()[1]

    def test_the_budget_ends_the_waiting(self):
        with self.listening() as port, Program("split", 60, path=self.program) as program:
            eprof = self.start(
                *("-p", program.pid, "-d", 0.5, "-F", 499, "--debuginfod=3"),
                prefix=self.environment(port),
            )
            result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        self.assert_not_named(result)
        stats = result.stats()
        self.assertEqual(result.folded().total, stats["samples"])
        self.assertEqual(stats["losses"]["debuginfod_gave_up"], stats["names"]["debuginfod_asked"])
        self.assertGreater(stats["losses"]["debuginfod_gave_up"], 0)
        self.assertIn("lost: debuginfod_gave_up", result.stderr)
        self.assertTrue(os.path.exists(result.path("on-cpu.svg")))

    def test_code_made_at_run_time_is_known_although_it_has_to_wait(self):
        """Memory is used again, and the program has ended, before anything is named."""
        program = os.path.join(self.directory, "jit")
        subprocess.run(["objcopy", "--strip-all", program_path("jit"), program], check=True)
        with self.listening() as port:
            eprof = self.start(
                *("-F", 499, "-d", 60, "--debuginfod=8", "--", program, "map", 3),
                prefix=self.environment(port),
            )
            result = eprof.finish()
        pid = re.search(r"ready (\d+)", result.stdout)[1]
        os.unlink(f"/tmp/perf-{pid}.map")
        self.assertEqual(result.code, 0, result.stderr)
        folded = result.folded().of_root("jit")
        for name in ("jit first_[j]", "jit second_[j]", "jit third_[j]"):
            self.assertGreater(folded.having(name), 0.2 * folded.total, folded.text())
        self.assertEqual(result.stats()["losses"]["debuginfod_named_early"], 0)

    def wait_text(self, screen, pattern):
        text, deadline = "", time.monotonic() + LIMIT_SECONDS
        while not re.search(pattern, text):
            self.assertLess(time.monotonic(), deadline, f"{pattern} is not in {text!r}")
            if select.select([screen], [], [], 0.05)[0]:
                text += os.read(screen, 4096).decode()

    def test_an_interrupt_ends_the_waiting(self):
        screen, terminal = pty.openpty()
        self.addCleanup(os.close, screen)
        with self.listening() as port, Program("split", 60, path=self.program) as program:
            # On standard output: then signals end it once all is named.
            eprof = self.start(
                *("-p", program.pid, "-F", 499, "--debuginfod=3600", "-o", "-"),
                prefix=self.environment(port),
                stderr=terminal,
            )
            os.close(terminal)
            eprof.wait_recording()
            program.wait_cpu(0.2)
            eprof.send(signal.SIGINT)
            self.wait_text(screen, r"waiting for \d+ debug files?, 3\d\d\d s at most; Ctrl-C ends")
            eprof.send(signal.SIGINT)
            result = eprof.finish()
        self.assertEqual(result.code, 0)
        self.assertIn("[split+0x", result.stdout)


class Reader(EprofTest):
    """The process that reads debug information."""

    NOBODY = "65534"

    def children(self, pid):
        found = {}
        for task in os.listdir(f"/proc/{pid}/task"):
            try:
                with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as file:
                    children = file.read().split()
                for child in children:
                    with open(f"/proc/{child}/comm", encoding="utf-8") as file:
                        found[file.read().strip()] = child
            except OSError:
                continue
        return found

    def status(self, pid):
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            return {key: value.split() for key, _, value in (line.partition(":") for line in file)}

    def filter_mode(self):
        """2: system calls are filtered. Sanitizers make more of them than we do."""
        with open(EPROF, "rb") as file:
            return "0" if b"__asan_init" in file.read() else "2"

    def test_it_has_no_privileges_and_none_of_our_files(self):
        with Program("cxx", 60) as program:
            eprof = self.start("-p", program.pid, "-d", 60, "-F", 499)
            wait_until(
                lambda: "eprof-dwarf" in self.children(eprof.pid()), "the reader", eprof.process
            )
            reader = self.children(eprof.pid())["eprof-dwarf"]
            # It is called so before it has given all up.
            wait_until(
                lambda: self.status(reader)["NoNewPrivs"] == ["1"]
                and self.status(reader)["CapEff"] == ["0" * 16]
                and self.status(reader)["Seccomp"] == [self.filter_mode()],
                "it has no privileges",
                eprof.process,
            )
            status = self.status(reader)
            links = {
                int(number): os.readlink(f"/proc/{reader}/fd/{number}")
                for number in os.listdir(f"/proc/{reader}/fd")
            }
            eprof.send(signal.SIGINT)
            self.assert_recorded(eprof.finish())
        self.assertEqual(status["Uid"], [self.NOBODY] * 4)
        self.assertEqual(status["Gid"], [self.NOBODY] * 4)
        self.assertEqual(status["Groups"], [])
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(status[name], ["0" * 16], name)
        # Nothing can be read or written there: it is a path, and no more.
        self.assertEqual([links[i] for i in range(3)], ["/"] * 3)
        self.assertTrue(links[3].startswith("socket:"), links)
        # The rest is what it is to read.
        for number in set(links) - {0, 1, 2, 3}:
            self.assertRegex(links[number], r"cxx|\.debug$|\.so")
        self.assertFalse(os.path.exists(f"/proc/{reader}"))

    def test_another_one_is_started_when_it_has_ended(self):
        with Program("cxx", 60) as first, Program("spin", 60) as second:
            # Its file is looked at when it runs again.
            os.kill(second.pid, signal.SIGSTOP)
            wait_until(lambda: state_of(second.pid) == "T", "it is stopped", second.process)
            eprof = self.start("-p", f"{first.pid},{second.pid}", "-d", 60, "-F", 499, "--lines")
            wait_until(
                lambda: "eprof-dwarf" in self.children(eprof.pid()), "the reader", eprof.process
            )
            reader = self.children(eprof.pid())["eprof-dwarf"]
            first.wait_cpu(0.2)
            os.kill(int(reader), signal.SIGKILL)
            os.kill(second.pid, signal.SIGCONT)
            wait_until(
                lambda: self.children(eprof.pid()).get("eprof-dwarf", reader) != reader,
                "another reader",
                eprof.process,
            )
            second.wait_cpu(0.2)
            eprof.send(signal.SIGINT)
            result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        # It was reading one at most.
        self.assertLessEqual(result.stats()["losses"]["debug_files_crashed"], 1)
        folded = result.folded()
        spun = folded.count(lambda frames: any(SPIN_LINE.match(frame) for frame in frames))
        self.assertGreater(spun, STRAY_SAMPLES, folded.text())
        # Symbols are read by eprof itself.
        mains = folded.of_root("cxx").count(
            lambda frames: any(frame.startswith("main") for frame in frames)
        )
        self.assertGreater(mains, STRAY_SAMPLES, folded.text())


if __name__ == "__main__":
    main()
