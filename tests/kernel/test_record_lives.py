# SPDX-License-Identifier: Apache-2.0
"""Programs that begin, change and end while they are recorded, and recordings that end early."""

import os
import shutil
import signal
import subprocess

from harness import (
    EprofTest,
    Program,
    has_function_name,
    main,
    parse_reports,
    program_path,
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
        if not os.path.isdir("/usr/lib/debug/.build-id"):
            # A stripped ld.so has no names but those it exports, and its code is 5 % of such a life.
            named += folded.count(lambda f: is_in_loader(f) and not has_function_name(f))
        self.assertGreaterEqual(named / folded.total, NAMED_LEAST, folded.text())
        burst = folded.of_root("burst")
        # 10 ms each in burst_work(), the rest of a child's life is fork, exec and exit.
        working = burst.ending("main", "burst_work")
        self.assertGreaterEqual(working / folded.total, 0.8 * 5 / cpu, folded.text())


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
