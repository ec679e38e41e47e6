/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of one tree in the numbers of another one: for the files call_tree*.c. */
#ifndef EPROF_FLAMEGRAPH_CALL_TREE_COPIER_H
#define EPROF_FLAMEGRAPH_CALL_TREE_COPIER_H

#include "flamegraph/call_tree_parts.h"

/* Both trees are borrowed. */
struct call_tree_copier {
	const struct call_tree *from;
	struct call_tree *to;
	uint32_t *names; /* of from -> of to, or CALL_TREE_NONE: not met yet */
};

/* Its user calls call_tree_copier_done(), also after an error: 0 or -ENOMEM. */
int call_tree_copier_make(const struct call_tree *from, struct call_tree *to,
			  struct call_tree_copier *ret);
void call_tree_copier_done(struct call_tree_copier *copier);

/* CALL_TREE_NONE stays what it is. Errors: name_pool_intern(). */
int call_tree_copier_name(struct call_tree_copier *copier, uint32_t name_id, uint32_t *ret);

/* The file, line and module of a node; the rest of the child is left alone. Errors: as above. */
int call_tree_copier_place(struct call_tree_copier *copier, const struct call_node *node,
			   struct call_child *child);

/* All of the frame of a node. Errors: as above. */
int call_tree_copier_child(struct call_tree_copier *copier, const struct call_node *node,
			   struct call_child *ret);

#endif
