/* SPDX-License-Identifier: Apache-2.0 */
/* What clients of Pyroscope send, as they send it: their agents can point here. */
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"
#include "base/push.pb-c.h"
#include "flamegraph/pprof_inflate.h"
#include "flamegraph/pprof_read.h"
#include "web/answer.h"
#include "web/pyroscope_name.h"
#include "web/receive.h"
#include "web/reception.h"
#include "web/selection.h"

/* Of a message, when it came compressed. */
#define MESSAGE_MAX ((size_t)64 << 20)

/* Of the message's parts, beside its bytes: a stranger's two bytes can be a part each. */
#define PARTS_BYTES_FREE ((size_t)16 << 20)
#define PARTS_PER_BYTE   2

/* A message up to that large may be in memory while its profiles wait for the store. */
#define LIGHT_MESSAGE ((size_t)128 << 10)

/* Of one message: an agent sends what a host did in ten seconds or so. */
#define PROFILES_MAX 1000

/* A service and its host, where nobody says which. */
#define UNKNOWN "unknown"

#define ID_SIZE    48
#define HASH_SEEDS 2
#define RATE_LEAST 1
#define RATE_MOST  1000000

struct unnamed {
	char id[ID_SIZE];
};

/* Whoever sends the same again has the same id: of what it is, and all that is said of it. */
static void make_id(const struct store_profile *profile, const uint8_t *bytes, size_t size,
		    struct unnamed *ret)
{
	static const uint64_t seeds[HASH_SEEDS] = { UINT64_C(0x9e3779b97f4a7c15),
						    UINT64_C(0xc2b2ae3d27d4eb4f) };
	uint64_t hashes[HASH_SEEDS];

	for (size_t i = 0; i < HASH_SEEDS; i++) {
		uint64_t hash = hash_bytes_keyed(seeds[i], (const char *)bytes, size);

		hash = hash_u64(hash ^ profile->from_s) ^ profile->until_s;
		hash ^= hash_bytes_keyed(seeds[i], profile->service, strlen(profile->service));
		for (size_t at = 0; at < profile->label_count; at++) {
			const struct store_label *label = &profile->labels[at];

			hash = hash_u64(hash ^ hash_bytes_keyed(seeds[i], label->name,
								strlen(label->name)));
			hash = hash_u64(hash ^ hash_bytes_keyed(seeds[i], label->value,
								strlen(label->value)));
		}
		hashes[i] = hash;
	}
	(void)snprintf(ret->id, sizeof(ret->id), "h-%016" PRIx64 "%016" PRIx64, hashes[0],
		       hashes[1]);
}

