/* SPDX-License-Identifier: Apache-2.0 */
/* One tree of several: the sum of their counts, or one tree's counts beside another's. */
#ifndef EPROF_FLAMEGRAPH_CALL_TREE_MERGE_H
#define EPROF_FLAMEGRAPH_CALL_TREE_MERGE_H

#include "flamegraph/call_tree.h"

/*
 * Adds all counts of from to tree, also those before. Frames that tree has not seen come behind its
 * own in the order of the input. tree is not sorted afterwards, and has the larger number of
 * decimals of the two. 0, -ENOMEM, -E2BIG, or -EOVERFLOW; after an error tree is good for
 * call_tree_free() only.
 */
int call_tree_merge(struct call_tree *tree, const struct call_tree *from);

/* The same, but the counts of from, which has none before, become counts before of tree. */
int call_tree_merge_before(struct call_tree *tree, const struct call_tree *from);

/*
 * Makes every count factor / 10^decimals times as large, and gives the tree so many decimals more:
 * nothing is rounded. Nanoseconds become microseconds with a factor of 1 and 3 decimals. 0,
 * -EOVERFLOW, or -ERANGE (more than CALL_TREE_DECIMALS_MAX): then nothing has changed.
 */
int call_tree_multiply(struct call_tree *tree, uint64_t factor, unsigned int decimals);

#endif
