/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two profiles in one tree: its counts are those after, and call_tree_before() has the others. What
 * changed is the difference of the two: of totals for a function with all that it calls, of selves
 * for itself.
 */
#ifndef EPROF_FLAMEGRAPH_DIFFERENTIAL_H
#define EPROF_FLAMEGRAPH_DIFFERENTIAL_H

#include "flamegraph/call_tree.h"

/*
 * Of both, whose units are the same. Frames that differ in their lines only are the same frame: a
 * line that was added above a function changes nothing. What looks like the frame that
 * call_tree_removed() makes becomes FRAME_USER. *ret belongs to the caller, and is sorted by name.
 * 0, -ENOMEM, -E2BIG or -EOVERFLOW.
 */
int differential_make(const struct call_tree *before, const struct call_tree *after,
		      struct call_tree **ret);

/*
 * Scales the counts before, so that their sum is that of the counts after; neither may be 0, and
 * the tree has been sorted. It is done in whole numbers, along the depth-first order: what is
 * rounded is the sum up to each node, halves up. So no count, of a node itself or with all below
 * it, is off by a unit or more, and all of them together not at all.
 *
 * When there was less after, one sample before would be less than a unit, and could get lost: then
 * the tree gets as many decimals as it takes for it to be one, as far as these go, if it may have
 * decimals. Times need none: their units are small.
 */
void differential_normalize(struct call_tree *tree, bool may_have_decimals);

#endif
