/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folded stacks. The text of the path to the current node lies in one buffer; going down appends
 * to it and going up cuts it, so that the walk is linear in the bytes written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/flamegraph.h"
#include "flamegraph/text.h"

struct path {
	char *bytes;
	size_t length;
	size_t capacity;
	size_t *ends; /* by depth: where the text of that frame ends */
};

#define PATH_FIRST    4096
#define SUFFIX_LENGTH 4
/* Of one byte that is not UTF-8: U+FFFD. */
#define GROWTH_MAX    3
/* What stands for a stack whose text would be empty: a line needs one. */
#define NO_STACK      "[unknown]"

static void cleanup_path(struct path *path)
{
	free(path->bytes);
	free(path->ends);
}

static const char *kind_suffix(enum frame_kind kind)
{
	switch (kind) {
	case FRAME_KERNEL:
		return "_[k]";
	case FRAME_INLINED:
		return "_[i]";
	case FRAME_JIT:
		return "_[j]";
	default:
		return "";
	}
}

static int path_reserve(struct path *path, size_t more)
{
	size_t capacity = path->capacity;
	char *bytes;

	if (path->length + more <= capacity)
		return 0;
	while (capacity < path->length + more)
		capacity *= 2;
	bytes = realloc(path->bytes, capacity);
	if (!bytes)
		return -ENOMEM;
	path->bytes = bytes;
	path->capacity = capacity;
	return 0;
}

/* What stands for the character at text, of length bytes, that text_next() would not have. */
static const char *replacement(const char *text, size_t length)
{
	unsigned char first = (unsigned char)text[0];

	/* What would steer the reader's terminal: control characters, and those of U+0080 on. */
	if (first < 0x80)
		return "?";
	if (first == 0xc2 && length == 2)
		return "??";
	return "\xef\xbf\xbd";
}

/* There is room for GROWTH_MAX times its bytes. */
static void path_append(struct path *path, const char *text)
{
	char *end = path->bytes + path->length;

	while (*text) {
		const char *from = text;
		uint32_t rune;
		size_t length = text_next(text, &rune);

		text += length;
		if (rune == TEXT_REPLACEMENT) {
			from = replacement(from, length);
			length = strlen(from);
		} else if (rune == ';') {
			from = ":";
		} else if (rune == ' ') {
			from = " ";
		}
		memcpy(end, from, length);
		end += length;
	}
	path->length = (size_t)(end - path->bytes);
}

/* Makes the path the one to node, whose parent's has been the last at its depth. */
static int path_enter(struct path *path, const struct call_tree *tree, const struct call_node *node)
{
	const char *name = call_tree_name(tree, node->name_id);
	const char *suffix = kind_suffix(node->kind);
	size_t length = strlen(name);
	int err;

	path->length = path->ends[node->depth - 1];
	err = path_reserve(path, 1 + GROWTH_MAX * length + SUFFIX_LENGTH);
	if (err < 0)
		return err;
	if (node->depth > 1)
		path->bytes[path->length++] = ';';
	path_append(path, name);
	path_append(path, suffix);
	/* A line that begins with "# " would be read as a comment, and its count be lost. */
	if (node->depth == 1 && path->length >= 2 && memcmp(path->bytes, "# ", 2) == 0)
		path->bytes[1] = '_';
	path->ends[node->depth] = path->length;
	return 0;
}

static void put_line(FILE *out, const char *stack, size_t length, uint64_t count)
{
	if (length > 0)
		fwrite_unlocked(stack, 1, length, out);
	else
		text_put(out, NO_STACK);
	putc_unlocked(' ', out);
	text_put_u64(out, count);
	putc_unlocked('\n', out);
}

int folded_write(const struct call_tree *tree, FILE *out)
{
	CLEANUP(cleanup_path) struct path path = { 0 };

	path.ends = calloc((size_t)call_tree_depth(tree) + 1, sizeof(*path.ends));
	path.bytes = malloc(PATH_FIRST);
	path.capacity = PATH_FIRST;
	if (!path.ends || !path.bytes)
		return -ENOMEM;
	for (uint32_t i = 0; i != CALL_TREE_NONE; i = call_tree_next(tree, i)) {
		const struct call_node *node = call_tree_node(tree, i);

		if (node->parent != CALL_TREE_NONE) {
			int err = path_enter(&path, tree, node);

			if (err < 0)
				return err;
		}
		if (node->self > 0)
			put_line(out, path.bytes, path.length, node->self);
	}
	return text_finish(out);
}
