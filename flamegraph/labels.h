/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The distinct (name, family) pairs of a tree, numbered from 0 in depth-first order. File formats
 * keep each once and refer to it by number. Nodes of total 0 and the root have none.
 */
#ifndef EPROF_FLAMEGRAPH_LABELS_H
#define EPROF_FLAMEGRAPH_LABELS_H

#include "flamegraph/call_tree.h"
#include "flamegraph/palette.h"

struct label {
	uint32_t name_id;
	uint32_t family; /* of palette.h */
};

/* The zero value is empty. */
struct labels {
	const struct call_tree *tree;
	const uint8_t *families;
	struct label *list;
	size_t count;
	uint32_t *ids; /* by name, then family */
	size_t family_count;
};

/*
 * families are the nodes', by number; NULL: each has the one of its frame's kind. Both are borrowed
 * until labels_done(), which the caller calls. 0 or -ENOMEM.
 */
int labels_make(const struct call_tree *tree, const uint8_t *families, struct labels *ret);
void labels_done(struct labels *labels);

static inline uint32_t labels_family(const struct labels *labels, uint32_t index)
{
	return labels->families ? labels->families[index]
				: (uint32_t)call_tree_node(labels->tree, index)->kind;
}

/* The number of a node's pair. */
static inline uint32_t labels_id(const struct labels *labels, uint32_t index)
{
	size_t name_id = call_tree_node(labels->tree, index)->name_id;

	return labels->ids[name_id * labels->family_count + labels_family(labels, index)];
}

#endif
