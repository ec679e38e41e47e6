# SPDX-License-Identifier: Apache-2.0
"""One chain of calls, without frame pointers, in binaries of all kinds and with strange lives."""

import os
import shutil
import signal
import subprocess
import unittest

from harness import Folded, Program, main, program_path, read_symbols, symbol_of
from shapes import CHAIN, HZ, STRAYS, Chains, SharedRecording, ShapeTest, copies_of, has_program

NOBODY = 65534


class Bindings(SharedRecording):
    BUILDS = (
        "chain",
        "chain_size",
        "chain_unoptimized",
        "chain_lto",
        "chain_frame_pointers",
        "chain_static",
        "chain_static_pie",
        "chain_stripped",
    )
    PROGRAMS = tuple((build[-15:], build) for build in BUILDS if has_program(build))

    def assert_built(self, build, chain=CHAIN):
        self.assert_chain(self.result, build[-15:], chain)

    def test_all_walks_are_complete(self):
        self.assert_complete(self.result)

    def test_optimized(self):
        self.assert_built("chain")

    def test_optimized_for_size(self):
        self.assert_built("chain_size")

    def test_not_optimized(self):
        self.assert_built("chain_unoptimized", "...;chain;outer;middle;inner;bottom")

    @unittest.skipUnless(has_program("chain_lto"), "it was not built")
    def test_optimized_by_the_linker(self):
        self.assert_built("chain_lto")

    def test_with_frame_pointers_all_the_same(self):
        self.assert_built("chain_frame_pointers")

    def test_static(self):
        self.assert_built("chain_static")

    def test_static_and_position_independent(self):
        self.assert_built("chain_static_pie")

    def test_stripped(self):
        symbols = read_symbols(program_path("chain_whole"))
        folded = Folded("")
        for frames, count in self.result.folded().of_root("chain_stripped").stacks:
            self.assertFalse({"outer", "middle", "inner", "bottom", "main"} & set(frames))
            names = [symbol_of(symbols, frame, "chain_stripped") for frame in frames]
            folded.stacks.append((tuple(names), count))
        chains = Chains(folded)
        self.assertGreaterEqual(chains.count(CHAIN), 0.99 * chains.total - STRAYS, chains.text())


class Others(ShapeTest):
    @unittest.skipUnless(has_program("chain_clang"), "clang is not installed")
    def test_by_another_compiler(self):
        result = self.record_all(("clang", "chain_clang"))
        self.assert_chain(result, "clang", CHAIN)
        self.assert_complete(result)

    def test_rules_in_debug_information_alone(self):
        result = self.record_all(("debug_frame", "chain_debug_frame"))
        # The entry comes from the C library, without any; its frame pointer is 0, as it must be.
        self.assert_chain(result, "debug_frame", CHAIN)
        stats = result.stats()
        self.assertGreaterEqual(stats["complete_samples"], 0.98 * stats["samples"])

    @unittest.skipUnless(has_program("shape_narrow"), "no compiler makes 32-bit code here")
    def test_32_bit_code_by_its_frame_pointers(self):
        script = 'echo ready $$; read -r line; exec "$0"'
        program = Program("", "-c", script, program_path("shape_narrow"), path="/bin/sh")
        result = self.record_all(program)
        self.assert_chain(result, "shape_narrow", "_start;narrow_caller;narrow_leaf", least=0.98)


class Lives(ShapeTest):
    def copy(self, name):
        """A copy of the program that others than root may run, too."""
        os.chmod(self.directory, 0o755)
        path = os.path.join(self.directory, name)
        shutil.copy(program_path("chain"), path)
        return path

    def record_while(self, name, change):
        """The recording of a program whose file changes when eprof has seen it, or before."""
        for when in ("before", "while"):
            path = self.copy(name)
            program = Program("", name, path=path)
            with self.subTest(when):
                if when == "before":
                    with program:
                        change(path)
                        result = self.record_running(program)
                else:
                    result = self.record_all(program, meanwhile=lambda p=path: change(p))
                self.assert_chain(result, name, CHAIN)
                self.assert_complete(result)

    def record_running(self, program):
        eprof = self.start("-p", program.pid, "-F", HZ)
        eprof.wait_recording()
        program.write_line()
        program.wait_cpu(0.4)
        eprof.send(signal.SIGINT)
        return eprof.finish()

    def test_a_binary_that_is_deleted(self):
        self.record_while("deleted", os.unlink)

    def test_a_binary_that_is_replaced(self):
        def replace(path):
            other = self.copy("other")
            shutil.copy(program_path("chain_size"), other)
            os.rename(other, path)

        self.record_while("replaced", replace)

    def test_a_binary_with_capabilities_run_by_somebody_else(self):
        if not shutil.which("setcap") or not shutil.which("setpriv"):
            self.skipTest("setcap or setpriv is not installed")
        path = self.copy("capable")
        done = subprocess.run(
            ["setcap", "cap_net_raw+ep", path], capture_output=True, text=True, check=False
        )
        if done.returncode:
            self.skipTest(f"files have no capabilities here: {done.stderr.strip()}")
        user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        program = Program("", "capable", prefix=["setpriv", *user], path=path)
        result = self.record_all(program)
        self.assert_chain(result, "capable", CHAIN)
        self.assert_complete(result)


class Libraries(ShapeTest):
    ONE, TWO = (program_path(f"libshape_loaded_{name}.so") for name in ("one", "two"))
    LOADED = "...(;opened|;swapped|;fresh)?;call_loaded;loaded_entry;loaded_hidden;"

    def test_a_library_opened_after_the_start(self):
        result = self.record_all(("opened", "shape_loader", self.ONE))
        # Its table is made while it already runs.
        early = r"\[stack: no unwind table yet\];.*leaf_one"
        self.assert_chain(result, "opened", self.LOADED + "leaf_one", also=early)
        self.assert_complete(result, least=0.9)

    def test_libraries_where_others_have_been(self):
        result = self.record_all(("swapped", "shape_loader", self.ONE, self.TWO), cpu_seconds=1)
        chains = Chains(result.folded().of_root("swapped"))
        one, two = (chains.count(f"{self.LOADED}leaf_{name}") for name in ("one", "two"))
        # Before eprof hears of a change, it goes by what was there before.
        self.assertGreaterEqual(one + two, 0.75 * chains.total, chains.text())
        self.assertAlmostEqual(one / (one + two), 0.5, delta=0.1)

    def test_a_new_library_can_be_walked_soon(self):
        count = 50
        libraries = copies_of(self.ONE, self.directory, count)
        with Program("shape_loader", "fresh", *libraries) as program:
            eprof = self.start("-p", program.pid, "-F", 999)
            eprof.wait_recording()
            program.write_line()
            self.assertEqual(program.finish(), 0)
            result = eprof.finish()
        self.assertEqual(result.code, 0, result.stderr)
        chains = Chains(result.folded())
        walked = chains.count(self.LOADED + "leaf_one")
        early = chains.count(r"\[stack: no unwind table yet\];.*leaf_one")
        self.assertGreater(walked, 0)
        self.assertEqual(chains.count(".*;leaf_one"), walked + early, chains.text())
        share = walked / (walked + early)
        latency_ms = early * 1000 / 999 / count
        print(f"{share:.1%} walked; {latency_ms:.2f} ms until a library is, ", end="", flush=True)
        self.assertGreaterEqual(share, 0.8, chains.text())


if __name__ == "__main__":
    main()
