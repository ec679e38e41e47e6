/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/stats_json.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "agent/ledger_json.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define NS_PER_US   1000u
#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* An object being filled. The first failure (there is one: no memory) makes the rest do nothing. */
struct object {
	cJSON *json;
	bool failed;
};

static void cleanup_json(cJSON **json)
{
	cJSON_Delete(*json);
}

/* Length of the well-formed UTF-8 sequence that text starts with (RFC 3629), or 0. */
static size_t utf8_length(const unsigned char *text)
{
	unsigned char min = 0x80, max = 0xbf;
	size_t length;

	if (text[0] < 0x80)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	length = text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	/* The second byte tells over-long forms, surrogates and what is above U+10FFFF. */
	if (text[0] == 0xe0)
		min = 0xa0;
	else if (text[0] == 0xed)
		max = 0x9f;
	else if (text[0] == 0xf0)
		min = 0x90;
	else if (text[0] == 0xf4)
		max = 0x8f;
	if (text[1] < min || text[1] > max)
		return 0;
	for (size_t i = 2; i < length; i++) {
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	}
	return length;
}

/* A copy in which every byte that belongs to no character is U+FFFD; the caller frees it. */
static char *to_utf8(const char *text)
{
	char *copy = malloc(strlen(text) * strlen(REPLACEMENT) + 1), *to = copy;

	if (!copy)
		return NULL;
	while (*text) {
		size_t length = utf8_length((const unsigned char *)text);

		if (length == 0) {
			to = stpcpy(to, REPLACEMENT);
			text++;
			continue;
		}
		memcpy(to, text, length);
		to += length;
		text += length;
	}
	*to = '\0';
	return copy;
}

/* Takes ownership of item, which is NULL when there was no memory for it. */
static void add_item(struct object *object, const char *name, cJSON *item)
{
	CLEANUP(cleanup_free) char *key = to_utf8(name);

	if (object->failed || !key || !item || !cJSON_AddItemToObject(object->json, key, item)) {
		cJSON_Delete(item);
		object->failed = true;
	}
}

static void add_text(struct object *object, const char *name, const char *text)
{
	CLEANUP(cleanup_free) char *copy = text ? to_utf8(text) : NULL;

	if (!text)
		add_item(object, name, cJSON_CreateNull());
	else
		add_item(object, name, copy ? cJSON_CreateString(copy) : NULL);
}

/* cJSON's own numbers are doubles. */
static void add_count(struct object *object, const char *name, uint64_t count)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%" PRIu64, count);
	add_item(object, name, cJSON_CreateRaw(digits));
}

/* Infinity and NaN have no JSON form: cJSON writes null. */
static void add_double(struct object *object, const char *name, double value)
{
	add_item(object, name, cJSON_CreateNumber(value));
}

static void add_counts(struct object *object, const char *name, const struct named_count *counts,
		       size_t n)
{
	struct object inner = { .json = cJSON_CreateObject() };

	inner.failed = !inner.json;
	for (size_t i = 0; i < n; i++)
		add_count(&inner, counts[i].name, counts[i].count);
	object->failed |= inner.failed;
	add_item(object, name, inner.json);
}

