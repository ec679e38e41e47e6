/* SPDX-License-Identifier: Apache-2.0 */
/* What needs no privileges; names of the running kernel are tests/kernel/test_kernel_lookup.c's. */
#include "agent/kernel_lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* "name module" of what the kernel printed, or "-". */
static const char *split(const char *printed)
{
	static char found[256];
	const char *name, *module;
	char text[256];

	(void)snprintf(text, sizeof(text), "%s", printed);
	if (!kernel_lookup_split(text, &name, &module))
		return "-";
	(void)snprintf(found, sizeof(found), "%s %s", name, module);
	return found;
}

static void functions_are_the_kernels_or_a_modules(void **state)
{
	(void)state;
	assert_string_equal(split("schedule"), "schedule kernel");
	assert_string_equal(split("do_sys_open.isra.0"), "do_sys_open.isra.0 kernel");
	assert_string_equal(split("nvme_probe [nvme]"), "nvme_probe nvme");
	assert_string_equal(split("nvme_probe [nvme 0123456789abcdef]"), "nvme_probe nvme");
	assert_string_equal(split("cut [off"), "cut off");
}

static void numbers_are_no_names(void **state)
{
	(void)state;
	assert_string_equal(split("0xffffffffff000000"), "-");
	assert_string_equal(split("0x0"), "-");
	assert_string_equal(split(""), "-");
}

static void what_was_made_from_bpf_is_told_from_the_kernels_own(void **state)
{
	(void)state;
	assert_string_equal(split("bpf_prog_0123456789abcdef"), "bpf_prog_0123456789abcdef bpf");
	assert_string_equal(split("bpf_prog_0123456789abcdef_on_exec"),
			    "bpf_prog_0123456789abcdef_on_exec bpf");
	assert_string_equal(split("bpf_prog_0123456789abcdef [bpf]"),
			    "bpf_prog_0123456789abcdef bpf");
	assert_string_equal(split("bpf_prog_alloc"), "bpf_prog_alloc kernel");
	assert_string_equal(split("bpf_prog_add"), "bpf_prog_add kernel");
	assert_string_equal(split("bpf_prog_0123456789abcdefg"),
			    "bpf_prog_0123456789abcdefg kernel");
	assert_string_equal(split("bpf_trampoline_6442549841"), "bpf_trampoline_6442549841 bpf");
	assert_string_equal(split("bpf_trampoline_6442549841_1"),
			    "bpf_trampoline_6442549841_1 bpf");
	assert_string_equal(split("bpf_trampoline_link_prog"), "bpf_trampoline_link_prog kernel");
	assert_string_equal(split("bpf_trampoline_"), "bpf_trampoline_ kernel");
	assert_string_equal(split("bpf_dispatcher_xdp"), "bpf_dispatcher_xdp bpf");
	assert_string_equal(split("bpf_dispatcher_xdp_func"), "bpf_dispatcher_xdp_func kernel");
	assert_string_equal(split("bpf__tcp_congestion_ops_init"),
			    "bpf__tcp_congestion_ops_init bpf");
}

static void one_that_was_never_asked_is_freed(void **state)
{
	struct kernel_lookup *lookup;

	(void)state;
	assert_int_equal(kernel_lookup_new(&lookup), 0);
	kernel_lookup_free(lookup);
	kernel_lookup_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_the_kernels_or_a_modules),
		cmocka_unit_test(numbers_are_no_names),
		cmocka_unit_test(what_was_made_from_bpf_is_told_from_the_kernels_own),
		cmocka_unit_test(one_that_was_never_asked_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
