/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folded stacks. The text of the path to the current node lies in one buffer; going down appends
 * to it and going up cuts it, so that the walk is linear in the bytes written.
 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/flamegraph.h"
#include "flamegraph/readers.h"
#include "flamegraph/text.h"
#include "flamegraph/utf8.h"

struct path {
	char *bytes;
	size_t length;
	size_t capacity;
	size_t *ends; /* by depth: where the text of that frame ends */
};

#define PATH_FIRST     4096
#define SUFFIX_LENGTH  4
/* Of a line that is read; room is made for names that grow when they are repaired. */
#define PATH_MAX_BYTES ((UTF8_GROWTH_MAX + 1) * LINE_MAX_BYTES)
/* What stands for a stack whose text would be empty: a line needs one. */
#define NO_STACK       "[unknown]"
#define MARK           "\xef\xbb\xbf" /* U+FEFF */

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

/* A line that readers take for too long is none: a deep stack of long names, each kept once, could
 * fill all memory. */
static int path_reserve(struct path *path, size_t more)
{
	size_t capacity = path->capacity;
	char *bytes;

	if (path->length + more > PATH_MAX_BYTES)
		return -E2BIG;
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
	return UTF8_REPLACEMENT;
}

/* There is room for UTF8_GROWTH_MAX times its bytes. */
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

/* Makes the path the one to node, whose parent's has been the last at its depth. A gap is time of
 * the frame it is in. */
static int path_enter(struct path *path, const struct call_tree *tree, const struct call_node *node)
{
	const char *name = call_tree_name(tree, node->name_id);
	const char *suffix = kind_suffix(node->kind);
	size_t length = strlen(name);
	int err;

	path->length = path->ends[node->depth - 1];
	if (node->kind == FRAME_GAP)
		return 0;
	err = path_reserve(path, 1 + UTF8_GROWTH_MAX * length + SUFFIX_LENGTH);
	if (err < 0)
		return err;
	if (node->depth > 1)
		path->bytes[path->length++] = ';';
	path_append(path, name);
	path_append(path, suffix);
	/* As the first bytes of the file it would be read as a byte order mark. */
	if (node->depth == 1 && path->length >= strlen(MARK) &&
	    memcmp(path->bytes, MARK, strlen(MARK)) == 0)
		memcpy(path->bytes, UTF8_REPLACEMENT, strlen(UTF8_REPLACEMENT));
	/* A line that begins with "# " would be read as a comment, and its count be lost: the blank
	 * may be of the name, or between it and the count. */
	if (node->depth == 1 && path->length == 1 && path->bytes[0] == '#')
		path->bytes[path->length++] = '_';
	if (node->depth == 1 && path->length >= 2 && memcmp(path->bytes, "# ", 2) == 0)
		path->bytes[1] = '_';
	path->ends[node->depth] = path->length;
	return 0;
}

static void put_stack(FILE *out, const struct path *path)
{
	if (path->length > 0)
		fwrite_unlocked(path->bytes, 1, path->length, out);
	else
		text_put(out, NO_STACK);
}

/* What is behind the stacks. */
struct counts {
	unsigned int decimals;
	bool has_before;
	/* Counts before are multiplied by the one and divided by the other: 0, and they are not. */
	uint64_t multiplier, divisor;
};

/* Rounded down to a whole one, as difffolded.pl does it. */
static void put_scaled(FILE *out, const struct counts *counts, uint64_t count)
{
	unsigned __int128 scaled = (unsigned __int128)count * counts->multiplier / counts->divisor;

	for (unsigned int i = 0; i < counts->decimals; i++)
		scaled /= 10;
	text_put_u64(out, (uint64_t)scaled);
}

static void put_line(FILE *out, const struct path *path, const struct counts *counts,
		     uint64_t before, uint64_t count)
{
	put_stack(out, path);
	putc_unlocked(' ', out);
	if (counts->divisor > 0)
		put_scaled(out, counts, before);
	else if (counts->has_before)
		text_put_plain_decimal(out, before, counts->decimals);
	if (counts->has_before)
		putc_unlocked(' ', out);
	text_put_plain_decimal(out, count, counts->decimals);
	putc_unlocked('\n', out);
}

static int write_lines(const struct call_tree *tree, const struct counts *counts, FILE *out)
{
	CLEANUP(cleanup_path) struct path path = { 0 };

	path.ends = calloc((size_t)call_tree_depth(tree) + 1, sizeof(*path.ends));
	path.bytes = malloc(PATH_FIRST);
	path.capacity = PATH_FIRST;
	if (!path.ends || !path.bytes)
		return -ENOMEM;
	for (uint32_t i = 0; i != CALL_TREE_NONE; i = call_tree_next(tree, i)) {
		const struct call_node *node = call_tree_node(tree, i);
		uint64_t before = call_tree_before(tree, i).self;

		if (node->parent != CALL_TREE_NONE) {
			int err = path_enter(&path, tree, node);

			if (err < 0)
				return err;
		}
		if (node->self > 0 || before > 0)
			put_line(out, &path, counts, before, node->self);
	}
	return text_finish(out);
}

int folded_write(const struct call_tree *tree, FILE *out)
{
	struct counts counts = { .decimals = call_tree_decimals(tree),
				 .has_before = call_tree_has_before(tree) };

	return write_lines(tree, &counts, out);
}

int folded_write_normalized(const struct call_tree *tree, FILE *out)
{
	struct counts counts = { .decimals = call_tree_decimals(tree), .has_before = true };
	uint64_t before = call_tree_before(tree, 0).total;
	uint64_t after = call_tree_node(tree, 0)->total;

	assert(call_tree_has_before(tree) && before > 0);
	if (before != after) {
		counts.multiplier = after;
		counts.divisor = before;
	}
	return write_lines(tree, &counts, out);
}
