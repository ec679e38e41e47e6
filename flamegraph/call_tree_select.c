/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parents have smaller numbers than their children, and those who came first smaller ones than
 * those who came later: passes over all numbers, one up and one down, are enough, and the order of
 * the input, or of time, stays.
 */
#include "flamegraph/call_tree_select.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/call_tree_copier.h"

/* Of a name. */
#define NAME_KNOWN    1u
#define NAME_INCLUDED 2u
#define NAME_EXCLUDED 4u

/* Of a node: what is said of the path to it, and of itself. */
#define PATH_INCLUDED 1u
#define PATH_EXCLUDED 2u
#define PATH_HAS_BASE 4u
#define NODE_IS_BASE  8u
#define NODE_IS_KEPT  16u /* or one below it is */

struct selecting {
	const struct call_tree *from;
	const struct call_selection *selection;
	struct call_tree *to;
	unsigned char *verdicts; /* by name */
	unsigned char *flags;    /* by node */
	struct call_tree_copier copier;
	uint32_t *nodes;  /* of from -> of to */
	uint32_t base_id; /* CALL_TREE_NONE: no frame has this name */
	struct call_left_out left_out;
};

static void cleanup_selecting(struct selecting *selecting)
{
	call_tree_free(selecting->to);
	free(selecting->verdicts);
	free(selecting->flags);
	call_tree_copier_done(&selecting->copier);
	free(selecting->nodes);
}

static int prepare(struct selecting *selecting)
{
	const struct call_tree *from = selecting->from;
	const char *base = selecting->selection->base;
	int err = call_tree_new_like(from, &selecting->to);

	if (err < 0)
		return err;
	selecting->verdicts = calloc(from->names.count + 1, sizeof(*selecting->verdicts));
	selecting->flags = calloc(from->count, sizeof(*selecting->flags));
	selecting->nodes = calloc(from->count, sizeof(*selecting->nodes));
	if (!selecting->verdicts || !selecting->flags || !selecting->nodes)
		return -ENOMEM;
	if (!base || !name_pool_find(&from->names, base, strlen(base), &selecting->base_id))
		selecting->base_id = CALL_TREE_NONE;
	return call_tree_copier_make(from, selecting->to, &selecting->copier);
}

static bool matches(const regex_t *regexes, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (regexec(&regexes[i], name, 0, NULL, 0) == 0)
			return true;
	}
	return false;
}

static unsigned int verdict_of(struct selecting *selecting, uint32_t name_id)
{
	const struct call_selection *selection = selecting->selection;
	const char *name = call_tree_name(selecting->from, name_id);
	unsigned char *verdict = &selecting->verdicts[name_id];

	if (*verdict & NAME_KNOWN)
		return *verdict;
	*verdict = NAME_KNOWN;
	if (matches(selection->include, selection->include_count, name))
		*verdict |= NAME_INCLUDED;
	if (matches(selection->exclude, selection->exclude_count, name))
		*verdict |= NAME_EXCLUDED;
	return *verdict;
}

static bool has_counts(const struct selecting *selecting, uint32_t index)
{
	return selecting->from->nodes[index].self > 0 ||
	       call_tree_before(selecting->from, index).self > 0;
}

static bool keeps_stack(const struct selecting *selecting, uint32_t index)
{
	unsigned int flags = selecting->flags[index];

	return (flags & PATH_INCLUDED) && !(flags & PATH_EXCLUDED) && (flags & PATH_HAS_BASE) &&
	       has_counts(selecting, index);
}

/* From the root on: what is said of each path. */
static void judge_paths(struct selecting *selecting)
{
	const struct call_selection *selection = selecting->selection;
	const struct call_tree *from = selecting->from;

	selecting->flags[0] = (selection->include_count ? 0 : PATH_INCLUDED) |
			      (selection->base ? 0 : PATH_HAS_BASE);
	for (uint32_t i = 1; i < from->count; i++) {
		const struct call_node *node = &from->nodes[i];
		unsigned int flags = selecting->flags[node->parent] &
				     (PATH_INCLUDED | PATH_EXCLUDED | PATH_HAS_BASE);
		unsigned int verdict =
			node->kind == FRAME_GAP ? 0 : verdict_of(selecting, node->name_id);

		if (verdict & NAME_INCLUDED)
			flags |= PATH_INCLUDED;
		if (verdict & NAME_EXCLUDED)
			flags |= PATH_EXCLUDED;
		if (node->name_id == selecting->base_id && node->kind != FRAME_GAP)
			flags |= PATH_HAS_BASE | NODE_IS_BASE;
		selecting->flags[i] = (unsigned char)flags;
	}
}

