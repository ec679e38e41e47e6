# SPDX-License-Identifier: Apache-2.0
"""Names of the kernel's code: what comes and goes in it, and what it hides from us."""

import os
import re
import shutil
import signal
import subprocess
import uuid

from harness import (
    EprofTest,
    Program,
    main,
    program_path,
    read_symbols,
    user_frames,
)

AMBIGUOUS = "[bpf]_[k]"
UNKNOWN = "[unknown]_[k]"
TRACEFS = "/sys/kernel/tracing"


def read_number(path):
    with open(path, encoding="ascii") as file:
        return int(file.read())


def is_loop(frame, name):
    return re.fullmatch(rf"bpf_prog_[0-9a-f]{{16}}_{name}_\[k\]", frame)


class BpfPrograms(EprofTest):
    def setUp(self):
        super().setUp()
        if not read_number("/proc/sys/net/core/bpf_jit_enable"):
            self.skipTest("BPF programs are interpreted here")

    def counts_of(self, folded):
        """Samples in the first loop, in the second one, and in one of the two; and all in BPF."""
        leaves = [
            folded.count(lambda f, n=name: is_loop(f[-1], n))
            for name in ("first_loop", "second_loop")
        ]
        leaves.append(folded.having(AMBIGUOUS))
        running = folded.count(lambda f: "bpf_test_run_[k]" in f and f[-1] != "bpf_test_run_[k]")
        return (*leaves, running)

    def record_loop(self, seconds, lives):
        """The whole life of a program that loads, runs and unloads as many BPF programs."""
        argv = [program_path("bpfloop"), seconds, "cpu", lives]
        return self.record("-d", 60, "-F", 499, "--", *argv).folded()

    def test_a_bpf_program_that_comes_and_goes_is_named(self):
        folded = self.record_loop(1.5, 1)
        first, _, _, running = self.counts_of(folded)
        self.assertGreater(running, 0.7 * folded.total, folded.text())
        self.assertGreaterEqual(first, 0.95 * running, folded.text())
        self.assertEqual(folded.having(UNKNOWN), 0, folded.text())

    def test_a_bpf_program_of_before_that_goes_is_named(self):
        with Program("bpfloop", 60) as program:
            eprof = self.start("-p", program.pid, "-d", 60, "-F", 499)
            eprof.wait_recording()
            program.wait_cpu(1.5)
            program.end()
            result = eprof.finish()
        self.assert_recorded(result)
        folded = result.folded()
        first, _, _, running = self.counts_of(folded)
        self.assertGreaterEqual(first, 0.95 * running, folded.text())
        self.assertEqual(folded.having(UNKNOWN), 0, folded.text())

    def test_a_bpf_program_at_the_address_of_another_one(self):
        folded = self.record_loop(4, 2)
        first, second, either, running = self.counts_of(folded)
        self.assertGreater(running, 0.7 * folded.total, folded.text())
        self.assertGreaterEqual(first + second + either, 0.95 * running, folded.text())
        # Half of the time each; between two drains both may have been at one address.
        for count in (first, second):
            self.assertLessEqual(count, 0.55 * running, folded.text())
            self.assertGreaterEqual(count, 0.2 * running, folded.text())

    def test_bpf_programs_that_change_faster_than_they_are_looked_at_are_no_guesses(self):
        # Beside another one: what the kernel writes of a symbol is not the same then.
        other = self.start("-a", "-d", 60, "-o", "other.folded")
        other.wait_recording()
        folded = self.record_loop(6, 40)
        other.send(signal.SIGINT)
        self.assertEqual(other.finish().code, 0)
        first, second, either, running = self.counts_of(folded)
        self.assertGreaterEqual(first + second + either, 0.95 * running, folded.text())
        self.assertEqual(folded.having(UNKNOWN), 0, folded.text())
        # Of one of them alone were the samples after the last change before a look.
        self.assertLess(abs(first - second), 0.3 * running, folded.text())
        self.assertGreater(either, 0.5 * running, folded.text())


