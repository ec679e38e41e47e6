# SPDX-License-Identifier: Apache-2.0
"""The files of a recording: each is whole, and all tell the same."""

import json
import mmap
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
import xml.etree.ElementTree

from harness import (
    CPUS,
    EPROF,
    LIMIT_SECONDS,
    EprofTest,
    Folded,
    Program,
    main,
    program_path,
)
from pprof import Profile

SPIN = ("main", "alpha", "beta", "gamma")
FILES = {"on-cpu.svg", "on-cpu.folded", "on-cpu.pb.gz", "index.html", "stats.json"}
OFF_FILES = {name.replace("on-cpu", "off-cpu") for name in FILES}
OFF_STATES = {"runqueue", "sleep", "uninterruptible", "stopped", "other"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class Directory(EprofTest):
    @classmethod
    def setUpClass(cls):
        """One recording for all tests of this class."""
        super().setUpClass()
        cls.once = cls("test_it_holds_these_files")
        cls.once.setUp()
        cls.addClassCleanup(cls.once.doCleanups)
        with Program("syscaller", 60) as program:
            cls.result = cls.once.record("-p", program.pid, "-d", 1.5, "-F", 499)

    def test_it_holds_these_files(self):
        self.assertEqual(set(os.listdir(self.result.out)), FILES)

    def test_the_svg_is_well_formed(self):
        svg = read(self.result.path("on-cpu.svg"))
        root = xml.etree.ElementTree.fromstring(svg)
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        self.assertIn("read_loop", svg)

    def test_the_pprof_profile_adds_up(self):
        profile = Profile(self.result.path("on-cpu.pb.gz"))
        stats = self.result.stats()
        self.assertEqual(profile.sums["samples"], stats["samples"])
        period = 1e9 / 499
        self.assertAlmostEqual(profile.sums["cpu"] / (stats["samples"] * period), 1, delta=0.01)
        self.assertIn("read_loop", profile.strings)

    def test_the_pprof_profile_says_which_binary_code_is_in(self):
        profile = Profile(self.result.path("on-cpu.pb.gz"))
        in_program = {mapping for mapping, _, _ in profile.places["read_loop"]}
        self.assertEqual(in_program, {"syscaller"})
        frames = Folded(read(self.result.path("on-cpu.folded"))).frames()
        kernel = {name[:-4] for name in frames if name.endswith("_[k]")}
        self.assertGreater(len(kernel), 0)
        for name in kernel:
            self.assertIn("[kernel.kallsyms]", {mapping for mapping, _, _ in profile.places[name]})
        self.assertEqual(profile.places["syscaller"], {("[process]", "", 0)})

    def test_the_pprof_profile_has_the_build_ids_of_the_statistics(self):
        found = Profile(self.result.path("on-cpu.pb.gz")).build_ids
        modules = self.result.stats()["modules"]
        known = {os.path.basename(m["path"]): m["build_id"] for m in modules if m["build_id"]}
        kernel = found.pop("[kernel.kallsyms]")
        self.assertRegex(kernel, "^[0-9a-f]{40}$")
        self.assertGreater(len(known), 0)
        self.assertEqual(found, known)

    def test_the_page_is_self_contained(self):
        page = read(self.result.path("index.html"))
        self.assertIn("<html", page)
        self.assertEqual(re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", page), [])

    def test_the_statistics_are_complete(self):
        stats = self.result.stats()
        self.assertEqual(stats["hz"], 499)
        self.assertEqual(stats["event"], "cpu-clock")
        self.assertAlmostEqual(stats["seconds"], 1.5, delta=0.5)
        self.assertEqual(sum(stats["stop_reasons"].values()), stats["samples"])
        self.assertGreaterEqual(stats["distinct_stacks"], 1)
        self.assertLessEqual(stats["distinct_stacks"], stats["samples"])
        self.assertGreater(stats["tool"]["cpu_seconds"], 0)
        self.assertGreater(stats["tool"]["peak_rss_bytes"], 1 << 20)

    def test_the_summary_names_samples_and_paths(self):
        self.assertIn(str(self.result.stats()["samples"]), self.result.stderr)
        for name in FILES:
            self.assertIn(name, self.result.stderr)

    def test_pictures_are_deterministic(self):
        folded = self.result.path("on-cpu.folded")
        draw = [EPROF, "flamegraph", folded, "-o", "-"]
        pictures = {subprocess.run(draw, capture_output=True, check=True).stdout for _ in range(2)}
        self.assertEqual(len(pictures), 1)
        xml.etree.ElementTree.fromstring(pictures.pop())


class BothKinds(EprofTest):
    """Of a program that works for a while and is asleep then."""

    TIMES = ()
    COMMAND = ("sh", "-c", f"{program_path('spin')} 0.3; sleep 1.7")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.once = cls("test_it_holds_files_of_both")
        cls.once.setUp()
        cls.addClassCleanup(cls.once.doCleanups)
        cls.result = cls.once.record("-F", 499, "-d", 30, "--", *cls.COMMAND)
        cls.stats = cls.result.stats()

    def test_it_holds_files_of_both(self):
        self.assertEqual(set(os.listdir(self.result.out)), FILES | OFF_FILES)

    def test_pictures_say_which_time_they_are_of(self):
        for name, title, unit in (
            ("on-cpu.svg", "On-CPU", "samples"),
            ("off-cpu.svg", "Off-CPU", "microseconds"),
        ):
            svg = read(self.result.path(name))
            xml.etree.ElementTree.fromstring(svg)
            self.assertIn(f"<title>{title}</title>", svg)
            self.assertIn(f'data-unit="{unit}"', svg)

    def test_the_page_holds_both(self):
        page = read(self.result.path("index.html"))
        self.assertIn('data-unit="samples"', page)
        self.assertIn('data-unit="microseconds"', page)

    def test_off_cpu_files_tell_the_same_time(self):
        folded = self.result.folded("off-cpu.folded")
        profile = Profile(self.result.path("off-cpu.pb.gz"))
        off = self.stats["off_cpu"]
        self.assertEqual(profile.types, ["off_cpu"])
        self.assertGreater(folded.total, 700000)  # what sleep was asked for
        # Halves of a microsecond are rounded, each once.
        self.assertAlmostEqual(folded.total, off["microseconds"], delta=1)
        self.assertAlmostEqual(profile.sums["off_cpu"] / 1000, folded.total, delta=1)
        self.assertGreater(off["intervals"], 0)
        self.assertGreater(off["complete_share"], 0.9)

    def test_samples_are_labelled_with_the_state_of_their_thread(self):
        labels = Profile(self.result.path("off-cpu.pb.gz")).labels
        states = {state for _, _, state in labels}
        self.assertIn("sleep", states)
        self.assertLessEqual(states, OFF_STATES)
        self.assertEqual({label[:2] for label in labels}, {(None, None)})

    def test_samples_of_threads_are_labelled_with_their_names(self):
        with Program("spin", 60) as program:
            result = self.once.record("-p", program.pid, "--per-thread", "-d", 0.5)
            labels = Profile(result.path("on-cpu.pb.gz")).labels
            self.assertEqual(labels, {(program.pid, "spin", None)})

    def test_the_ledger_adds_up(self):
        ledger = self.stats["ledger"]
        self.assertEqual(ledger["clock"], "scheduler")
        names = {process["name"] for process in ledger["processes"]}
        self.assertLessEqual({"spin", "sleep"}, names)
        for process in ledger["processes"]:
            rows = process["thread_rows"]
            self.assertEqual(len(rows), process["threads"])
            self.assertIsNone(process["other_threads"])
            for row in (process, *rows):
                self.assertEqual(set(row["off_cpu_ns"]), OFF_STATES)
                self.assertEqual(len(row["interval_us_log2"]), 24)
                self.assertEqual(sum(row["interval_us_log2"]), row["intervals"])
            for name in ("wall_ns", "on_cpu_ns", "intervals"):
                self.assertEqual(sum(row[name] for row in rows), process[name])
        asleep = next(p for p in ledger["processes"] if p["name"] == "sleep")
        self.assertGreaterEqual(asleep["off_cpu_ns"]["sleep"], 700000000)

    def test_the_summary_has_a_line_of_each(self):
        self.assertRegex(self.result.stderr, r"(?m)^\d+ samples in ")
        self.assertRegex(self.result.stderr, r"(?m)^off-CPU: [0-9.]+ s in ")
        self.assertRegex(
            self.result.stderr,
            r"(?m)^time of its \d+ threads: [0-9.]+ s wall = [0-9.]+ s on-CPU \+ [0-9.]+ s "
            r"blocked \+ [0-9.]+ s waiting for a CPU$",
        )
        for name in FILES | OFF_FILES:
            self.assertIn(name, self.result.stderr)

    def test_a_profile_of_both_has_all_values(self):
        out = os.path.join(self.directory, "x.pb.gz")
        self.record("-q", "-F", 499, "-d", 30, "-o", out, "--", *self.COMMAND)
        profile = Profile(out)
        self.assertEqual(profile.types, ["samples", "cpu", "off_cpu"])
        self.assertGreater(profile.sums["samples"], 10)
        self.assertGreater(profile.sums["off_cpu"], 700000000)

    def test_a_page_of_both_is_one_file(self):
        out = os.path.join(self.directory, "x.html")
        self.record("-q", "-F", 499, "-d", 30, "-o", out, "--", *self.COMMAND)
        page = read(out)
        self.assertIn('data-unit="samples"', page)
        self.assertIn('data-unit="microseconds"', page)


class OffCpuOnly(EprofTest):
    def record_sleep(self, *options):
        return self.record("--off-cpu", "-d", 30, *options, "--", "sleep", "0.5")

    def test_there_are_files_of_nothing_else(self):
        result = self.record_sleep()
        stats = result.stats()
        self.assertEqual(set(os.listdir(result.out)), OFF_FILES)
        self.assertEqual((stats["hz"], stats["event"], stats["samples"]), (None, None, 0))
        self.assertNotIn("no samples", result.stderr)
        self.assertGreater(result.folded("off-cpu.folded").total, 500000)

    def test_single_files(self):
        for name in ("x.folded", "x.svg", "x.json", "x.pb.gz", "x.html"):
            with self.subTest(name=name):
                self.record_sleep("-q", "-o", name)
                self.assertIn(name, os.listdir(self.directory))
        folded = Folded(read(os.path.join(self.directory, "x.folded")))
        self.assertGreater(folded.total, 500000)
        svg = read(os.path.join(self.directory, "x.svg"))
        xml.etree.ElementTree.fromstring(svg)
        self.assertIn("Off-CPU", svg)
        self.assertEqual(Profile(os.path.join(self.directory, "x.pb.gz")).types, ["off_cpu"])

    def test_folded_on_standard_output(self):
        result = self.record_sleep("-o", "-")
        self.assertGreater(Folded(result.stdout).total, 500000)

    def test_a_sleeper_is_no_warning(self):
        result = self.record("--off-cpu", "--on-cpu", "-d", 30, "--", "sleep", "0.5")
        self.assertNotIn("no samples", result.stderr)

    def test_what_is_left_out_is_counted(self):
        result = self.record_sleep("--max-block", 1000)
        off = result.stats()["off_cpu"]
        self.assertLess(result.folded("off-cpu.folded").total, 500000)
        self.assertGreaterEqual(off["hidden_intervals"], 1)
        self.assertGreaterEqual(off["hidden_ns"], 500000000)
        self.assertIn("left out", result.stderr)
        self.assertIn("left out", read(result.path("off-cpu.svg")))


class SingleFiles(EprofTest):
    def record_to(self, name, *more):
        with Program("spin", 60) as program:
            self.record("-p", program.pid, "-d", 0.5, "-F", 499, "-o", name, *more)
        left = os.listdir(self.directory)
        self.assertEqual(left, [name])
        return os.path.join(self.directory, name)

    def test_svg(self):
        path = self.record_to("x.svg")
        xml.etree.ElementTree.parse(path)
        self.assertIn("gamma", read(path))

    def test_folded(self):
        folded = Folded(read(self.record_to("x.folded")))
        self.assert_mostly(folded, *SPIN)

    def test_pprof(self):
        profile = Profile(self.record_to("x.pb.gz"))
        self.assertGreater(profile.sums["samples"], 10)

    def test_html(self):
        self.assertIn("gamma", read(self.record_to("x.html")))

    def test_speedscope(self):
        names = [f["name"] for f in json.loads(read(self.record_to("x.json")))["shared"]["frames"]]
        self.assertLessEqual(set(SPIN), set(names))

    def test_folded_on_standard_output(self):
        with Program("spin", 60) as program:
            result = self.record("-p", program.pid, "-d", 0.5, "-F", 499, "-o", "-")
        self.assert_mostly(Folded(result.stdout), *SPIN)
        self.assertEqual(os.listdir(self.directory), [])

    def test_quiet_prints_nothing(self):
        with Program("spin", 60) as program:
            result = self.record("-q", "-p", program.pid, "-d", 0.3)
        self.assertEqual((result.stdout, result.stderr), ("", ""))

    def test_without_a_path_the_directory_is_named_after_the_target(self):
        subprocess.run(
            [EPROF, "record", "-q", "-d", "30", "--", program_path("spin"), "0.3"],
            cwd=self.directory,
            check=True,
            timeout=60,
            stdout=subprocess.DEVNULL,
        )
        names = os.listdir(self.directory)
        self.assertEqual(len(names), 1)
        self.assertRegex(names[0], r"^eprof-spin-\d{8}T\d{6}Z$")
        files = set(os.listdir(os.path.join(self.directory, names[0])))
        self.assertEqual(files, FILES | OFF_FILES)

    def test_a_directory_that_is_there_is_left_alone(self):
        # Whatever second the recording begins in.
        now = int(time.time())
        taken = {
            time.strftime("eprof-spin-%Y%m%dT%H%M%SZ", time.gmtime(now + i))
            for i in range(int(LIMIT_SECONDS))
        }
        for name in taken:
            os.mkdir(os.path.join(self.directory, name))
        self.check_next_directory(taken, 2)
        for name in taken:
            os.makedirs(os.path.join(self.directory, f"{name}-2"), exist_ok=True)
        self.check_next_directory(taken, 3)

    def check_next_directory(self, taken, number):
        """A recording leaves taken alone and makes a directory with this number."""
        before = set(os.listdir(self.directory))
        subprocess.run(
            [EPROF, "record", "-q", "-d", "30", "--", program_path("spin"), "0.1"],
            cwd=self.directory,
            check=True,
            timeout=60,
            stdout=subprocess.DEVNULL,
        )
        (made,) = set(os.listdir(self.directory)) - before
        name, _, suffix = made.rpartition("-")
        self.assertEqual(suffix, str(number))
        self.assertIn(name, taken)
        files = set(os.listdir(os.path.join(self.directory, made)))
        self.assertEqual(files, FILES | OFF_FILES)
        for other in taken:
            self.assertEqual(os.listdir(os.path.join(self.directory, other)), [])

    def test_an_existing_file_is_replaced_as_a_whole(self):
        path = os.path.join(self.directory, "x.folded")
        with open(path, "w", encoding="utf-8") as file:
            file.write("old\n" * 10000)
        self.assertNotIn("old", read(self.record_to("x.folded")))


class Terminal(EprofTest):
    def wait_text(self, screen, pattern, meanwhile=lambda: None):
        """Until pattern has been printed; meanwhile() is called each time nothing has."""
        text, deadline = "", time.monotonic() + LIMIT_SECONDS
        while not re.search(pattern, text):
            self.assertLess(time.monotonic(), deadline, f"{pattern} is not in {text!r}")
            if not select.select([screen], [], [], 0.05)[0]:
                meanwhile()
                continue
            try:
                text += os.read(screen, 4096).decode()
            except OSError:  # nobody has the terminal open any more
                self.fail(f"eprof ended; {pattern} is not in {text!r}")
        return text

    def map_and_unmap(self, times):
        """Each is a record in the ring of one CPU."""
        os.sched_setaffinity(0, {CPUS[0]})
        try:
            with open(program_path("spin"), "rb") as file:
                for _ in range(times):
                    mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()
        finally:
            os.sched_setaffinity(0, CPUS)

    def test_progress_tells_losses_when_they_happen(self):
        screen, terminal = pty.openpty()
        self.addCleanup(os.close, screen)
        with Program("spin", 60) as program:
            eprof = self.start("-p", program.pid, "-d", 30, stderr=terminal)
            os.close(terminal)
            eprof.wait_recording()
            text = self.wait_text(screen, r" samples, \d+ lost")
            self.assertRegex(text, r"\r\x1b\[K[0-9]+ s left, [0-9]+ samples, 0 lost")
            with eprof.stopped():
                self.map_and_unmap(10000)
            # The kernel tells what was lost with the next record.
            self.wait_text(screen, r"samples, [1-9]\d* lost", lambda: self.map_and_unmap(1))
            eprof.send(signal.SIGINT)
            self.wait_text(screen, r"warning: lost: process_records [1-9]")
            result = eprof.finish()
        self.assertEqual(result.code, 0)
        self.assertGreater(result.stats()["losses"]["process_records"], 0)


class HostileNames(EprofTest):
    NAME = b"a;b\nc\td\x1b[1m\xff<&>"  # 15 bytes: all that the name of a process holds

    def check_files(self, result):
        """Each is what its format says; the text of the folded one."""
        with open(result.path("on-cpu.folded"), "rb") as file:
            folded = file.read()
        self.assertEqual(re.findall(rb"[\x00-\x09\x0b-\x1f\x7f]", folded), [])
        xml.etree.ElementTree.parse(result.path("on-cpu.svg"))
        if shutil.which("xmllint"):
            subprocess.run(["xmllint", "--noout", result.path("on-cpu.svg")], check=True)
        for name in ("on-cpu.svg", "index.html"):
            self.assertNotIn("\x1b", read(result.path(name)))
        profile = Profile(result.path("on-cpu.pb.gz"))
        self.assertEqual(profile.sums["samples"], result.stats()["samples"])
        self.assertNotIn("\x1b", result.stderr)
        return Folded(folded.decode())  # strictly: all of it is UTF-8

    def test_names_break_no_format(self):
        # Without symbols, the name of its file is in every frame.
        file_name = self.NAME + b"\"'\\\xe2\x80\xa8"
        path = os.path.join(os.fsencode(self.directory), file_name)
        shutil.copy(program_path("stripped"), path)
        command = os.fsdecode(path)
        result = self.record("--per-thread", "-d", 30, "-F", 499, "--", command, 0.5)
        folded = self.check_files(result)
        name = "a:b c d?[1m\ufffd<&>"
        self.assertEqual(set(folded.roots()), {name})
        threads = {frames[1] for frames, _ in folded.stacks}
        self.assertEqual(len(threads), 1)
        self.assertRegex(threads.pop(), "^" + re.escape(name) + r"-\d+$")
        code = f"[{name}\"'\\\u2028+0x"
        self.assertGreater(folded.count(lambda f: f[-1].startswith(code)), 0, folded.text())
        self.assertEqual(result.stats()["target"], file_name.decode(errors="replace"))


if __name__ == "__main__":
    main()
