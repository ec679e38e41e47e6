/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To Pyroscope: by its push service, which takes pprof, or by the older /ingest, which takes folded
 * stacks as well.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/upload_parts.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/push.pb-c.h"

#define PUSH_PATH "/push.v1.PusherService/Push"

/*
 * A message is made in memory, twice: raw and packed. Pyroscope takes 4 MiB unless it is told
 * otherwise.
 */
#define PUSH_PROFILE_MAX (UINT64_C(16) << 20)

#define UUID_SIZE 37

/* Counts of folded off-CPU stacks are microseconds. */
#define FOLDED_OFF_CPU_HZ 1000000

static void make_name(const char *name, char ret[PYROSCOPE_NAME_SIZE])
{
	size_t at = 0;

	if (isdigit((unsigned char)*name))
		ret[at++] = '_';
	for (; *name && at < PYROSCOPE_NAME_SIZE - 1; name++)
		ret[at++] = (char)(isalnum((unsigned char)*name) ? *name : '_');
	ret[at] = '\0';
}

/* Two of one name are refused there, so that the first one stands. */
static size_t add_label(struct pyroscope_label labels[PYROSCOPE_LABELS_MAX], size_t count,
			const char *name, const char *value)
{
	if (!*value || !*name || count == PYROSCOPE_LABELS_MAX)
		return count;
	make_name(name, labels[count].name);
	labels[count].value = value;
	/* Its own. */
	if (strcmp(labels[count].name, "__name__") == 0)
		return count;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(labels[i].name, labels[count].name) == 0)
			return count;
	}
	return count + 1;
}

size_t upload_pyroscope_labels(const struct profile_file *file,
			       struct pyroscope_label ret[PYROSCOPE_LABELS_MAX])
{
	size_t count = add_label(ret, 0, "service_name", file->service);

	count = add_label(ret, count, "hostname", file->host);
	for (size_t i = 0; i < file->label_count; i++)
		count = add_label(ret, count, file->labels[i].name, file->labels[i].value);
	return count;
}

/* The id as a UUID, of the version that is for whatever one likes (8). */
static int make_uuid(const struct profile_file *file, char ret[UUID_SIZE])
{
	char id[UPLOAD_ID_SIZE];
	int err = upload_id_make(file, id);

	if (err < 0)
		return err;
	(void)snprintf(ret, UUID_SIZE, "%.8s-%.4s-8%.3s-a%.3s-%.12s", id, id + 8, id + 13, id + 17,
		       id + 20);
	return 0;
}

/* Labels with the kind of profile as their first. */
static void fill_labels(const struct profile_file *file,
			struct pyroscope_label labels[PYROSCOPE_LABELS_MAX],
			Push__V1__LabelPair pairs[PYROSCOPE_LABELS_MAX + 1],
			Push__V1__LabelPair *pointers[PYROSCOPE_LABELS_MAX + 1], size_t *ret_count)
{
	size_t count = upload_pyroscope_labels(file, labels);

	for (size_t i = 0; i <= count; i++) {
		push__v1__label_pair__init(&pairs[i]);
		pointers[i] = &pairs[i];
	}
	pairs[0].name = "__name__";
	pairs[0].value = file->kind == PROFILE_ON_CPU ? "process_cpu" : "off_cpu";
	for (size_t i = 0; i < count; i++) {
		pairs[i + 1].name = labels[i].name;
		/* protobuf-c does not write there. */
		pairs[i + 1].value = (char *)labels[i].value;
	}
	*ret_count = count + 1;
}

static int pack(const struct profile_file *file, uint8_t *raw, size_t raw_size, uint8_t **ret,
		size_t *ret_size)
{
	struct pyroscope_label labels[PYROSCOPE_LABELS_MAX];
	Push__V1__LabelPair pairs[PYROSCOPE_LABELS_MAX + 1], *pointers[PYROSCOPE_LABELS_MAX + 1];
	Push__V1__RawSample sample = PUSH__V1__RAW_SAMPLE__INIT, *samples[] = { &sample };
	Push__V1__RawProfileSeries one = PUSH__V1__RAW_PROFILE_SERIES__INIT, *series[] = { &one };
	Push__V1__PushRequest request = PUSH__V1__PUSH_REQUEST__INIT;
	CLEANUP(cleanup_free) uint8_t *bytes = NULL;
	char uuid[UUID_SIZE];
	int err = make_uuid(file, uuid);

	if (err < 0)
		return err;
	fill_labels(file, labels, pairs, pointers, &one.n_labels);
	one.labels = pointers;
	one.samples = samples;
	one.n_samples = 1;
	sample.id = uuid;
	sample.raw_profile.data = raw;
	sample.raw_profile.len = raw_size;
	request.series = series;
	request.n_series = 1;
	bytes = malloc(push__v1__push_request__get_packed_size(&request));
	if (!bytes)
		return -ENOMEM;
	*ret_size = push__v1__push_request__pack(&request, bytes);
	*ret = TAKE(bytes);
	return 0;
}

static int read_profile(const struct spool_item *item, uint8_t **ret)
{
	CLEANUP(cleanup_free) uint8_t *raw = malloc(item->size ? item->size : 1);
	uint64_t position = 0;

	if (!raw)
		return -ENOMEM;
	while (position < item->size) {
		ssize_t got = pread(item->fd, raw + position, item->size - position,
				    (off_t)(item->offset + position));

		if (got <= 0)
			return got < 0 ? -errno : -EIO; /* shorter than its head says */
		position += (uint64_t)got;
	}
	*ret = TAKE(raw);
	return 0;
}

