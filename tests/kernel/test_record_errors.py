# SPDX-License-Identifier: Apache-2.0
"""What goes wrong: the exit code, one clear line, and nothing left behind."""

import contextlib
import errno
import os
import re
import shutil
import signal
import stat
import subprocess

from harness import (
    CAP_SYS_RESOURCE,
    EPROF,
    Eprof,
    EprofTest,
    Program,
    count_perf_events,
    has_capability,
    main,
    program_path,
    state_of,
    wait_until,
)

FAILED, MISUSED = 1, 2
NO_SUCH_PID = "4194303"  # just below the kernel's limit, where pids hardly ever get to


def is_sanitized():
    """Whether eprof is one that wants much memory and /proc for itself."""
    with open(EPROF, "rb") as file:
        return b"__asan_init" in file.read()


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
            (["-a", "-o", "x.svg"], ["'x.svg'", "--on-cpu", "--off-cpu"]),
            (["-a", "-o", "-"], ["'-'", "--on-cpu", "--off-cpu"]),
            (["-a", "--min-block", "0.5"], ["--min-block", "'0.5'"]),
            (["-a", "--min-block", "9", "--max-block", "8"], ["--min-block", "--max-block"]),
            (["-a", "--state", "S,Z"], ["--state", "'Z'", "uninterruptible (D)"]),
            (["-a", "--on-cpu", "--wakers"], ["--wakers"]),
            (["-a", "--off-cpu", "-F", "99"], ["-F"]),
            (["-a", "-C", "0", "--off-cpu"], ["-C", "--off-cpu"]),
            (["--kernel-threads", "--", spin, "1"], ["--kernel-threads", "-a"]),
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

    def test_a_process_that_has_ended_and_is_still_there(self):
        with subprocess.Popen(["true"]) as child:
            wait_until(lambda: state_of(child.pid) == "Z", "it ends")
            for letter, what in (("p", "process"), ("t", "thread")):
                with self.subTest(letter=letter):
                    words = [f"{what} {child.pid} has ended (it is a zombie)"]
                    self.assert_error([f"-{letter}", str(child.pid), "-d", "1"], FAILED, words)

    def test_kernel_threads_have_no_time_off_a_cpu_of_their_own(self):
        with open("/proc/2/comm", encoding="utf-8") as file:
            if file.read() != "kthreadd\n":
                self.skipTest("kernel threads are outside of this pid namespace")
        words = "{} 2 is a kernel thread; its time off a CPU is recorded with -a --kernel-threads only"
        for letter, what in (("p", "pid"), ("t", "tid")):
            with self.subTest(letter=letter):
                text = words.format(what)
                self.assert_error(["--off-cpu", f"-{letter}", "2", "-d", "1"], FAILED, [text])
                both = Eprof(self.directory, f"-{letter}", "2", "-d", "0.3").finish()
                self.assertEqual(both.code, 0, both.stderr)
                self.assertIn(f"eprof: warning: {text}\n", both.stderr)

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
            (["--verifier-log=/no/such/place"], ["'/no/such/place'", "--verifier-log"]),
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
        self.assert_error(["--on-cpu", "-p", NO_SUCH_PID, "-o", old], FAILED, [NO_SUCH_PID])
        with open(old, encoding="utf-8") as file:
            self.assertEqual(file.read(), "old")


