/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/perf_script_line.h"

#include "tests/unit/tree.h"

static void assert_words(struct words words, const char *expected)
{
	if (words.length != strlen(expected) || memcmp(words.text, expected, words.length) != 0)
		fail_msg("'%.*s' is not '%s'", (int)words.length, words.text, expected);
}

static void headers_come_in_many_forms(void **state)
{
	static const struct {
		const char *line, *comm, *event, *rest;
		uint64_t period; /* 0: none */
		bool has_time;
	} cases[] = {
		{ "perl 1529 [001] 42.119942:   10101010 cpu-clock: ", "perl", "cpu-clock", "",
		  10101010, true },
		{ "V8 Worker 24636/25607 [000] 94564.109216: cycles:ppp:", "V8 Worker",
		  "cycles:ppp", "", 0, true },
		{ "java 25607 4794564.109216: cycles:", "java", "cycles", "", 0, true },
		{ "   vote   913    72.176760:     257597 cycles:uppp: ", "vote", "cycles:uppp", "",
		  257597, true },
		{ ":-1 -1 [000] 1.5: 3 cycles:", ":-1", "cycles", "", 3, true },
		{ "swapper -1/-1 1.5: cycles:", "swapper", "cycles", "", 0, true },
		{ "a 1 b 2 [3] c 77 [012] 5.000001: 9 x:", "a 1 b 2 [3] c", "x", "", 9, true },
		{ "kworker/u8:1-ev 12 [002] 1.2: sched:sched_switch: prev_comm=a 5 ==> b: x",
		  "kworker/u8:1-ev", "sched:sched_switch", "prev_comm=a 5 ==> b: x", 0, true },
		{ "cc 7 1.5: 2 cycles:  7fb3 main+0x1 (/bin/cc)", "cc", "cycles",
		  "7fb3 main+0x1 (/bin/cc)", 2, true },
		{ "my prog 15 cycles:", "my prog", "cycles", "", 0, false },
		{ "my prog 15/16 [001] 7 cycles:u:", "my prog", "cycles:u", "", 7, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct perf_script_header header;

		if (!perf_script_header(cases[i].line, strlen(cases[i].line), &header))
			fail_msg("no header: %s", cases[i].line);
		assert_words(header.comm, cases[i].comm);
		assert_words(header.event, cases[i].event);
		assert_words(header.rest, cases[i].rest);
		assert_int_equal(header.has_period, cases[i].period > 0);
		assert_int_equal(header.period, cases[i].period);
		assert_int_equal(header.has_time, cases[i].has_time);
	}
}

static void what_lacks_a_pid_or_an_event_is_no_header(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"a;b 5",
		"a;b;c 12 34",
		"12 cycles:",
		"1.5: cycles:",
		"a 1.5: cycles:",
		"a b c:",
		"a 12 1.5:",
		"a 12 1.5: 77",
		"a 12 [0x] 1.5: cycles:",
		"main;f: 3",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct perf_script_header header;

		if (perf_script_header(lines[i], strlen(lines[i]), &header))
			fail_msg("a header: %s", lines[i]);
	}
}

