/* SPDX-License-Identifier: Apache-2.0 */
/* What a differential has before, and not after: drawn by its counts after it would have no width.
 */
#ifndef EPROF_FLAMEGRAPH_CALL_TREE_REMOVED_H
#define EPROF_FLAMEGRAPH_CALL_TREE_REMOVED_H

#include "flamegraph/call_tree.h"

#define CALL_TREE_REMOVED "[removed]"

/*
 * Adds to the root of a differential a frame of kind FRAME_NOTE, CALL_TREE_REMOVED, that shows what
 * vanished: the nodes that counted something before, and nothing after, neither themselves nor in
 * what is below them. They are there with all their callers, which tell where they were, and the
 * counts are those before; of these frames call_tree_before() is 0. They also stay where they were,
 * with a total of 0 and their counts before, so that the counts before of all that surrounds them
 * are what they were. The sums hold for both kinds of counts; the root's total is what there was
 * after and, on top of it, what vanished.
 *
 * The tree has no frame of that name and kind below its root: differential_make() sees to it. Sorts
 * it by order, and puts the frame behind all others; when nothing vanished there is none. Sort by
 * no other means afterwards. 0, -ENOMEM, -E2BIG or -EOVERFLOW: then the tree is good for
 * call_tree_free() only.
 */
int call_tree_removed(struct call_tree *tree, enum call_tree_order order);

/* The node of that frame, or CALL_TREE_NONE. */
uint32_t call_tree_removed_node(const struct call_tree *tree);

/* What there was after: the root's total without what vanished. */
uint64_t call_tree_after(const struct call_tree *tree);

#endif
