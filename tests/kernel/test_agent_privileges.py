# SPDX-License-Identifier: Apache-2.0
"""What the agent may do, and what it may not any more, once it has given up being root."""

import errno
import os
import shutil
import signal
import subprocess

from harness import CAP_SYS_RESOURCE, EprofTest, Program, has_capability, main, program_path

OPERATIONS = os.environ.get("EPROF_OPERATIONS", program_path("../kernel/agent_operations"))
CAPABILITIES = {
    "dac_read_search": 2,
    "sys_ptrace": 19,
    "syslog": 34,
    "perfmon": 38,
    "bpf": 39,
    "checkpoint_restore": 40,
}
NONE = 99  # no capability's number
OTHER = 12345  # a user
NOBODY = 65534

# What the agent does while it runs, and what each of its capabilities is for.
WORK = {
    "map": {"bpf"},
    "program": {"bpf", "perfmon"},
    "event": {"perfmon"},
    "root": {"sys_ptrace"},
    "memory": {"sys_ptrace"},
    "map_file": {"sys_ptrace", "dac_read_search", "checkpoint_restore"},
    "file": {"dac_read_search"},
    "kernel_names": {"syslog"},
}
# By capabilities that differ between kernels: bpf before 5.19; for maps, newer ones take perfmon for
# sys_ptrace.
ALWAYS = ("map_update", "maps", "own_file", "child")
NEVER = (
    *("shadow_write", "statistics", "setuid", "all_capabilities", "ambient", "mount", "module"),
    *("trace", "unshare", "clone", "kill"),
)


def read_number(path):
    with open(path, encoding="utf-8") as file:
        return int(file.read())


def read_status(path):
    with open(path, encoding="utf-8") as file:
        lines = (line.rstrip("\n").partition(":\t") for line in file)
        return {name: value.split() for name, _, value in lines}


def as_other():
    os.setgroups([])
    os.setresgid(OTHER, OTHER, OTHER)
    os.setresuid(OTHER, OTHER, OTHER)


def mask_of(names):
    return sum(1 << CAPABILITIES[name] for name in names)


class PrivilegesTest(EprofTest):
    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o755)
        self.file = os.path.join(self.directory, "private")
        os.close(os.open(self.file, os.O_CREAT | os.O_WRONLY, 0o600))
        self.stranger = subprocess.Popen(["sleep", "60"], preexec_fn=as_other)
        self.addCleanup(self.stranger.wait)
        self.addCleanup(self.stranger.kill)

    def begin(self, *args, prefix=()):
        argv = [*prefix, OPERATIONS, *map(str, args), str(self.stranger.pid), self.file]
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.communicate)
        return process

    def results_of(self, process):
        """Of each operation, its errno."""
        results = {}
        for line in process.stdout:
            if line == "ready\n":
                return results
            name, value = line.split()
            results[name] = int(value)
        self.fail(f"it ended: {process.stderr.read()}")

    def assert_status(self, pid, uid, kept):
        tasks = os.listdir(f"/proc/{pid}/task")
        self.assertGreater(len(tasks), 1)
        for task in tasks:
            status = read_status(f"/proc/{pid}/task/{task}/status")
            self.assertEqual(status["Uid"], [str(uid)] * 4)
            self.assertEqual(status["Gid"], [str(uid)] * 4)
            self.assertEqual(status["Groups"], [])
            for name in ("CapEff", "CapPrm"):
                self.assertEqual(int(status[name][0], 16), mask_of(kept), name)
            for name in ("CapInh", "CapBnd", "CapAmb"):
                self.assertEqual(int(status[name][0], 16), 0, name)
            self.assertEqual(status["NoNewPrivs"], ["1"])
            self.assertEqual(status["Seccomp"], ["2"])
        # It is not dumpable: what stands for it is root's.
        self.assertEqual(os.stat(f"/proc/{pid}/environ").st_uid, 0)