static void frames_have_names_modules_and_kinds(void **state)
{
	static const struct {
		const char *line, *name, *module;
		enum frame_kind kind;
	} cases[] = {
		{ "\t  3fbca msort.part.0+0x26a (/usr/lib/libc.so.6)", "msort.part.0", "libc.so.6",
		  FRAME_USER },
		{ "\tffffffff821d54e1 mas_store+0x61 ([kernel.kallsyms])", "mas_store",
		  "[kernel.kallsyms]", FRAME_KERNEL },
		{ " ffffffff8101 start_kernel ([kernel.kallsyms].init.text)", "start_kernel",
		  "[kernel.kallsyms].init.text", FRAME_KERNEL },
		{ " 10 f ([guest.kernel.kallsyms])", "f", "[guest.kernel.kallsyms]", FRAME_KERNEL },
		{ " 7d8 ipv4_local+0x7f8f80b8 ([nf_conntrack])", "ipv4_local", "[nf_conntrack]",
		  FRAME_KERNEL },
		{ " 7d8 f (/lib/modules/6.1/ext4.ko.xz)", "f", "ext4.ko.xz", FRAME_KERNEL },
		{ " 7d8 f (/lib/modules/6.1/ext4.ko)", "f", "ext4.ko", FRAME_KERNEL },
		{ " 8c3453 tcp_sendmsg (/usr/lib/debug/vmlinux)", "tcp_sendmsg", "vmlinux",
		  FRAME_KERNEL },
		{ " ffffffffc0349a5f bpf_prog_6deef+0x3 (bpf_prog_6deef)", "bpf_prog_6deef",
		  "bpf_prog_6deef", FRAME_KERNEL },
		{ " ffffffff81000001 [unknown] ([unknown])", "", "", FRAME_KERNEL },
		{ " 2f966dee0faea928 [unknown] ([unknown])", "", "", FRAME_USER },
		{ " c3c0310374014078 [unknown] ([unknown])", "", "", FRAME_USER },
		{ " acc557 [unknown] (/usr/lib/gcc/cc1)", "", "cc1", FRAME_USER },
		{ " 7f1e2215d058  (/lib/libc-2.15.so)", "", "libc-2.15.so", FRAME_USER },
		{ " 7ffc1 __vdso_gettimeofday+0x1 ([vdso])", "__vdso_gettimeofday", "[vdso]",
		  FRAME_USER },
		{ " ffffffffff600000 gettimeofday ([vsyscall])", "gettimeofday", "[vsyscall]",
		  FRAME_USER },
		{ " 27304 __libc_start_main_impl+0x84 (inlined)", "__libc_start_main_impl", "",
		  FRAME_INLINED },
		{ " 7f72 Ljava/io/PrintStream;::print+0x5 (/tmp/perf-19982.map)",
		  "Ljava/io/PrintStream;::print", "perf-19982.map", FRAME_JIT },
		{ " 40 f (/root/.debug/jit/jitted-12-3.so)", "f", "jitted-12-3.so", FRAME_JIT },
		{ " 40 std::function<void (int, A<b>)>::operator()(int) const+0x1f (/tmp/a (x)/b "
		  "c)",
		  "std::function<void (int, A<b>)>::operator()(int) const", "b c", FRAME_USER },
		{ " 40 (anonymous namespace)::f(char*)+0x0 (/bin/a)",
		  "(anonymous namespace)::f(char*)", "a", FRAME_USER },
		{ " 40 main.(*T).Method (/bin/go)", "main.(*T).Method", "go", FRAME_USER },
		{ " 40 f (/memfd:doublemapper (deleted))", "f", "memfd:doublemapper", FRAME_USER },
		{ " 40 f+0xyz (/bin/a)", "f+0xyz", "a", FRAME_USER },
		{ " 40 _start", "_start", "", FRAME_USER },
		{ " 40 f(int)", "f(int)", "", FRAME_USER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct perf_script_frame frame;

		if (!perf_script_frame(cases[i].line, strlen(cases[i].line), &frame))
			fail_msg("no frame: %s", cases[i].line);
		assert_words(frame.name, cases[i].name);
		assert_words(frame.module, cases[i].module);
		if (frame.kind != cases[i].kind)
			fail_msg("kind %d: %s", (int)frame.kind, cases[i].line);
	}
}

static void what_lacks_an_address_is_no_frame(void **state)
{
	static const char *const lines[] = {
		"",
		"  ",
		"40",
		" 40 ",
		"main (/bin/a)",
		" 12345678901234567 f (/bin/a)",
		" 4G f (/bin/a)",
		"  main.c:12",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct perf_script_frame frame;

		if (perf_script_frame(lines[i], strlen(lines[i]), &frame))
			fail_msg("a frame: %s", lines[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_come_in_many_forms),
		cmocka_unit_test(what_lacks_a_pid_or_an_event_is_no_header),
		cmocka_unit_test(frames_have_names_modules_and_kinds),
		cmocka_unit_test(what_lacks_an_address_is_no_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
