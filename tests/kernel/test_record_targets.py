# SPDX-License-Identifier: Apache-2.0
"""What is recorded: processes, threads, CPUs, cgroups, containers; and which part of the stacks."""

import os
import shutil
import signal
import subprocess

from harness import (
    CPUS,
    EPROF,
    EprofTest,
    Folded,
    Program,
    main,
    program_path,
    user_frames,
)
from off_cpu import OffCpuTest

SPIN = ("main", "alpha", "beta", "gamma")


def idle_seconds():
    """Of all CPUs together, since the machine started."""
    with open("/proc/stat", encoding="utf-8") as file:
        return int(file.readline().split()[4]) / os.sysconf("SC_CLK_TCK")


def perf_sees_idle(directory):
    """Whether samples of the idle task arrive at all; yes when there is no perf to ask."""
    if not shutil.which("perf"):
        return True
    data = os.path.join(directory, "perf.data")
    record = ["perf", "record", "-q", "-N", "-B", "-a", "-e", "cpu-clock", "-F", "499"]
    subprocess.run([*record, "-o", data, "--", "sleep", "1"], check=True, capture_output=True)
    script = ["perf", "script", "-i", data, "-F", "comm"]
    done = subprocess.run(script, check=True, capture_output=True, text=True)
    return "swapper" in done.stdout


class Processes(EprofTest):
    def test_only_the_named_processes_are_recorded(self):
        with Program("spin", 60) as one, Program("shares", 60) as two, Program("cxx", 60):
            result = self.record("-p", f"{one.pid},{two.pid}", "-d", 1.5, "-F", 499)
        folded = result.folded()
        self.assertEqual(set(folded.roots()), {"spin", "shares"})
        self.assert_mostly(folded.of_root("spin"), *SPIN)
        self.assertGreater(folded.of_root("shares").ending("main", "dispatch", "heavy"), 0)

    def test_children_of_a_followed_process_are_included(self):
        with Program("forker", 60) as followed, Program("spin", 60):
            result = self.record("-p", followed.pid, "-d", 2, "-F", 499)
        folded = result.folded()
        self.assertEqual(set(folded.roots()), {"forker"})
        names = ("first_child", "second_child", "third_child")
        counts = [folded.ending("main", "breed", name) for name in names]
        self.assertGreater(min(counts), 0)
        self.assertGreaterEqual(sum(counts) / folded.total, 0.8, folded.text())

    def test_the_whole_machine(self):
        with Program("spin", 60, cpu=CPUS[0]), Program("shares", 60, cpu=CPUS[-1]):
            result = self.record("-a", "-d", 2, "-F", 499)
        folded = result.folded()
        self.assert_mostly(folded.of_root("spin"), *SPIN)
        self.assertGreater(folded.of_root("shares").total, 0)
        self.assertNotIn("swapper", " ".join(folded.roots()))

    def test_idle_is_counted_only_on_demand(self):
        hz, before = 499, idle_seconds()
        result = self.record("-a", "--idle", "-d", 2, "-F", hz)
        idle, counted = idle_seconds() - before, result.folded().of_root("swapper").total
        if idle > 0.2 and counted == 0 and not perf_sees_idle(self.directory):
            self.skipTest("this machine's clock events stop on idle CPUs: perf sees none, either")
        stats = result.stats()
        ticks = stats["seconds"] * hz
        # On a virtual machine the clock event of an idle CPU may stop, as in perf; not of all.
        if idle > 0.2:
            self.assertGreater(counted, 0)
        # A CPU that was not idle is never still: on a busy machine these are the ticks of all.
        self.assertGreaterEqual(stats["samples"] / hz, 0.9 * (stats["seconds"] * os.cpu_count() - idle))
        self.assertLessEqual(stats["samples"], 1.05 * ticks * os.cpu_count())
        self.assertEqual(stats["idle_samples"], 0, "they are in the picture, not left out")