/* From the leaves on: which nodes are needed for the stacks that stay. */
static void keep_paths(struct selecting *selecting)
{
	const struct call_tree *from = selecting->from;

	for (size_t i = from->count; i-- > 0;) {
		uint32_t parent = from->nodes[i].parent;

		if (keeps_stack(selecting, (uint32_t)i))
			selecting->flags[i] |= NODE_IS_KEPT;
		else if (has_counts(selecting, (uint32_t)i)) {
			selecting->left_out.count += from->nodes[i].self;
			selecting->left_out.before += call_tree_before(from, (uint32_t)i).self;
		}
		if (i > 0 && (selecting->flags[i] & (NODE_IS_KEPT | NODE_IS_BASE)) == NODE_IS_KEPT)
			selecting->flags[parent] |= NODE_IS_KEPT;
	}
}

/* The frame of a node, below parent. */
static int enter(struct selecting *selecting, uint32_t parent, uint32_t index, uint32_t *ret)
{
	const struct call_node *node = &selecting->from->nodes[index];
	struct call_child child;
	int err = call_tree_copier_child(&selecting->copier, node, &child);

	return err < 0 ? err : call_tree_enter(selecting->to, parent, &child, ret);
}

/* The node of the frames from this one on outwards. */
static int enter_callers(struct selecting *selecting, uint32_t index, uint32_t *ret)
{
	uint32_t node = 0;
	int err = 0;

	while (index != 0) {
		err = enter(selecting, node, index, &node);
		if (err < 0)
			return err;
		if (selecting->flags[index] & NODE_IS_BASE)
			break;
		index = selecting->from->nodes[index].parent;
	}
	*ret = node;
	return 0;
}

/* Where what a node has itself goes to; a gap is time of the frame it is in. */
static int enter_stack(struct selecting *selecting, uint32_t index, uint32_t *ret)
{
	const struct call_node *node = &selecting->from->nodes[index];
	uint32_t frame = node->kind == FRAME_GAP ? node->parent : index;

	if (selecting->selection->reverse)
		return enter_callers(selecting, frame, ret);
	*ret = selecting->nodes[frame];
	return 0;
}

static int copy_node(struct selecting *selecting, uint32_t index)
{
	const struct call_node *node = &selecting->from->nodes[index];
	struct call_before before = call_tree_before(selecting->from, index);
	bool is_base = selecting->flags[index] & NODE_IS_BASE;
	uint32_t target;
	int err = 0;

	if (index > 0 && node->kind != FRAME_GAP && !selecting->selection->reverse)
		err = enter(selecting, is_base ? 0 : selecting->nodes[node->parent], index,
			    &selecting->nodes[index]);
	if (err < 0 || !keeps_stack(selecting, index))
		return err;
	err = enter_stack(selecting, index, &target);
	return err < 0 ? err : call_tree_add_self(selecting->to, target, &before, node->self);
}

int call_tree_select(const struct call_tree *tree, const struct call_selection *selection,
		     struct call_tree **ret_tree, struct call_left_out *ret_left_out)
{
	CLEANUP(cleanup_selecting)
	struct selecting selecting = { .from = tree, .selection = selection };
	int err = prepare(&selecting);

	if (err < 0)
		return err;
	judge_paths(&selecting);
	keep_paths(&selecting);
	for (uint32_t i = 0; !err && i < tree->count; i++) {
		if (selecting.flags[i] & NODE_IS_KEPT)
			err = copy_node(&selecting, i);
	}
	if (err < 0)
		return err;
	call_tree_sum_up(selecting.to);
	err = call_tree_sort_by(selecting.to, tree->order);
	if (err < 0)
		return err;
	call_tree_check(selecting.to);
	*ret_left_out = selecting.left_out;
	*ret_tree = TAKE(selecting.to);
	return 0;
}
