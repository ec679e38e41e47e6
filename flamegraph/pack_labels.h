/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the nodes of a tree are, each thing once and numbered, those that are most nodes first: a
 * label is a name, a family of colours and a place. Nodes without any count, and the root, have
 * none.
 */
#ifndef EPROF_FLAMEGRAPH_PACK_LABELS_H
#define EPROF_FLAMEGRAPH_PACK_LABELS_H

#include <stdbool.h>

#include "flamegraph/call_tree.h"

struct pack_label {
	uint32_t name_id;
	uint32_t family;   /* of palette.h */
	uint32_t place_id; /* of call_tree_place() */
	uint32_t count;    /* of nodes */
};

/* The zero value is empty. */
struct pack_labels {
	struct pack_label *list;
	size_t count;
	uint32_t *of_node; /* by node: its label's number */
};

/* families are the nodes', by number; NULL: each has the one of its frame's kind. The caller calls
 * pack_labels_done(). 0, -ENOMEM or -E2BIG. */
int pack_labels_make(const struct call_tree *tree, const uint8_t *families,
		     struct pack_labels *ret);
void pack_labels_done(struct pack_labels *labels);

/* Whether a node is in the packed tree: it counts something, or did so before. */
bool pack_has_node(const struct call_tree *tree, uint32_t index);

#endif
