/* SPDX-License-Identifier: Apache-2.0 */
#include "web/query.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "web/answer.h"
#include "web/merged_file.h"
#include "web/selection.h"

#define STEP_S       60
#define POINTS_MAX   200000
#define COUNTER_SIZE 24

static int read_selection(struct selection *selection, const struct http_request *request)
{
	return selection_read(selection, request, clock_ns(CLOCK_REALTIME) / NS_PER_SECOND + 1);
}

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

/* What was merged becomes a file in memory, and the answer's body. */
static void answer_file(struct http_answer *ret, const struct merged_format *format,
			const struct merged_file *file)
{
	FILE *out = open_memstream(&ret->body, &ret->size);
	int err = out ? merged_file_write(file, format, out) : -ENOMEM;

	if (out && fclose(out) != 0 && !err)
		err = -ENOMEM;
	if (!err) {
		ret->status = MHD_HTTP_OK;
		ret->type = format->type;
		return;
	}
	free(ret->body);
	ret->body = NULL;
	answer_store_error(ret, err);
}

void query_merge(struct store *store, const struct http_request *request, struct http_answer *ret)
{
	struct selection_option options[] = { { "format", NULL } };
	struct selection selection = { .options = options, .option_count = 1, .answer = ret };
	CLEANUP(cleanup_tree) struct call_tree *tree = NULL;
	const struct merged_format *format;
	struct store_merged merged;
	int err;

	if (read_selection(&selection, request) < 0)
		return;
	format = merged_format_find(options[0].value ? options[0].value : "svg");
	if (!format || !selection.selector.kind) {
		answer_error(ret, MHD_HTTP_BAD_REQUEST, "%s",
			     format ? "a parameter is missing: 'kind'"
				    : "the format is one of svg, folded, pprof, html");
		return;
	}
	err = call_tree_new(&tree);
	if (!err)
		err = store_merge(store, &selection.selector, tree, &merged);
	if (err < 0) {
		answer_store_error(ret, err);
	} else if (!merged.profiles) {
		answer_error(ret, MHD_HTTP_NOT_FOUND, "no profile was kept of what is selected");
	} else {
		const struct merged_file file = { &tree, selection.selector.kind, &merged };

		answer_file(ret, format, &file);
	}
}

struct points {
	cJSON *list;
	size_t count;
};

/* A store_point_handler. */
static int add_point(void *context, const struct store_point *point)
{
	struct points *points = context;
	cJSON *json;
	char count[COUNTER_SIZE];

	if (points->count++ == POINTS_MAX)
		return -E2BIG;
	json = cJSON_CreateObject();
	(void)snprintf(count, sizeof(count), "%" PRIu64, point->count);
	if (!json || !cJSON_AddNumberToObject(json, "at", (double)point->at_s) ||
	    !cJSON_AddStringToObject(json, "value", point->value) ||
	    !cJSON_AddStringToObject(json, "state", point->state) ||
	    !cJSON_AddStringToObject(json, "unit", point->unit) ||
	    !cJSON_AddStringToObject(json, "count", count)) {
		cJSON_Delete(json);
		return -ENOMEM;
	}
	(void)cJSON_AddItemToArray(points->list, json);
	return 0;
}

void query_series(struct store *store, const struct http_request *request, struct http_answer *ret)
{
	struct selection_option options[] = { { "step", NULL }, { "by", NULL } };
	struct selection selection = { .options = options, .option_count = 2, .answer = ret };
	cJSON *json;
	struct points points = { 0 };
	uint64_t step_s = STEP_S;
	int err;

	if (read_selection(&selection, request) < 0)
		return;
	if (options[0].value && (selection_time(options[0].value, &step_s) < 0 || !step_s)) {
		answer_error(ret, MHD_HTTP_BAD_REQUEST, "step is a number of seconds from 1 on");
		return;
	}
	json = cJSON_CreateObject();
	points.list = cJSON_AddArrayToObject(json, "points");
	err = points.list && cJSON_AddNumberToObject(json, "step", (double)step_s) ? 0 : -ENOMEM;
	if (!err)
		err = store_series(store, &selection.selector, step_s, options[1].value, add_point,
				   &points);
	if (!err) {
		answer_json(ret, MHD_HTTP_OK, json);
		return;
	}
	cJSON_Delete(json);
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

	if (values->count == POINTS_MAX)
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
