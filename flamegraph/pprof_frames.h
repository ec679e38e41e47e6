/* SPDX-License-Identifier: Apache-2.0 */
/* Locations of a profile that is read -> frames of a tree, when a sample first has them. */
#ifndef EPROF_FLAMEGRAPH_PPROF_FRAMES_H
#define EPROF_FLAMEGRAPH_PPROF_FRAMES_H

#include "flamegraph/call_tree_parts.h"
#include "flamegraph/pprof_index.h"

/* Of all locations together. */
#define PPROF_LINES_MAX ((size_t)1 << 23)

struct pprof_frames {
	struct pprof_index *index;
	struct call_tree *tree;
	struct pprof_reason *reason;
	uint32_t *name_ids;          /* by string: in the tree, PPROF_UNRESOLVED at first */
	struct call_child *children; /* of all locations that were asked for */
	size_t count, capacity;
};

/* What is given is borrowed. 0 or -ENOMEM. */
int pprof_frames_begin(struct pprof_frames *frames, struct pprof_index *index,
		       struct call_tree *tree, struct pprof_reason *reason);
void pprof_frames_done(struct pprof_frames *frames); /* the zero value is fine */

/*
 * The location with this id: our number of it. 0, -EBADMSG, -E2BIG or -ENOMEM; a reason is given,
 * but for limits of the tree.
 */
int pprof_frames_find(struct pprof_frames *frames, uint64_t id, uint32_t *ret_location);

/* Its frames, the outermost first: at least one. Valid until the next call of the above. */
static inline const struct call_child *pprof_frames_of(const struct pprof_frames *frames,
						       uint32_t location, size_t *ret_count)
{
	*ret_count = frames->index->locations[location].count;
	return &frames->children[frames->index->locations[location].first];
}

#endif
