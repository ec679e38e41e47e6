# SPDX-License-Identifier: Apache-2.0
"""All that is asked of one kernel, inside of it: lines `fact NAME<tab>TEXT`, and the tests' report.

The tests are those of tests/kernel that need no programs that a bare initramfs lacks, and no shares
of CPU time: on an emulated machine the beginning of a process takes many times what it should,
compared with the loops of the test programs. What that leaves out is asked here, less exactly.
"""

import os
import re
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../kernel"))

import harness  # noqa: E402
from agent import NOBODY, Agent, status_field  # noqa: E402
import shapes  # noqa: E402
from harness import EPROF, EprofTest, Program, program_path  # noqa: E402
from off_cpu import WAITS, OffCpuTest  # noqa: E402

OLDEST = (5, 15)
FACTS = os.path.join(os.path.dirname(EPROF), "tests/kernel_facts")
EXIT_FAILED = 1

# module.class[.test]; everything that unwinds is here.
SHARED_TESTS = (
    "test_record_stacks.Chains.test_a_chain_is_found_from_main_to_its_leaf",
    "test_record_stacks.Chains.test_cxx_names_are_demangled",
    "test_record_stacks.Chains.test_kernel_frames_come_after_the_call_into_the_kernel",
    "test_record_targets.Processes.test_only_the_named_processes_are_recorded",
    "test_record_targets.Processes.test_the_whole_machine",
    "test_record_targets.Threads",
    "test_record_targets.Cgroups",
    "test_record_lives.Commands.test_the_dynamic_loader_is_part_of_a_command",
    "test_record_lives.Ends.test_processes_that_end_together_end_the_recording",
    "test_unwind_shapes.Calls",
    "test_unwind_shapes.TooDeep",
    "test_unwind_shapes.Stacks",
    "test_unwind_shapes.Stubs",
    "test_unwind_shapes.WithoutRules",
    "test_unwind_options",
)

OFF_CPU_GROUPS = ("sleep", "pipe", "condition", "blocked", "mutex")
INEXACT_TESTS = ("test_a_child_has_the_stack_it_was_forked_with",)
STRAYS = 25
LEAST = 0.5  # of the samples of a process that has just begun are where it burns


def print_fact(name, text):
    # The line that stands there may be the beginning of the tests' report.
    print(f"\nfact {name}\t{text}", flush=True)


def print_facts(*args):
    facts = subprocess.run([FACTS, *args], capture_output=True, text=True, check=True).stdout
    for line in facts.splitlines():
        print_fact(*line.split("\t"))


def kernel_version():
    return tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])


class Refusal(EprofTest):
    def test_a_kernel_that_is_too_old_is_refused_in_one_line(self):
        result = self.start("-a", "-d", 1).finish()
        self.assertEqual(result.code, EXIT_FAILED, result.stderr)
        self.assertRegex(result.stderr, r"\A[^\n]* is too old: eprof needs [0-9.]+ or newer\n\Z")
        print_fact("refused", result.stderr.strip())


class Loading(EprofTest):
    """The verifier is given another program with each: what is configured off is not there."""

    def record_spin(self, *options):
        with Program("spin", 60) as program:
            target = () if "-a" in options else ("-p", program.pid)
            eprof = self.start("-F", 499, *target, *options)
            eprof.wait_recording()
            if options == ("--unwind=auto",):
                print_facts("programs")
            program.wait_cpu(0.5)
            eprof.send(signal.SIGINT)
            result = eprof.finish()
        self.assert_recorded(result)
        return result

    def test_everything_loads(self):
        for options in (
            ("--unwind=auto",),
            ("--unwind=auto", "-a"),
            ("--unwind=auto", "-a", "--idle", "--per-thread"),
            ("--unwind=auto", "-U"),
            ("--unwind=fp",),
            ("--unwind=fp", "-a"),
            ("--unwind=none", "-a"),
            ("-K",),
        ):
            with self.subTest(options=" ".join(options)):
                result = self.record_spin(*options)
                self.assertGreater(result.folded().total, 0)

    def test_stacks_are_complete_and_kernel_stacks_named(self):
        with Program("syscaller", 60) as program:
            eprof = self.start("-F", 499, "-p", program.pid)
            eprof.wait_recording()
            program.wait_cpu(1)
            eprof.send(signal.SIGINT)
            result = eprof.finish()
        self.assert_recorded(result)
        stats = result.stats()
        self.assertGreater(stats["unwind"]["tables_built"], 0)
        self.assertEqual(stats["complete_samples"], stats["samples"], stats["stop_reasons"])
        self.assertEqual(stats["unnamed_kernel_frames"], 0)
        cost = stats["tool"]["bpf_ns_per_sample"] / 1000
        print_fact("complete stacks", f"{stats['complete_samples']} of {stats['samples']}")
        print_fact("memory", f"{stats['tool']['peak_rss_bytes'] >> 10} KiB")
        print_fact("BPF time, emulated", f"{cost:.0f} us per sample")