class Threads(EprofTest):
    def test_one_thread_of_a_process(self):
        with Program("threads", 60) as program:
            result = self.record("-t", program.threads["worker-green"], "-d", 1.5, "-F", 499)
        folded = result.folded()
        self.assertEqual(set(folded.roots()), {"threads"})
        self.assert_mostly(folded, "worker_main", "green_outer", "green_inner")
        self.assertEqual(folded.having("red_inner") + folded.having("blue_inner"), 0)

    def test_threads_are_kept_apart_on_demand(self):
        with Program("threads", 60) as program:
            result = self.record("-p", program.pid, "--per-thread", "-d", 1.5, "-F", 499)
            threads = dict(program.threads)
        folded = result.folded()
        seconds = {frames[1] for frames, _ in folded.stacks}
        names = {f"{name}-{tid}" for name, tid in threads.items()}
        self.assertLessEqual(names, seconds)
        for name in names:
            color = name.split("-")[1]
            others = {"red", "green", "blue"} - {color}
            mine = folded.count(lambda f, n=name, c=color: f[1] == n and f"{c}_inner" in f)
            self.assertGreater(mine, 0, folded.text())
            for other in others:
                wrong = folded.count(lambda f, n=name, o=other: f[1] == n and f"{o}_inner" in f)
                self.assertEqual(wrong, 0, folded.text())


class Headless(OffCpuTest):
    """Its first thread has ended, of which /proc then tells nothing."""

    def check(self, *target):
        recording = self.record_off(*target, "-d", 1, "-F", 499)
        on_cpu, off_cpu = recording.result.folded(), recording.folded
        self.assertEqual(set(on_cpu.roots()) | set(off_cpu.roots()), {"headless"})
        self.assert_mostly(on_cpu, "left_behind", "left_behind_spins", least=0.9)
        napped = off_cpu.having("left_behind_naps") / off_cpu.total
        self.assertGreaterEqual(napped, 0.9, off_cpu.text())

    def test_a_process_whose_first_thread_has_ended(self):
        with Program("headless", 60, "wall") as program:
            self.check("-p", program.pid)

    def test_its_other_threads_can_be_named_alone(self):
        with Program("headless", 60, "wall") as program:
            threads = {int(tid) for tid in os.listdir(f"/proc/{program.pid}/task")}
            (other,) = threads - {program.pid}
            self.check("-t", other)

    def test_it_is_named_by_the_files_of_its_own_root(self):
        place = os.path.join(self.directory, "place")
        os.mkdir(place)
        script = 'mount -t tmpfs none "$1" && cp "$2" "$1/headless" && exec "$1/headless" 60 wall'
        prefix = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"]
        with Program("headless", prefix=[*prefix, place]) as program:
            self.assertFalse(os.path.exists(os.path.join(place, "headless")))
            self.check("-p", program.pid)


class Cpus(EprofTest):
    def test_one_cpu(self):
        if len(CPUS) < 2:
            self.skipTest("there is only one CPU")
        with Program("spin", 60, cpu=CPUS[0]), Program("shares", 60, cpu=CPUS[1]):
            result = self.record("-a", "-C", CPUS[1], "-d", 1.5, "-F", 499)
        folded = result.folded()
        self.assertGreater(folded.of_root("shares").total, 0)
        self.assertEqual(folded.of_root("spin").total, 0)
        self.assertLessEqual(folded.total, result.stats()["seconds"] * 499 * 1.02 + 1)


class Parts(EprofTest):
    """-U and -K: one of the two stacks."""

    def test_user_stacks_only(self):
        with Program("syscaller", 60) as program:
            folded = self.record("-p", program.pid, "-U", "-d", 1, "-F", 499).folded()
        self.assertEqual([f for f in folded.frames() if f.endswith("_[k]")], [])
        self.assert_mostly(folded, "main", "read_loop", "read_zero")

    def test_kernel_stacks_only(self):
        with Program("syscaller", 60) as program:
            folded = self.record("-p", program.pid, "-K", "-d", 1, "-F", 499).folded()
        self.assertEqual(set(folded.roots()), {"syscaller"})
        user = {user_frames(frames)[1:] for frames, _ in folded.stacks}
        self.assertEqual(user, {()})
        self.assertGreaterEqual(folded.having("vfs_read_[k]") / folded.total, 0.8)


