/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging: ClickHouse adds counts up by stack. What stacks and frames are is asked for after that,
 * as whoever writes does so before: all that a profile counts is there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "web/clickhouse_parts.h"

/* Stacks of one answer. */
#define STACKS_MAX (1u << 22)

/* A stack of a profile, but not of the table: its day was deleted while the profile came. */
static const struct frame unknown_stack = { .name = "[stack: not kept]", .kind = FRAME_NOTE };

struct merge {
	struct clickhouse_store *store;
	const struct store_selector *selector;
	struct call_tree *tree;
	struct hashmap counts; /* stack -> its index in sums */
	uint64_t *sums;        /* 0: it has been counted */
	size_t count, capacity;
	struct row_writer texts; /* of frames, each behind a 0 */
	struct hashmap frames;   /* frame -> its index in list */
	struct frame_row *list;
	size_t frame_count, frame_capacity;
	struct frame *path; /* of one stack */
	size_t path_capacity;
};

/* Texts by where they begin, as they move; 0: none. */
struct frame_row {
	size_t name, file, module;
	uint32_t line;
	uint8_t kind;
};

static void cleanup_merge(struct merge *merge)
{
	hashmap_done(&merge->counts);
	free(merge->sums);
	row_writer_done(&merge->texts);
	hashmap_done(&merge->frames);
	free(merge->list);
	free(merge->path);
}

/* "SELECT head FROM the rows behind", or what else is written by then. */
struct question {
	char *text;
	size_t size;
	FILE *out;
};

static void cleanup_question(struct question *question)
{
	free(question->text);
}

static int begin(struct question *question, const char *head)
{
	question->out = open_memstream(&question->text, &question->size);
	if (!question->out)
		return -ENOMEM;
	(void)fputs(head, question->out);
	return 0;
}

static int end(struct merge *merge, struct question *question, struct clickhouse_rows *rows)
{
	return clickhouse_ask(merge->store->client, question->out, &question->text, rows);
}

static int read_head(struct merge *merge, struct store_merged *ret)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	CLEANUP(cleanup_question) struct question question = { 0 };
	int err = begin(&question, "SELECT unit, min(from_s), max(until_s), sum(profiles) FROM ");
	const char *unit;
	size_t length;

	if (err < 0)
		return err;
	clickhouse_write_rows("unit, from_s, until_s, profiles", merge->selector, "", question.out);
	(void)fputs(" GROUP BY unit", question.out);
	err = end(merge, &question, &rows);
	if (err < 0 || !row_is_left(&rows.reader))
		return err;
	unit = row_get_text(&rows.reader, &length);
	(void)snprintf(ret->unit, sizeof(ret->unit), "%.*s", (int)length, unit);
	ret->from_s = row_get_u64(&rows.reader);
	ret->until_s = row_get_u64(&rows.reader);
	ret->profiles = row_get_u64(&rows.reader);
	if (row_is_left(&rows.reader))
		return -EMEDIUMTYPE;
	return rows.reader.is_broken ? -EPROTO : 0;
}

static int add_sum(struct merge *merge, uint64_t stack, uint64_t sum)
{
	uint64_t *sums;
	int err;

	if (merge->count == STACKS_MAX)
		return -E2BIG;
	if (sum == UINT64_MAX)
		return -EOVERFLOW;
	sums = array_reserve(merge->sums, merge->count, &merge->capacity, sizeof(*sums));
	if (!sums)
		return -ENOMEM;
	merge->sums = sums;
	err = hashmap_put(&merge->counts, stack, merge->count);
	if (!err)
		sums[merge->count++] = sum;
	return err;
}

static int read_sums(struct merge *merge)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	CLEANUP(cleanup_question) struct question question = { 0 };
	int err =
		begin(&question,
		      "SELECT stack, " CLICKHOUSE_SUM("count") " FROM (SELECT stack, count FROM ");

	if (err < 0)
		return err;
	clickhouse_write_rows("stacks, counts", merge->selector, "", question.out);
	(void)fputs(" ARRAY JOIN stacks AS stack, counts AS count) GROUP BY stack", question.out);
	err = end(merge, &question, &rows);
	while (!err && row_is_left(&rows.reader)) {
		uint64_t stack = row_get_u64(&rows.reader);

		err = add_sum(merge, stack, clickhouse_get_sum(&rows.reader));
	}
	return !err && rows.reader.is_broken ? -EPROTO : err;
}

/* The rows of stacks that profiles of the selection have, whether they count or are in a sum. */
static void write_stacks(const char *columns, const struct store_selector *selector, FILE *out)
{
	(void)fprintf(out,
		      "SELECT %s FROM stacks WHERE (day, service, stack) GLOBAL IN"
		      " (SELECT day, service, arrayJoin(stacks) FROM profiles WHERE ",
		      columns);
	clickhouse_write_condition(selector, out);
	(void)fputc(')', out);
}

