/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All stacks of a profile merged by their common prefix: a trie of frames. Node 0 is the root
 * ("all"), it has no frame. Invariants: a node's total is its self plus its children's totals, and
 * its number is larger than its parent's.
 * Two frames are the same node when parent, name, kind, file and line are equal: a function that
 * is called from two lines, or does so itself, is two nodes (call_tree_merge_lines() makes them
 * one). A node has the module of the first frame that led to it. Pure memory: no clock, no file
 * system. Not thread-safe.
 */
#ifndef EPROF_FLAMEGRAPH_CALL_TREE_H
#define EPROF_FLAMEGRAPH_CALL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/frame.h"

#define CALL_TREE_NONE UINT32_MAX

/* Limits that a stranger's file cannot pass; adding beyond them is -E2BIG. */
#define CALL_TREE_NODES_MAX (1u << 26)
#define CALL_TREE_DEPTH_MAX 65536u

struct call_node {
	uint32_t parent;       /* CALL_TREE_NONE for the root */
	uint32_t first_child;  /* CALL_TREE_NONE: a leaf */
	uint32_t next_sibling; /* CALL_TREE_NONE: the last */
	uint32_t name_id;
	uint32_t place_id;   /* of call_tree_place(); CALL_TREE_NONE: nothing is known */
	uint32_t depth : 24; /* the root's is 0 */
	enum frame_kind kind : 8;
	uint64_t self;
	uint64_t total;
};

_Static_assert(sizeof(struct call_node) == 40, "there are millions");
_Static_assert(CALL_TREE_DEPTH_MAX < 1u << 24, "a depth fits its bits");

/* Where the code of a node comes from. Ids are for call_tree_name(); CALL_TREE_NONE: unknown. */
struct call_place {
	uint32_t file_id;
	uint32_t line; /* 0: unknown */
	uint32_t module_id;
};

struct call_tree;

/* On success the caller owns *ret. 0 or -ENOMEM. */
int call_tree_new(struct call_tree **ret);
void call_tree_free(struct call_tree *tree); /* NULL is fine */

/* From here on there are at most so many nodes, with the root: where a stranger's may be fewer. */
void call_tree_limit(struct call_tree *tree, size_t nodes_max);

/*
 * Makes a flame chart of an empty tree: stacks stay in the order in which they come, and only
 * neighbours merge. What a frame with callees spends itself, before, between or after them, is a
 * child of kind FRAME_GAP: of a node that has children self is 0. Nothing is added once the tree
 * has been sorted.
 */
void call_tree_keep_time(struct call_tree *tree);
bool call_tree_keeps_time(const struct call_tree *tree);

/*
 * Adds one stack, frames[0] being the outermost, with its count. Strings are copied. Returns 0,
 * -ENOMEM, -E2BIG (a limit above) or -EOVERFLOW (the sum of all counts leaves 64 bits); on failure
 * no total has changed, though nodes of total 0 may stay behind. A count of 0 adds nothing.
 */
int call_tree_add(struct call_tree *tree, const struct frame *frames, size_t n, uint64_t count);

/* The same in two steps: the node that the stack ends in, and then any number of counts for it. */
int call_tree_reach(struct call_tree *tree, const struct frame *frames, size_t n,
		    uint32_t *ret_node);
int call_tree_count(struct call_tree *tree, uint32_t node, uint64_t count);

/* As call_tree_reach(), of a stack that goes on from a node that is there. */
int call_tree_reach_below(struct call_tree *tree, uint32_t node, const struct frame *frames,
			  size_t n, uint32_t *ret_node);

/*
 * The other side of a differential: what the node counted before. It has sums and limits of its
 * own, and is kept beside the nodes, from the first call on. Errors: call_tree_add().
 */
struct call_before {
	uint64_t self;
	uint64_t total;
};
int call_tree_count_before(struct call_tree *tree, uint32_t node, uint64_t count);
struct call_before call_tree_before(const struct call_tree *tree, uint32_t node); /* 0: nothing */
bool call_tree_has_before(const struct call_tree *tree);

/*
 * All counts of a tree, also those before, are in units of 10^-decimals: 275 is 2.75 when there are
 * two. There are none unless an input had some. call_tree_set_decimals() is for more than before,
 * and multiplies what was counted; it returns 0, or -EOVERFLOW: then nothing has changed.
 */