def find_cgroup2():
    with open("/proc/self/mounts", encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if words[2] == "cgroup2":
                return words[1]
    return None


class Cgroups(EprofTest):
    def setUp(self):
        super().setUp()
        mount = find_cgroup2()
        if not mount:
            self.skipTest("cgroup v2 is not mounted")
        self.name = f"eprof-test-{os.getpid()}"
        self.outer = os.path.join(mount, self.name)
        self.inner = os.path.join(self.outer, "inner")
        for path in (self.outer, self.inner):
            os.mkdir(path)
            self.addCleanup(os.rmdir, path)

    def move(self, program, cgroup):
        with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="utf-8") as file:
            file.write(str(program.pid))

    def record_cgroup(self, cgroup):
        """Root frames and their counts, with one program in the outer, one in the inner cgroup."""
        with Program("spin", 60) as inner, Program("shares", 60) as outer, Program("cxx", 60):
            self.move(inner, self.inner)
            self.move(outer, self.outer)
            return self.record("-G", cgroup, "-d", 1.5, "-F", 499).folded()

    def test_a_cgroup_includes_those_below_it(self):
        folded = self.record_cgroup(self.outer)
        self.assertEqual(set(folded.roots()), {"spin", "shares"})
        self.assert_mostly(folded.of_root("spin"), *SPIN)

    def test_a_cgroup_is_named_by_its_path_below_the_mount(self):
        folded = self.record_cgroup(f"{self.name}/inner")
        self.assertEqual(set(folded.roots()), {"spin"})


UNSHARE_PIDS = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


class PidNamespaces(EprofTest):
    def setUp(self):
        super().setUp()
        done = subprocess.run([*UNSHARE_PIDS, "true"], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest(f"pid namespaces cannot be made: {done.stderr.strip()}")

    def test_inside_a_pid_namespace_ids_are_its_own(self):
        script = """
            "$1" 60 >/dev/null &
            spin=$!
            "$2" record --on-cpu -p $spin -d 1.5 -F 499 -o "$3/"
            code=$?
            kill $spin
            wait $spin
            exit $code
        """
        out = os.path.join(self.directory, "out")
        done = subprocess.run(
            [*UNSHARE_PIDS, "bash", "-c", script, "bash"]
            + [program_path("spin"), EPROF, out],
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(out, "on-cpu.folded"), encoding="utf-8") as file:
            folded = Folded(file.read())
        self.assertEqual(set(folded.roots()), {"spin"})
        self.assertGreater(folded.total, 0)
        self.assert_mostly(folded, *SPIN)

    def test_inside_a_pid_namespace_the_work_of_an_exit_belongs_to_the_process(self):
        eprof = self.start(
            "-d", 60, "-F", 1999, "--", program_path("exiter"), prefix=UNSHARE_PIDS
        )
        result = eprof.finish()
        self.assert_recorded(result)
        folded = result.folded()
        self.assertGreater(folded.having("do_exit_[k]"), 0.01 * folded.total, folded.text())

    def test_who_is_outside_has_a_name_and_no_functions(self):
        # Programs lie at the same addresses: the names of one would fit the other.
        fixed = ("setarch", "-R")
        with Program("spin", 60, prefix=fixed) as spin:
            eprof = self.start("-a", "-d", 60, "-F", 1999, prefix=UNSHARE_PIDS)
            eprof.wait_recording()
            # Outside, too: the kernel tells what they map without saying who they are.
            with Program("shortlived", 150, prefix=fixed) as others:
                others.finish()
            spin.wait_cpu(0.1)
            eprof.send(signal.SIGINT)
            result = eprof.finish()
        self.assert_recorded(result)
        for root in ("spin", "burst"):
            folded = result.folded().of_root(root)
            self.assertGreater(folded.total, 0)
            frames = {frame for stack, _ in folded.stacks for frame in user_frames(stack)[1:]}
            names = {frame for frame in frames if not frame.startswith("[stack: ")}
            self.assertEqual(names, {"[unknown]"}, folded.text())


class MountNamespaces(EprofTest):
    def test_a_process_of_another_mount_namespace_is_named_by_its_own_files(self):
        # Its program is on a file system that only it sees.
        place = os.path.join(self.directory, "place")
        os.mkdir(place)
        script = 'mount -t tmpfs none "$1" && cp "$2" "$1/hidden" && exec "$1/hidden" 60'
        prefix = ["unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh"]
        with Program("spin", prefix=[*prefix, place]) as program:
            result = self.record("-p", program.pid, "-d", 1.5, "-F", 499)
        self.assertFalse(os.path.exists(os.path.join(place, "hidden")))
        folded = result.folded()
        self.assertEqual(set(folded.roots()), {"hidden"})
        self.assert_mostly(folded, *SPIN)


if __name__ == "__main__":
    main()
