/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The distinct (name, kind) pairs of a tree, numbered from 0 in depth-first order. File formats
 * keep each once and refer to it by number. Nodes of total 0, gaps and the root have none.
 */
#ifndef EPROF_FLAMEGRAPH_LABELS_H
#define EPROF_FLAMEGRAPH_LABELS_H

#include "flamegraph/call_tree.h"

struct label {
	uint32_t name_id;
	enum frame_kind kind;
};

/* The zero value is empty. */
struct labels {
	const struct call_tree *tree;
	struct label *list;
	size_t count;
	uint32_t *ids; /* by name, then kind */
};

/* tree is borrowed until labels_done(), which the caller calls. 0 or -ENOMEM. */
int labels_make(const struct call_tree *tree, struct labels *ret);
void labels_done(struct labels *labels);

/* The number of a node's pair. */
static inline uint32_t labels_id(const struct labels *labels, uint32_t index)
{
	const struct call_node *node = call_tree_node(labels->tree, index);

	return labels->ids[(size_t)node->name_id * FRAME_KIND_COUNT + node->kind];
}

#endif
