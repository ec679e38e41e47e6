/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The status as JSON, and back: `eprof agent --status` makes its text of what the agent answers.
 * One table has the name of each figure, for both directions.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "agent/agent_status.h"
#include "agent/agent_status_parts.h"
#include "agent/sampler.h"
#include "base/cleanup.h"

enum field_type { FIELD_COUNT, FIELD_LONG, FIELD_DOUBLE };

struct field {
	const char *name;
	size_t offset;
	enum field_type type;
};

#define OF_STATUS(member, type)                                                                    \
	{                                                                                          \
#member, offsetof(struct agent_status, member), type                               \
	}

static const struct field status_fields[] = {
	OF_STATUS(began_unix_s, FIELD_COUNT),
	OF_STATUS(windows, FIELD_COUNT),
	OF_STATUS(windows_failed, FIELD_COUNT),
	OF_STATUS(last_window_unix_s, FIELD_COUNT),
	OF_STATUS(window_s, FIELD_COUNT),
	OF_STATUS(sample_hz, FIELD_COUNT),
	OF_STATUS(asked_hz, FIELD_COUNT),
	OF_STATUS(samples, FIELD_COUNT),
	OF_STATUS(complete_samples, FIELD_COUNT),
	OF_STATUS(off_cpu_ns, FIELD_COUNT),
	OF_STATUS(files_put, FIELD_COUNT),
	OF_STATUS(files_failed, FIELD_COUNT),
	OF_STATUS(cpu_seconds, FIELD_DOUBLE),
	OF_STATUS(uploader_cpu_seconds, FIELD_DOUBLE),
	OF_STATUS(bpf_ns, FIELD_COUNT),
	OF_STATUS(name_seconds, FIELD_DOUBLE),
	OF_STATUS(write_seconds, FIELD_DOUBLE),
	OF_STATUS(rss_bytes, FIELD_COUNT),
	OF_STATUS(uploader_rss_bytes, FIELD_COUNT),
	OF_STATUS(reader_rss_bytes, FIELD_COUNT),
	OF_STATUS(heap_bytes, FIELD_COUNT),
	OF_STATUS(map_bytes, FIELD_COUNT),
	OF_STATUS(table_bytes, FIELD_COUNT),
	OF_STATUS(tables, FIELD_COUNT),
	OF_STATUS(reloads, FIELD_COUNT),
	OF_STATUS(uploader_restarts, FIELD_COUNT),
};

#define OF_SERVICES(member)                                                                        \
	{                                                                                          \
#member, offsetof(struct services_figures, member), FIELD_COUNT                    \
	}

static const struct field services_fields[] = {
	OF_SERVICES(known),
	OF_SERVICES(other_samples),
	OF_SERVICES(excluded_samples),
	OF_SERVICES(without_cgroup),
};

#define OF_SPOOL(member)                                                                           \
	{                                                                                          \
#member, offsetof(struct spool_usage, member), FIELD_COUNT                         \
	}

static const struct field spool_fields[] = {
	OF_SPOOL(files),           OF_SPOOL(bytes),      OF_SPOOL(oldest_unix_s),
	OF_SPOOL(dead_files),      OF_SPOOL(dead_bytes), OF_SPOOL(dropped_for_bytes),
	OF_SPOOL(dropped_for_age),
};

#define OF_UPLOADS(member, type)                                                                   \
	{                                                                                          \
#member, offsetof(struct uploader_figures, member), type                           \
	}

static const struct field uploads_fields[] = {
	OF_UPLOADS(sent, FIELD_COUNT),
	OF_UPLOADS(sent_bytes, FIELD_COUNT),
	OF_UPLOADS(retried, FIELD_COUNT),
	OF_UPLOADS(parked, FIELD_COUNT),
	OF_UPLOADS(latency_ns, FIELD_COUNT),
	OF_UPLOADS(last_sent_unix_s, FIELD_COUNT),
	OF_UPLOADS(next_try_unix_s, FIELD_COUNT),
	OF_UPLOADS(last_status, FIELD_LONG),
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void cleanup_json(cJSON **json)
{
	cJSON_Delete(*json);
}

/* Takes item, which is NULL without memory. */
static bool add(cJSON *object, const char *name, cJSON *item)
{
	if (item && cJSON_AddItemToObject(object, name, item))
		return true;
	cJSON_Delete(item);
	return false;
}

/* cJSON's own numbers are doubles. */
static cJSON *make_count(uint64_t count)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%" PRIu64, count);
	return cJSON_CreateRaw(digits);
}