#define CALL_TREE_DECIMALS_MAX 9
unsigned int call_tree_decimals(const struct call_tree *tree);
int call_tree_set_decimals(struct call_tree *tree, unsigned int decimals);

/* A whole number of samples, in the units of the tree. 0 or -EOVERFLOW. */
int call_tree_units(const struct call_tree *tree, uint64_t whole, uint64_t *ret);

enum call_tree_order {
	CALL_TREE_BY_NAME,  /* as lines of folded stacks are, bytewise; then by file and line */
	CALL_TREE_BY_VALUE, /* the larger total first, then by name */
	CALL_TREE_BY_INPUT, /* as they first came */
};

/*
 * Orders the children of every node. Whoever made the tree calls one of these once before writing;
 * call_tree_sort() is by name. Flame charts are in the order of time, whatever is asked for. 0 or
 * -ENOMEM (some children are in the new order then, others in the old one).
 */
int call_tree_sort(struct call_tree *tree);
int call_tree_sort_by(struct call_tree *tree, enum call_tree_order order);

/*
 * By id of a name: its place among all in the order of their bytes, from 1, for who compares names
 * often. The caller frees *ret. 0 or -ENOMEM.
 */
int call_tree_rank_names(const struct call_tree *tree, uint32_t **ret);

/* Asserts the invariants above. Whatever makes a tree of another one has done so. */
void call_tree_check(const struct call_tree *tree);

size_t call_tree_node_count(const struct call_tree *tree); /* with the root: at least 1 */
const struct call_node *call_tree_node(const struct call_tree *tree, uint32_t index);

/*
 * Depth-first order without recursion, from the root (0) on: parents before children, children in
 * sibling order; CALL_TREE_NONE after the last. call_tree_skip() leaves out what is below index.
 */
uint32_t call_tree_next(const struct call_tree *tree, uint32_t index);
uint32_t call_tree_skip(const struct call_tree *tree, uint32_t index);

/* What is known of a node's place, which may be nothing. */
struct call_place call_tree_place(const struct call_tree *tree, uint32_t place_id);

/*
 * The tree as people want to see it: nodes that differ in their lines only become one; with
 * name_lines they do not, for a name has its line behind it: "main (a.c:12)", without the
 * directory. Of several places that of the largest total stays, the first in order of equal ones.
 * *ret is sorted as tree was and belongs to the caller; it is NULL when no node has a line: then
 * tree itself is what is wanted. 0, -ENOMEM or -E2BIG.
 */
int call_tree_merge_lines(const struct call_tree *tree, bool name_lines, struct call_tree **ret);

/*
 * A copy of tree, in the same order, whose counts are in a unit divisor times larger: microseconds
 * of nanoseconds. What one division leaves over goes to the next node of the depth-first order, so
 * no count is off by a whole unit, and the sum of all by half of one at most. Nodes may have a
 * total of 0. The caller owns *ret. divisor is not 0. 0, -ENOMEM or -E2BIG.
 */
int call_tree_divide(const struct call_tree *tree, uint64_t divisor, struct call_tree **ret);

/*
 * What is below a node, as a tree of its own, without the node itself; sorted as the tree was. The
 * caller owns *ret. 0, -ENOMEM or -E2BIG.
 */
int call_tree_part(const struct call_tree *tree, uint32_t node, struct call_tree **ret);

/* May give a frame another name and kind; of its place nothing is told. True: it has. */
typedef bool (*call_tree_renamer)(void *context, struct frame *frame);

/*
 * Puts in place of *tree one with other names, where what has become equal is one node. It is not
 * sorted, and node numbers are others. 0, -ENOMEM or -E2BIG (*tree is the old one then).
 */
int call_tree_rename(struct call_tree **tree, call_tree_renamer renamer, void *context);

/*
 * An interned name, file or module; lives as long as the tree. Ids are dense:
 * 0 .. call_tree_name_count() - 1.
 */
const char *call_tree_name(const struct call_tree *tree, uint32_t name_id);
size_t call_tree_name_count(const struct call_tree *tree);

/* Depth of the deepest node. */
uint32_t call_tree_depth(const struct call_tree *tree);

#endif
