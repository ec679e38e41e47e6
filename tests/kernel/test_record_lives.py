# SPDX-License-Identifier: Apache-2.0
"""Programs that begin, change and end while they are recorded, and recordings that end early."""

import os
import shutil
import signal
import subprocess

from harness import (
    CAP_SYS_RESOURCE,
    HAS_LIBC_NAMES,
    EprofTest,
    Program,
    has_capability,
    has_function_name,
    main,
    parse_reports,
    program_path,
    state_of,
    user_frames,
    wait_until,
)

SPIN = ("main", "alpha", "beta", "gamma")
NAMED_LEAST = 0.98  # of the samples of short-lived processes


def is_in_loader(frames):
    return any(frame.startswith(("_dl_", "[ld-linux", "[ld.so")) for frame in frames)


class Commands(EprofTest):
    def test_a_command_is_recorded_from_its_first_instruction(self):
        result = self.record("-d", 30, "-F", 499, "--", program_path("constructed"), 1)
        cpu = parse_reports(result.stdout)
        folded = result.folded()
        self.assertEqual(set(folded.roots()), {"constructed"})
        early = folded.ending("library_constructor", "constructor_leaf")
        late = folded.ending("main", "late_leaf")
        self.assertGreaterEqual((early + late) / folded.total, 0.97, folded.text())
        self.assert_share(early, early + late, cpu["constructor"] / cpu["constructed"], "early")

    def test_the_dynamic_loader_is_part_of_a_command(self):
        # A hundred short commands: some of their life is exec and ld.so.
        result = self.record("-d", 30, "-F", 997, "--", program_path("shortlived"), 100)
        folded = result.folded()
        self.assertGreater(folded.count(is_in_loader), 0, folded.text(40))

    def test_a_command_is_ended_when_the_time_is_over(self):
        result = self.record("-d", 1, "--", program_path("spin"), 60)
        self.assertLess(result.seconds, 20)
        self.assert_mostly(result.folded(), *SPIN, least=0.95)
        pid = int(result.stdout.split()[1])
        wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the command ends")

    def test_a_recording_ends_with_its_command(self):
        result = self.record("-d", 60, "--", program_path("spin"), 1)
        self.assertLess(result.seconds, 20)
        self.assert_mostly(result.folded(), *SPIN, least=0.95)

    def test_500_short_lived_processes_are_named(self):
        result = self.record("-d", 60, "-F", 99, "--", program_path("shortlived"), 500)
        cpu = parse_reports(result.stdout)["children"]
        folded = result.folded()
        named = folded.count(has_function_name)
        if not HAS_LIBC_NAMES:
            # A stripped ld.so has no names but those it exports, and its code is 5 % of such a life.
            named += folded.count(lambda f: is_in_loader(f) and not has_function_name(f))
        self.assertGreaterEqual(named / folded.total, NAMED_LEAST, folded.text())
        burst = folded.of_root("burst")
        # 10 ms each in burst_work(), the rest of a child's life is fork, exec and exit.
        working = burst.ending("main", "burst_work")
        self.assertGreaterEqual(working / folded.total, 0.8 * 5 / cpu, folded.text())


    def test_a_command_keeps_its_own_limits(self):
        # eprof needs more open files than most are allowed; what it starts should not notice.
        script = "cat /proc/self/limits && echo && cat /proc/$PPID/limits"
        low = ["prlimit", "--nofile=200:300", "--memlock=65536:65536"]
        result = self.record("-d", 30, "--", "sh", "-c", script, prefix=low)
        command, eprof = (limits_of(text) for text in result.stdout.split("\n\n"))
        self.assertEqual(command["Max open files"], ("200", "300"))
        self.assertEqual(command["Max locked memory"], ("65536", "65536"))
        files, memory = "300", "65536"
        if has_capability(CAP_SYS_RESOURCE):
            with open("/proc/sys/fs/nr_open", encoding="utf-8") as file:
                files, memory = file.read().strip(), "unlimited"
        self.assertEqual(eprof["Max open files"], (files, files))
        self.assertEqual(eprof["Max locked memory"], (memory, memory))


