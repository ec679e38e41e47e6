#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`eprof doctor`: what it says of this machine and of processes, to root and to nobody."""
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import unittest

from cli import EPROF, Case

PROGRAMS = os.path.abspath(os.environ.get("EPROF_PROGRAMS", "build/release/tests/programs"))
LINE = re.compile(r"^(ok  |note|warn|fail)  (\S.{21})  (\S.*)$")
EXIT_CODES = {"ok": 0, "note": 0, "warn": 1, "fail": 3}
COLUMNS = 120
NOBODY = 65534


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


class Doctor(Case):
    def look(self, *words, preexec_fn=None, binary=EPROF):
        """The exit code, and (level, subject, text) of each line."""
        done = subprocess.run([binary, "doctor", *words], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False,
                              preexec_fn=preexec_fn)
        self.assertEqual(done.stderr, b"")
        rows = []
        for line in done.stdout.decode().splitlines():
            self.assertRegex(line, LINE)
            level, subject, text = LINE.match(line).groups()
            rows.append((level.strip(), subject.strip(), text))
        worst = max((EXIT_CODES[row[0]] for row in rows), default=None)
        self.assertEqual(done.returncode, worst)
        return done.returncode, rows

    def start(self, name, directory=PROGRAMS):
        """The pid of a program that has begun."""
        # pylint: disable-next=consider-using-with
        process = subprocess.Popen([os.path.join(directory, name)],
                                   stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(process.stdout.readline())
        return process.pid

    def module(self, rows, name):
        """Level and text of a module's line."""
        found = [(row[0], row[2]) for row in rows
                 if row[1] == "module" and row[2].startswith(name + ": ")]
        self.assertEqual(len(found), 1, rows)
        return found[0]

    @staticmethod
    def level(rows, subject):
        return [row[0] for row in rows if row[1] == subject][0]

    def test_every_line_is_aligned_and_fits_a_terminal(self):
        _, rows = self.look()
        self.assertGreater(len(rows), 25)
        for level, subject, text in rows:
            if subject != "output":  # it has a path
                self.assertLessEqual(len(text), COLUMNS - 30, (subject, text))
            if level != "ok":
                self.assertIn("; ", text)

    def test_json_says_the_same_as_the_lines(self):
        code, rows = self.look("-p", str(os.getpid()))
        done = self.call("doctor", "--json", "-p", str(os.getpid()))
        self.assertEqual((done.returncode, done.stderr), (code, b""))
        told = json.loads(done.stdout)
        self.assertEqual(told["exit_code"], code)
        self.assertEqual(EXIT_CODES[told["worst"]], code)

        def subjects(pairs):
            return [pair for pair in pairs if pair[1] != "output"]
        self.assertEqual(subjects((x["level"], x["subject"]) for x in told["findings"]),
                         subjects(row[:2] for row in rows))
        for finding in told["findings"]:
            self.assertEqual(finding["level"] == "ok", finding["advice"] == "", finding)
        self.assertEqual(told["process"]["pid"], os.getpid())
        self.assertTrue(told["process"]["modules"])

    def test_nobody_is_told_what_is_missing(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to be somebody else")
        with tempfile.TemporaryDirectory(dir="/tmp") as directory:
            os.chmod(directory, 0o755)
            copy = shutil.copy(EPROF, directory)
            os.chmod(copy, 0o755)
            # A copy, as trees may lie where only their owner may enter.
            code, rows = self.look("-p", str(os.getpid()), preexec_fn=become_nobody, binary=copy)
        self.assertEqual(code, 3)
        for name in ("CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "BPF programs", "process"):
            self.assertEqual(self.level(rows, name), "fail", name)
        self.assertEqual(self.level(rows, "CAP_SYSLOG"), "warn")
        for _, subject, text in rows:
            if subject not in ("output", "process"):
                self.assertLessEqual(len(text), COLUMNS - 30, (subject, text))

    def test_root_can_record_where_the_recording_tests_can(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        done = subprocess.run([EPROF, "record", "-d", "0.1", "-o", "x.folded", "--on-cpu", "-q",
                               "--", "true"], stderr=subprocess.PIPE, timeout=60, check=False)
        code, rows = self.look()
        self.assertEqual(code == 3, done.returncode != 0, (rows, done.stderr))

    @unittest.skipUnless(platform.machine() == "x86_64", "prologues are known of x86-64")
    def test_frame_pointers_are_seen_in_prologues(self):
        for name, words in (("frames", "frame pointers"), ("frames_omitted", "no frame pointers")):
            _, rows = self.look("-p", str(self.start(name)))
            level, text = self.module(rows, name)
            self.assertEqual((level, text), ("ok", f"{name}: .eh_frame, symbols, DWARF, {words}"))
            self.assertEqual(self.level(rows, "unwind tables"), "ok")

    def test_a_stripped_program_has_no_names(self):
        _, rows = self.look("-p", str(self.start("frames_stripped")))
        level, text = self.module(rows, "frames_stripped")
        self.assertEqual(level, "warn")
        self.assertIn("no symbols, no DWARF", text)
        self.assertIn("strip", text)

    def test_a_debug_file_by_its_link_is_found(self):
        shutil.copy(os.path.join(PROGRAMS, "frames"), "whole")
        for words in (["--only-keep-debug", "whole", "lone.debug"],
                      ["--strip-all", "--remove-section=.note.gnu.build-id",
                       "--add-gnu-debuglink=lone.debug", "whole", "lone"]):
            subprocess.run(["objcopy", *words], check=True)
        pid = self.start("lone", os.getcwd())
        told = json.loads(self.call("doctor", "--json", "-p", str(pid)).stdout)
        module = [x for x in told["process"]["modules"] if x["path"].endswith("/lone")][0]
        self.assertEqual((module["symbols_from"], module["dwarf_from"], module["own_symbols"]),
                         ("debuglink", "debuglink", "none"))
        self.assertEqual(self.module(self.look("-p", str(pid))[1], "lone")[0], "ok")

    def test_a_static_program_without_tables_is_warned_of(self):
        _, rows = self.look("-p", str(self.start("frames_static")))
        self.assertIn("static, .eh_frame", self.module(rows, "frames_static")[1])
        _, rows = self.look("-p", str(self.start("frames_tableless")))
        level, text = self.module(rows, "frames_tableless")
        self.assertEqual(level, "warn")
        self.assertIn("static, no .eh_frame", text)
        self.assertEqual(self.level(rows, "unwind tables"), "note")

    def test_a_deleted_program_is_looked_at_all_the_same(self):
        shutil.copy(os.path.join(PROGRAMS, "frames"), "gone")
        pid = self.start("gone", os.getcwd())
        os.remove("gone")
        if os.geteuid() == 0:
            level, _ = self.module(self.look("-p", str(pid))[1], "gone (deleted)")
            self.assertEqual(level, "ok")

    def test_a_perf_map_is_found(self):
        pid = self.start("frames")
        path = f"/tmp/perf-{pid}.map"
        with open(path, "w", encoding="ascii") as file:
            file.write("1000 10 f\n")
        self.addCleanup(os.remove, path)
        rows = self.look("-p", str(pid))[1]
        self.assertIn(("ok", "run-time code", "its names are in a perf map"), rows)

    def test_who_is_gone_fails(self):
        gone = subprocess.Popen(["true"])
        gone.wait()
        code, rows = self.look("-p", str(gone.pid))
        self.assertEqual(code, 3)
        self.assertEqual(rows[-1][:2], ("fail", "process"))
        self.assertIn(f"no such process {gone.pid}", rows[-1][2])

    def test_a_zombie_fails(self):
        zombie = subprocess.Popen(["true"])
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        code, rows = self.look("-p", str(zombie.pid))
        zombie.wait()
        self.assertEqual(code, 3)
        self.assertIn("zombie", rows[-1][2])

    def test_wrong_words_are_wrong_usage(self):
        self.refused(2, "one word too many", "doctor", "123")
        self.refused(2, "not a whole number", "doctor", "-p", "x")
        self.refused(2, "not between", "doctor", "-p", "0")
        self.refused(2, "one process too many", "doctor", "-p", "1", "-p", "2")
        self.refused(2, "--config", "doctor", "--config", "")

    def test_a_full_disk_is_told(self):
        with open("/dev/full", "wb") as full:
            done = self.call("doctor", stdout=full)
        self.assertEqual((done.returncode, done.stderr), (1, b"eprof: cannot write to stdout\n"))


if __name__ == "__main__":
    unittest.main()
