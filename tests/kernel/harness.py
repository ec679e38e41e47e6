# SPDX-License-Identifier: Apache-2.0
"""Running eprof and the test programs for real, and reading what eprof wrote.

The environment names what is tested: EPROF_BINARY (eprof) and EPROF_PROGRAMS (the folder of
tests/programs; next to eprof if it is not set). Nothing here sleeps: all waiting is for an event, with a limit.
"""

import collections
import contextlib
import glob
import json
import math
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EPROF = os.path.abspath(os.environ.get("EPROF_BINARY", ROOT + "/build/release/eprof"))
PROGRAMS = os.path.abspath(
    os.environ.get("EPROF_PROGRAMS", os.path.join(os.path.dirname(EPROF), "tests/programs"))
)
CPUS = sorted(os.sched_getaffinity(0))

# Of functions that it does not export: Debian's libc6-dbg has them.
HAS_LIBC_NAMES = os.path.isdir("/usr/lib/debug/.build-id")

CAP_SYS_RESOURCE = 24  # linux/capability.h
EXIT_SKIPPED = 77  # SKIP_RETURN_CODE of the ctest test
LIMIT_SECONDS = 60.0  # longer than anything waited for takes, on a busy machine
# Counted, but the stack could not be walked to its end: start-up code keeps no frame pointers.
WALK_LOSSES = (
    "user_stacks_too_deep",
    "kernel_stacks_too_deep",
    "user_stacks_unreadable",
    "kernel_stacks_unreadable",
)
WALK_LOSSES_MOST = 0.01
# Where the first process of a sandbox is hidden from BPF programs, so are the switches away from its
# threads, and whom they wake up.
HIDDEN_LOSSES = ("off_cpu_switches_missed", "off_cpu_wakers_missed")
HIDDEN_FEW = 20
STRAY_SAMPLES = 3  # elsewhere by chance, however few there are in all on a busy machine


def program_path(name):
    return os.path.join(PROGRAMS, name)


# --- waiting -----------------------------------------------------------------------------------


def wait_until(condition, what, process=None):
    """Looks again every 10 ms, or at once when process ends, until condition() holds."""
    deadline = time.monotonic() + LIMIT_SECONDS
    poller = select.poll()
    pidfd = os.pidfd_open(process.pid) if process else -1
    if process:
        poller.register(pidfd, select.POLLIN)
    try:
        while not condition():
            ended = poller.poll(10)
            if ended and not condition():
                raise AssertionError(f"the process ended before: {what}")
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {LIMIT_SECONDS:g} s: {what}")
    finally:
        if process:
            os.close(pidfd)


def count_hidden_switches():
    """Of the first process until now, when not even root may look into it: see HIDDEN_LOSSES."""
    with contextlib.suppress(OSError):
        os.readlink("/proc/1/exe")
        return 0
    count = 0
    for path in glob.glob("/proc/1/task/*/status"):
        with contextlib.suppress(OSError), open(path, encoding="ascii") as file:
            count += sum(int(line.split()[1]) for line in file if "ctxt_switches:" in line)
    return count


def count_perf_events(pid):
    count = 0
    for link in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            count += os.readlink(link) == "anon_inode:[perf_event]"
        except OSError:
            continue
    return count


def cpu_seconds(pid):
    """CPU time of a running process, user and system."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def state_of(pid):
    """R, S, T, ...: as in ps."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]


def has_capability(number, pid="self"):
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        held = next(line.split()[1] for line in file if line.startswith("CapEff:"))
    return bool(int(held, 16) & 1 << number)


def find_program(pid, path):
    """pid, or the process below it that runs the program at path; pid when there is none yet."""
    found = pid
    while True:
        try:
            # By the file: its path may be another one in a mount namespace of its own.
            if os.path.samefile(f"/proc/{found}/exe", path):
                return found
            with open(f"/proc/{found}/task/{found}/children", encoding="utf-8") as file:
                found = int(file.read().split()[0])
        except (OSError, IndexError):
            return pid


# --- the programs that are profiled ------------------------------------------------------------