def limits_of(text):
    """name -> (soft, hard), from the columns of /proc/PID/limits."""
    return {line[:26].strip(): tuple(line[26:].split()[:2]) for line in text.splitlines()}


class Ends(EprofTest):
    def test_the_end_of_the_last_process_ends_the_recording(self):
        with Program("spin", 60) as one, Program("shares", 60) as two:
            eprof = self.start("-p", f"{one.pid},{two.pid}", "-d", 60, "-F", 499)
            eprof.wait_recording()
            one.wait_cpu(0.3)
            one.end()
            two.wait_cpu(1)
            self.assertTrue(eprof.is_running())
            two.end()
            result = eprof.finish()
        self.assert_recorded(result)
        self.assertLess(result.seconds, 20)
        folded = result.folded()
        self.assertEqual(set(folded.roots()), {"spin", "shares"})
        self.assertGreater(folded.of_root("shares").total, 0.9 * 499)

    def test_processes_that_end_together_end_the_recording(self):
        with Program("spin", 60) as one, Program("shares", 60) as two:
            eprof = self.start("-p", f"{one.pid},{two.pid}", "-d", 30, "-F", 499)
            eprof.wait_recording()
            one.wait_cpu(0.3)
            two.wait_cpu(0.3)
            with eprof.stopped():
                one.end()
                two.end()
            result = eprof.finish()
        self.assert_recorded(result)
        self.assertLess(result.seconds, 20)
        self.assertEqual(set(result.folded().roots()), {"spin", "shares"})
        self.assertEqual(result.stderr.count("on-cpu.svg"), 1)

    def test_the_work_of_an_exit_belongs_to_the_process(self):
        result = self.record("-d", 60, "-F", 1999, "--", program_path("exiter"))
        folded = result.folded()
        cpu = parse_reports(result.stdout)
        self.assertEqual(set(folded.roots()), {"exiter"})
        exiting = folded.having("do_exit_[k]")
        share = cpu["exits"] / (cpu["children"] + cpu["exiter"])
        self.assert_share(exiting, folded.total, share, "exits")
        self.assertGreater(folded.having("exit_mmap_[k]"), 0.5 * exiting, folded.text())


class Changes(EprofTest):
    def test_an_exec_changes_name_and_symbols(self):
        result = self.record("-d", 30, "-F", 499, "--", program_path("execer"), 1.5)
        folded = result.folded()
        self.assertEqual(set(folded.roots()), {"execer", "spin"})
        before, after = folded.of_root("execer"), folded.of_root("spin")
        self.assert_mostly(before, "main", "before_exec", "before_leaf", least=0.97)
        self.assert_mostly(after, *SPIN, least=0.97)
        self.assert_share(after.total, folded.total, 0.5, "after exec")

    def test_a_process_that_ends_ends_the_recording(self):
        with Program("spin", 1.5) as program:
            eprof = self.start("-p", program.pid, "-d", 60, "-F", 499)
            eprof.wait_recording()
            program.finish()
            result = eprof.finish()
        self.assert_recorded(result)
        self.assertLess(result.seconds, 20)
        self.assert_mostly(result.folded(), *SPIN)


