# SPDX-License-Identifier: Apache-2.0
"""What goes wrong: the exit code, one clear line, and nothing left behind."""

import contextlib
import errno
import os
import shutil
import signal
import stat
import subprocess

from harness import (
    CAP_SYS_RESOURCE,
    EPROF,
    EprofTest,
    Program,
    has_capability,
    main,
    program_path,
)

FAILED, MISUSED = 1, 2
NO_SUCH_PID = "4194303"  # just below the kernel's limit, where pids hardly ever get to


def content_of(directory):
    """Everything below directory: path and size."""
    found = set()
    for folder, folders, files in os.walk(directory):
        for name in folders + files:
            path = os.path.join(folder, name)
            found.add((path, os.lstat(path).st_size))
    return found


class ErrorTest(EprofTest):
    def assert_error(self, args, code, words, prefix=(), directory=None):
        """eprof ends with code and one line that holds words; the directory is as it was."""
        directory = directory or self.directory
        before = content_of(directory)
        done = subprocess.run(
            [*prefix, EPROF, "record", *args],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("eprof: "), lines[0])
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual(content_of(directory), before)


class Usage(ErrorTest):
    def test_wrong_usage(self):
        spin = program_path("spin")
        cases = (
            (["-d", "0", "-a"], ["-d", "'0'"]),
            (["-d", "x", "-a"], ["-d", "'x'"]),
            (["-d", "-1", "-a"], ["-d", "'-1'"]),
            (["-F", "0", "-a"], ["-F", "'0'"]),
            (["-F", "1000000000", "-a"], ["-F", "1000000000"]),
            (["-F", "1000000", "-a", "-d", "1"], ["-F", "1000000"]),
            (["-F", "9x", "-a"], ["-F", "'9x'"]),
            (["--no-such-option", "-a"], ["no-such-option"]),
            (["-y", "-a"], ["y"]),
            (["-p"], ["p"]),
            (["-p", "x"], ["-p", "'x'"]),
            (["-p", "0"], ["-p", "'0'"]),
            (["-p", "1,"], ["-p"]),
            (["-p", "-5"], ["-p", "'-5'"]),
            (["-t", "99999999999999999999"], ["-t"]),
            (["-a", "-p", "1"], ["-a", "-p"]),
            (["-a", "--", spin, "1"], ["-a"]),
            (["-a", "-C", "x"], ["-C", "'x'"]),
            (["-a", "-C", "4096", "-d", "1"], ["4096"]),
            (["-a", "-U", "-K"], ["-U", "-K"]),
            (["-a", "-o", ""], ["-o"]),
            (["-a", "-e", "no-such-event", "-d", "1"], ["-e", "'no-such-event'"]),
        )
        for args, words in cases:
            with self.subTest(args=args):
                self.assert_error(args, MISUSED, words)

    def test_without_a_target_the_usage_is_printed(self):
        done = subprocess.run(
            [EPROF, "record"], cwd=self.directory, capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, MISUSED)
        self.assertEqual(done.stdout, "")
        self.assertIn("Usage:", done.stderr)
        self.assertIn("eprof record", done.stderr)
        self.assertEqual(content_of(self.directory), set())


