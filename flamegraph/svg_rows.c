/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which frames are in the static drawing. Those that would be too narrow are left out of it (not
 * out of the packed data), and neighbours left out together are shown as one grey block.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/svg_figure.h"

#define BOXES_FIRST 1024

/*
 * In tenths of a pixel: frames narrower than the first are never drawn, wider than the second
 * always. Between the two the limit depends on how many frames there would be. Blocks wider than
 * the third are always drawn, so that time without a frame upon it is its caller's own.
 */
#define NARROWEST         1
#define NARROWEST_CROWDED 200
#define NARROWEST_BLOCK   5
#define BOXES_CROWDED     4900

/* What is known of the node that is looked for next at a depth. */
struct level {
	uint64_t left;
	bool is_waker;
	bool is_removed;
};

struct collecting {
	const struct figure *figure;
	struct figure_rows rows;
	size_t capacity;
	uint64_t least, least_block; /* counts that are drawn */
	struct level *levels;
	struct figure_box block; /* the one that is being made; its count may be 0 */
};

static void cleanup_collecting(struct collecting *collecting)
{
	figure_rows_done(&collecting->rows);
	free(collecting->levels);
}

void figure_rows_done(struct figure_rows *rows)
{
	free(rows->boxes);
	free(rows->starts);
	*rows = (struct figure_rows){ 0 };
}

static uint64_t divide_up(unsigned __int128 value, unsigned __int128 by)
{
	unsigned __int128 result = (value + by - 1) / by;

	return result < 1 ? 1 : result > UINT64_MAX ? UINT64_MAX : (uint64_t)result;
}

/* The smallest count that is so wide. */
static uint64_t count_of_width(const struct figure *figure, uint64_t thousandths)
{
	return divide_up((unsigned __int128)thousandths * figure->total,
			 (unsigned __int128)figure_span(figure) * 1000);
}

/* How many frames there are of each small width decides which are too narrow. */
static uint32_t choose_narrowest(const struct figure *figure)
{
	uint64_t frames[NARROWEST_CROWDED + 1] = { 0 };
	uint64_t least = count_of_width(figure, NARROWEST * 100);
	uint32_t narrowest = NARROWEST_CROWDED;
	uint32_t index = 0;
	uint64_t drawn;

	while (index != CALL_TREE_NONE) {
		uint64_t total = call_tree_node(figure->tree, index)->total;
		uint64_t tenths = (uint64_t)((unsigned __int128)total * figure_span(figure) * 10 /
					     figure->total);

		frames[tenths < NARROWEST_CROWDED ? tenths : NARROWEST_CROWDED]++;
		index = total < least ? call_tree_skip(figure->tree, index)
				      : call_tree_next(figure->tree, index);
	}
	drawn = frames[narrowest];
	while (narrowest > NARROWEST && drawn + frames[narrowest - 1] <= BOXES_CROWDED)
		drawn += frames[--narrowest];
	return narrowest;
}

static void choose_limits(struct collecting *collecting, uint32_t narrowest)
{
	const struct figure *figure = collecting->figure;
	struct picture_min_width wanted = figure->picture->min_width;
	uint64_t block = count_of_width(figure, NARROWEST_BLOCK * 100);

	if (wanted.limit == PICTURE_LIMIT_PIXELS)
		collecting->least = count_of_width(figure, wanted.thousandths);
	else if (wanted.limit == PICTURE_LIMIT_SHARE)
		collecting->least = divide_up((unsigned __int128)wanted.thousandths * figure->whole,
					      100 * 1000);
	else
		collecting->least = count_of_width(figure, narrowest * 100);
	collecting->least_block = collecting->least < block ? collecting->least : block;
}

static int add_box(struct collecting *collecting, const struct figure_box *box)
{
	struct figure_rows *rows = &collecting->rows;

	if (rows->box_count == collecting->capacity) {
		size_t larger = collecting->capacity ? collecting->capacity * 2 : BOXES_FIRST;
		struct figure_box *boxes = reallocarray(rows->boxes, larger, sizeof(*boxes));

		if (!boxes)
			return -ENOMEM;
		rows->boxes = boxes;
		collecting->capacity = larger;
	}
	rows->boxes[rows->box_count++] = *box;
	if (box->depth + 1 > rows->count)
		rows->count = box->depth + 1;
	return 0;
}

static int end_block(struct collecting *collecting)
{
	bool is_drawn =
		collecting->block.count > 0 && collecting->block.extent >= collecting->least_block;
	int err = is_drawn ? add_box(collecting, &collecting->block) : 0;

	collecting->block.count = 0;
	return err;
}

/* Gaps that are too narrow to be seen do not end a block. */
static void extend_block(struct collecting *collecting, const struct call_node *node, uint64_t left)
{
	struct figure_box *block = &collecting->block;

	if (block->count == 0 && node->kind == FRAME_GAP)
		return;
	if (block->count == 0)
		*block = (struct figure_box){ .index = CALL_TREE_NONE,
					      .depth = node->depth,
					      .left = left };
	block->extent = left + node->total - block->left;
	if (node->kind == FRAME_GAP)
		return;
	block->count++;
	block->total += node->total;
}