static bool add_text(cJSON *object, const char *name, const char *text)
{
	CLEANUP(cleanup_free) char *valid = agent_status_utf8(text);

	return add(object, name, valid ? cJSON_CreateString(valid) : NULL);
}

static cJSON *make_field(const struct field *field, const char *figures)
{
	const void *value = figures + field->offset;

	switch (field->type) {
	case FIELD_COUNT:
		return make_count(*(const uint64_t *)value);
	case FIELD_LONG:
		return cJSON_CreateNumber((double)*(const long *)value);
	case FIELD_DOUBLE:
		return cJSON_CreateNumber(*(const double *)value);
	}
	return NULL;
}

static bool add_fields(cJSON *object, const struct field *fields, size_t count, const void *figures)
{
	for (size_t i = 0; i < count; i++) {
		if (!add(object, fields[i].name, make_field(&fields[i], figures)))
			return false;
	}
	return true;
}

static bool add_object(cJSON *parent, const char *name, const struct field *fields, size_t count,
		       const void *figures)
{
	cJSON *object = cJSON_AddObjectToObject(parent, name);

	return object && add_fields(object, fields, count, figures);
}

static bool add_counters(cJSON *parent, const struct agent_status *status)
{
	struct status_loss losses[STATUS_LOSSES_MAX];
	size_t count = agent_status_losses(status, losses);
	cJSON *lost = cJSON_AddObjectToObject(parent, "lost");
	cJSON *events = cJSON_AddObjectToObject(parent, "events");

	if (!lost || !events)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!add(lost, losses[i].name, make_count(losses[i].count)))
			return false;
	}
	for (enum counter i = 0; i < COUNTER_COUNT; i++) {
		if (!counter_is_loss(i) &&
		    !add(events, counter_name(i), make_count(status->counters[i])))
			return false;
	}
	return true;
}

static bool add_uploads(cJSON *target, const struct uploader_figures *figures)
{
	cJSON *uploads = cJSON_AddObjectToObject(target, "uploads"), *buckets;

	if (!uploads || !add_fields(uploads, uploads_fields, COUNT_OF(uploads_fields), figures) ||
	    !add_text(uploads, "last_error", figures->last_error))
		return false;
	buckets = cJSON_AddArrayToObject(uploads, "latency_buckets");
	for (size_t i = 0; buckets && i < COUNT_OF(figures->latency_buckets); i++) {
		cJSON *count = make_count(figures->latency_buckets[i]);

		if (!count || !cJSON_AddItemToArray(buckets, count))
			return false;
	}
	return buckets != NULL;
}

static bool add_targets(cJSON *parent, const struct agent_status *status)
{
	cJSON *targets = cJSON_AddArrayToObject(parent, "targets");

	for (size_t i = 0; targets && i < status->target_count; i++) {
		const struct agent_target_status *each = &status->targets[i];
		CLEANUP(cleanup_free) char *url = agent_status_public_url(each->url);
		cJSON *target = cJSON_CreateObject();

		if (!target || !cJSON_AddItemToArray(targets, target))
			return false;
		if (!url || !add_text(target, "name", each->name) || !add_text(target, "url", url))
			return false;
		if (!add_object(target, "spool", spool_fields, COUNT_OF(spool_fields),
				&each->spool) ||
		    !add_uploads(target, &each->uploads))
			return false;
	}
	return targets != NULL;
}

char *agent_status_to_json(const struct agent_status *status)
{
	CLEANUP(cleanup_json) cJSON *document = cJSON_CreateObject();
	CLEANUP(cleanup_free) char *printed = NULL;
	char *text;

	if (!document || !add_text(document, "version", EPROF_VERSION) ||
	    !add_fields(document, status_fields, COUNT_OF(status_fields), status) ||
	    !add_object(document, "services", services_fields, COUNT_OF(services_fields),
			&status->services) ||
	    !add_counters(document, status) || !add_targets(document, status))
		return NULL;
	printed = cJSON_Print(document);
	return printed && asprintf(&text, "%s\n", printed) >= 0 ? text : NULL;
}