class Signals(ErrorTest):
    def record_spin(self, program, *args, **options):
        return self.start("-p", program.pid, "-F", 499, *args, **options)

    def test_what_is_ignored_from_the_start_stays_so(self):
        ignoring = ["sh", "-c", "trap '' HUP INT; exec \"$@\"", "sh"]
        with Program("spin", 60) as program:
            eprof = self.record_spin(program, "-d", 60, prefix=ignoring)
            eprof.wait_recording()
            eprof.send(signal.SIGHUP)
            eprof.send(signal.SIGINT)
            # A signal that came would have ended it before all that.
            program.wait_cpu(0.5)
            self.assertTrue(eprof.is_running())
            eprof.send(signal.SIGTERM)
            self.assert_recorded(eprof.finish())

    def test_files_that_may_not_grow(self):
        limited = ["prlimit", "--fsize=1024"]
        with Program("spin", 60) as program:
            for name in ("out.svg", "out/"):
                out = os.path.join(self.directory, name)
                args = ["-q", "--on-cpu", "-p", str(program.pid), "-d", "0.3", "-o", out]
                with self.subTest(name=name):
                    words = [out.rstrip("/"), os.strerror(errno.EFBIG)]
                    self.assert_error(args, FAILED, words, prefix=limited)

    def test_messages_that_nobody_reads(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        with Program("spin", 60) as program:
            eprof = self.record_spin(program, "-d", 0.3, stderr=write_end)
            os.close(write_end)
            self.assert_recorded(eprof.finish())

    def test_a_command_has_the_signals_of_who_started_eprof(self):
        status = os.path.join(self.directory, "status")
        command = ["sh", "-c", f"grep -E 'Sig(Blk|Ign)' /proc/self/status >{status}"]
        self.record("-d", 30, "--", *command)
        with open(status, encoding="utf-8") as file:
            masks = [int(line.split()[1], 16) for line in file]
        ours = 1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1) | 1 << (signal.SIGINT - 1)
        self.assertEqual([mask & ours for mask in masks], [0, 0])

    def test_nothing_stays_when_it_is_killed(self):
        with Program("spin", 60) as program:
            for args in ((), ("-o", "out/")):
                with self.subTest(args=args):
                    argv = [EPROF, "record", "-p", str(program.pid), "-d", "60", *args]
                    with subprocess.Popen(argv, cwd=self.directory, stderr=subprocess.PIPE) as eprof:
                        least = 3 * os.sysconf("SC_NPROCESSORS_ONLN")
                        wait_until(lambda: count_perf_events(eprof.pid) >= least, "it records", eprof)
                        eprof.kill()
                        eprof.communicate(timeout=60)
                    self.assertEqual(os.listdir(self.directory), [])

    def test_a_directory_that_is_removed_meanwhile_is_made_again(self):
        with Program("spin", 60) as program:
            for name in ("out/", "out/x.svg"):
                with self.subTest(name=name):
                    out = os.path.join(self.directory, "out")
                    os.mkdir(out)
                    eprof = self.record_spin(program, "--on-cpu", "-d", 60, "-o", name)
                    eprof.wait_recording()
                    shutil.rmtree(out)
                    eprof.send(signal.SIGTERM)
                    result = eprof.finish()
                    self.assertEqual(result.code, 0, result.stderr)
                    self.assertIn("x.svg" if name != "out/" else "stats.json", os.listdir(out))
                    shutil.rmtree(out)

    @staticmethod
    def takes_signals(pid):
        """Whether it has begun to take SIGINT as what ends the recording."""
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            blocked = re.search(r"^SigBlk:\s*([0-9a-f]+)", status.read(), re.M)
        return bool(int(blocked[1], 16) & 1 << (signal.SIGINT - 1))

    def test_nothing_stays_when_it_is_interrupted_early(self):
        # However early: with an end that is said, or none, there is all or nothing.
        out = os.path.join(self.directory, "early.svg")
        for attempt in range(20):
            waits = attempt % 2 == 0
            words = [EPROF, "record", "--on-cpu", "-a", "-d", "30", "-o", out]
            with subprocess.Popen(words, stderr=subprocess.PIPE) as eprof:
                while waits and eprof.poll() is None and not self.takes_signals(eprof.pid):
                    pass
                eprof.send_signal(signal.SIGINT)
                eprof.communicate(timeout=60)
            self.assertIn(eprof.returncode, (0,) if waits else (0, -signal.SIGINT))
            left = ["early.svg"] if eprof.returncode == 0 else []
            self.assertEqual(os.listdir(self.directory), left)
            for name in left:
                os.unlink(os.path.join(self.directory, name))


