/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Most frames of most lines are known. What a line has in common with the one before is not looked
 * at, and of the rest the deepest frames are: once the node of one is found by a hash of all frames
 * up to there (stack_index.h), those before it are of no interest. Counts go to the nodes that
 * stacks end in, and are summed up at the end.
 *
 * Flame charts ask for the newest child of each frame instead.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "flamegraph/call_tree_parts.h"
#include "flamegraph/folded_count.h"
#include "flamegraph/line_reader.h"
#include "flamegraph/read_name.h"
#include "flamegraph/readers.h"
#include "flamegraph/stack_index.h"

#define SUFFIX_LENGTH 4
/* Of how many frames of a stack, from the leaf on, one is known mostly. */
#define EXPECTED      4

/* A frame of the line that was read last. */
struct step {
	struct stack_hash hash; /* of it and those before; not of flame charts */
	uint32_t end;           /* of its text, in bytes from the line's beginning */
	uint32_t node;          /* 0: nobody has asked */
};

struct reader {
	struct line_reader lines;
	struct call_tree *tree;
	bool differential;
	bool is_alone; /* all nodes are this reader's */
	struct stack_index index;
	struct step *steps;
	size_t steps_capacity;
	size_t depth;        /* how many steps there are; 0: none are of use */
	size_t stack_length; /* of the line they are of */
	struct read_name names;
	struct read_report report;
};

static void cleanup_reader(struct reader *reader)
{
	line_reader_done(&reader->lines);
	stack_index_done(&reader->index);
	free(reader->steps);
	read_name_done(&reader->names);
	/* Whatever has happened: what was counted is in the totals. */
	if (!reader->tree->keeps_time)
		call_tree_sum_up(reader->tree);
}

static size_t common_prefix(const char *a, const char *b, size_t length)
{
	size_t i = 0;

	for (; i + sizeof(uint64_t) <= length; i += sizeof(uint64_t)) {
		if (memcmp(a + i, b + i, sizeof(uint64_t)) != 0)
			break;
	}
	while (i < length && a[i] == b[i])
		i++;
	return i;
}

/* Keeps the steps that this line has, too. */
static void keep_steps(struct reader *reader, const char *stack, size_t length)
{
	const struct line *previous = &reader->lines.previous;
	size_t low = 0, high = reader->depth, common;

	if (!previous->bytes || high == 0) {
		reader->depth = 0;
		return;
	}
	common = common_prefix(previous->bytes, stack,
			       length < reader->stack_length ? length : reader->stack_length);
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (reader->steps[middle].end <= common)
			low = middle + 1;
		else
			high = middle;
	}
	/* The last of them may be the beginning of a longer name. */
	if (low > 0 && reader->steps[low - 1].end < length &&
	    stack[reader->steps[low - 1].end] != ';')
		low--;
	reader->depth = low;
}

/* The kind by the suffix of a frame's text, which is cut off. */
static enum frame_kind cut_suffix(const char *name, size_t *length)
{
	const char *suffix = name + *length - SUFFIX_LENGTH;
	enum frame_kind kind;

	if (*length < SUFFIX_LENGTH || suffix[3] != ']' || suffix[0] != '_' || suffix[1] != '[')
		return FRAME_USER;
	if (suffix[2] == 'k')
		kind = FRAME_KERNEL;
	else if (suffix[2] == 'i')
		kind = FRAME_INLINED;
	else if (suffix[2] == 'j')
		kind = FRAME_JIT;
	else
		return FRAME_USER;
	*length -= SUFFIX_LENGTH;
	return kind;
}

/*
 * Whether the frame that rest begins with is this node, which is a child of the frame before. Its
 * length is what is returned then, and 0 otherwise: then it may be all the same.
 */
static size_t match(const struct call_tree *tree, uint32_t index, const char *rest, size_t length)
{
	const struct call_node *node = &tree->nodes[index];
	const struct name *name = &tree->names.names[node->name_id];
	size_t end = name->length, text;

	if (node->place_id != CALL_TREE_NONE || end == 0 || end > length ||
	    memcmp(rest, name->text, end) != 0)
		return 0;
	if (node->kind != FRAME_USER)
		end += SUFFIX_LENGTH;
	if (end > length || (end < length && rest[end] != ';'))
		return 0;
	if (rest[end - 1] != ']')
		return node->kind == FRAME_USER ? end : 0;
	text = end;
	return cut_suffix(rest, &text) == node->kind && text == name->length ? end : 0;
}

