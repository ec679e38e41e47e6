/* SPDX-License-Identifier: Apache-2.0 */
/* A tree without its smallest nodes, for who cannot have all of them at once. */
#ifndef EPROF_FLAMEGRAPH_CALL_TREE_PRUNE_H
#define EPROF_FLAMEGRAPH_CALL_TREE_PRUNE_H

#include "flamegraph/call_tree.h"

/* What stands for them. */
#define CALL_TREE_SMALL "[too small to be sent]"

/*
 * Keeps the nodes_max nodes with the largest totals, or fewer where several have the same. What was
 * below a node and is left out is one callee of it, a FRAME_NOTE of that name: no total and no self
 * of a node that is kept is another one than before. Of a differential the totals of both sides
 * count. *ret is sorted as tree was, and belongs to the caller; it is NULL where there are no more
 * nodes than that. 0, -ENOMEM or -E2BIG.
 */
int call_tree_prune(const struct call_tree *tree, size_t nodes_max, struct call_tree **ret);

#endif