class ReplacedFiles(EprofTest):
    """Whose program is no longer what its path leads to."""

    def setUp(self):
        super().setUp()
        self.path = os.path.join(self.directory, "victim")
        shutil.copy(program_path("spin"), self.path)

    def test_a_fifo_in_place_of_a_running_program(self):
        with Program("victim", 60, path=self.path) as program:
            os.unlink(self.path)
            os.mkfifo(self.path)
            result = self.record("-p", program.pid, "-d", 1, "-F", 499)
        self.assertLess(result.seconds, 20)
        self.assertEqual(set(result.folded().roots()), {"victim"})
        self.assert_mostly(result.folded(), *SPIN)

    def record_gone(self, replace):
        """A program that was replaced and gone before eprof saw it: there is but its path."""
        eprof = self.start("-a", "-d", 60, "-F", 499)
        eprof.wait_recording()
        with eprof.stopped():
            with Program("victim", 0.3, path=self.path) as program:
                program.finish()
            os.unlink(self.path)
            replace()
        eprof.send(signal.SIGINT)
        result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        self.assertLess(result.seconds, 20)
        self.assertGreater(result.stats()["losses"]["binaries_unopened"], 0)
        folded = result.folded().of_root("victim")
        addresses = folded.count(lambda f: user_frames(f)[-1].startswith("[victim+0x"))
        self.assertGreaterEqual(addresses / folded.total, 0.95, folded.text())
        return result

    def test_a_fifo_in_place_of_a_program_that_is_gone(self):
        def replace():
            os.mkfifo(self.path)
            # Waits in open() for a reader: even one that does not stay lets it go on.
            argv = ["sh", "-c", 'echo; exec >"$1"', "sh", self.path]
            writer = subprocess.Popen(argv, stdout=subprocess.PIPE)
            self.addCleanup(writer.communicate)
            self.addCleanup(writer.kill)
            writer.stdout.readline()
            wait_until(lambda: state_of(writer.pid) == "S", "the writer waits", writer)
            writers.append(writer)

        writers = []
        self.record_gone(replace)
        self.assertIsNone(writers[0].poll(), "eprof has opened the FIFO")

    def test_another_program_in_place_of_one_that_is_gone(self):
        result = self.record_gone(lambda: os.symlink(program_path("shares"), self.path))
        self.assertEqual(result.folded().of_root("victim").having("heavy"), 0)


class Interruptions(EprofTest):
    def interrupt(self, number):
        with Program("spin", 60) as program:
            eprof = self.start("-p", program.pid, "-d", 60, "-F", 499)
            eprof.wait_recording()
            program.wait_cpu(1)
            eprof.send(number)
            result = eprof.finish()
        self.assert_recorded(result)
        self.assertLess(result.seconds, 30)
        self.assert_mostly(result.folded(), *SPIN)
        for name in ("on-cpu.svg", "on-cpu.folded", "on-cpu.pb.gz", "index.html", "stats.json"):
            self.assertGreater(os.path.getsize(result.path(name)), 0)
        return result

    def test_sigint_ends_early_and_writes_what_there_is(self):
        self.interrupt(signal.SIGINT)

    def test_sigterm_ends_early_and_writes_what_there_is(self):
        self.interrupt(signal.SIGTERM)

    def test_sigquit_ends_early_and_writes_what_there_is(self):
        self.interrupt(signal.SIGQUIT)

    def test_without_a_duration_a_signal_ends_the_recording(self):
        with Program("spin", 60) as program:
            eprof = self.start("-p", program.pid)
            eprof.wait_recording()
            program.wait_cpu(1)
            eprof.send(signal.SIGINT)
            result = eprof.finish()
        self.assert_recorded(result)
        self.assertGreater(result.folded().total, 0)


class Company(EprofTest):
    """Somebody else looks at the same process at the same time."""

    def record_traced(self, tracer):
        tool = shutil.which(tracer[0])
        if not tool:
            self.skipTest(f"{tracer[0]} is not installed")
        with Program("spin", 60) as program:
            argv = [word.format(pid=program.pid) for word in tracer]
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                wait_until(lambda: tracer_of(program.pid) != 0, "the tracer attaches", process)
                program.wait_cpu(0.1)
                result = self.record("-p", program.pid, "-d", 1.5, "-F", 499)
                self.assertNotEqual(tracer_of(program.pid), 0)
            finally:
                process.terminate()
                process.wait(30)
        return result.folded()

    def test_beside_strace(self):
        folded = self.record_traced(["strace", "-f", "-p", "{pid}"])
        self.assertGreater(folded.ending(*SPIN), 0, folded.text())

    def test_beside_gdb(self):
        gdb = ["gdb", "-nx", "-batch", "-p", "{pid}", "-ex", "continue"]
        self.assert_mostly(self.record_traced(gdb), *SPIN, least=0.95)

    def test_beside_another_eprof(self):
        with Program("spin", 60) as program:
            other = self.start("-a", "-d", 60, "-F", 499, "-o", "other.folded")
            other.wait_recording()
            result = self.record("-p", program.pid, "-d", 1.5, "-F", 499)
            other.send(signal.SIGINT)
            self.assertEqual(other.finish().code, 0)
        self.assert_mostly(result.folded(), *SPIN)


def tracer_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("TracerPid:"))


if __name__ == "__main__":
    main()
