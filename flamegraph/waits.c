/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk in depth-first order. For each frame of the current stack it keeps what the frames up to
 * there say, and what the time upon it waited for so far; a name is looked up once.
 */
#include "flamegraph/waits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define WORD_UNKNOWN UINT8_MAX

_Static_assert(WORD_COUNT <= WORD_UNKNOWN, "a word fits a byte");
_Static_assert(PALETTE_FAMILIES <= UINT8_MAX, "so does a family");

struct step {
	struct wait_walk walk;
	uint32_t index;
	enum wait_kind kind;
	bool is_marked;    /* the node's family is a kind of waiting */
	bool is_undecided; /* that of most of its time */
	uint64_t sums[WAIT_KIND_COUNT];
};

struct marking {
	const struct call_tree *tree;
	uint8_t *families;
	uint8_t *words;     /* by name, the kernel's and others; WORD_UNKNOWN: not looked up */
	struct step *steps; /* by depth */
};

static void cleanup_marking(struct marking *marking)
{
	free(marking->families);
	free(marking->words);
	free(marking->steps);
}

void waits_done(struct waits *waits)
{
	free(waits->families);
	*waits = (struct waits){ 0 };
}

static int prepare(struct marking *marking)
{
	size_t words = call_tree_name_count(marking->tree) * 2;

	marking->families = malloc(call_tree_node_count(marking->tree));
	marking->words = malloc(words + 1);
	marking->steps =
		calloc((size_t)call_tree_depth(marking->tree) + 1, sizeof(*marking->steps));
	if (!marking->families || !marking->words || !marking->steps)
		return -ENOMEM;
	memset(marking->words, WORD_UNKNOWN, words);
	return 0;
}

static enum wait_word word_of(struct marking *marking, const struct call_node *node)
{
	uint8_t *word = &marking->words[(size_t)node->name_id * 2 + (node->kind == FRAME_KERNEL)];

	if (*word == WORD_UNKNOWN)
		*word = (uint8_t)wait_word_of(node->kind,
					      call_tree_name(marking->tree, node->name_id));
	return *word;
}

/* The first frame names the process. */
static void enter(struct marking *marking, uint32_t index)
{
	const struct call_node *node = call_tree_node(marking->tree, index);
	struct step *step = &marking->steps[node->depth];
	enum wait_word word = node->depth > 1 ? word_of(marking, node) : WORD_NONE;
	bool is_sleeper = !step[-1].walk.is_over;
	bool is_marked = node->self > 0 || node->kind == FRAME_KERNEL || word >= WORD_RUNQUEUE;
	enum wait_kind kind;

	*step = (struct step){ .walk = step[-1].walk, .index = index };
	if (node->depth > 1)
		wait_walk_enter(&step->walk, node->kind, word);
	kind = wait_walk_kind(&step->walk);
	step->sums[kind] = node->self;
	step->kind = kind;
	step->is_marked = is_sleeper && is_marked;
	marking->families[index] =
		(uint8_t)(step->is_marked ? PALETTE_WAIT + kind : (uint32_t)node->kind);
	step->is_undecided = is_sleeper && node->kind == FRAME_KERNEL && node->self == 0 &&
			     !wait_walk_is_decided(&step->walk);
}

static void leave(struct marking *marking, struct step *step)
{
	size_t most = WAIT_OTHER;

	for (size_t kind = 0; kind < WAIT_KIND_COUNT; kind++) {
		step[-1].sums[kind] += step->sums[kind];
		if (step->sums[kind] > step->sums[most])
			most = kind;
	}
	/* All that a page fault waits for may be a CPU. */
	if (step->is_undecided ||
	    (step->is_marked && step->sums[step->kind] == 0 && step->sums[most] > 0))
		marking->families[step->index] = (uint8_t)(PALETTE_WAIT + most);
}

int waits_make(const struct call_tree *tree, struct waits *ret)
{
	CLEANUP(cleanup_marking) struct marking marking = { .tree = tree };
	uint32_t depth = 0;
	int err = prepare(&marking);

	if (err < 0)
		return err;
	marking.families[0] = FRAME_NOTE;
	marking.steps[0].sums[WAIT_OTHER] = call_tree_node(tree, 0)->self;
	for (uint32_t i = call_tree_next(tree, 0); i != CALL_TREE_NONE;
	     i = call_tree_next(tree, i)) {
		for (; depth >= call_tree_node(tree, i)->depth; depth--)
			leave(&marking, &marking.steps[depth]);
		enter(&marking, i);
		depth = call_tree_node(tree, i)->depth;
	}
	for (; depth > 0; depth--)
		leave(&marking, &marking.steps[depth]);
	memcpy(ret->sums, marking.steps[0].sums, sizeof(ret->sums));
	ret->families = TAKE(marking.families);
	return 0;
}