class Targets(ErrorTest):
    def test_targets_that_are_not_there(self):
        no_right = os.path.join(self.directory, "no-right-to-execute")
        with open(no_right, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n")
        no_program = os.path.join(self.directory, "no-program")
        with open(no_program, "w", encoding="utf-8") as file:
            file.write("#!/no/such/interpreter\n")
        os.chmod(no_program, stat.S_IRWXU)
        cases = (
            (["-p", NO_SUCH_PID, "-d", "1"], [NO_SUCH_PID]),
            (["-t", NO_SUCH_PID, "-d", "1"], [NO_SUCH_PID]),
            (["-p", f"{os.getpid()},{NO_SUCH_PID}", "-d", "1"], [NO_SUCH_PID]),
            (["-G", "no/such/cgroup", "-d", "1"], ["no/such/cgroup"]),
            (["-G", self.directory, "-d", "1"], [self.directory]),
            (["-d", "1", "--", "no-such-command"], ["'no-such-command'"]),
            (["-d", "1", "--", "/no/such/command"], ["'/no/such/command'"]),
            (["-d", "1", "--", no_right], [f"'{no_right}'"]),
            (["-d", "1", "--", no_program], [f"'{no_program}'"]),
            (["-d", "1", "--", self.directory], [f"'{self.directory}'"]),
        )
        for args, words in cases:
            with self.subTest(args=args):
                self.assert_error(args, FAILED, words)

    def test_a_hardware_event_without_the_hardware(self):
        if os.path.isdir("/sys/bus/event_source/devices/cpu"):
            self.skipTest("there is a PMU")
        self.assert_error(["-a", "-e", "cycles", "-d", "1"], FAILED, ["cycles"])

    def test_sources_of_names_that_are_not_there(self):
        spin = program_path("spin")
        cases = (
            (["--symfs=/no/such/place"], ["'/no/such/place'", "--symfs"]),
            ([f"--symfs={spin}"], [f"'{spin}'", "--symfs"]),
            (["--debuginfod"], ["--debuginfod", "DEBUGINFOD_URLS"]),
        )
        for options, words in cases:
            with self.subTest(options=options):
                # The command does not run either.
                args = [*options, "-d", "1", "--", "touch", "ran"]
                self.assert_error(args, FAILED, words, prefix=["env", "DEBUGINFOD_URLS="])

    def test_a_failure_leaves_old_results_alone(self):
        old = os.path.join(self.directory, "old.svg")
        with open(old, "w", encoding="utf-8") as file:
            file.write("old")
        self.assert_error(["-p", NO_SUCH_PID, "-o", old], FAILED, [NO_SUCH_PID])
        with open(old, encoding="utf-8") as file:
            self.assertEqual(file.read(), "old")


class Rights(ErrorTest):
    def test_without_capabilities_they_are_named(self):
        os.chmod(self.directory, 0o777)
        # Where everybody may execute it.
        program = os.path.join(self.directory, "eprof")
        shutil.copy(EPROF, program)
        os.chmod(program, 0o755)
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        nobody += ["--bounding-set=-all", "--inh-caps=-all"]
        done = subprocess.run(
            [*nobody, program, "record", "-a", "-d", "1"],
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for name in ("CAP_BPF", "CAP_PERFMON"):
            self.assertIn(name, done.stderr)
        self.assertEqual(os.listdir(self.directory), ["eprof"])


    def test_a_limit_that_cannot_be_raised_is_no_error(self):
        low = ["prlimit", "--memlock=65536:65536", "--nofile=200:300"]
        low += ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
        with Program("spin", 60) as program:
            eprof = self.start("-p", program.pid, "-d", 0.7, "-F", 499, prefix=low)
            eprof.wait_recording()
            with open(f"/proc/{eprof.pid()}/limits", encoding="utf-8") as file:
                limits = file.read()
            self.assertFalse(has_capability(CAP_SYS_RESOURCE, eprof.pid()))
            result = eprof.finish()
        self.assertRegex(limits, r"Max locked memory +65536 +65536 ")
        self.assertRegex(limits, r"Max open files +300 +300 ")
        self.assert_recorded(result)
        self.assertNotIn("warning", result.stderr)
        self.assert_mostly(result.folded(), "main", "alpha", "beta", "gamma")


class Places(ErrorTest):
    def setUp(self):
        super().setUp()
        self.mount_point = os.path.join(self.directory, "mount")
        os.mkdir(self.mount_point)

    @contextlib.contextmanager
    def mounted(self, options):
        mount = ["mount", "-t", "tmpfs", "-o", options, "none", self.mount_point]
        subprocess.run(mount, check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", self.mount_point], check=True)

    def test_places_that_cannot_be_written(self):
        file_path = os.path.join(self.directory, "file")
        with open(file_path, "w", encoding="utf-8"):
            pass
        cases = (
            f"{self.mount_point}/out/",
            f"{self.mount_point}/out.svg",
            "/proc/out/",
            "/proc/out.folded",
            f"{file_path}/out.svg",
            f"{file_path}/out/",
            f"{self.directory}/no/such/folder/out.svg",
        )
        for out in cases:
            with self.subTest(out=out), self.mounted("ro,size=1m"):
                # The length of a recording does not matter: it must not even begin.
                self.assert_error(["-a", "-d", "60", "-o", out], FAILED, [out.rstrip("/")])

    def fill(self, left):
        """Fills the mounted file system but for that many bytes."""
        space = os.statvfs(self.mount_point)
        with open(os.path.join(self.mount_point, "fill"), "wb") as file:
            file.write(b"x" * (space.f_bavail * space.f_frsize - left))

    def test_a_full_disk_leaves_nothing_half_written(self):
        # With 32 KiB left the first files of a directory fit, the others do not.
        cases = ((0, "out/"), (8192, "out/"), (32768, "out/"), (0, "out.svg"), (8192, "out.svg"))
        for left, name in cases:
            with self.subTest(left=left, name=name), self.mounted("size=256k"):
                self.fill(left)
                with Program("spin", 60) as program:
                    self.assert_full(program.pid, name)

    def assert_full(self, pid, name):
        out = os.path.join(self.mount_point, name)
        args = ["-q", "-p", str(pid), "-d", "0.3", "-o", out]
        words = [out.rstrip("/"), os.strerror(errno.ENOSPC)]
        self.assert_error(args, FAILED, words, directory=self.mount_point)

    def test_a_standard_output_that_is_full(self):
        with Program("spin", 60) as program, open("/dev/full", "wb") as full:
            done = subprocess.run(
                [EPROF, "record", "-q", "-p", str(program.pid), "-d", "0.3", "-o", "-"],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
            )
        self.assertEqual(done.returncode, FAILED)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(os.strerror(errno.ENOSPC), done.stderr)

    def test_a_reader_that_has_gone(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        with Program("spin", 60) as program:
            done = subprocess.run(
                [EPROF, "record", "-q", "-p", str(program.pid), "-d", "0.3", "-o", "-"],
                stdout=write_end,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL),
            )
        os.close(write_end)
        self.assertIn(done.returncode, (FAILED, -signal.SIGPIPE))


if __name__ == "__main__":
    main(needs_own_mounts=True)