class Dropped(PrivilegesTest):
    def test_every_thread_has_given_up_all_but_six_capabilities(self):
        process = self.begin("drop", OTHER + 1)
        self.results_of(process)
        self.assert_status(process.pid, OTHER + 1, CAPABILITIES)

    def test_what_the_agent_does_goes_on_and_what_root_did_does_not(self):
        results = self.results_of(self.begin("drop", "nobody"))
        for name in (*WORK, *ALWAYS):
            self.assertEqual(results[name], 0, name)
        # By a limit, which only this may raise.
        if has_capability(CAP_SYS_RESOURCE):
            self.assertEqual(results["first"], 0)
        for name in NEVER:
            self.assertIn(results[name], (errno.EPERM, errno.EACCES), name)
        # Not "you may not": libbpf makes do without modules only where there are none.
        self.assertEqual(results["btf_list"], errno.ENOENT)
        # What this costs: whoever reads that file reads this one.
        self.assertEqual(results["shadow"], results["file"])

    def test_what_anybody_may_do_is_refused_by_a_filter(self):
        anybody = self.results_of(self.begin("without", NONE))
        refused = self.results_of(self.begin("drop", "nobody"))
        self.assertEqual((anybody["trace"], refused["trace"]), (0, errno.EPERM))

    def test_without_reading_all_files_those_of_root_are_closed(self):
        prefix = ("setpriv", "--bounding-set", "-dac_read_search")
        process = self.begin("drop", "nobody", prefix=prefix)
        results = self.results_of(process)
        kept = set(CAPABILITIES) - {"dac_read_search"}
        self.assert_status(process.pid, NOBODY, kept)
        for name in ("shadow", "shadow_write", "file", "map_file"):
            self.assertEqual(results[name], errno.EACCES, name)
        for name in ("map", "program", "event", "maps", "root", "memory"):
            self.assertEqual(results[name], 0, name)
        _, said = process.communicate()
        self.assertIn("without CAP_DAC_READ_SEARCH", said)

    def test_who_is_not_root_gives_up_the_rest(self):
        names = ("bpf", "perfmon", "sys_ptrace", "kill")
        added = ",".join("+" + name for name in names)
        prefix = ("setpriv", "--reuid", str(OTHER), "--regid", str(OTHER), "--clear-groups")
        prefix += ("--inh-caps", added, "--ambient-caps", added)
        process = self.begin("drop", "-", prefix=prefix)
        results = self.results_of(process)
        status = read_status(f"/proc/{process.pid}/status")
        self.assertEqual(status["Uid"], [str(OTHER)] * 4)
        self.assertEqual(int(status["CapPrm"][0], 16), mask_of(names[:3]))
        self.assertEqual(int(status["CapAmb"][0], 16), 0)
        self.assertEqual(results["event"], 0)

    def test_it_is_an_error_not_to_have_what_sampling_needs(self):
        process = self.begin("drop", "nobody", prefix=("setpriv", "--bounding-set", "-sys_ptrace"))
        _, said = process.communicate()
        self.assertEqual(process.returncode, 1)
        self.assertIn("cannot sample without CAP_SYS_PTRACE", said)


class Needed(PrivilegesTest):
    def test_each_capability_is_needed_and_no_other(self):
        paranoid = read_number("/proc/sys/kernel/perf_event_paranoid")
        unlike = set()
        if paranoid < 2 or read_number("/proc/sys/kernel/kptr_restrict") > 1:
            unlike.add("kernel_names")  # shown to all, or to nobody
        if paranoid < 1:
            unlike.add("event")
        if not read_number("/proc/sys/kernel/unprivileged_bpf_disabled"):
            unlike.add("map")
        for name, number in {"nothing": NONE, **CAPABILITIES}.items():
            results = self.results_of(self.begin("without", number))
            for operation, needs in WORK.items():
                if operation in unlike:
                    continue
                with self.subTest(operation=operation, without=name):
                    self.assertEqual(results[operation] == 0, name not in needs)


class Recording(PrivilegesTest):
    def test_six_capabilities_record_as_root_does(self):
        added = ",".join("+" + name for name in CAPABILITIES)
        prefix = ("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")
        prefix += ("--inh-caps", added, "--ambient-caps", added)
        os.chown(self.directory, NOBODY, NOBODY)
        home = os.path.join(self.directory, "home")
        os.mkdir(home, 0o700)
        path = shutil.copy(program_path("spin"), os.path.join(home, "hidden"))
        with Program("hidden", 60, path=path) as hidden:
            os.unlink(path)
            eprof = self.start(
                *("-a", "--on-cpu", "--off-cpu", "-d", 60, "-F", 199), prefix=prefix
            )
            eprof.wait_recording()
            hidden.wait_cpu(1)
            eprof.send(signal.SIGINT)
            result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        self.assert_mostly(
            result.folded().of_root("hidden"), "main", "alpha", "beta", "gamma", least=0.9
        )
        # It was blocked all the while: its stack is walked from outside, with tables of maps.
        sleeps = result.folded("off-cpu.folded").of_root("sleep")
        self.assertGreater(sleeps.total, 0)
        lost = sleeps.count(lambda frames: any(f.startswith("[stack") for f in frames))
        self.assertEqual(lost, 0, sleeps.text())


if __name__ == "__main__":
    main()
