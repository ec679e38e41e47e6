/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What frames of a stack say about its thread, as labels of a sample: who it is, and what state it
 * was in. The frames stay: not all readers show labels.
 */
#ifndef EPROF_FLAMEGRAPH_PPROF_LABELS_H
#define EPROF_FLAMEGRAPH_PPROF_LABELS_H

#include "flamegraph/call_tree.h"
#include "flamegraph/name_pool.h"
#include "profile.pb-c.h"

#define PPROF_LABELS_MAX 3

/* The zero value is empty. */
struct pprof_labels {
	const struct call_tree *tree;
	const char *state; /* of threads whose stacks do not say it; or NULL */
	bool has_states;
	struct name_pool texts; /* all that labels refer to */
};

/* Finds the texts of all labels of tree's samples. Both are borrowed. 0, -ENOMEM or -E2BIG. */
int pprof_labels_make(struct pprof_labels *labels, const struct call_tree *tree, const char *state);
void pprof_labels_done(struct pprof_labels *labels);

/*
 * Those of the stack that ends in a node: how many there are. The texts are the strings from
 * first_string on.
 */
size_t pprof_labels_of(struct pprof_labels *labels, uint32_t node, uint64_t first_string,
		       Perftools__Profiles__Label ret[PPROF_LABELS_MAX]);

#endif