class Memory(ErrorTest):
    def test_too_little_memory_is_said(self):
        if is_sanitized():
            self.skipTest("address space is what the sanitizer takes")
        # Wherever it ends, and on every machine at another place: there is one line.
        for kilobytes in (40000, 60000, 80000):
            limited = ["prlimit", f"--as={kilobytes * 1024}"]
            with self.subTest(kilobytes=kilobytes):
                done = subprocess.run(
                    [*limited, EPROF, "record", "--on-cpu", "-a", "-d", "0.3", "-o", "out.svg"],
                    cwd=self.directory,
                    capture_output=True,
                    text=True,
                    timeout=60,
                )
                self.assertIn(done.returncode, (0, FAILED), done.stderr)
                if done.returncode == FAILED:
                    self.assertRegex(done.stderr, r"\Aeprof: cannot [^\n]+\n\Z")

    def test_without_any_memory_it_is_no_wrong_usage(self):
        if is_sanitized():
            self.skipTest("address space is what the sanitizer takes")
        for kilobytes in range(4000, 12000, 250):
            with self.subTest(kilobytes=kilobytes):
                done = subprocess.run(
                    ["prlimit", f"--as={kilobytes * 1024}", EPROF, "record", "-p", NO_SUCH_PID],
                    cwd=self.directory,
                    capture_output=True,
                    text=True,
                    timeout=60,
                )
                # 127 is the loader's, and before that there is nobody to say anything.
                self.assertNotEqual(done.returncode, MISUSED, done.stderr)

    def test_a_thread_that_cannot_be_started(self):
        with Program("spin", 60) as program:
            args = ["--on-cpu", "-p", str(program.pid), "-d", "0.3", "-o", "out.svg"]
            cgroup = "/sys/fs/cgroup"
            if not os.path.exists(f"{cgroup}/cgroup.controllers"):
                self.skipTest("cgroup v2 is not mounted")
            group = f"{cgroup}/eprof-test-{os.getpid()}"
            os.mkdir(group)
            self.addCleanup(os.rmdir, group)
            if not os.path.exists(f"{group}/pids.max"):
                self.skipTest("the pids controller is not there")
            with open(f"{group}/pids.max", "w", encoding="utf-8") as file:
                file.write("1")
            inside = ["sh", "-c", f'echo $$ >{group}/cgroup.procs; exec "$@"', "sh"]
            self.assert_error(args, FAILED, ["cannot start a thread"], prefix=inside)


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


    def test_too_few_descriptors_are_told_with_what_to_do(self):
        # Wherever they end: with the last of these there may be enough.
        for files in (20, 28, 36, 44, 52, 60, 68, 76, 84):
            low = ["prlimit", f"--nofile={files}:{files}"]
            low += ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
            argv = [*low, EPROF, "record", "-a", "-d", "0.1", "-o", "out/"]
            done = subprocess.run(
                argv, cwd=self.directory, capture_output=True, text=True, timeout=60
            )
            with self.subTest(files=files):
                self.assertIn(done.returncode, (0, FAILED), done.stderr)
                if done.returncode == FAILED:
                    self.assertIn("raise 'ulimit -n'", done.stderr)
            if files == 20:
                self.assertEqual(done.returncode, FAILED)

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
                self.assert_error(["--on-cpu", "-a", "-d", "60", "-o", out], FAILED, [out.rstrip("/")])

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
        args = ["-q", "--on-cpu", "-p", str(pid), "-d", "0.3", "-o", out]
        words = [out.rstrip("/"), os.strerror(errno.ENOSPC)]
        self.assert_error(args, FAILED, words, directory=self.mount_point)

    def test_a_directory_without_a_place_for_its_files(self):
        with self.mounted("nr_inodes=4"), Program("spin", 60) as program:
            out = os.path.join(self.mount_point, "out/")
            args = ["-q", "--on-cpu", "-p", str(program.pid), "-d", "0.3", "-o", out]
            words = [out, os.strerror(errno.ENOSPC)]
            self.assert_error(args, FAILED, words, directory=self.mount_point)

    def test_what_is_not_mounted_is_named(self):
        for place in ("/sys",) if is_sanitized() else ("/proc", "/sys"):
            without = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs none {place}; exec "$@"', "sh"]
            with self.subTest(place=place):
                self.assert_error(["-a", "-d", "1"], FAILED, [place, "not mounted"], without)

    def test_a_standard_output_that_is_full(self):
        with Program("spin", 60) as program, open("/dev/full", "wb") as full:
            done = subprocess.run(
                [EPROF, "record", "-q", "--on-cpu", "-p", str(program.pid), "-d", "0.3", "-o", "-"],
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
                [EPROF, "record", "-q", "--on-cpu", "-p", str(program.pid), "-d", "0.3", "-o", "-"],
                stdout=write_end,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL),
            )
        os.close(write_end)
        self.assertEqual(done.returncode, FAILED)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(os.strerror(errno.EPIPE), done.stderr)


if __name__ == "__main__":
    main(needs_own_mounts=True)