/* A node that is wide enough: sets what its children begin with. */
static int add_node(struct collecting *collecting, uint32_t index, uint64_t left)
{
	const struct figure *figure = collecting->figure;
	const struct call_node *node = call_tree_node(figure->tree, index);
	struct level *level = &collecting->levels[node->depth];
	struct figure_box box = {
		.index = index,
		.depth = node->depth,
		.is_waker = level->is_waker,
		.is_removed = level->is_removed || index == figure->removed,
		.left = left,
		.extent = node->total,
	};
	int err = end_block(collecting);

	if (err < 0 || node->kind == FRAME_GAP)
		return err;
	/* What a frame has itself is left of what is upon it. */
	level[1] = (struct level){
		.left = left + node->self,
		.is_waker = level->is_waker || (index > 0 && palette_is_separator(call_tree_name(
								     figure->tree, node->name_id))),
		.is_removed = box.is_removed,
	};
	return add_box(collecting, &box);
}

/* The walk goes from a node that is left out to its next sibling, so one block at a time is enough.
 */
static int collect(struct collecting *collecting)
{
	const struct call_tree *tree = collecting->figure->tree;
	uint32_t index = 0;
	int err = 0;

	while (!err && index != CALL_TREE_NONE) {
		const struct call_node *node = call_tree_node(tree, index);
		struct level *level = &collecting->levels[node->depth];
		bool has_room = node->total > 0 && node->depth < SVG_ROWS_MAX;
		uint64_t left = level->left;

		level->left += node->total;
		if (has_room && node->total >= collecting->least) {
			err = add_node(collecting, index, left);
			index = node->kind == FRAME_GAP ? call_tree_skip(tree, index)
							: call_tree_next(tree, index);
			continue;
		}
		if (has_room)
			extend_block(collecting, node, left);
		if (node->next_sibling == CALL_TREE_NONE)
			err = end_block(collecting);
		index = call_tree_skip(tree, index);
	}
	return err;
}

/* From the order of the walk to that of rows, in which boxes stay from left to right. */
static int sort_into_rows(struct figure_rows *rows)
{
	CLEANUP(cleanup_free)
	struct figure_box *sorted = reallocarray(NULL, rows->box_count + 1, sizeof(*sorted));
	size_t *starts = calloc((size_t)rows->count + 2, sizeof(*starts));

	rows->starts = starts;
	if (!sorted || !starts)
		return -ENOMEM;
	for (size_t i = 0; i < rows->box_count; i++)
		starts[rows->boxes[i].depth + 2]++;
	for (uint32_t row = 2; row < rows->count + 2; row++)
		starts[row] += starts[row - 1];
	/* One place further on is where the next box of a row goes, and in the end its end. */
	for (size_t i = 0; i < rows->box_count; i++)
		sorted[starts[rows->boxes[i].depth + 1]++] = rows->boxes[i];
	free(rows->boxes);
	rows->boxes = TAKE(sorted);
	return 0;
}

static int collect_with(struct collecting *collecting, uint32_t narrowest)
{
	size_t depths = (size_t)call_tree_depth(collecting->figure->tree) + 2;

	collecting->rows.box_count = 0;
	collecting->rows.count = 0;
	memset(collecting->levels, 0, depths * sizeof(*collecting->levels));
	choose_limits(collecting, narrowest);
	return collect(collecting);
}

/* Blocks make boxes, too: how many, one only knows afterwards. */
static int collect_enough(struct collecting *collecting)
{
	bool is_free = collecting->figure->picture->min_width.limit == PICTURE_LIMIT_DEFAULT;
	uint32_t narrowest = is_free ? choose_narrowest(collecting->figure) : 0;
	int err = collect_with(collecting, narrowest);

	while (!err && is_free && narrowest < NARROWEST_CROWDED &&
	       collecting->rows.box_count > BOXES_CROWDED) {
		narrowest += 1 + narrowest / 8;
		err = collect_with(collecting, narrowest);
	}
	return err;
}

int figure_rows_make(const struct figure *figure, struct figure_rows *ret)
{
	CLEANUP(cleanup_collecting) struct collecting collecting = { .figure = figure };
	int err;

	collecting.levels =
		calloc((size_t)call_tree_depth(figure->tree) + 2, sizeof(*collecting.levels));
	if (!collecting.levels)
		return -ENOMEM;
	err = figure->total > 0 ? collect_enough(&collecting) : 0;
	if (!err)
		err = sort_into_rows(&collecting.rows);
	if (err < 0)
		return err;
	*ret = collecting.rows;
	collecting.rows = (struct figure_rows){ 0 };
	return 0;
}
