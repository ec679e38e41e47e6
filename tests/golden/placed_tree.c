/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/golden/placed_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define TEXT_SIZE 256
#define DEPTH_MAX 32

struct placed {
	struct frame frame;
	char text[TEXT_SIZE]; /* its strings, cut out of the name */
};

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

/* Cuts what stands between begin and the last character, which is end, off text; or NULL. */
static char *cut(char *text, const char *begin, char end)
{
	size_t length = strlen(text);
	char *found = length > 0 && text[length - 1] == end ? strstr(text, begin) : NULL;

	if (!found)
		return NULL;
	text[length - 1] = *found = '\0';
	return found + strlen(begin);
}

static int place(const char *name, enum frame_kind kind, struct placed *ret)
{
	size_t length = strlen(name);
	char *file, *colon;

	if (length >= TEXT_SIZE)
		return -E2BIG;
	memcpy(ret->text, name, length + 1);
	ret->frame = (struct frame){ .name = ret->text, .kind = kind };
	ret->frame.module = cut(ret->text, " {", '}');
	file = cut(ret->text, " (", ')');
	colon = file ? strrchr(file, ':') : NULL;
	if (!colon)
		return file ? -EINVAL : 0;
	*colon = '\0';
	ret->frame.file = file;
	ret->frame.line = (uint32_t)strtoul(colon + 1, NULL, 10);
	return 0;
}

static int add_stack(const struct call_tree *tree, const struct call_node *leaf,
		     struct call_tree *ret)
{
	static struct placed placed[DEPTH_MAX];
	struct frame frames[DEPTH_MAX];

	if (leaf->depth > DEPTH_MAX)
		return -E2BIG;
	for (const struct call_node *node = leaf; node->depth > 0;
	     node = call_tree_node(tree, node->parent)) {
		struct placed *this = &placed[node->depth - 1];
		int err = place(call_tree_name(tree, node->name_id), node->kind, this);

		if (err < 0)
			return err;
		if (node->depth == 1)
			this->frame.kind = FRAME_PROCESS;
		frames[node->depth - 1] = this->frame;
	}
	return call_tree_add(ret, frames, leaf->depth, leaf->self);
}

int placed_tree_make(const struct call_tree *tree, struct call_tree **ret)
{
	CLEANUP(cleanup_tree) struct call_tree *placed = NULL;
	int err = call_tree_new(&placed);

	for (uint32_t i = 0; !err && i != CALL_TREE_NONE; i = call_tree_next(tree, i)) {
		const struct call_node *node = call_tree_node(tree, i);

		if (node->self > 0)
			err = add_stack(tree, node, placed);
	}
	if (!err)
		err = call_tree_sort(placed);
	if (err < 0)
		return err;
	*ret = TAKE(placed);
	return 0;
}
