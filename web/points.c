/* SPDX-License-Identifier: Apache-2.0 */
#include "web/points.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "flamegraph/text.h"

/* Of a point as text there are some 100 bytes. */
#define POINTS_MAX 1000000

struct points_row {
	uint64_t at_s, count;
	uint32_t value, state, unit; /* of texts */
};

void points_done(struct points *points)
{
	for (size_t i = 0; i < points->text_count; i++)
		free(points->texts[i]);
	free(points->texts);
	free(points->rows);
	hashmap_done(&points->by_hash);
	*points = (struct points){ 0 };
}

static int keep_text(struct points *points, const char *text, uint32_t *ret)
{
	uint64_t hash, index;
	char **texts;

	if (!points->seed)
		points->seed = hash_seed();
	hash = hash_bytes_keyed(points->seed, text, strlen(text));
	if (hashmap_get(&points->by_hash, hash, &index) &&
	    strcmp(points->texts[index], text) == 0) {
		*ret = (uint32_t)index;
		return 0;
	}
	texts = array_reserve(points->texts, points->text_count, &points->text_capacity,
			      sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	points->texts = texts;
	texts[points->text_count] = strdup(text);
	if (!texts[points->text_count])
		return -ENOMEM;
	*ret = (uint32_t)points->text_count++;
	return hashmap_put(&points->by_hash, hash, *ret);
}

static int compare_texts(const struct points *points, uint32_t a, uint32_t b)
{
	return a == b ? 0 : strcmp(points->texts[a], points->texts[b]);
}

static int compare_rows(const void *a, const void *b, void *context)
{
	const struct points_row *left = a, *right = b;
	const struct points *points = context;
	int order = (left->at_s > right->at_s) - (left->at_s < right->at_s);

	if (!order)
		order = compare_texts(points, left->value, right->value);
	if (!order)
		order = compare_texts(points, left->state, right->state);
	return order ? order : compare_texts(points, left->unit, right->unit);
}

/* In their order, and those that are the same are one. */
static int unite(struct points *points)
{
	size_t kept = 0;

	if (points->count)
		qsort_r(points->rows, points->count, sizeof(*points->rows), compare_rows, points);
	for (size_t i = 0; i < points->count; i++) {
		const struct points_row *row = &points->rows[i];

		if (!kept || compare_rows(&points->rows[kept - 1], row, points) != 0)
			points->rows[kept++] = *row;
		else if (__builtin_add_overflow(points->rows[kept - 1].count, row->count,
						&points->rows[kept - 1].count))
			return -EOVERFLOW;
	}
	points->count = kept;
	return 0;
}

/* Room for one more. What several days or engines' rows have together is one point. */
static int make_room(struct points *points)
{
	struct points_row *rows;
	int err;

	if (points->count < points->capacity)
		return 0;
	err = unite(points);
	if (!err && points->count >= POINTS_MAX)
		err = -E2BIG;
	if (err < 0 || points->count < points->capacity / 2)
		return err;
	rows = array_reserve(points->rows, points->capacity, &points->capacity, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	points->rows = rows;
	return 0;
}

int points_add(void *context, const struct store_point *point)
{
	struct points *points = context;
	struct points_row row = { .at_s = point->at_s, .count = point->count };
	int err = keep_text(points, point->value, &row.value);

	if (!err)
		err = keep_text(points, points->joins_states ? "" : point->state, &row.state);
	if (!err)
		err = keep_text(points, point->unit, &row.unit);
	if (!err)
		err = make_room(points);
	if (!err)
		points->rows[points->count++] = row;
	return err;
}

int points_write(struct points *points, FILE *out)
{
	int err = unite(points);

	(void)fputc('[', out);
	for (size_t i = 0; !err && i < points->count; i++) {
		const struct points_row *row = &points->rows[i];

		(void)fprintf(out, "%s{\"at\":%" PRIu64 ",\"value\":", i ? ",\n" : "", row->at_s);
		text_put_json(out, points->texts[row->value]);
		(void)fputs(",\"state\":", out);
		text_put_json(out, points->texts[row->state]);
		(void)fputs(",\"unit\":", out);
		text_put_json(out, points->texts[row->unit]);
		(void)fprintf(out, ",\"count\":\"%" PRIu64 "\"}", row->count);
	}
	(void)fputc(']', out);
	return err;
}
