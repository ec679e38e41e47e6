/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/doctor.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct doctor_module good_module(void)
{
	return (struct doctor_module){
		.path = (char *)"/opt/bin/server",
		.text_bytes = 4096,
		.has_unwind = true,
		.own_symbols = SYMBOLS_ALL,
		.symbols_from = DEBUG_IN_FILE,
		.dwarf_from = DEBUG_IN_FILE,
		.census = { .omitted = 30 },
	};
}

static struct doctor_process process_of(struct doctor_module *module)
{
	return (struct doctor_process){
		.pid = 42,
		.name = "server",
		.modules = module,
		.module_count = 1,
		.map_err = -ENOENT,
	};
}

/* The first finding of that subject has this level and these parts. */
static void check(const struct doctor_process *process, const char *subject,
		  enum finding_level level, const char *found, const char *advice)
{
	struct findings findings = { 0 };
	const struct finding *finding = NULL;

	assert_int_equal(doctor_check_process(process, &findings), 0);
	for (size_t i = 0; !finding && i < findings.count; i++) {
		if (!strcmp(findings.list[i].subject, subject))
			finding = &findings.list[i];
	}
	assert_non_null(finding);
	if (finding->level != level || !strstr(finding->found, found) ||
	    !strstr(finding->advice, advice))
		fail_msg("%s: %d, '%s', '%s'", subject, finding->level, finding->found,
			 finding->advice);
	assert_true((finding->level == FINDING_OK) == !finding->advice[0]);
	findings_done(&findings);
}

static void check_module(const struct doctor_module *module, enum finding_level level,
			 const char *found, const char *advice)
{
	struct doctor_module copy = *module;
	struct doctor_process process = process_of(&copy);

	check(&process, "module", level, found, advice);
}

static void who_cannot_be_looked_at_fails(void **state)
{
	struct doctor_module module = good_module();
	struct doctor_process process = process_of(&module);

	(void)state;
	check(&process, "process", FINDING_OK, "42 (server)", "");
	process.is_kernel = true;
	check(&process, "process", FINDING_NOTE, "kernel thread", "--kernel-threads");
	process.is_kernel = false;
	process.has_ended = true;
	check(&process, "process", FINDING_FAIL, "zombie", "");
	process.leader = 40;
	check(&process, "process", FINDING_FAIL, "thread of process 40", "-p 40");
	process.err = -EACCES;
	check(&process, "process", FINDING_FAIL, "denied", "root");
	process.err = -ESRCH;
	check(&process, "process", FINDING_FAIL, "no such process 42", "");
}

static void a_module_is_judged_by_the_worst(void **state)
{
	struct doctor_module module = good_module();

	(void)state;
	check_module(&module, FINDING_OK, "server: .eh_frame, symbols, DWARF, no frame pointers",
		     "");
	module.lacks_alt = true;
	check_module(&module, FINDING_NOTE, "without its dwz file", "debug package");
	module.dwarf_from = DEBUG_NONE;
	check_module(&module, FINDING_NOTE, "no DWARF", "-g");
	module.own_symbols = SYMBOLS_EXPORTED;
	module.symbols_from = DEBUG_NONE;
	(void)strcpy(module.package, "server-dbgsym");
	check_module(&module, FINDING_NOTE, "exported symbols only", "install server-dbgsym");
	module.own_symbols = SYMBOLS_NONE;
	check_module(&module, FINDING_WARN, "no symbols", "install server-dbgsym");
	module.package[0] = '\0';
	check_module(&module, FINDING_WARN, "no symbols", "-g");
	module.build_id.size = 20;
	check_module(&module, FINDING_WARN, "no symbols", "--debuginfod");
	module.has_unwind = false;
	check_module(&module, FINDING_WARN, "no .eh_frame", "-fasynchronous-unwind-tables");
	module.err = -EACCES;
	check_module(&module, FINDING_WARN, "denied", "root");
	module.is_late = true;
	check_module(&module, FINDING_NOTE, "not looked at", "again");
}