class OffCpu(OffCpuTest):
    """Time off a CPU: all of it, in the states and places where it was spent."""

    def record_threads(self, *options):
        """A program of which each thread waits in its own way, from its beginning to its end."""
        program = program_path("off_cpu_threads")
        return self.record_off(
            "--per-thread", "-d", 600, *options, "--", program, 2,
            os.path.join(self.directory, "data"), *OFF_CPU_GROUPS
        )

    def check(self, *options):
        recording = self.record_threads(*options)
        self.assert_all_conserved(recording, " ".join(options))
        for name in ("sleeper", "pipe-reader", "cond-waiter", "blocked"):
            (row,) = (row for row in recording.rows() if row["name"] == name)
            self.assertGreater(row["off_cpu_ns"]["sleep"], 0.5 * row["wall_ns"], row)
            self.assertTrue(recording.folded.having(WAITS[name].chain.split(";")[-1]), name)
        return recording.stats["off_cpu"]

    def test_all_time_is_accounted_for(self):
        kinds = self.check()
        print_fact("off-CPU stacks complete", f"{kinds['complete_share']:.4f}")

    def test_raw_tracepoints_do_the_same(self):
        self.check("--raw-tracepoint")

    def test_stacks_of_preempted_threads_are_sampled(self):
        self.check("--preempt-sample", "20000")

    def test_wakers_are_told(self):
        self.check("--wakers")

    def test_stacks_known_again_are_the_same(self):
        kinds = self.check("--verify-stacks")
        print_fact(
            "off-CPU stacks known again",
            f"{kinds['user_stacks_known']} and {kinds['kernel_stacks_known']} in the kernel, of "
            f"{kinds['intervals']}, none wrong",
        )


class Agents(EprofTest):
    """What runs for months: window after window, as another user, on whichever CPUs there are."""

    WINDOW = 4
    CPU_SWITCH = "/sys/devices/system/cpu/cpu1/online"

    def agent(self):
        words = ("--split", "comm", "--formats", "folded,svg,pprof")
        return Agent(self.directory, *words, window=self.WINDOW)

    def set_cpu(self, is_online):
        with open(self.CPU_SWITCH, "w", encoding="ascii") as file:
            file.write(str(int(is_online)))

    def test_windows_arrive_of_both_kinds(self):
        with self.agent() as agent, Program("spin", 120), Program("sleepers", 2):
            agent.wait_windows(3)
            status = agent.status()
            uids = status_field(agent.process.pid, "Uid").split()
            self.assertEqual(agent.end(), 0, agent.messages)
        self.assertEqual(set(uids), {str(NOBODY)})
        self.assertEqual(status["files_failed"], 0)
        self.assertGreater(status["bpf_ns"], 0)
        on_cpu = agent.folded("spin")
        self.assertGreaterEqual(len(on_cpu), 3, agent.messages)
        self.assertTrue(all(folded.ending("gamma") for folded in on_cpu[1:-1]), agent.messages)
        self.assertGreaterEqual(len(agent.folded("sleepers", "off-cpu")), 3, agent.messages)
        print_fact("agent", f"{status['samples']} samples in {status['windows']} windows")

    def samples_of(self, agent, name):
        return sum(folded.total for folded in agent.folded(name))

    def test_a_cpu_may_go_and_come_back(self):
        self.addCleanup(self.set_cpu, True)
        with self.agent() as agent:
            agent.wait_windows(2)
            self.set_cpu(False)
            agent.wait_windows(3)
            self.set_cpu(True)
            agent.wait_windows(2)
            # It can only run there.
            with Program("shares", 120, cpu=1):
                agent.wait_windows(3)
                status = agent.status()
            self.assertEqual(agent.end(), 0, agent.messages)
        self.assertEqual(status["windows_failed"], 0)
        self.assertGreater(self.samples_of(agent, "shares"), 0, agent.messages)
        self.assertIn("other CPUs are online", agent.messages)
        print_fact("CPU gone and back", f"{self.samples_of(agent, 'shares')} samples on it")


