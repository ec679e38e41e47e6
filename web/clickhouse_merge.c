/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Merging: ClickHouse adds counts up by stack. What stacks and frames are is asked for after that,
 * as whoever writes does so before: all that a profile counts is there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "web/clickhouse_parts.h"

/* Stacks of one answer. */
#define STACKS_MAX (1u << 22)

/* What is asked for by its numbers; of more than that all are asked for that a selection may have.
 */
#define LISTED_MAX 100000

/* A stack of a profile, but not of the table: its day was deleted while the profile came. */
static const struct frame unknown_stack = { .name = "[stack: not kept]", .kind = FRAME_NOTE };

struct merge {
	struct clickhouse_store *store;
	const struct store_selector *selector;
	struct call_tree *tree;
	struct hashmap counts; /* stack -> its index in sums */
	struct stack_sum *sums;
	size_t count, capacity;
	struct clickhouse_rows stacks; /* as they came: stack, frames */
	struct row_writer texts;       /* of frames, each behind a 0 */
	struct hashmap frames;         /* frame -> its index in list */
	struct frame_row *list;
	size_t frame_count, frame_capacity;
	struct frame *path; /* of one stack */
	size_t path_capacity;
};

struct stack_sum {
	uint64_t stack, sum; /* 0: it has been counted */
};

/* Texts by where they begin, as they move; 0: none. */
struct frame_row {
	uint64_t frame;
	size_t name, file, module;
	uint32_t line;
	uint8_t kind;
	bool is_unknown;
};

static void cleanup_merge(struct merge *merge)
{
	hashmap_done(&merge->counts);
	free(merge->sums);
	clickhouse_rows_done(&merge->stacks);
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
	struct stack_sum *sums;
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
		sums[merge->count++] = (struct stack_sum){ stack, sum };
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

/* The days and services of a selection, which are what a table of stacks is ordered by. */
static void write_places(const struct store_selector *selector, const char *columns, FILE *out)
{
	(void)fprintf(out, "SELECT DISTINCT %s FROM profiles WHERE ", columns);
	clickhouse_write_condition(selector, out);
}

/* Those that were summed up, by their numbers; or all of these services and days. */
static int read_stacks(struct merge *merge)
{
	CLEANUP(cleanup_question) struct question question = { 0 };
	int err = begin(&question, "SELECT stack, any(frames) FROM stacks"
				   " WHERE (day, service) GLOBAL IN (");

	if (err < 0)
		return err;
	write_places(merge->selector, "day, service", question.out);
	(void)fputc(')', question.out);
	for (size_t i = 0; i < merge->count && merge->count <= LISTED_MAX; i++)
		(void)fprintf(question.out, "%s%" PRIu64, i ? "," : " AND stack IN (",
			      merge->sums[i].stack);
	(void)fprintf(question.out, "%s GROUP BY stack",
		      merge->count && merge->count <= LISTED_MAX ? ")" : "");
	return end(merge, &question, &merge->stacks);
}

/* A frame that a stack has, whose names are not known yet. */
static int note_frame(struct merge *merge, uint64_t frame)
{
	struct frame_row *list;
	uint64_t index;

	if (hashmap_get(&merge->frames, frame, &index))
		return 0;
	list = array_reserve(merge->list, merge->frame_count, &merge->frame_capacity,
			     sizeof(*list));
	if (!list)
		return -ENOMEM;
	merge->list = list;
	list[merge->frame_count] = (struct frame_row){ .frame = frame, .is_unknown = true };
	return hashmap_put(&merge->frames, frame, merge->frame_count++);
}

static int note_frames(struct merge *merge)
{
	struct row_reader rows = merge->stacks.reader;
	uint64_t index;
	int err = 0;

	while (!err && row_is_left(&rows)) {
		uint64_t stack = row_get_u64(&rows);
		size_t length = row_get_length(&rows, sizeof(uint64_t));
		bool is_counted = hashmap_get(&merge->counts, stack, &index);

		if (length > CALL_TREE_DEPTH_MAX)
			return -EPROTO;
		for (size_t i = 0; !err && i < length; i++) {
			uint64_t frame = row_get_u64(&rows);

			err = is_counted ? note_frame(merge, frame) : 0;
		}
	}
	return !err && rows.is_broken ? -EPROTO : err;
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
	struct frame_row row = { .frame = row_get_u64(rows) };
	uint64_t index;

	row.name = keep_text(merge, rows);
	row.kind = row_get_u8(rows);
	row.file = keep_text(merge, rows);
	row.line = row_get_u32(rows);
	row.module = keep_text(merge, rows);
	if (merge->texts.is_out_of_memory)
		return -ENOMEM;
	if (row.kind >= FRAME_KIND_COUNT)
		return -EPROTO;
	/* All of a day were asked for. */
	if (hashmap_get(&merge->frames, row.frame, &index))
		merge->list[index] = row;
	return 0;
}

static int read_frames(struct merge *merge)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	CLEANUP(cleanup_question) struct question question = { 0 };
	bool is_listed = merge->frame_count && merge->frame_count <= LISTED_MAX;
	int err = begin(&question,
			"SELECT frame, any(name), any(kind), any(file), any(line), any(module)"
			" FROM frames WHERE day GLOBAL IN (");

	if (err < 0)
		return err;
	write_places(merge->selector, "day", question.out);
	(void)fputc(')', question.out);
	for (size_t i = 0; is_listed && i < merge->frame_count; i++)
		(void)fprintf(question.out, "%s%" PRIu64, i ? "," : " AND frame IN (",
			      merge->list[i].frame);
	(void)fprintf(question.out, "%s GROUP BY frame", is_listed ? ")" : "");
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
	if (!hashmap_get(&merge->frames, number, &index) || merge->list[index].is_unknown)
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
	err = call_tree_add(merge->tree, merge->path, length, merge->sums[index].sum);
	merge->sums[index].sum = 0;
	return err;
}

static int count_stacks(struct merge *merge)
{
	struct row_reader *rows = &merge->stacks.reader;
	int err = 0;

	while (!err && row_is_left(rows))
		err = count_stack(merge, rows);
	for (size_t i = 0; !err && i < merge->count; i++)
		err = call_tree_add(merge->tree, &unknown_stack, 1, merge->sums[i].sum);
	return !err && rows->is_broken ? -EPROTO : err;
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
		err = read_stacks(&merge);
	if (!err)
		err = note_frames(&merge);
	if (!err)
		err = read_frames(&merge);
	return err < 0 ? err : count_stacks(&merge);
}
