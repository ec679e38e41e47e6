/* SPDX-License-Identifier: Apache-2.0 */
/* The tables behind wait_word_of(): names, and what each says. Sorted bytewise. */
#ifndef EPROF_FLAMEGRAPH_WAIT_NAMES_H
#define EPROF_FLAMEGRAPH_WAIT_NAMES_H

#include <stddef.h>

#include "flamegraph/wait_kind.h"

struct wait_name {
	const char *name;
	enum wait_word word;
	const char *scope; /* what its class, module or package ends in; NULL: it has none */
};

extern const struct wait_name wait_kernel_names[];
extern const size_t wait_kernel_name_count;
extern const struct wait_name wait_kernel_prefixes[];
extern const size_t wait_kernel_prefix_count;
extern const struct wait_name wait_user_names[]; /* by name, then scope, NULL first */
extern const size_t wait_user_name_count;

#endif
