# SPDX-License-Identifier: Apache-2.0
"""Stacks of hard shapes, without frame pointers: each frame from the entry to the leaf is right."""

from harness import main
from shapes import PRIVATE, STRAYS, THREAD, Chains, SharedRecording, ShapeTest

TRAPPED = "...;trapped;trap_first"  # on its way to the handler


class Calls(SharedRecording):
    SHAPES = (
        "deep",
        "variable",
        "huge",
        "realigned",
        "registers",
        "arguments",
        "red_zone",
        "tail",
        "no_return",
        "long_jump",
        "sort",
        "at_exit",
    )
    PROGRAMS = tuple((name, "shape_calls") for name in SHAPES)

    def test_all_walks_are_complete(self):
        self.assert_complete(self.result)

    def test_a_recursion_of_400(self):
        self.assert_chain(self.result, "deep", "...(;recurse){400};leaf")

    def test_frames_of_variable_size(self):
        self.assert_chain(self.result, "variable", "...(;variable)?;variable_frame;leaf")

    def test_a_frame_of_300_kb(self):
        self.assert_chain(self.result, "huge", "...;huge_frame;leaf")

    def test_realigned_stacks(self):
        self.assert_chain(
            self.result,
            "realigned",
            "...;realigned;aligned_frame;leaf",
            "...(;realigned)?;aligned_variable_frame;leaf",
        )

    def test_rbp_is_a_register_like_others_in_the_middle(self):
        self.assert_chain(self.result, "registers", "...;clobbering_frame;register_hungry;leaf")

    def test_arguments_on_the_stack(self):
        self.assert_chain(self.result, "arguments", "...;pushing_frame;many_arguments;leaf")

    def test_a_leaf_with_its_variables_in_the_red_zone(self):
        self.assert_chain(self.result, "red_zone", "...;red_zone_leaf")

    def test_a_tail_call_leaves_no_frame(self):
        self.assert_chain(self.result, "tail", "...;above_tail;tail_target;leaf")

    def test_a_call_that_ends_its_function_is_not_its_neighbours(self):
        chain = "...;no_return;ends_in_a_call;never_returns;leaf"
        self.assert_chain(self.result, "no_return", chain)

    def test_after_a_longjmp(self):
        self.assert_chain(self.result, "long_jump", "...;long_jump;after_jump;leaf")

    def test_a_callback_of_qsort(self):
        library = rf"(;(qsort(_r)?|__GI___qsort_r|msort_with_tmp[^;]*|{PRIVATE}))+"
        self.assert_chain(self.result, "sort", rf"...;sort{library};compare;leaf")

    def test_functions_run_at_exit(self):
        library = rf"(exit|{PRIVATE});(__run_exit_handlers|{PRIVATE})"
        self.assert_chain(self.result, "at_exit", rf"...;at_exit;{library};last_work;leaf")


class TooDeep(ShapeTest):
    def test_a_recursion_of_600_is_cut_and_says_so(self):
        result = self.record_all(("too_deep", "shape_calls"))
        self.assert_chain(result, "too_deep", r"\[stack: too deep\](;recurse){511};leaf")
        stats = result.stats()
        cut = stats["stop_reasons"]["too_deep"]
        self.assertGreaterEqual(cut, 0.99 * stats["samples"] - STRAYS)
        self.assertEqual(stats["losses"]["user_stacks_too_deep"], cut)


class Stacks(SharedRecording):
    SHAPES = (
        "signal_here",
        "signal_elsewhere",
        "timer",
        "thread",
        "context",
        "fork_child",
        "vfork_child",
        "jit",
        "vdso",
        "system_call",
    )
    PROGRAMS = tuple((name, "shape_stacks") for name in SHAPES)

    def test_all_walks_are_complete(self):
        self.assert_complete(self.result)

    def test_a_signal_in_the_first_instruction_of_a_function(self):
        chain = rf"...;trapped;trap_first;(__restore_rt|{PRIVATE});on_trap;leaf"
        self.assert_chain(self.result, "signal_here", chain, also=TRAPPED)

    def test_a_signal_on_a_stack_of_its_own(self):
        chain = rf"...;trapped;trap_first;(__restore_rt|{PRIVATE});on_trap;leaf"
        self.assert_chain(self.result, "signal_elsewhere", chain, also=TRAPPED)

    def test_a_signal_anywhere_in_a_function(self):
        self.assert_chain(
            self.result,
            "timer",
            rf"...(;timer)?;interrupted;(__restore_rt|{PRIVATE});on_timer;leaf",
            "...(;timer)?;interrupted",
        )

    def test_a_thread_begins_at_its_clone(self):
        self.assert_chain(self.result, "thread", rf"{THREAD};thread_main;thread_work;leaf")

    def test_a_coroutine_begins_at_its_context(self):
        chain = rf"(__start_context|{PRIVATE});coroutine;coroutine_work;leaf"
        self.assert_chain(self.result, "context", chain)

    def test_a_child_has_the_stack_it_was_forked_with(self):
        chain = "...(;fork_child)?;burn_in_child;child_work;leaf"
        self.assert_chain(self.result, "fork_child", chain, least=0.95)

    def test_a_child_on_the_stack_of_its_parent(self):
        chain = "...(;vfork_child)?;burn_in_vfork;child_work;leaf"
        self.assert_chain(self.result, "vfork_child", chain, least=0.95)

    def test_code_made_at_run_time_calls_back(self):
        chain = r"...(;jit)?;call_jit;\[anon\];called_from_jit;leaf"
        self.assert_chain(self.result, "jit", chain)

    def test_the_code_that_the_kernel_maps(self):
        ask = r"...(;vdso)?;ask_time"
        clock = r"(__)?clock_gettime(@plt)?"
        self.assert_chain(
            self.result,
            "vdso",
            rf"{ask};{clock};(__vdso_clock_gettime|\[vdso\+0x[0-9a-f]+\])",
            rf"{ask}(;{clock})?",
        )

    def test_in_the_kernel(self):
        chains = self.assert_chain(
            self.result, "system_call", r"...(;system_call)?;ask_parent(;syscall(@plt)?)?"
        )
        folded = self.result.folded().of_root("system_call")
        in_kernel = folded.count(lambda f: f[-1].endswith("_[k]"))
        self.assertGreater(in_kernel, 0.2 * chains.total)