/* RFC 3339, UTC, whole seconds: for people. */
static void add_time(struct object *object, const char *name, uint64_t unix_ns)
{
	time_t seconds = (time_t)(unix_ns / NS_PER_SECOND);
	struct tm tm;
	char text[32];

	if (!gmtime_r(&seconds, &tm) ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		add_text(object, name, NULL);
	else
		add_text(object, name, text);
}

static void add_tool(struct object *object, const struct recording_stats *stats)
{
	struct object tool = { .json = cJSON_CreateObject() };

	tool.failed = !tool.json;
	add_double(&tool, "cpu_seconds", stats->tool_cpu_seconds);
	add_count(&tool, "peak_rss_bytes", stats->tool_peak_rss_bytes);
	if (stats->has_bpf_time) {
		add_double(&tool, "bpf_ns_per_sample", stats->bpf_ns_per_sample);
		add_count(&tool, "bpf_runs", stats->bpf_runs);
	} else {
		add_text(&tool, "bpf_ns_per_sample", NULL);
		add_text(&tool, "bpf_runs", NULL);
	}
	object->failed |= tool.failed;
	add_item(object, "tool", tool.json);
}

static void add_off_cpu(struct object *object, const struct off_cpu_stats *stats)
{
	struct object off = { .json = cJSON_CreateObject() };

	off.failed = !off.json;
	add_count(&off, "microseconds", stats->ns / NS_PER_US);
	add_double(&off, "complete_share",
		   stats->ns ? (double)stats->complete_ns / (double)stats->ns : NAN);
	add_count(&off, "intervals", stats->intervals);
	add_count(&off, "hidden_intervals", stats->hidden_intervals);
	add_count(&off, "hidden_ns", stats->hidden_ns);
	add_count(&off, "sampled_intervals", stats->sampled);
	add_count(&off, "not_sampled_intervals", stats->not_sampled);
	add_count(&off, "preempted_sampled", stats->preempted_sampled);
	add_count(&off, "preempted_not_sampled", stats->preempted_not_sampled);
	add_count(&off, "user_stacks_known", stats->user_known);
	add_count(&off, "user_stacks_walked", stats->user_walked);
	add_count(&off, "kernel_stacks_known", stats->kernel_known);
	add_count(&off, "kernel_stacks_walked", stats->kernel_walked);
	add_text(&off, "tracepoint", stats->tracepoint);
	object->failed |= off.failed;
	add_item(object, "off_cpu", off.json);
}

static cJSON *make_module(const struct stats_module *module)
{
	struct object object = { .json = cJSON_CreateObject() };

	if (!object.json)
		return NULL;
	add_text(&object, "path", module->path);
	add_text(&object, "build_id", module->build_id[0] ? module->build_id : NULL);
	add_text(&object, "symbols", module->symbols);
	add_text(&object, "debug_information", module->debug_information);
	add_text(&object, "error", module->error);
	add_count(&object, "frames", module->frames);
	add_count(&object, "unnamed_frames", module->unnamed_frames);
	if (!object.failed)
		return object.json;
	cJSON_Delete(object.json);
	return NULL;
}

static void add_modules(struct object *object, const struct stats_module *modules, size_t n)
{
	cJSON *list = cJSON_CreateArray();

	for (size_t i = 0; list && i < n; i++) {
		cJSON *item = make_module(&modules[i]);

		if (!cJSON_AddItemToArray(list, item)) {
			cJSON_Delete(item);
			object->failed = true;
			break;
		}
	}
	object->failed |= !list;
	add_item(object, "modules", list);
}

static void add_all(struct object *object, const struct recording_stats *stats)
{
	add_text(object, "version", stats->version);
	add_text(object, "target", stats->target);
	add_text(object, "event", stats->has_on_cpu ? stats->event : NULL);
	if (stats->has_on_cpu)
		add_count(object, "hz", stats->sample_hz);
	else
		add_text(object, "hz", NULL);
	add_count(object, "cpus", stats->cpus);
	add_time(object, "started_at", stats->started_at_unix_ns);
	add_count(object, "started_at_unix_ns", stats->started_at_unix_ns);
	add_double(object, "seconds", stats->seconds);
	add_count(object, "samples", stats->samples);
	add_count(object, "complete_samples", stats->complete_samples);
	add_count(object, "idle_samples", stats->idle_samples);
	add_count(object, "distinct_stacks", stats->distinct_stacks);
	add_count(object, "frames", stats->frames);
	add_count(object, "unnamed_user_frames", stats->unnamed_user_frames);
	add_count(object, "unnamed_kernel_frames", stats->unnamed_kernel_frames);
	if (stats->has_off_cpu)
		add_off_cpu(object, &stats->off_cpu);
	else
		add_text(object, "off_cpu", NULL);
	add_counts(object, "stop_reasons", stats->stop_reasons, stats->stop_reason_count);
	add_counts(object, "losses", stats->losses, stats->loss_count);
	if (stats->unwind_count)
		add_counts(object, "unwind", stats->unwind, stats->unwind_count);
	else
		add_text(object, "unwind", NULL);
	add_counts(object, "names", stats->names, stats->name_count);
	add_modules(object, stats->modules, stats->module_count);
	add_tool(object, stats);
}

/* The object's text, and the ledger as the last of it: that is written piece by piece. */
static int put_with_ledger(const char *text, struct ledger *ledger, FILE *out)
{
	const char *end = strrchr(text, '\n');
	int err;

	assert(end);
	(void)fwrite(text, 1, (size_t)(end - text), out);
	(void)fputs(",\n\t\"ledger\":\t", out);
	err = ledger_json_write(ledger, out);
	(void)fputs(end, out);
	return err;
}

int stats_json_write(const struct recording_stats *stats, FILE *out)
{
	CLEANUP(cleanup_json) cJSON *json = cJSON_CreateObject();
	struct object object = { .json = json, .failed = !json };
	char *text;
	int err = 0;

	assert(stats->stop_reason_count <= STATS_STOP_REASONS_MAX);
	assert(stats->loss_count <= STATS_LOSSES_MAX);
	assert(stats->unwind_count <= STATS_UNWIND_MAX);
	assert(stats->name_count <= STATS_NAMES_MAX);
	add_all(&object, stats);
	if (!stats->ledger)
		add_text(&object, "ledger", NULL);
	if (object.failed)
		return -ENOMEM;
	text = cJSON_Print(json);
	if (!text)
		return -ENOMEM;
	if (stats->ledger)
		err = put_with_ledger(text, stats->ledger, out);
	else
		(void)fputs(text, out);
	cJSON_free(text);
	if (err < 0)
		return err;
	return fputc('\n', out) >= 0 && !ferror(out) ? 0 : -EIO;
}