static int add_step(struct reader *reader, size_t end, struct stack_hash hash, uint32_t node)
{
	struct step *steps = array_reserve(reader->steps, reader->depth, &reader->steps_capacity,
					   sizeof(*steps));

	if (!steps)
		return -ENOMEM;
	reader->steps = steps;
	steps[reader->depth++] = (struct step){ .hash = hash, .end = (uint32_t)end, .node = node };
	return 0;
}

/* The child of parent that is the frame of this text. */
static int enter_frame(struct reader *reader, uint32_t parent, const char *text, size_t length,
		       uint32_t *ret)
{
	struct call_child child = { .site_id = PAIR_NONE, .module_id = CALL_TREE_NONE };
	int err;

	child.kind = cut_suffix(text, &length);
	err = read_name_intern(&reader->names, &reader->tree->names, text, length, &child.name_id);
	if (err < 0)
		return err;
	/* Its text is new, and so is the node, unless two texts may be one name. */
	return reader->is_alone && !reader->names.has_repaired
		       ? call_tree_append(reader->tree, parent, &child, ret)
		       : call_tree_enter(reader->tree, parent, &child, ret);
}

static size_t frame_length(const char *rest, size_t length)
{
	const char *separator = memchr(rest, ';', length);

	return separator ? (size_t)(separator - rest) : length;
}

/* Where the frame after the first depth steps begins. */
static size_t start_after(const struct reader *reader, size_t depth)
{
	return depth > 0 ? reader->steps[depth - 1].end + 1 : 0;
}

/* Of a flame chart: the node of the whole stack. */
static int reach_in_time(struct reader *reader, const char *stack, size_t length, uint32_t *ret)
{
	const struct call_tree *tree = reader->tree;
	size_t start = start_after(reader, reader->depth);
	uint32_t node = reader->depth > 0 ? reader->steps[reader->depth - 1].node : 0;

	while (start <= length) {
		uint32_t child = tree->nodes[node].first_child;
		size_t text = 0;
		int err = 0;

		if (child != CALL_TREE_NONE)
			text = match(tree, child, stack + start, length - start);
		if (text == 0) {
			text = frame_length(stack + start, length - start);
			err = enter_frame(reader, node, stack + start, text, &child);
		}
		node = child;
		start += text;
		if (!err)
			err = add_step(reader, start++, (struct stack_hash){ 0 }, node);
		if (err < 0)
			return err;
	}
	*ret = node;
	return 0;
}

/* Cuts the line into steps, after those that there are. */
static int cut_steps(struct reader *reader, const char *stack, size_t length)
{
	size_t start = start_after(reader, reader->depth);
	struct stack_hash hash =
		reader->depth > 0 ? reader->steps[reader->depth - 1].hash : reader->index.seed;

	while (start <= length) {
		size_t text = frame_length(stack + start, length - start);
		int err;

		hash = stack_hash_frame(&reader->index, hash, stack + start, text);
		start += text;
		err = add_step(reader, start++, hash, 0);
		if (err < 0)
			return err;
	}
	return 0;
}

/* The node of the whole stack. */
static int reach(struct reader *reader, const char *stack, size_t length, uint32_t *ret)
{
	struct step *steps;
	size_t known;
	uint32_t node = 0;
	int err = cut_steps(reader, stack, length);

	if (err < 0)
		return err;
	steps = reader->steps;
	for (size_t i = 0; i < EXPECTED && i < reader->depth; i++)
		stack_index_expect(&reader->index, steps[reader->depth - 1 - i].hash);
	for (known = reader->depth; known > 0 && node == 0; known -= node == 0) {
		struct step *step = &steps[known - 1];

		if (step->node == 0)
			step->node = stack_index_find(&reader->index, step->hash);
		node = step->node;
	}
	for (; known < reader->depth; known++) {
		size_t start = start_after(reader, known);

		err = enter_frame(reader, node, stack + start, steps[known].end - start, &node);
		if (!err)
			err = stack_index_put(&reader->index, steps[known].hash, node);
		if (err < 0)
			return err;
		steps[known].node = node;
	}
	*ret = node;
	return 0;
}

/* A count in the units of the tree, which become smaller when it has more decimals. */
static int scale(struct call_tree *tree, const struct folded_count *count, uint64_t *ret)
{
	uint64_t value = count->value;
	int err = 0;

	if (count->decimals > tree->decimals)
		err = call_tree_set_decimals(tree, count->decimals);
	if (err < 0)
		return err;
	for (unsigned int i = count->decimals; i < tree->decimals; i++) {
		if (__builtin_mul_overflow(value, 10, &value))
			return -EOVERFLOW;
	}
	*ret = value;
	return 0;
}