class Stubs(SharedRecording):
    PROGRAMS = (
        ("stub", "shape_stubs"),
        ("stub_ibt", "shape_stubs_ibt"),
        ("resolve", "shape_stubs"),
        ("thrower", "shape_thrower"),
    )

    def test_calls_through_stubs(self):
        for name in ("stub", "stub_ibt"):
            with self.subTest(name):
                self.assert_chain(
                    self.result,
                    name,
                    "...;call_tiny;tiny@plt",
                    "...;call_tiny;tiny",
                    "...;call_tiny",
                )

    def test_the_loader_binds_a_call(self):
        """Its frame is found by a register that others have saved meanwhile."""
        chains = Chains(self.result.folded().of_root("resolve"))
        binding = r"_dl_runtime_resolve[^;]*;_dl_fixup.*"
        found = chains.count(rf".*;{binding}")
        if found == 0:
            self.skipTest("the loader has no names here")
        self.assertEqual(chains.count(rf"...(;resolve)?(;call_each_once)?;{binding}"), found)
        self.assertGreaterEqual(chains.whole(), 0.99 * chains.total - STRAYS, chains.text())

    def test_an_exception_is_thrown(self):
        chains = Chains(self.result.folded().of_root("thrower"))
        # While it copies the registers of the frame that it goes to into its own, the C++ runtime's
        # stack is neither what it was nor what it will be.
        enough = 0.97 * chains.total - STRAYS
        self.assertGreaterEqual(chains.whole(), enough, chains.text())
        throwing = r"...;catch_it(;pass_it_on){6};throw_it(\.cold)?;__cxa_throw;"
        searching = chains.count(throwing + r"_Unwind_RaiseException;.*")
        self.assertGreater(searching, 0.2 * chains.total, chains.text())
        named = chains.count(r"...(;(catch_it|pass_it_on|throw_it)[^;]*)+(;.*)?")
        self.assertGreaterEqual(named, 0.9 * chains.total, chains.text())


class Children(ShapeTest):
    def test_a_child_that_becomes_another_program(self):
        result = self.record_all(("vfork_exec", "shape_stacks"), cpu_seconds=0.8)
        # Its first instructions may be sampled before eprof has heard of them.
        self.assert_chain(result, "spin", "...;alpha;beta;gamma", least=0.95)
        self.assert_complete(result, least=0.95)


class WithoutRules(ShapeTest):
    def test_assembly_without_rules_is_left_by_its_frame_pointer(self):
        result = self.record_all(("with_frame", "shape_bare"))
        self.assert_chain(result, "with_frame", "...;call_bare;bare_with_frame")
        self.assert_complete(result)

    def test_assembly_as_small_as_padding_has_no_rules_of_its_neighbour(self):
        result = self.record_all(("small", "shape_bare"))
        self.assert_chain(result, "small", "...;call_bare;bare_small")
        self.assert_complete(result)

    def test_assembly_without_rules_or_frame_pointer_says_so(self):
        result = self.record_all(("without_frame", "shape_bare"))
        # rbp counts down to zero there, and zero is how a chain of frame pointers ends.
        chain = r"\[stack: (code without unwind rules|frame pointers end)\];bare_without_frame"
        self.assert_chain(result, "without_frame", chain)
        reasons = result.stats()["stop_reasons"]
        self.assertGreater(reasons["no_rule"], 0.9 * result.stats()["samples"])


if __name__ == "__main__":
    main()