class Program:
    """A test program (or any command that prints its lines), ready when start() returns."""

    def __init__(self, name, *args, prefix=(), cpu=None, path=None):
        self.argv = [*prefix, path or program_path(name), *[str(a) for a in args]]
        self.cpu = cpu  # pinned there
        self.threads = {}  # name -> tid
        self.reports = {}  # name -> CPU seconds, once it has ended
        self.pid = None  # as the ready line tells it
        self.process = None

    def _set_up(self):
        if self.cpu is not None:
            os.sched_setaffinity(0, {self.cpu})

    def __enter__(self):
        self.process = subprocess.Popen(
            self.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=self._set_up,
        )
        for line in self.process.stdout:
            if self._take_line(line):
                return self
        self.__exit__()
        raise AssertionError(f"{self.argv} ended before it was ready")

    def _take_line(self, line):
        words = line.split()
        if words[:1] == ["thread"]:
            self.threads[words[1]] = int(words[2])
        elif words[:1] == ["cpu"]:
            self.reports[words[1]] = float(words[2])
        elif words[:1] == ["ready"]:
            self.pid = int(words[1])
            return True
        return False

    def write_line(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def wait_cpu(self, seconds):
        """Until it has burned that much more CPU time than now."""
        goal = cpu_seconds(self.pid) + seconds
        wait_until(lambda: cpu_seconds(self.pid) >= goal, f"{seconds} s of CPU", self.process)

    def finish(self):
        """Until it has ended by itself; its reports are complete then."""
        for line in self.process.stdout:
            self._take_line(line)
        return self.process.wait(LIMIT_SECONDS)

    def end(self):
        """Asks it to end, and waits until it has."""
        self.process.terminate()
        return self.finish()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def parse_reports(text):
    """The CPU seconds in the output of a program that was run as eprof's command."""
    program = Program("")
    for line in text.splitlines():
        program._take_line(line)
    return program.reports


# --- folded stacks -----------------------------------------------------------------------------


class Folded:
    """Folded stacks: (tuple of frames, count), the root first."""

    def __init__(self, text):
        self.stacks = []
        # Not splitlines(): what else it takes for the end of a line may stand in names.
        for line in filter(None, text.split("\n")):
            stack, separator, count = line.rpartition(" ")
            if not separator or not count.isdigit() or int(count) == 0:
                raise AssertionError(f"not a folded stack: {line!r}")
            self.stacks.append((tuple(stack.split(";")), int(count)))
        self.total = sum(count for _, count in self.stacks)

    def roots(self):
        counts = collections.Counter()
        for frames, count in self.stacks:
            counts[frames[0]] += count
        return counts

    def frames(self):
        return {frame for frames, _ in self.stacks for frame in frames}

    def count(self, predicate):
        return sum(count for frames, count in self.stacks if predicate(frames))

    def of_root(self, root):
        """Only the stacks of one process name."""
        part = Folded("")
        part.stacks = [(f, c) for f, c in self.stacks if f[0] == root]
        part.total = sum(c for _, c in part.stacks)
        return part

    def ending(self, *chain):
        """Samples whose user stack ends in exactly these frames."""
        return self.count(lambda frames: user_frames(frames)[-len(chain) :] == chain)

    def having(self, name):
        return self.count(lambda frames: name in frames)

    def text(self, most=12):
        lines = [f"{count} {';'.join(frames)}" for frames, count in self.stacks]
        lines.sort(key=lambda line: -int(line.split()[0]))
        return "\n".join(lines[:most])


def user_frames(frames):
    """Functions that were called: without the kernel's part, and what was inlined into others."""
    return tuple(frame for frame in frames if not frame.endswith(("_[k]", "_[i]")))


def is_function_name(frame):
    """Whether a frame is named: no address, no note of eprof's own."""
    return not frame.startswith("[")


def has_function_name(frames):
    return any(is_function_name(frame) for frame in frames[1:])


def read_symbols(path):
    """(begin, end, name) of each function."""
    symbols = []
    for line in subprocess.run(
        ["nm", "-S", "--defined-only", path], capture_output=True, text=True, check=True
    ).stdout.splitlines():
        words = line.split()
        if len(words) == 4 and words[2] in "tT":
            begin = int(words[0], 16)
            symbols.append((begin, begin + int(words[1], 16), words[3]))
    return symbols


def symbol_of(symbols, frame, module):
    """What `[module+0x1234]` would be called if it had its symbols, or the frame itself."""
    text, _, offset = frame.strip("[]").partition("+0x")
    if text != module or not offset:
        return frame
    address = int(offset, 16)
    return next((name for begin, end, name in symbols if begin <= address < end), frame)


# --- eprof -------------------------------------------------------------------------------------


class Result:
    """What a finished eprof left behind."""

    def __init__(self, process, stdout, stderr, out, seconds, hidden_switches):
        self.code = process.returncode
        self.stdout, self.stderr = stdout, stderr
        self.out = out
        self.seconds = seconds
        self.hidden_switches = hidden_switches
        # What HIDDEN_LOSSES may come to at most.
        self.hidden_most = HIDDEN_FEW + hidden_switches

    def path(self, name):
        return os.path.join(self.out, name)

    def folded(self, name="on-cpu.folded"):
        # A name is any bytes.
        with open(self.path(name), encoding="utf-8", errors="surrogateescape") as file:
            return Folded(file.read())

    def stats(self):
        with open(self.path("stats.json"), encoding="utf-8") as file:
            return json.load(file)


class Eprof:
    """A running eprof. Its output goes to a folder of its own unless the arguments say -o."""

    def __init__(self, directory, *args, prefix=(), cpu=None, stderr=subprocess.PIPE, times=()):
        self.out = os.path.join(directory, "out")
        argv = [*prefix, EPROF, "record"]
        if not {"--on-cpu", "--off-cpu"} & set(args):
            argv += times
        if "-o" not in args:
            argv += ["-o", self.out + "/"]
        self.argv = argv + [str(a) for a in args]
        self.cwd = directory
        self.cpu = cpu
        self.hidden_switches = count_hidden_switches()
        self.begin = time.monotonic()
        self.process = subprocess.Popen(
            self.argv,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            errors="surrogateescape",
            preexec_fn=self._set_up,
        )

    def _set_up(self):
        if self.cpu is not None:
            os.sched_setaffinity(0, {self.cpu})

    def wait_recording(self):
        """Until each CPU has three events: two tell what processes do, the last one samples."""
        least = 3 * os.sysconf("SC_NPROCESSORS_ONLN")
        wait_until(lambda: count_perf_events(self.pid()) >= least, "eprof records", self.process)

    def pid(self):
        """Of eprof itself, whatever it was started through."""
        return find_program(self.process.pid, EPROF)

    def is_running(self):
        return self.process.poll() is None

    def send(self, number):
        if self.is_running():
            os.kill(self.pid(), number)

    @contextlib.contextmanager
    def stopped(self):
        """What happens meanwhile, eprof learns of at once and afterwards."""
        self.send(signal.SIGSTOP)
        wait_until(lambda: state_of(self.pid()) == "T", "eprof stops", self.process)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)

    def finish(self):
        try:
            stdout, stderr = self.process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.abandon()
            raise AssertionError(f"eprof did not end: {self.argv}") from None
        seconds = time.monotonic() - self.begin
        # A thread of it that has ended takes its number along.
        hidden = max(0, count_hidden_switches() - self.hidden_switches)
        return Result(self.process, stdout, stderr, self.out, seconds, hidden)

    def abandon(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class EprofTest(unittest.TestCase):
    """Each test has a folder of its own, gone afterwards."""

    TIMES = ("--on-cpu",)  # what is recorded where a test does not say; (): both kinds

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="eprof-test-")
        self.addCleanup(shutil.rmtree, self.directory, True)

    def start(self, *args, **options):
        eprof = Eprof(self.directory, *args, times=self.TIMES, **options)
        self.addCleanup(eprof.abandon)
        return eprof

    def record(self, *args, **options):
        """Runs eprof to its end; it must succeed, and its figures must agree with each other."""
        result = self.start(*args, **options).finish()
        self.assert_recorded(result)
        return result

    def assert_recorded(self, result):
        self.assertEqual(result.code, 0, result.stderr)
        if os.path.isdir(result.out):
            stats = result.stats()
            if os.path.exists(result.path("on-cpu.folded")):
                self.assertEqual(result.folded().total, stats["samples"])
            self.assert_lossless(stats, result.hidden_most)

    def assert_lossless(self, stats, hidden_most):
        losses = {name: count for name, count in stats["losses"].items() if count}
        for name in HIDDEN_LOSSES:
            self.assertLessEqual(losses.pop(name, 0), hidden_most, name)
        walks = sum(losses.pop(name, 0) for name in WALK_LOSSES)
        self.assertEqual(losses, {})
        # Of the whole machine we cannot know what strangers' stacks are like.
        if stats["target"] != "the whole machine":
            self.assertLessEqual(walks, WALK_LOSSES_MOST * stats["samples"])

    def assert_share(self, count, total, expected, what):
        """A share of samples within four standard deviations: fails by chance once in 16,000."""
        self.assertGreater(total, 0, what)
        deviation = math.sqrt(expected * (1 - expected) / total)
        self.assertLessEqual(
            abs(count / total - expected),
            4 * deviation,
            f"{what}: {count} of {total} samples, not {expected:.1%}",
        )

    def assert_mostly(self, folded, *chain, least=0.98):
        """Nearly all samples of folded end in chain."""
        count = folded.ending(*chain)
        self.assertGreater(count, STRAY_SAMPLES, folded.text())
        enough = least * folded.total - STRAY_SAMPLES
        self.assertGreaterEqual(count, enough, f"{chain}\n{folded.text()}")


