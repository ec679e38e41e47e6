/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of what is waited for: a stack as the folded format has it. */
#ifndef EPROF_TESTS_UNIT_STACK_H
#define EPROF_TESTS_UNIT_STACK_H

#include "base/cleanup.h"
#include "flamegraph/wait_kind.h"
#include "tests/unit/tree.h"

#define STACK_FRAMES_MAX 64

static inline void check_kind(const char *stack, enum wait_kind expected)
{
	CLEANUP(cleanup_free) char *text = strdup(stack);
	struct frame frames[STACK_FRAMES_MAX];
	char *save = NULL;
	enum wait_kind kind;
	size_t n = 0;

	assert_non_null(text);
	for (char *name = strtok_r(text, ";", &save); name; name = strtok_r(NULL, ";", &save)) {
		size_t length = strlen(name);
		bool is_kernel = length > 4 && strcmp(name + length - 4, "_[k]") == 0;
		bool is_inlined = length > 4 && strcmp(name + length - 4, "_[i]") == 0;

		assert_true(n < STACK_FRAMES_MAX);
		if (is_kernel || is_inlined)
			name[length - 4] = '\0';
		frames[n++] = (struct frame){ .name = name,
					      .kind = is_kernel    ? FRAME_KERNEL
						      : is_inlined ? FRAME_INLINED
								   : FRAME_USER };
	}
	kind = wait_kind_of(frames, n);
	if (kind != expected)
		fail_msg("'%s' is %s, not %s", stack, wait_kind_text(kind),
			 wait_kind_text(expected));
}

#endif