static bool is_host(const char *name)
{
	static const char *const names[] = { "hostname", "host", "instance", "node" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* Service and host have places of their own; what begins with "__" is between them. */
static int take_label(struct reception *reception, const char *name, const char *value)
{
	struct store_profile *profile = &reception->profile;
	const char *own = name;

	if (strcmp(name, "service_name") == 0 && *value) {
		profile->service = value;
		return 0;
	}
	if (is_host(name) && *value && !profile->host) {
		profile->host = value;
		return 0;
	}
	if (strcmp(name, "__name__") == 0 && strcmp(value, "process_cpu") == 0)
		profile->kind = "on-cpu";
	else if (strcmp(name, "__name__") == 0)
		profile->kind = strcmp(value, "off_cpu") == 0 ? "off-cpu" : value;
	/* As Prometheus does it, where a name is taken. */
	if (strcmp(name, "host") == 0)
		own = "exported_host";
	else if (strcmp(name, "service") == 0)
		own = "exported_service";
	else if (strcmp(name, "kind") == 0)
		own = "exported_kind";
	return strncmp(name, "__", 2) == 0 ? 0 : reception_add_label(reception, own, value);
}

static void complete(struct reception *reception, const uint8_t *bytes, size_t size,
		     struct unnamed *unnamed)
{
	struct store_profile *profile = &reception->profile;

	if (!profile->service)
		profile->service = UNKNOWN;
	if (!profile->host)
		profile->host = UNKNOWN;
	if (profile->id && *profile->id)
		return;
	make_id(profile, bytes, size, unnamed);
	profile->id = unnamed->id;
}

/* --- POST /push.v1.PusherService/Push --- */

static int put_series(struct store *store, const struct receive_limits *limits,
		      const Push__V1__RawProfileSeries *series, struct http_answer *answer)
{
	struct reception reception;
	int err = 0;

	reception_init(&reception, limits, answer);
	for (size_t i = 0; !err && i < series->n_labels; i++)
		err = take_label(&reception, series->labels[i]->name, series->labels[i]->value);
	for (size_t i = 0; !err && i < series->n_samples; i++) {
		const Push__V1__RawSample *sample = series->samples[i];
		struct unnamed unnamed;
		bool is_new;

		reception.profile.id = sample->id;
		reception.profile.from_s = reception.profile.until_s = 0;
		complete(&reception, sample->raw_profile.data, sample->raw_profile.len, &unnamed);
		err = reception_put_pprof(&reception, store, sample->raw_profile.data,
					  sample->raw_profile.len, &is_new);
		if (!err)
			http_answer_count(answer, is_new);
	}
	return err;
}

/* What the parts of a message may take. */
struct budget {
	size_t left;
};

static void *take_of_budget(void *context, size_t size)
{
	struct budget *budget = context;

	if (size > budget->left)
		return NULL;
	budget->left -= size;
	return malloc(size);
}

static void free_of_budget(void *context, void *bytes)
{
	(void)context;
	free(bytes);
}

static void cleanup_push(Push__V1__PushRequest **push)
{
	if (*push)
		push__v1__push_request__free_unpacked(*push, NULL);
}

static Push__V1__PushRequest *unpack(const uint8_t *message, size_t size)
{
	struct budget budget = { PARTS_BYTES_FREE + PARTS_PER_BYTE * size };
	ProtobufCAllocator allocator = { take_of_budget, free_of_budget, &budget };

	return push__v1__push_request__unpack(&allocator, size, message);
}

static bool has_type(const struct http_request *request, const char *type)
{
	const char *header = http_request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);

	return header && strncasecmp(header, type, strlen(type)) == 0;
}

/* The message as it was before it was compressed, if it was. 0, or -errno after an answer. */
static int read_message(const struct http_request *request, struct http_answer *answer,
			uint8_t **ret, size_t *ret_size)
{
	struct pprof_reason reason = { "it is empty" };
	CLEANUP(cleanup_file) FILE *in = NULL;
	size_t size;
	const uint8_t *body = http_request_body(request, &size);
	int err = -EBADMSG;

	if (size) {
		in = fmemopen((void *)body, size, "r");
		err = in ? pprof_inflate(in, MESSAGE_MAX, &reason, ret, ret_size) : -ENOMEM;
	}
	if (err == -ENOMEM)
		answer_store_error(answer, err);
	else if (err < 0)
		answer_error(answer, MHD_HTTP_BAD_REQUEST, "the message cannot be read: %s",
			     reason.text);
	return err;
}

/* Puts what the message has. 0, or -errno after an answer. */
static int put_message(struct store *store, const struct receive_limits *limits,
		       const uint8_t *message, size_t size, bool *is_behind,
		       struct http_answer *answer)
{
	CLEANUP(cleanup_push) Push__V1__PushRequest *push = unpack(message, size);
	size_t count = 0;
	int err = 0;

	if (!push) {
		answer_error(answer, MHD_HTTP_BAD_REQUEST, "the body is no push.v1.PushRequest");
		return -EBADMSG;
	}
	for (size_t i = 0; i < push->n_series; i++)
		count += push->series[i]->n_samples;
	if (count > PROFILES_MAX) {
		answer_error(answer, MHD_HTTP_CONTENT_TOO_LARGE, "more than %d profiles at once",
			     PROFILES_MAX);
		return -E2BIG;
	}
	if (size <= LIGHT_MESSAGE) {
		gate_leave(limits->messages);
		*is_behind = false;
	}
	for (size_t i = 0; !err && i < push->n_series; i++)
		err = put_series(store, limits, push->series[i], answer);
	return err;
}

void receive_push(struct store *store, const struct receive_limits *limits,
		  const struct http_request *request, struct http_answer *ret)
{
	CLEANUP(cleanup_free) uint8_t *message = NULL;
	bool is_behind = true;
	size_t size;
	int err;

	if (!has_type(request, "application/proto") &&
	    !has_type(request, "application/x-protobuf")) {
		answer_error(ret, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			     "the push service takes application/proto");
		return;
	}
	gate_enter(limits->messages);
	err = read_message(request, ret, &message, &size);
	if (!err)
		err = put_message(store, limits, message, size, &is_behind, ret);
	if (is_behind)
		gate_leave(limits->messages);
	if (err < 0)
		return;
	/* A PushResponse has nothing in it. */
	ret->status = MHD_HTTP_OK;
	ret->type = "application/proto";
}

/* --- POST /ingest --- */

struct ingest {
	const char *name, *format, *units;
	uint64_t from_s, until_s, rate;
	struct http_answer *answer;
};

static int wrong_number(const struct ingest *ingest, const char *name)
{
	answer_error(ingest->answer, MHD_HTTP_BAD_REQUEST, "the number of '%.32s' is none", name);
	return -EINVAL;
}

/* An http_parameter_handler; what it does not know is its client's own. */
static int take_ingest(void *context, const char *name, const char *value)
{
	struct ingest *ingest = context;

	if (strcmp(name, "name") == 0)
		ingest->name = value;
	else if (strcmp(name, "format") == 0)
		ingest->format = value;
	else if (strcmp(name, "units") == 0)
		ingest->units = value;
	else if (strcmp(name, "from") == 0 && selection_time(value, &ingest->from_s) < 0)
		return wrong_number(ingest, name);
	else if (strcmp(name, "until") == 0 && selection_time(value, &ingest->until_s) < 0)
		return wrong_number(ingest, name);
	else if (strcmp(name, "sampleRate") == 0 &&
		 (selection_time(value, &ingest->rate) < 0 || ingest->rate < RATE_LEAST ||
		  ingest->rate > RATE_MOST))
		return wrong_number(ingest, name);
	return 0;
}

/* What the counts of folded stacks are, and how to make nanoseconds of them, if they are times. */
static struct reception_folded counts_of(const struct ingest *ingest, const char *kind)
{
	const char *units = ingest->units ? ingest->units : "samples";

	if (strcmp(units, "microseconds") == 0)
		return (struct reception_folded){ "nanoseconds", 1000 };
	if (strcmp(units, "nanoseconds") == 0)
		return (struct reception_folded){ "nanoseconds", 1 };
	/* Samples of time: each is worth what is between two of them. */
	if (strcmp(units, "samples") == 0 && kind && strcmp(kind, "on-cpu") == 0)
		return (struct reception_folded){ "nanoseconds", NS_PER_SECOND / ingest->rate };
	return (struct reception_folded){ units, 1 };
}

struct profile_field {
	struct reception *reception;
	struct store *store;
	struct unnamed unnamed;
	bool is_new, is_there;
};

/* An http_form_handler. */
static int take_profile_field(void *context, const char *name, const uint8_t *bytes, size_t size)
{
	struct profile_field *field = context;

	if (strcmp(name, "profile") != 0)
		return 0;
	if (field->is_there)
		return reception_wrong(field->reception, "a form has two fields", name);
	field->is_there = true;
	complete(field->reception, bytes, size, &field->unnamed);
	return reception_put_pprof(field->reception, field->store, bytes, size, &field->is_new);
}

static int put_form(struct reception *reception, struct store *store,
		    const struct http_request *request, bool *ret_is_new)
{
	struct profile_field field = { .reception = reception, .store = store };
	int err = http_request_form(request, take_profile_field, &field);

	*ret_is_new = field.is_new;
	if (!err && field.is_there)
		return 0;
	/* What was wrong with the profile has been answered. */
	if (reception->answer->status)
		return err;
	if (err == -ENOMEM)
		answer_store_error(reception->answer, err);
	else
		answer_error(reception->answer, MHD_HTTP_BAD_REQUEST, "%s",
			     err < 0 ? "the form cannot be read to its end"
				     : "the form has no field 'profile'");
	return err < 0 ? err : -EINVAL;
}

static int put_ingested(struct reception *reception, struct store *store,
			const struct ingest *ingest, const struct http_request *request,
			bool *ret_is_new)
{
	const char *format = ingest->format ? ingest->format : "folded";
	struct reception_folded counts;
	struct unnamed unnamed;
	size_t size;
	const uint8_t *body = http_request_body(request, &size);

	if (has_type(request, "multipart/form-data"))
		return put_form(reception, store, request, ret_is_new);
	if (strcmp(format, "pprof") != 0 && strcmp(format, "folded") != 0 &&
	    strcmp(format, "groups") != 0) {
		answer_error(reception->answer, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			     "the format is one of pprof, folded, groups");
		return -EINVAL;
	}
	complete(reception, body, size, &unnamed);
	if (strcmp(format, "pprof") == 0)
		return reception_put_pprof(reception, store, body, size, ret_is_new);
	if (!reception->profile.kind)
		reception->profile.kind = "on-cpu";
	counts = counts_of(ingest, reception->profile.kind);
	return reception_put_folded(reception, store, body, size, &counts, ret_is_new);
}

/* The name, its labels and times. 0, or -errno after an answer. */
static int describe(struct reception *reception, const struct ingest *ingest,
		    struct pyroscope_name *name)
{
	struct store_profile *profile = &reception->profile;
	int err = ingest->name ? pyroscope_name_parse(ingest->name, name) : -EINVAL;

	if (err == -ENOMEM) {
		answer_store_error(reception->answer, err);
		return err;
	}
	if (err < 0)
		return reception_wrong(reception, "no name of an application",
				       ingest->name ? ingest->name : "");
	profile->kind = pyroscope_name_take_kind(name);
	profile->service = name->application;
	for (size_t i = 0; !err && i < name->label_count; i++)
		err = take_label(reception, name->labels[i].name, name->labels[i].value);
	if (err < 0)
		return err;
	if (ingest->until_s <= ingest->from_s ||
	    ingest->until_s - ingest->from_s > STORE_WINDOW_MAX)
		return reception_wrong(reception, "from and until are no window", "");
	profile->from_s = ingest->from_s;
	profile->until_s = ingest->until_s;
	return 0;
}

void receive_ingest(struct store *store, const struct receive_limits *limits,
		    const struct http_request *request, struct http_answer *ret)
{
	struct ingest ingest = { .rate = 100, .answer = ret };
	CLEANUP(pyroscope_name_done) struct pyroscope_name name = { 0 };
	struct reception reception;
	bool is_new = false;

	reception_init(&reception, limits, ret);
	ret->status = 0;
	if (http_request_parameters(request, take_ingest, &ingest) < 0 ||
	    describe(&reception, &ingest, &name) < 0 ||
	    put_ingested(&reception, store, &ingest, request, &is_new) < 0)
		return;
	http_answer_count(ret, is_new);
	ret->status = MHD_HTTP_OK;
	ret->type = "text/plain; charset=utf-8";
}
