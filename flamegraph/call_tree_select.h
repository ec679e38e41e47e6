/* SPDX-License-Identifier: Apache-2.0 */
/* A part of a tree, or the tree seen from its leaves. */
#ifndef EPROF_FLAMEGRAPH_CALL_TREE_SELECT_H
#define EPROF_FLAMEGRAPH_CALL_TREE_SELECT_H

#include <regex.h>

#include "flamegraph/call_tree.h"

/*
 * Which stacks, and which part of them. All that is given has to hold; zero is the whole tree.
 * Regular expressions are compiled by the caller, with REG_NOSUB at best, and are asked once for
 * each name; a frame's name is matched without the suffix of its kind.
 */
struct call_selection {
	const regex_t *include; /* a stack stays when a frame of it matches one of these */
	size_t include_count;
	const regex_t *exclude; /* and goes when one matches one of these */
	size_t exclude_count;
	/*
	 * NULL: whole stacks. Otherwise each begins at its innermost frame of this name, and those
	 * without one go.
	 */
	const char *base;
	bool reverse; /* the leaf is below the root, and its callers above it */
};

/* What is not in the new tree. */
struct call_left_out {
	uint64_t count;  /* in the units of the tree */
	uint64_t before; /* the same of the other side */
};

/*
 * A new tree of the same counts, decimals, order and places, which is sorted and the caller's. What
 * the root has itself is a stack without frames: neither including nor a base keeps it. Of a flame
 * chart time stays in order; what is left out leaves no hole. 0, -ENOMEM or -E2BIG.
 */
int call_tree_select(const struct call_tree *tree, const struct call_selection *selection,
		     struct call_tree **ret_tree, struct call_left_out *ret_left_out);

#endif
