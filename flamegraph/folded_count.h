/* SPDX-License-Identifier: Apache-2.0 */
/* The counts at the end of a line of folded stacks. */
#ifndef EPROF_FLAMEGRAPH_FOLDED_COUNT_H
#define EPROF_FLAMEGRAPH_FOLDED_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flamegraph/readers.h"

/* value * 10^-decimals; the last of the decimals is not 0. */
struct folded_count {
	uint64_t value;
	unsigned int decimals; /* 0 to CALL_TREE_DECIMALS_MAX */
};

static inline bool folded_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Cuts the last word, and the blank before it, off a line that does not end in a blank. True: it is
 * a count, and *length the rest of the line. False: *ret_reason says why it is none.
 */
bool folded_count_cut(const char *line, size_t *length, struct folded_count *ret,
		      enum bad_line_reason *ret_reason);

#endif
