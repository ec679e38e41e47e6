/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each node of a tree of off-CPU time waits for. In the stack of a sleeper the kernel's
 * frames, the note of a state, and the frame that a stack ends in have the family of a kind of
 * waiting (palette.h), as has the "--" before a waker: that of the kind which the kernel's names
 * decide up to there, else of what most of the time upon the node waits for. All other frames, the
 * waker's too, have the family of their frame's kind.
 *
 * So what the time of a stack waited for is the kind of the last such frame in it.
 */
#ifndef EPROF_FLAMEGRAPH_WAITS_H
#define EPROF_FLAMEGRAPH_WAITS_H

#include "flamegraph/call_tree.h"
#include "flamegraph/palette.h"

/* The zero value is empty. */
struct waits {
	uint8_t *families;              /* by node */
	uint64_t sums[WAIT_KIND_COUNT]; /* of all stacks; together the root's total */
};

/* The caller calls waits_done() afterwards. 0 or -ENOMEM. */
int waits_make(const struct call_tree *tree, struct waits *ret);
void waits_done(struct waits *waits);

#endif