/* Adds to the sum of all at once, and to what is below the root at the end. */
static int count_stack(struct call_tree *tree, uint32_t node, uint64_t count)
{
	if (tree->keeps_time)
		return call_tree_count(tree, node, count);
	tree->nodes[node].self += count;
	tree->nodes[0].total += count;
	return 0;
}

static int count_before(struct call_tree *tree, uint32_t node, uint64_t count)
{
	if (tree->keeps_time)
		return call_tree_count_before(tree, node, count);
	tree->before[node].self += count;
	tree->before[0].total += count;
	return 0;
}

/* Nothing has been counted when the counts do not fit. */
static int add_stack(struct reader *reader, const char *stack, size_t length,
		     const struct folded_count counts[2])
{
	struct call_tree *tree = reader->tree;
	uint64_t count, before = 0;
	uint32_t node;
	int err = scale(tree, &counts[0], &count);

	if (!err && reader->differential)
		err = scale(tree, &counts[1], &before);
	/* The second one may have changed the unit. */
	if (!err)
		err = scale(tree, &counts[0], &count);
	if (err < 0)
		return err;
	if (count > UINT64_MAX - tree->nodes[0].total ||
	    (before > 0 && before > UINT64_MAX - tree->before[0].total))
		return -EOVERFLOW;
	if (count == 0 && before == 0) {
		reader->depth = 0;
		return 0;
	}
	keep_steps(reader, stack, length);
	reader->stack_length = length;
	err = tree->keeps_time ? reach_in_time(reader, stack, length, &node)
			       : reach(reader, stack, length, &node);
	if (!err && count > 0)
		err = count_stack(tree, node, count);
	if (!err && before > 0)
		err = count_before(tree, node, before);
	return err;
}

static bool is_too_deep(const char *stack, size_t length)
{
	size_t separators = 0;

	if (length < CALL_TREE_DEPTH_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
		separators += stack[i] == ';';
	return separators >= CALL_TREE_DEPTH_MAX;
}

/* Cuts the counts, the one after first, off the line. True: what is left is a stack. */
static bool cut_counts(const struct reader *reader, const char *line, size_t *length,
		       struct folded_count counts[2], enum bad_line_reason *ret_reason)
{
	if (memchr(line, '\0', *length)) {
		*ret_reason = BAD_LINE_NUL;
		return false;
	}
	if (!folded_count_cut(line, length, &counts[0], ret_reason))
		return false;
	if (reader->differential && !folded_count_cut(line, length, &counts[1], ret_reason)) {
		if (*ret_reason == BAD_LINE_NO_COUNT)
			*ret_reason = BAD_LINE_ONE_COUNT;
		return false;
	}
	*ret_reason = BAD_LINE_TOO_DEEP;
	return !is_too_deep(line, *length);
}

static int read_line(struct reader *reader)
{
	const struct line *line = &reader->lines.line;
	size_t length = line->length;
	struct folded_count counts[2];
	enum bad_line_reason reason = BAD_LINE_TOO_LONG;
	int err;

	while (length > 0 && folded_is_blank(line->bytes[length - 1]))
		length--;
	if (!line->is_too_long &&
	    (length == 0 || (line->bytes[0] == '#' && (length == 1 || line->bytes[1] == ' ')))) {
		reader->depth = 0;
		return 0;
	}
	if (line->is_too_long || !cut_counts(reader, line->bytes, &length, counts, &reason)) {
		reader->depth = 0;
		line_reader_note(&reader->lines, reason, &reader->report);
		return 0;
	}
	err = add_stack(reader, line->bytes, length, counts);
	if (err < 0)
		return err;
	reader->report.stacks++;
	return 0;
}

int folded_read(FILE *in, struct call_tree *tree, const struct folded_options *options,
		struct read_report *ret)
{
	CLEANUP(cleanup_reader) struct reader reader = { .tree = tree };
	int more = line_reader_make(in, &reader.lines);

	stack_index_make(&reader.index);
	reader.is_alone = tree->count == 1 && !tree->keeps_time;
	reader.differential = options && options->differential;
	if (!more && reader.differential)
		more = call_tree_make_before(tree);
	if (more < 0)
		return more;
	while ((more = line_reader_next(&reader.lines)) > 0) {
		int err = read_line(&reader);

		if (err < 0)
			return err;
	}
	if (more < 0)
		return more;
	*ret = reader.report;
	return 0;
}