class Uprobes(EprofTest):
    def setUp(self):
        super().setUp()
        if not os.path.exists(TRACEFS + "/uprobe_events"):
            subprocess.run(["mount", "-t", "tracefs", "none", TRACEFS], check=False)
        if not os.path.exists(TRACEFS + "/uprobe_events"):
            self.skipTest("this kernel has no uprobes")

    def write_event(self, text):
        # Added to what others have there; it has no end to seek.
        fd = os.open(TRACEFS + "/uprobe_events", os.O_WRONLY | os.O_APPEND)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)

    def enable(self, name, value):
        path = f"{TRACEFS}/events/{name}/enable"
        with open(path, "w", encoding="ascii") as file:
            file.write(value)

    def probe(self, path, offset):
        """A probe whose instruction the kernel has to run elsewhere."""
        name = "eprof_test/probe_" + uuid.uuid4().hex
        self.write_event(f"p:{name} {path}:{offset:#x}\n")
        self.addCleanup(self.write_event, f"-:{name}\n")
        self.enable(name, "1")
        self.addCleanup(self.enable, name, "0")

    def test_code_under_a_probe_is_named(self):
        path = os.path.join(self.directory, "probed")
        shutil.copy(program_path("spin"), path)
        begin, end = next((b, e) for b, e, name in read_symbols(path) if name == "gamma")
        text = subprocess.run(
            ["objdump", "-d", f"--start-address={begin}", f"--stop-address={end}", path],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        found = re.search(r"^\s*([0-9a-f]+):.*\bimul\b", text, re.MULTILINE)
        if not found:
            self.skipTest("no instruction to probe on this machine")
        # Of a program's code, addresses and offsets are the same.
        self.probe(path, int(found.group(1), 16))
        with Program("probed", 60, path=path) as program:
            result = self.record("-p", program.pid, "-d", 1.5, "-F", 499)
        folded = result.folded()
        leaves = {user_frames(frames)[-1] for frames, _ in folded.stacks}
        self.assertIn("[uprobes]", leaves, folded.text())
        self.assertEqual(folded.having("[unknown]"), 0, folded.text())
        # The copy of the instruction is no part of gamma.
        count = folded.count(lambda f: "main;alpha;beta" in ";".join(f))
        self.assertGreater(count, 0.95 * folded.total, folded.text())


class Hidden(EprofTest):
    """What the kernel shows to those whom it tells nothing, or not at all."""

    def hide(self, text):
        path = os.path.join(self.directory, "kallsyms")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        subprocess.run(["mount", "--bind", path, "/proc/kallsyms"], check=True)
        self.addCleanup(subprocess.run, ["umount", "/proc/kallsyms"], check=True)

    def check_hidden(self):
        with Program("syscaller", 60) as program:
            result = self.record("-p", program.pid, "-d", 1.5, "-F", 499)
        folded = result.folded()
        kernel = {frame for frame in folded.frames() if frame.endswith("_[k]")}
        self.assertEqual(kernel, {"[kernel]_[k]"}, folded.text())
        self.assert_mostly(folded, "main", "read_loop", "read_zero", least=0.9)
        self.assertGreater(folded.having("[kernel]_[k]"), 0.5 * folded.total, folded.text())
        self.assertIn("the kernel hides its names", result.stderr)
        self.assertGreater(result.stats()["unnamed_kernel_frames"], 0)

    def test_without_addresses_the_kernel_is_one_frame_and_user_stacks_stay(self):
        self.hide("0000000000000000 T _stext\n0000000000000000 T vfs_read\n" * 5000)
        self.check_hidden()

    def test_without_symbols_the_kernel_is_one_frame_and_user_stacks_stay(self):
        self.hide("")
        self.check_hidden()


if __name__ == "__main__":
    main(needs_own_mounts=True)
