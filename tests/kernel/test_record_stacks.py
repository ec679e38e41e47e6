# SPDX-License-Identifier: Apache-2.0
"""The stacks of programs whose call chains are known, and how often each is counted."""

import math
import signal
import time

from harness import (
    CPUS,
    STRAY_SAMPLES,
    EprofTest,
    Program,
    main,
    parse_reports,
    program_path,
    read_symbols,
    symbol_of,
    user_frames,
)


class Chains(EprofTest):
    def record_program(self, name, *args, seconds=1.5, hz=499):
        """The stacks of a running program."""
        with Program(name, 60, *args) as program:
            result = self.record("-p", program.pid, "-d", seconds, "-F", hz)
        return result.folded()

    def test_a_chain_is_found_from_main_to_its_leaf(self):
        folded = self.record_program("spin")
        self.assertEqual(set(folded.roots()), {"spin"})
        self.assert_mostly(folded, "main", "alpha", "beta", "gamma")

    def test_cxx_names_are_demangled(self):
        folded = self.record_program("cxx")
        wanted = (
            "shapes::repeat<shapes::Caller, 2>(",
            "shapes::Caller::operator()(",
            "shapes::(anonymous namespace)::hidden_step(",
            "shapes::Burner<double>::burn(",
        )

        def is_chain(frames):
            frames = user_frames(frames)[-len(wanted) :]
            return len(frames) == len(wanted) and all(w in f for w, f in zip(wanted, frames))

        enough = 0.98 * folded.total - STRAY_SAMPLES
        self.assertGreaterEqual(folded.count(is_chain), enough, folded.text())
        self.assertEqual([f for f in folded.frames() if f.startswith("_Z")], [])

    def test_addresses_without_symbols_name_their_file(self):
        folded = self.record_program("stripped")
        symbols = read_symbols(program_path("spin"))

        def is_chain(frames):
            names = [symbol_of(symbols, frame, "stripped") for frame in user_frames(frames)]
            return names[-4:] == ["main", "alpha", "beta", "gamma"]

        self.assertEqual(set(folded.roots()), {"stripped"})
        enough = 0.98 * folded.total - STRAY_SAMPLES
        self.assertGreaterEqual(folded.count(is_chain), enough, folded.text())

    def test_kernel_frames_come_after_the_call_into_the_kernel(self):
        folded = self.record_program("syscaller")
        self.assert_mostly(folded, "main", "read_loop", "read_zero")

        def is_in_kernel(frames):
            kernel = [f.endswith("_[k]") for f in frames]
            return any(kernel) and kernel == sorted(kernel) and "vfs_read_[k]" in frames

        self.assertGreaterEqual(folded.count(is_in_kernel) / folded.total, 0.8, folded.text())

    def test_a_plugin_opened_while_recording_is_named(self):
        with Program("dlopener", 60) as program:
            eprof = self.start("-p", program.pid, "-d", 30, "-F", 499)
            eprof.wait_recording()
            program.write_line()
            program.wait_cpu(1.5)
            eprof.send(signal.SIGINT)
            result = eprof.finish()
        self.assert_recorded(result)
        folded = result.folded()
        self.assertGreater(folded.total, 499)
        chain = ("main", "plugin_entry", "plugin_hidden", "plugin_leaf")
        self.assert_mostly(folded, *chain, least=0.95)


class Counts(EprofTest):
    def test_samples_are_cpu_time_times_frequency(self):
        hz = 99
        begin = time.monotonic()
        # On a CPU of its own as far as that is ours to say; eprof is on another one.
        pinned = ["taskset", "-c", str(CPUS[-1]), "nice", "-n", "-20", program_path("spin")]
        result = self.record("-d", 30, "-F", hz, "--", *pinned, 10, cpu=CPUS[0])
        wall = time.monotonic() - begin
        cpu = parse_reports(result.stdout)["spin"]
        self.assertGreaterEqual(cpu, 10)
        folded = result.folded()
        expected = cpu * hz
        # A CPU that was shared is seen running us at random: that is binomial, not wrong.
        shared = max(0.0, 1 - cpu / wall)
        band = 0.02 * expected + 4 * math.sqrt(expected * shared * (1 - shared))
        self.assertLessEqual(abs(folded.total - expected), band, f"{folded.total}, CPU {cpu} s")
        self.assertEqual(result.stats()["hz"], hz)
        self.assert_mostly(folded, "main", "alpha", "beta", "gamma")

    def test_shares_are_shares_of_cpu_time(self):
        result = self.record("-d", 30, "-F", 499, "--", program_path("shares"), 4)
        folded = result.folded().of_root("shares")
        cpu = parse_reports(result.stdout)
        burned = cpu["heavy"] + cpu["medium"] + cpu["light"]
        counts = {}
        for leaf in ("heavy", "medium", "light"):
            counts[leaf] = folded.ending("main", "dispatch", leaf)
        self.assertGreaterEqual(sum(counts.values()) / folded.total, 0.98, folded.text())
        for leaf, nominal in (("heavy", 0.6), ("medium", 0.3), ("light", 0.1)):
            self.assertAlmostEqual(cpu[leaf] / burned, nominal, delta=0.02)
            share = cpu[leaf] / burned
            self.assert_share(counts[leaf], sum(counts.values()), share, leaf)

    def test_threads_are_counted_by_their_cpu_time(self):
        result = self.record("-d", 30, "-F", 499, "--", program_path("threads"), 3)
        folded = result.folded().of_root("threads")
        cpu = parse_reports(result.stdout)
        burned = sum(seconds for name, seconds in cpu.items() if name.startswith("worker-"))
        counts = {}
        for color in ("red", "green", "blue"):
            counts[color] = folded.ending("worker_main", f"{color}_outer", f"{color}_inner")
        enough = 0.98 * folded.total - STRAY_SAMPLES
        self.assertGreaterEqual(sum(counts.values()), enough, folded.text())
        for color, count in counts.items():
            share = cpu[f"worker-{color}"] / burned
            self.assert_share(count, sum(counts.values()), share, color)


if __name__ == "__main__":
    main()