/* Where it begins in texts; 0: it is empty. */
static size_t keep_text(struct merge *merge, struct row_reader *rows)
{
	struct row_writer *texts = &merge->texts;
	size_t length, at;
	const char *text = row_get_text(rows, &length);

	if (!length)
		return 0;
	if (!texts->size)
		row_put_u8(texts, 0);
	/* Its length is of no use: the end is a 0, which no text has. */
	row_put_text(texts, text, length);
	at = texts->size - length;
	row_put_u8(texts, 0);
	return at;
}

static int keep_frame(struct merge *merge, struct row_reader *rows)
{
	struct frame_row *list = array_reserve(merge->list, merge->frame_count,
					       &merge->frame_capacity, sizeof(*list));
	uint64_t frame = row_get_u64(rows);
	struct frame_row *row;

	if (!list)
		return -ENOMEM;
	merge->list = list;
	row = &list[merge->frame_count];
	row->name = keep_text(merge, rows);
	row->kind = row_get_u8(rows);
	row->file = keep_text(merge, rows);
	row->line = row_get_u32(rows);
	row->module = keep_text(merge, rows);
	if (merge->texts.is_out_of_memory)
		return -ENOMEM;
	if (row->kind >= FRAME_KIND_COUNT)
		return -EPROTO;
	return hashmap_put(&merge->frames, frame, merge->frame_count++);
}

static int read_frames(struct merge *merge)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	CLEANUP(cleanup_question) struct question question = { 0 };
	int err = begin(&question,
			"SELECT frame, any(name), any(kind), any(file), any(line), any(module)"
			" FROM frames WHERE (day, frame) GLOBAL IN (");

	if (err < 0)
		return err;
	write_stacks("day, arrayJoin(frames)", merge->selector, question.out);
	(void)fputs(") GROUP BY frame", question.out);
	err = end(merge, &question, &rows);
	while (!err && row_is_left(&rows.reader))
		err = keep_frame(merge, &rows.reader);
	return !err && rows.reader.is_broken ? -EPROTO : err;
}

static const char *text_at(const struct merge *merge, size_t at)
{
	return at ? (const char *)merge->texts.bytes + at : NULL;
}

static void fill_frame(const struct merge *merge, uint64_t number, struct frame *ret)
{
	const struct frame_row *row;
	uint64_t index;

	*ret = unknown_stack;
	if (!hashmap_get(&merge->frames, number, &index))
		return;
	row = &merge->list[index];
	*ret = (struct frame){ .name = row->name ? text_at(merge, row->name) : "",
			       .file = text_at(merge, row->file),
			       .module = text_at(merge, row->module),
			       .line = row->line,
			       .kind = (enum frame_kind)row->kind };
}

static int count_stack(struct merge *merge, struct row_reader *rows)
{
	uint64_t stack = row_get_u64(rows), index;
	size_t length = row_get_length(rows, sizeof(uint64_t));
	int err;

	if (length > CALL_TREE_DEPTH_MAX)
		return -EPROTO;
	for (size_t i = 0; i < length; i++) {
		struct frame *path =
			array_reserve(merge->path, i, &merge->path_capacity, sizeof(*path));

		if (!path)
			return -ENOMEM;
		merge->path = path;
		fill_frame(merge, row_get_u64(rows), &path[i]);
	}
	/* Another service's, or what came since. */
	if (rows->is_broken || !hashmap_get(&merge->counts, stack, &index))
		return 0;
	err = call_tree_add(merge->tree, merge->path, length, merge->sums[index]);
	merge->sums[index] = 0;
	return err;
}

static int count_stacks(struct merge *merge)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	CLEANUP(cleanup_question) struct question question = { 0 };
	int err = begin(&question, "SELECT stack, any(frames) FROM (");

	if (err < 0)
		return err;
	write_stacks("stack, frames", merge->selector, question.out);
	(void)fputs(") GROUP BY stack", question.out);
	err = end(merge, &question, &rows);
	while (!err && row_is_left(&rows.reader))
		err = count_stack(merge, &rows.reader);
	for (size_t i = 0; !err && i < merge->count; i++)
		err = call_tree_add(merge->tree, &unknown_stack, 1, merge->sums[i]);
	return !err && rows.reader.is_broken ? -EPROTO : err;
}

int clickhouse_merge(struct store *base, const struct store_selector *selector,
		     struct call_tree *tree, struct store_merged *ret)
{
	CLEANUP(cleanup_merge)
	struct merge merge = { .store = (struct clickhouse_store *)base,
			       .selector = selector,
			       .tree = tree };
	int err = read_head(&merge, ret);

	if (err < 0 || !ret->profiles)
		return err;
	err = read_sums(&merge);
	if (!err)
		err = read_frames(&merge);
	return err < 0 ? err : count_stacks(&merge);
}
