# SPDX-License-Identifier: Apache-2.0
"""Code that programs make while they run, named by what they tell of it."""

import os
import re
import shutil
import signal
import subprocess
import sys

from harness import (
    PROGRAMS,
    EprofTest,
    Program,
    main,
    parse_reports,
    program_path,
    user_frames,
)
from pprof import Profile

FIRST, SECOND, THIRD = "jit first_[j]", "jit second_[j]", "jit third_[j]"
ANONYMOUS = "[anon]"
SOMEBODY = 54321  # no user
HAS_NAMES_LEAST = 0.98  # of the samples in code that was made at run time

# Its own mounts, process ids and /tmp, which may be where the program lies; all of it goes away
# with the program.
APART = [
    "unshare",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "sh",
    "-c",
    'mount --bind "$0" /mnt && mount -t tmpfs none /tmp && cd /mnt && exec ./"$@"',
    PROGRAMS,
]


def remove_files(pid):
    for path in (f"/tmp/perf-{pid}.map", f"/tmp/jit-{pid}.dump"):
        if os.path.exists(path):
            os.unlink(path)


def remove_files_of(output):
    """Of a program that has said its number, and is not in namespaces of its own."""
    remove_files(output.split()[output.split().index("ready") + 1])


def is_jit(frame):
    return frame.endswith("_[j]")


def has_jit(frames):
    return any(map(is_jit, frames))


class Programs(EprofTest):
    def chain(self, name):
        return ("main", "run_code", name)

    def assert_shares(self, result, *names):
        """Each piece has the samples of its CPU time, and nothing in between is unnamed."""
        folded = result.folded().of_root("jit")
        cpu = parse_reports(result.stdout)
        counts = {name: folded.ending(*self.chain(name)) for name in names}
        self.assertEqual(folded.having(ANONYMOUS), 0, folded.text())
        total = sum(counts.values())
        self.assertGreaterEqual(total, 0.9 * folded.total, folded.text())
        times = [cpu[name.split()[1].partition("_")[0]] for name in names]
        for name, seconds in zip(names, times):
            self.assert_share(counts[name], total, seconds / sum(times), name)
        return folded

    def record_program(self, how, seconds, prefix=()):
        argv = [*prefix, "jit" if prefix else program_path("jit"), how, seconds]
        result = self.record("-d", 60, "-F", 499, "--", *argv)
        if not prefix:
            remove_files_of(result.stdout)
        return result

    def test_a_perf_map_names_code_also_where_memory_is_used_again(self):
        # For longer than a drain lasts: a perf map does not tell times.
        result = self.record_program("map", 7.5)
        folded = result.folded().of_root("jit")
        self.assertEqual(folded.having(ANONYMOUS), 0, folded.text())
        total = 0
        for name in (FIRST, SECOND, THIRD):
            count = folded.ending(*self.chain(name))
            self.assertGreater(count, 0.2 * folded.total, folded.text())
            total += count
        self.assertGreaterEqual(total, 0.98 * folded.total, folded.text())

    def test_names_that_come_at_the_very_end_are_those_of_the_beginning(self):
        result = self.record_program("late", 3)
        self.assert_shares(result, FIRST, SECOND)
        self.assertEqual(result.stats()["unnamed_user_frames"], 0)

    def test_a_jitdump_names_code_by_its_time_and_has_its_lines(self):
        # All in one drain.
        result = self.record_program("dump", 0.75)
        self.assert_shares(result, FIRST, SECOND, THIRD)
        places = Profile(result.path("on-cpu.pb.gz")).places
        for name, line in (("jit first", 100), ("jit second", 200), ("jit third", 300)):
            found = {(file, line) for _, file, line in places[name]}
            self.assertIn(("jit.src", line + 1), found)
            self.assertLessEqual(found, {("jit.src", line), ("jit.src", line + 1)})

    def test_in_namespaces_of_its_own_a_program_is_asked_by_its_own_number(self):
        for how in ("late", "dump"):
            with self.subTest(how):
                result = self.record_program(how, 1.5, APART)
                names = (FIRST, SECOND) if how == "late" else (FIRST, SECOND, THIRD)
                self.assert_shares(result, *names)
                self.assertFalse(os.path.exists("/tmp/jit-1.dump"))
                shutil.rmtree(result.out)

    def test_a_program_that_runs_already(self):
        for how, prefix in (("map", ()), ("dump", ()), ("map", APART), ("dump", APART)):
            with self.subTest(how, prefix=prefix[:1]):
                path = "jit" if prefix else None
                with Program("jit", how, 30, prefix=prefix, path=path) as program:
                    pid = self.find_pid(program)
                    result = self.record("-p", pid, "-d", 1.5, "-F", 499)
                remove_files(pid)
                self.assert_mostly(result.folded(), *self.chain(FIRST))
                shutil.rmtree(result.out)

    def find_pid(self, program):
        """As we see it, who only know how it sees itself."""
        pid = program.process.pid
        path = program_path("jit")
        while not os.path.samefile(f"/proc/{pid}/exe", path):
            with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
                pid = int(file.read().split()[0])
        return pid

    def record_with_map(self, make_map):
        """A program that tells nothing; somebody else does."""
        with Program("jit", "none", 30) as program:
            path = f"/tmp/perf-{program.pid}.map"
            make_map(program.pid, path)
            self.addCleanup(os.unlink, path)
            eprof = self.start("-p", program.pid, "-d", 1.5, "-F", 499)
            result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        self.assertLess(result.seconds, 20)
        return result

    def write_lies(self, pid, path):
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
            ranges = re.findall(r"^(\w+)-\w+ rwxp", maps.read(), re.MULTILINE)
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{start} 2000 lies\n" for start in ranges)

    def test_what_another_user_says_of_a_program_is_not_taken(self):
        def write_as_somebody(pid, path):
            self.write_lies(pid, path)
            os.chown(path, SOMEBODY, SOMEBODY)

        result = self.record_with_map(write_as_somebody)
        self.assert_mostly(result.folded(), "main", "run_code", ANONYMOUS)
        self.assertEqual(result.stats()["losses"]["jit_files_refused"], 1)
        # Of the same user it would have been.
        result = self.record_with_map(self.write_lies)
        self.assert_mostly(result.folded(), "main", "run_code", "lies_[j]")

    def test_a_link_is_not_followed(self):
        def link_elsewhere(pid, path):
            self.write_lies(pid, os.path.join(self.directory, "lies"))
            os.symlink(os.path.join(self.directory, "lies"), path)

        result = self.record_with_map(link_elsewhere)
        self.assert_mostly(result.folded(), "main", "run_code", ANONYMOUS)

    def test_a_fifo_in_place_of_a_map_does_not_block(self):
        result = self.record_with_map(lambda _, path: os.mkfifo(path))
        self.assert_mostly(result.folded(), "main", "run_code", ANONYMOUS)

    def test_a_program_that_tells_nothing_stays_unnamed(self):
        result = self.record_program("none", 1)
        self.assert_mostly(result.folded(), "main", "run_code", ANONYMOUS, least=0.9)
        self.assertGreater(result.stats()["unnamed_user_frames"], 0)