def run_apart(*options):
    """Begins again where what is mounted, or which processes there are, is the tests' own affair."""
    if "EPROF_TEST_APART" in os.environ:
        return
    os.environ["EPROF_TEST_APART"] = "1"
    unshare = ["unshare", "-m", "--propagation", "private", *options]
    done = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"skipped: {done.stderr.strip()}", file=sys.stderr)
        sys.exit(EXIT_SKIPPED)
    os.execvp(unshare[0], [*unshare, sys.executable, "-B", *sys.argv])


def main(needs_own_mounts=False, needs_own_pids=False):
    """Runs the tests of the calling file, or says why not."""
    if os.geteuid() != 0:
        print("skipped: sampling needs root", file=sys.stderr)
        sys.exit(EXIT_SKIPPED)
    for path in (EPROF, program_path("spin")):
        if not os.access(path, os.X_OK):
            sys.exit(f"no such program: {path} (EPROF_BINARY, EPROF_PROGRAMS)")
    # What is mounted, and who runs, goes away with this process, however it ends.
    if needs_own_pids:
        run_apart("--pid", "--fork", "--kill-child", "--mount-proc")
    elif needs_own_mounts:
        run_apart()
    # Whoever runs the tests in the background may have them ignored, and eprof keeps that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    unittest.main(verbosity=2)