static void frame_pointers_stand_for_tables(void **state)
{
	struct doctor_module module = good_module();

	(void)state;
	module.has_unwind = false;
	module.census = (struct frame_pointer_census){ .kept = 30 };
	check_module(&module, FINDING_OK, "frame pointers", "");
	module.census = (struct frame_pointer_census){ .kept = 15, .omitted = 15 };
	check_module(&module, FINDING_WARN, "in parts", "");
	module.census = (struct frame_pointer_census){ 0 };
	check_module(&module, FINDING_WARN, "unknown", "");
	module.is_go = module.is_static = true;
	module.dwarf_from = DEBUG_NONE;
	check_module(&module, FINDING_OK, "static, no .eh_frame", "");
}

static void the_share_with_tables_is_told(void **state)
{
	struct doctor_module module = good_module();
	struct doctor_process process = process_of(&module);

	(void)state;
	check(&process, "unwind tables", FINDING_OK, "100% of 4 KiB", "");
	module.text_bytes = 1 << 20;
	process.anonymous_bytes = 1 << 20;
	check(&process, "unwind tables", FINDING_NOTE, "49% of 2048 KiB", "frame pointers");
	process.anonymous_bytes = 0;
	process.module_count = 0;
	check(&process, "unwind tables", FINDING_NOTE, "0% of 0 KiB", "");
}

static void runtimes_are_told_which_flag_to_take(void **state)
{
	struct doctor_module module = good_module();
	struct doctor_process process = process_of(&module);

	(void)state;
	check(&process, "run-time code", FINDING_OK, "none", "");
	process.anonymous_bytes = 8192;
	check(&process, "run-time code", FINDING_NOTE, "8 KiB without names", "perf-PID.map");
	process.runtime = RUNTIME_NODE;
	check(&process, "run-time code", FINDING_WARN, "Node.js", "--perf-basic-prof");
	process.runtime = RUNTIME_PYTHON;
	check(&process, "run-time code", FINDING_NOTE, "Python", "-X perf");
	process.runtime = RUNTIME_JAVA;
	check(&process, "run-time code", FINDING_WARN, "no frame pointers", "PreserveFramePointer");
	process.has_jit_flag = true;
	check(&process, "run-time code", FINDING_WARN, "no names", "jcmd 42 Compiler.perfmap");
	process.map_err = 0;
	check(&process, "run-time code", FINDING_OK, "Java", "");
	process.has_jit_flag = false;
	check(&process, "run-time code", FINDING_WARN, "no frame pointers", "");
	process.runtime = RUNTIME_NODE;
	check(&process, "run-time code", FINDING_OK, "perf map", "");
	process.map_err = -ESTALE;
	check(&process, "run-time code", FINDING_WARN, "older than", "remove");
	process.has_dump = true;
	check(&process, "run-time code", FINDING_OK, "jitdump", "");
	process.map_err = -EPERM;
	check(&process, "run-time code", FINDING_WARN, "others", "remove");
}

static void this_very_process_can_be_looked_at(void **state)
{
	struct doctor_process process;
	bool has_us = false;

	(void)state;
	assert_int_equal(doctor_process_read(getpid(), &process), 0);
	assert_int_equal(process.err, 0);
	for (size_t i = 0; i < process.module_count; i++) {
		const struct doctor_module *module = &process.modules[i];

		if (!strstr(module->path, "test_doctor_checks_process"))
			continue;
		has_us = true;
		assert_int_equal(module->err, 0);
		assert_int_equal(module->own_symbols, SYMBOLS_ALL);
	}
	assert_true(has_us);
	doctor_process_done(&process);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_cannot_be_looked_at_fails),
		cmocka_unit_test(a_module_is_judged_by_the_worst),
		cmocka_unit_test(frame_pointers_stand_for_tables),
		cmocka_unit_test(the_share_with_tables_is_told),
		cmocka_unit_test(runtimes_are_told_which_flag_to_take),
		cmocka_unit_test(this_very_process_can_be_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
