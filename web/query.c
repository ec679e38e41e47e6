/* SPDX-License-Identifier: Apache-2.0 */
#include "web/query.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "flamegraph/text.h"
#include "web/answer.h"
#include "web/selection.h"

#define STEP_S     60
/* Of a point as text there are some 100 bytes. */
#define POINTS_MAX 1000000
#define VALUES_MAX 200000

static int read_selection(struct selection *selection, const struct http_request *request)
{
	return selection_read(selection, request, clock_ns(CLOCK_REALTIME) / NS_PER_SECOND + 1);
}

/* Points, as they are written: there may be hundreds of thousands. */
struct points {
	FILE *out;
	size_t count;
	bool joins_states;
	struct store_point last; /* which may go on, in another state; value and unit are these: */
	char value[STORE_VALUE_MAX + 1], unit[STORE_NAME_MAX + 1];
	bool has_last;
};

static void write_last(struct points *points)
{
	const struct store_point *point = &points->last;

	if (!points->has_last)
		return;
	(void)fprintf(points->out, "%s{\"at\":%" PRIu64 ",\"value\":", points->count ? ",\n" : "",
		      point->at_s);
	text_put_json(points->out, points->value);
	(void)fputs(",\"state\":", points->out);
	text_put_json(points->out, points->joins_states ? "" : point->state);
	(void)fputs(",\"unit\":", points->out);
	text_put_json(points->out, points->unit);
	(void)fprintf(points->out, ",\"count\":\"%" PRIu64 "\"}", point->count);
	points->count++;
	points->has_last = false;
}

static bool goes_on(const struct points *points, const struct store_point *point)
{
	return points->joins_states && points->has_last && points->last.at_s == point->at_s &&
	       strcmp(points->value, point->value) == 0 && strcmp(points->unit, point->unit) == 0;
}

/* A store_point_handler. */
static int add_point(void *context, const struct store_point *point)
{
	struct points *points = context;

	if (goes_on(points, point))
		return __builtin_add_overflow(points->last.count, point->count, &points->last.count)
			       ? -EOVERFLOW
			       : 0;
	write_last(points);
	if (points->count == POINTS_MAX)
		return -E2BIG;
	points->last = *point;
	points->has_last = true;
	(void)snprintf(points->value, sizeof(points->value), "%s", point->value);
	(void)snprintf(points->unit, sizeof(points->unit), "%s", point->unit);
	/* What it points to is the store's, and gone with the next one. */
	if (!points->joins_states)
		write_last(points);
	return ferror(points->out) ? -ENOMEM : 0;
}

static int write_series(struct store *store, const struct selection *selection, uint64_t step_s,
			const char *by, bool joins_states, FILE *out)
{
	struct points points = { .out = out, .joins_states = joins_states };
	int err;

	(void)fprintf(out, "{\"step\":%" PRIu64 ",\"points\":[", step_s);
	err = store_series(store, &selection->selector, step_s, by, add_point, &points);
	write_last(&points);
	(void)fputs("]}\n", out);
	return err;
}

void query_series(struct store *store, const struct http_request *request, struct http_answer *ret)
{
	struct selection_option options[] = { { "step", NULL },
					      { "by", NULL },
					      { "states", NULL } };
	struct selection selection = { .options = options, .option_count = 3, .answer = ret };
	uint64_t step_s = STEP_S;
	FILE *out;
	int err;

	if (read_selection(&selection, request) < 0)
		return;
	if (options[0].value && (selection_time(options[0].value, &step_s) < 0 || !step_s)) {
		answer_error(ret, MHD_HTTP_BAD_REQUEST, "step is a number of seconds from 1 on");
		return;
	}
	if (options[2].value && strcmp(options[2].value, "0") != 0 &&
	    strcmp(options[2].value, "1") != 0) {
		answer_error(ret, MHD_HTTP_BAD_REQUEST, "states is 0 or 1");
		return;
	}
	out = open_memstream(&ret->body, &ret->size);
	err = out ? write_series(store, &selection, step_s, options[1].value,
				 options[2].value && options[2].value[0] == '0', out)
		  : -ENOMEM;
	if (out && fclose(out) != 0 && !err)
		err = -ENOMEM;
	ret->status = MHD_HTTP_OK;
	ret->type = "application/json";
	if (!err)
		return;
	free(ret->body);
	ret->body = NULL;
	ret->size = 0;
	answer_store_error(ret, err);
}

struct values {
	char **list;
	size_t count, capacity;
};

static void cleanup_values(struct values *values)
{
	for (size_t i = 0; i < values->count; i++)
		free(values->list[i]);
	free(values->list);
}

/* A store_text_handler. */
static int add_value(void *context, const char *text)
{
	struct values *values = context;

	if (values->count == VALUES_MAX)
		return -E2BIG;
	if (values->count == values->capacity) {
		size_t capacity = values->capacity ? 2 * values->capacity : 64;
		char **list = realloc(values->list, capacity * sizeof(*list));

		if (!list)
			return -ENOMEM;
		values->list = list;
		values->capacity = capacity;
	}
	values->list[values->count] = strdup(text);
	if (!values->list[values->count])
		return -ENOMEM;
	values->count++;
	return 0;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One that several days have is one. NULL without memory. */
static cJSON *make_values(const struct values *values)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(json, "values");

	if (values->count)
		qsort(values->list, values->count, sizeof(*values->list), compare_texts);
	for (size_t i = 0; list && i < values->count; i++) {
		cJSON *item;

		if (i && strcmp(values->list[i - 1], values->list[i]) == 0)
			continue;
		item = cJSON_CreateString(values->list[i]);
		if (!item || !cJSON_AddItemToArray(list, item))
			list = NULL;
	}
	if (list)
		return json;
	cJSON_Delete(json);
	return NULL;
}

void query_values(struct store *store, const struct http_request *request, struct http_answer *ret)
{
	struct selection_option options[] = { { "name", NULL } };
	struct selection selection = { .options = options, .option_count = 1, .answer = ret };
	CLEANUP(cleanup_values) struct values values = { 0 };
	int err;

	if (read_selection(&selection, request) < 0)
		return;
	err = store_values(store, &selection.selector, options[0].value, add_value, &values);
	if (err < 0)
		answer_store_error(ret, err);
	else
		answer_json(ret, MHD_HTTP_OK, make_values(&values));
}