static int make_message(const struct spool_item *item, uint8_t **ret, size_t *ret_size)
{
	CLEANUP(cleanup_free) uint8_t *raw = NULL;
	int err = read_profile(item, &raw);

	return err < 0 ? err : pack(&item->file, raw, item->size, ret, ret_size);
}

static void send_push(struct upload_sender *sender, const struct spool_item *item,
		      const _Atomic bool *stop, struct upload_result *ret)
{
	CLEANUP(cleanup_free) char *url = NULL;
	CLEANUP(cleanup_free) uint8_t *message = NULL;
	CLEANUP(http_request_done)
	struct http_request request = {
		.method = "POST",
		.headers = { "Content-Type: application/proto", "Connect-Protocol-Version: 1" },
	};
	size_t size;
	int err;

	if (item->file.format != PROFILE_PPROF || item->size > PUSH_PROFILE_MAX) {
		upload_result_set(ret, UPLOAD_REFUSED,
				  "the push service takes pprof of at most %" PRIu64
				  " bytes, and this is %s of %" PRIu64,
				  PUSH_PROFILE_MAX, profile_format_name(item->file.format),
				  item->size);
		return;
	}
	err = make_message(item, &message, &size);
	if (!err && asprintf(&url, "%s" PUSH_PATH, sender->base) < 0) {
		url = NULL;
		err = -ENOMEM;
	}
	if (err < 0) {
		upload_result_set(ret, UPLOAD_LATER, "cannot read the profile: %s", strerror(-err));
		return;
	}
	request.url = url;
	request.bytes = message;
	request.size = size;
	upload_request(sender, &request, stop, ret);
}

/* Within "name{...}", these are what parts it. */
static void write_label_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		char one[] = { *text, '\0' };

		upload_escape(out,
			      strchr("{},=", *text) || iscntrl((unsigned char)*text) ? "_" : one);
	}
}

/* An application's name has few characters there. */
static void write_application(FILE *out, const char *service)
{
	for (; *service; service++) {
		bool is_fit = isalnum((unsigned char)*service) || strchr("-_.", *service);

		(void)fputc(is_fit ? *service : '_', out);
	}
}

/*
 * What folded stacks count is told by the last part of the name. Time off a CPU has no such word;
 * "wall" is the one whose counts are times.
 */
static char *make_ingest_url(const struct upload_sender *sender, const struct profile_file *file)
{
	struct pyroscope_label labels[PYROSCOPE_LABELS_MAX];
	size_t size, count = upload_pyroscope_labels(file, labels);
	bool is_on_cpu = file->kind == PROFILE_ON_CPU, is_folded = file->format == PROFILE_FOLDED;
	CLEANUP(cleanup_free) char *url = NULL;
	FILE *out = open_memstream(&url, &size);

	if (!out)
		return NULL;
	(void)fprintf(out, "%s?name=", sender->base);
	write_application(out, file->service);
	if (is_folded)
		(void)fputs(is_on_cpu ? ".cpu" : ".wall", out);
	(void)fputs("%7B", out);
	for (size_t i = 0; i < count; i++) {
		(void)fprintf(out, "%s%s%%3D", i ? "%2C" : "", labels[i].name);
		write_label_text(out, labels[i].value);
	}
	(void)fprintf(out,
		      "%%7D&from=%" PRIu64 "&until=%" PRIu64 "&format=%s&sampleRate=%" PRIu64
		      "&spyName=eprof&units=%s&aggregationType=sum",
		      file->from_ns / NS_PER_SECOND,
		      (file->until_ns + NS_PER_SECOND - 1) / NS_PER_SECOND,
		      is_folded ? "folded" : "pprof",
		      is_on_cpu ? file->sample_hz : (uint64_t)FOLDED_OFF_CPU_HZ,
		      is_on_cpu ? "samples" : "microseconds");
	return fclose(out) == 0 ? TAKE(url) : NULL;
}

static void send_ingest(struct upload_sender *sender, const struct spool_item *item,
			const _Atomic bool *stop, struct upload_result *ret)
{
	CLEANUP(cleanup_free) char *url = NULL;
	CLEANUP(http_request_done)
	struct http_request request = {
		.method = "POST",
		.headers = { upload_content_type(item->file.format) },
		.fd = item->fd,
		.offset = item->offset,
		.size = item->size,
	};

	if (item->file.format != PROFILE_PPROF && item->file.format != PROFILE_FOLDED) {
		upload_result_set(ret, UPLOAD_REFUSED, "/ingest takes pprof or folded, not %s",
				  profile_format_name(item->file.format));
		return;
	}
	url = make_ingest_url(sender, &item->file);
	if (!url) {
		upload_result_set(ret, UPLOAD_LATER, "%s", strerror(ENOMEM));
		return;
	}
	request.url = url;
	upload_request(sender, &request, stop, ret);
}

void upload_pyroscope_send(struct upload_sender *sender, const struct spool_item *item,
			   const _Atomic bool *stop, struct upload_result *ret)
{
	if (item->file.kind == PROFILE_BOTH)
		upload_result_set(ret, UPLOAD_REFUSED,
				  "Pyroscope takes profiles of one kind, and this has both");
	else if (sender->is_ingest)
		send_ingest(sender, item, stop, ret);
	else
		send_push(sender, item, stop, ret);
}