int agent_status_put_json(const struct agent_status *status, FILE *out)
{
	CLEANUP(cleanup_free) char *text = agent_status_to_json(status);

	if (!text)
		return -ENOMEM;
	return fputs(text, out) < 0 ? -EIO : 0;
}

/* What is no number, or none that fits, is as near as can be. */
static uint64_t count_of(const cJSON *item)
{
	double value = cJSON_IsNumber(item) ? item->valuedouble : 0;

	if (!(value > 0))
		return 0;
	return value >= 0x1p64 ? UINT64_MAX : (uint64_t)value;
}

static long long_of(const cJSON *item)
{
	return cJSON_IsNumber(item) ? (long)item->valueint : 0;
}

static double double_of(const cJSON *item)
{
	return cJSON_IsNumber(item) && isfinite(item->valuedouble) ? item->valuedouble : 0;
}

static void get_fields(const cJSON *object, const struct field *fields, size_t count, void *figures)
{
	for (size_t i = 0; i < count; i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, fields[i].name);
		void *value = (char *)figures + fields[i].offset;

		if (fields[i].type == FIELD_COUNT)
			*(uint64_t *)value = count_of(item);
		else if (fields[i].type == FIELD_LONG)
			*(long *)value = long_of(item);
		else
			*(double *)value = double_of(item);
	}
}

static const char *text_of(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text ? text : "";
}

static void get_target(const cJSON *target, struct agent_target_status *ret)
{
	const cJSON *uploads = cJSON_GetObjectItemCaseSensitive(target, "uploads");
	const cJSON *buckets = cJSON_GetObjectItemCaseSensitive(uploads, "latency_buckets");

	ret->name = text_of(target, "name");
	ret->url = text_of(target, "url");
	get_fields(cJSON_GetObjectItemCaseSensitive(target, "spool"), spool_fields,
		   COUNT_OF(spool_fields), &ret->spool);
	get_fields(uploads, uploads_fields, COUNT_OF(uploads_fields), &ret->uploads);
	for (size_t i = 0; i < COUNT_OF(ret->uploads.latency_buckets); i++)
		ret->uploads.latency_buckets[i] = count_of(cJSON_GetArrayItem(buckets, (int)i));
	(void)snprintf(ret->uploads.last_error, sizeof(ret->uploads.last_error), "%s",
		       text_of(uploads, "last_error"));
}

int agent_status_from_json(const cJSON *document, struct agent_status *ret)
{
	const cJSON *lost = cJSON_GetObjectItemCaseSensitive(document, "lost");
	const cJSON *events = cJSON_GetObjectItemCaseSensitive(document, "events");
	const cJSON *target;

	if (!cJSON_IsObject(document) || !cJSON_GetObjectItemCaseSensitive(document, "windows"))
		return -EINVAL;
	*ret = (struct agent_status){ 0 };
	get_fields(document, status_fields, COUNT_OF(status_fields), ret);
	get_fields(cJSON_GetObjectItemCaseSensitive(document, "services"), services_fields,
		   COUNT_OF(services_fields), &ret->services);
	for (enum counter i = 0; i < COUNTER_COUNT; i++)
		ret->counters[i] = count_of(cJSON_GetObjectItemCaseSensitive(
			counter_is_loss(i) ? lost : events, counter_name(i)));
	ret->follower_lost = count_of(cJSON_GetObjectItemCaseSensitive(lost, "process_records"));
	ret->cgroups_lost = count_of(cJSON_GetObjectItemCaseSensitive(lost, "cgroup_paths"));
	cJSON_ArrayForEach(target, cJSON_GetObjectItemCaseSensitive(document, "targets"))
	{
		if (ret->target_count == AGENT_TARGETS_MAX)
			break;
		get_target(target, &ret->targets[ret->target_count++]);
	}
	return 0;
}
