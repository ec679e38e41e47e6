# SPDX-License-Identifier: Apache-2.0
"""Recording the programs of tests/programs/shapes, many at a time, and what their stacks must be.

A chain is written as the regular expression of a folded stack, without process and kernel frames;
`...` at its beginning stands for all from the program's entry to main().
"""

import collections
import contextlib
import os
import re
import signal
import subprocess

from harness import (
    HAS_LIBC_NAMES,
    EprofTest,
    Program,
    program_path,
    user_frames,
    wait_until,
)

# The C library has names for functions that are its own in its debug information alone.
PRIVATE = r"(?!)" if HAS_LIBC_NAMES else r"\[libc[.-][^;+]*\+0x[0-9a-f]+\]"
CALL_MAIN = rf"(__libc_start_call_main|{PRIVATE})"
MAIN = rf"_start;(__libc_start_main(_impl)?|{PRIVATE});{CALL_MAIN};main"
THREAD = rf"((__GI_+|__)?clone3?|{PRIVATE});(start_thread|{PRIVATE})"

CHAIN = "...;outer;middle;inner;bottom"  # of all builds of tests/programs/shapes/chain.c

HZ = 997
# Of each program: some 400 samples. More where beginning takes a process long, as when emulated.
CPU_SECONDS = float(os.environ.get("EPROF_TEST_CPU_SECONDS", "0.4"))
CHAIN_LEAST = 0.99
# Besides: on a busy virtual machine the clock that samples likes the ends of system calls.
STRAYS = 5


def tree_cpu_seconds(pid):
    """CPU time of a process and of the children it has waited for."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


class Chains:
    """The stacks of one process: chain -> samples."""

    def __init__(self, folded):
        self.counts = collections.Counter()
        for frames, count in folded.stacks:
            self.counts[";".join(user_frames(frames)[1:])] += count
        # Who is on its way out of the world, or into it, has no stack.
        del self.counts[""]
        self.total = sum(self.counts.values())

    def count(self, pattern):
        chain = re.compile(re.sub(r"^\.\.\.", lambda _: MAIN, pattern))
        return sum(n for text, n in self.counts.items() if chain.fullmatch(text))

    def whole(self):
        return self.count(r"(?!\[stack: ).*")

    def text(self, most=10):
        return "\n".join(f"{n} {text[:600]}" for text, n in self.counts.most_common(most))


class ShapeTest(EprofTest):
    def start_all(self, stack, programs):
        """Starts each, as (shape, program, arguments...) or a Program; they wait for a line."""
        started = []
        for program in programs:
            if not isinstance(program, Program):
                name, *argv = program
                program = Program(argv[0], name, *argv[1:])
            started.append(stack.enter_context(program))
            stack.callback(program.process.kill)
        return started

    def record_all(self, *programs, cpu_seconds=CPU_SECONDS, options=(), meanwhile=None):
        """The recording of all of them, from when they begin until each has burned that much."""
        with contextlib.ExitStack() as stack:
            started = self.start_all(stack, programs)
            pids = [program.pid for program in started]
            eprof = self.start("-p", ",".join(map(str, pids)), "-F", HZ, *options)
            eprof.wait_recording()
            if meanwhile:
                meanwhile()
            for program in started:
                program.write_line()
            for program in started:
                wait_until(
                    lambda p=program: tree_cpu_seconds(p.pid) >= cpu_seconds,
                    f"{cpu_seconds} s of CPU in {program.argv}",
                    program.process,
                )
            # All else is left to eprof now.
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            eprof.send(signal.SIGINT)
            result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        return result

    def assert_chain(self, result, name, *patterns, also="(?!)", least=CHAIN_LEAST):
        """Nearly all stacks of a process are one of the chains, and each but `also` is there."""
        chains = Chains(result.folded().of_root(name[:15]))
        counts = [chains.count(pattern) for pattern in patterns]
        self.assertGreater(min(counts), 0, f"{patterns}\n{chains.text()}")
        enough = least * chains.total - STRAYS
        counts.append(chains.count(also))
        self.assertGreaterEqual(sum(counts), enough, f"{patterns}\n{chains.text()}")
        return chains

    def assert_complete(self, result, least=CHAIN_LEAST):
        """The walks of a whole recording ended at entries, and nothing was lost."""
        stats = result.stats()
        reasons = {name: count for name, count in stats["stop_reasons"].items() if count}
        without = reasons.pop("no_user_stack", 0)
        enough = least * (stats["samples"] - without) - STRAYS
        self.assertGreaterEqual(reasons.get("complete", 0), enough, reasons)
        self.assertEqual({n: c for n, c in stats["losses"].items() if c}, {})


class SharedRecording(ShapeTest):
    """One recording of all PROGRAMS for all tests of a class."""

    PROGRAMS = ()
    OPTIONS = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.PROGRAMS:
            recorder = cls("setUp")  # not one of the tests
            recorder.setUp()
            cls.addClassCleanup(recorder.doCleanups)
            cls.result = recorder.record_all(*cls.PROGRAMS, options=cls.OPTIONS)


def has_program(name):
    return os.access(program_path(name), os.X_OK)


def copies_of(path, directory, count):
    """Paths of copies with build ids of their own: nobody has seen these before."""
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True)
    build_id = bytes.fromhex(re.search(r"Build ID: ([0-9a-f]+)", notes.stdout).group(1))
    with open(path, "rb") as file:
        content = file.read()
    if content.count(build_id) != 1:
        raise AssertionError(f"{path}: its build id is there {content.count(build_id)} times")
    copies = [os.path.join(directory, f"lib{i}.so") for i in range(count)]
    for copy in copies:
        with open(copy, "wb") as file:
            file.write(content.replace(build_id, os.urandom(len(build_id))))
    return copies
