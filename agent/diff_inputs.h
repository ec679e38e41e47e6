/* SPDX-License-Identifier: Apache-2.0 */
/* Which files two arguments stand for, of which some may be directories of `eprof record`. */
#ifndef EPROF_AGENT_DIFF_INPUTS_H
#define EPROF_AGENT_DIFF_INPUTS_H

#include <stdbool.h>

#include "agent/options.h"

#define DIFF_PAIRS_MAX 2

struct diff_pair {
	bool is_of_directory;
	bool is_off_cpu; /* only told of directories */
	char *before, *after;
};

/* Zero is empty. */
struct diff_pairs {
	size_t count;
	struct diff_pair list[DIFF_PAIRS_MAX];
};

/*
 * The pairs to compare: one, or for .html both kinds of time where both directories have them. The
 * caller calls diff_pairs_done(). 0, or -errno after one line.
 */
int diff_pairs_find(const struct diff_options *options, struct diff_pairs *ret);
void diff_pairs_done(struct diff_pairs *pairs);

#endif