NODE_PROGRAM = """
function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
function work() { return fib(20); }
console.log("ready", process.pid);
const end = Date.now() + 2000;
while (Date.now() < end) work();
"""

JAVA_PROGRAM = """
public class Hot {
    static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
    public static void main(String[] args) {
        System.out.println("ready " + ProcessHandle.current().pid());
        while (true) fib(25);
    }
}
"""

PYTHON_PROGRAM = """
import os, time
print("ready", os.getpid(), flush=True)
def leaf(n):
    return sum(i * i for i in range(n))
def middle(n):
    return leaf(n) + 1
end = time.monotonic() + 2
while time.monotonic() < end:
    middle(1000)
"""


class Runtimes(EprofTest):
    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def find_tool(self, name):
        path = shutil.which(name)
        if not path:
            self.skipTest(f"{name} is not installed")
        return path

    def assert_named(self, folded, *names):
        """Of the samples that end in such code, nearly all, and those among them."""
        text = folded.text()
        unnamed = folded.count(lambda f: user_frames(f)[-1] == ANONYMOUS)
        named = folded.count(lambda f: is_jit(user_frames(f)[-1]))
        self.assertGreater(named, 0.3 * folded.total, text)
        self.assertGreaterEqual(named, HAS_NAMES_LEAST * (named + unnamed), text)
        for name in names:
            found = folded.count(lambda f, n=name: any(is_jit(x) and n in x for x in f))
            self.assertGreater(found, 0.3 * folded.total, f"{name}\n{text}")

    def record_node(self, option):
        node = self.find_tool("node")
        script = self.write("fib.js", NODE_PROGRAM)
        argv = ["env", "-C", self.directory, node, option, script]
        result = self.record("-d", 60, "-F", 499, "--", *argv)
        remove_files_of(result.stdout)
        self.assert_named(result.folded(), "fib")

    def test_node_with_a_perf_map(self):
        self.record_node("--perf-basic-prof")

    def test_node_with_a_jitdump(self):
        self.record_node("--perf-prof")

    def test_java_that_is_asked_for_its_map_while_it_is_recorded(self):
        java, jcmd = self.find_tool("java"), self.find_tool("jcmd")
        source = self.write("Hot.java", JAVA_PROGRAM)
        options = ["-XX:+PreserveFramePointer", source]
        with Program("java", *options, path=java) as program:
            self.addCleanup(remove_files, program.pid)
            program.wait_cpu(3)
            eprof = self.start("-p", program.pid, "-d", 60, "-F", 499)
            eprof.wait_recording()
            program.wait_cpu(1.5)
            done = subprocess.run(
                [jcmd, str(program.pid), "Compiler.perfmap"], capture_output=True, check=False
            )
            if done.returncode:
                self.skipTest(f"this Java writes no perf map: {done.stdout} {done.stderr}")
            eprof.send(signal.SIGINT)
            result = eprof.finish()
            self.assert_recorded(result)
        self.assert_named(result.folded(), "Hot.fib")

    def test_python_with_trampolines(self):
        python = sys.executable
        if sys.version_info < (3, 12):
            self.skipTest(f"{python} is older than 3.12")
        script = self.write("leaf.py", PYTHON_PROGRAM)
        result = self.record("-d", 60, "-F", 499, "--", python, "-X", "perf", script)
        remove_files_of(result.stdout)
        folded = result.folded()
        self.assertGreater(folded.count(has_jit), 0.5 * folded.total, folded.text())
        self.assertEqual(folded.having(ANONYMOUS), 0, folded.text())


if __name__ == "__main__":
    main()
