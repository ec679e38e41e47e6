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
#include "web/answer.h"
#include "web/points.h"
#include "web/selection.h"

#define STEP_S     60
#define VALUES_MAX 200000

static int read_selection(struct selection *selection, const struct http_request *request)
{
	return selection_read(selection, request, clock_ns(CLOCK_REALTIME) / NS_PER_SECOND + 1);
}

static int write_series(struct store *store, const struct selection *selection, uint64_t step_s,
			const char *by, bool joins_states, FILE *out)
{
	CLEANUP(points_done) struct points points = { .joins_states = joins_states };
	int err = store_series(store, &selection->selector, step_s, by, points_add, &points);

	if (err < 0)
		return err;
	(void)fprintf(out, "{\"step\":%" PRIu64 ",\"points\":", step_s);
	err = points_write(&points, out);
	(void)fputs("}\n", out);
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

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In their order; one that several days have is one. */
static void unite(struct values *values)
{
	size_t kept = 0;

	if (values->count)
		qsort(values->list, values->count, sizeof(*values->list), compare_texts);
	for (size_t i = 0; i < values->count; i++) {
		if (kept && strcmp(values->list[kept - 1], values->list[i]) == 0)
			free(values->list[i]);
		else
			values->list[kept++] = values->list[i];
	}
	values->count = kept;
}

/* A store_text_handler. */
static int add_value(void *context, const char *text)
{
	struct values *values = context;

	if (values->count == values->capacity)
		unite(values);
	if (values->count >= VALUES_MAX)
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

/* NULL without memory. */
static cJSON *make_values(struct values *values)
{
	cJSON *json = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(json, "values");

	unite(values);
	for (size_t i = 0; list && i < values->count; i++) {
		cJSON *item = cJSON_CreateString(values->list[i]);

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
