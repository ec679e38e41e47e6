/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_kinds.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

static const char *const mappings[FRAME_KIND_COUNT] = {
	[FRAME_USER] = "[user]",       [FRAME_KERNEL] = PPROF_KERNEL_MAPPING,
	[FRAME_INLINED] = "[inlined]", /* where the function that it is inlined into is unknown */
	[FRAME_JIT] = "[jit]",         [FRAME_PROCESS] = "[process]",
	[FRAME_NOTE] = "[note]",
};

const char *pprof_kind_mapping(enum frame_kind kind)
{
	assert(kind < FRAME_KIND_COUNT);
	return mappings[kind];
}

/* "[kernel.kallsyms]_stext", "[guest.kernel.kallsyms]", "[kernel.vmlinux]", "[kernel]" */
static bool is_kernel(const char *name)
{
	static const char *const prefixes[] = { "[kernel", "[guest.kernel" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	}
	return false;
}

enum frame_kind pprof_kind_of_mapping(const char *name)
{
	if (is_kernel(name))
		return FRAME_KERNEL;
	for (int i = 0; i < FRAME_KIND_COUNT; i++) {
		if (strcmp(name, mappings[i]) == 0)
			return (enum frame_kind)i;
	}
	return FRAME_USER;
}