class Lives(shapes.ShapeTest):
    """Processes that begin while they are recorded."""

    def test_children_are_followed_and_walked(self):
        result = self.record("-d", 60, "-F", 499, "--", program_path("forker"), 2)
        folded = result.folded()
        self.assertEqual(set(folded.roots()), {"forker"})
        counts = [
            folded.ending("main", "breed", f"{child}_child")
            for child in ("first", "second", "third")
        ]
        self.assertGreater(min(counts), 0.1 * folded.total, folded.text())
        self.assertGreater(sum(counts), LEAST * folded.total, folded.text())

    def test_an_exec_changes_name_and_symbols(self):
        result = self.record("-d", 60, "-F", 499, "--", program_path("execer"), 1.5)
        folded = result.folded()
        self.assertEqual(set(folded.roots()), {"execer", "spin"})
        before, after = folded.of_root("execer"), folded.of_root("spin")
        self.assert_mostly(before, "main", "before_exec", "before_leaf", least=LEAST)
        self.assert_mostly(after, "main", "alpha", "beta", "gamma", least=LEAST)

    def test_a_plugin_opened_while_recording_is_named(self):
        with Program("dlopener", 60) as program:
            eprof = self.start("-p", program.pid, "-F", 499)
            eprof.wait_recording()
            program.write_line()
            program.wait_cpu(1)
            eprof.send(signal.SIGINT)
            result = eprof.finish()
        self.assert_recorded(result)
        chain = ("main", "plugin_entry", "plugin_hidden", "plugin_leaf")
        self.assert_mostly(result.folded(), *chain, least=0.8)

    def test_a_child_that_becomes_another_program(self):
        result = self.record_all(("vfork_exec", "shape_stacks"), cpu_seconds=0.8)
        self.assert_chain(result, "spin", "...;alpha;beta;gamma", least=LEAST)


def without(tests, names):
    """The tests of a suite but those of these names."""
    left = unittest.TestSuite()
    for test in tests:
        if isinstance(test, unittest.TestSuite):
            left.addTest(without(test, names))
        elif test.id().rpartition(".")[2] not in names:
            left.addTest(test)
    return left


def main():
    print_fact("version", f"{os.uname().release}, {os.uname().version}")
    loader = unittest.TestLoader()
    if kernel_version() < OLDEST:
        suite = loader.loadTestsFromTestCase(Refusal)
    else:
        print_facts()
        suite = unittest.TestSuite(map(loader.loadTestsFromTestCase, (Loading, OffCpu, Lives, Agents)))
        suite.addTests(without(loader.loadTestsFromNames(SHARED_TESTS), INEXACT_TESTS))
    # Emulated, all takes longer, and there is more between what is awaited.
    harness.LIMIT_SECONDS *= 3
    harness.STRAY_SAMPLES = shapes.STRAYS = STRAYS
    done = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    count = done.testsRun - len(done.skipped)
    failures = len(done.failures) + len(done.errors)
    print_fact("tests", f"{count} run, {failures} failed, {len(done.skipped)} skipped")
    return 0 if done.wasSuccessful() and count else EXIT_FAILED


if __name__ == "__main__":
    sys.exit(main())
