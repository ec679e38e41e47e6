/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A serialized Profile may be cut anywhere between fields: two messages one after the other are
 * read as one, with their repeated fields joined. So the file is packed and compressed in pieces,
 * one sample at a time, and memory does not grow with samples times depth.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "flamegraph/flamegraph.h"
#include "flamegraph/labels.h"
#include "flamegraph/text.h"
#include "profile.pb-c.h"

typedef Perftools__Profiles__Profile Profile;
typedef Perftools__Profiles__ValueType ValueType;
typedef Perftools__Profiles__Sample Sample;
typedef Perftools__Profiles__Mapping Mapping;
typedef Perftools__Profiles__Location Location;
typedef Perftools__Profiles__Line Line;
typedef Perftools__Profiles__Function Function;

#define COMPRESSED_CHUNK 65536
#define GZIP_WINDOW      (15 + 16) /* zlib: a gzip header, in which no time is written */
#define NS_PER_US        1000u

enum mapping_id {
	MAPPING_USER = 1,
	MAPPING_KERNEL = 2,
};

/* The first strings; the names of the labels follow. */
enum string_id {
	STRING_EMPTY,
	STRING_SAMPLE_TYPE,
	STRING_COUNT,
	STRING_VALUE_TYPE,
	STRING_NANOSECONDS,
	STRING_USER_MAPPING,
	STRING_KERNEL_MAPPING,
	STRING_COMMENT,
	STRING_FIRST_NAME,
};

struct writer {
	const struct call_tree *tree;
	const struct pprof_info *info;
	FILE *out;
	struct labels labels;
	uint64_t *locations; /* of the stack at hand */
	uint8_t *packed;
	size_t packed_capacity;
	z_stream zlib;
	uint8_t compressed[COMPRESSED_CHUNK];
};

static void cleanup_writer(struct writer **memory)
{
	struct writer *writer = *memory;

	if (!writer)
		return;
	labels_done(&writer->labels);
	free(writer->locations);
	free(writer->packed);
	(void)deflateEnd(&writer->zlib); /* zero is fine */
	free(writer);
}

static int64_t to_int64(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static int64_t multiply(uint64_t count, uint64_t factor)
{
	uint64_t product;

	if (__builtin_mul_overflow(count, factor, &product))
		return INT64_MAX;
	return to_int64(product);
}

static void compress_bytes(struct writer *writer, uint8_t *bytes, size_t length, int flush)
{
	writer->zlib.next_in = bytes;
	writer->zlib.avail_in = (uInt)length;
	do {
		writer->zlib.next_out = writer->compressed;
		writer->zlib.avail_out = COMPRESSED_CHUNK;
		(void)deflate(&writer->zlib, flush);
		fwrite(writer->compressed, 1, COMPRESSED_CHUNK - writer->zlib.avail_out,
		       writer->out);
	} while (writer->zlib.avail_out == 0);
}

static int put_piece(struct writer *writer, const Profile *piece)
{
	size_t size = perftools__profiles__profile__get_packed_size(piece);

	if (size > UINT32_MAX)
		return -E2BIG;
	if (size > writer->packed_capacity) {
		uint8_t *packed = realloc(writer->packed, 2 * size);

		if (!packed)
			return -ENOMEM;
		writer->packed = packed;
		writer->packed_capacity = 2 * size;
	}
	perftools__profiles__profile__pack(piece, writer->packed);
	compress_bytes(writer, writer->packed, size, Z_NO_FLUSH);
	return 0;
}

/* What there is one of: types, times and mappings. */
static int put_head(struct writer *writer)
{
	const struct pprof_info *info = writer->info;
	ValueType count = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;
	ValueType value = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;
	ValueType *types[] = { &count, &value };
	Mapping user = PERFTOOLS__PROFILES__MAPPING__INIT;
	Mapping kernel = PERFTOOLS__PROFILES__MAPPING__INIT;
	Mapping *mappings[] = { &user, &kernel };
	int64_t comment = STRING_COMMENT;
	Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;

	count.type = STRING_SAMPLE_TYPE;
	count.unit = STRING_COUNT;
	value.type = STRING_VALUE_TYPE;
	value.unit = STRING_NANOSECONDS;
	user.id = MAPPING_USER;
	user.filename = STRING_USER_MAPPING;
	user.has_functions = true;
	kernel.id = MAPPING_KERNEL;
	kernel.filename = STRING_KERNEL_MAPPING;
	kernel.has_functions = true;

	/* Counts that are times already say nothing about how often. */
	piece.sample_type = info->period_ns > 0 ? types : types + 1;
	piece.n_sample_type = info->period_ns > 0 ? 2 : 1;
	piece.period_type = info->period_ns > 0 ? &value : NULL;
	piece.period = to_int64(info->period_ns);
	piece.default_sample_type = STRING_VALUE_TYPE;
	piece.mapping = mappings;
	piece.n_mapping = 2;
	piece.time_nanos = to_int64(info->time_ns);
	piece.duration_nanos = to_int64(info->duration_ns);
	piece.comment = &comment;
	piece.n_comment = info->comment ? 1 : 0;
	return put_piece(writer, &piece);
}

static int put_sample(struct writer *writer, const struct call_node *node)
{
	uint64_t period = writer->info->period_ns;
	int64_t values[] = { to_int64(node->self),
			     multiply(node->self, period > 0 ? period : NS_PER_US) };
	Sample sample = PERFTOOLS__PROFILES__SAMPLE__INIT;
	Sample *samples[] = { &sample };
	Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;

	for (; node->parent != CALL_TREE_NONE; node = call_tree_node(writer->tree, node->parent))
		writer->locations[sample.n_location_id++] = labels_id(&writer->labels, node) + 1;
	sample.location_id = writer->locations;
	sample.value = period > 0 ? values : values + 1;
	sample.n_value = period > 0 ? 2 : 1;
	piece.sample = samples;
	piece.n_sample = 1;
	return put_piece(writer, &piece);
}

static int put_samples(struct writer *writer)
{
	for (uint32_t i = 0; i != CALL_TREE_NONE; i = call_tree_next(writer->tree, i)) {
		const struct call_node *node = call_tree_node(writer->tree, i);
		int err = node->self > 0 ? put_sample(writer, node) : 0;

		if (err < 0)
			return err;
	}
	return 0;
}

/* One location and one function per label, under the same id. */
static int put_locations(struct writer *writer)
{
	for (size_t i = 0; i < writer->labels.count; i++) {
		enum frame_kind kind = writer->labels.list[i].kind;
		Function function = PERFTOOLS__PROFILES__FUNCTION__INIT;
		Function *functions[] = { &function };
		Line line = PERFTOOLS__PROFILES__LINE__INIT;
		Line *lines[] = { &line };
		Location location = PERFTOOLS__PROFILES__LOCATION__INIT;
		Location *locations[] = { &location };
		Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
		int err;

		function.id = i + 1;
		function.name = (int64_t)(STRING_FIRST_NAME + i);
		function.system_name = function.name;
		line.function_id = function.id;
		location.id = i + 1;
		location.mapping_id = kind == FRAME_KERNEL ? MAPPING_KERNEL : MAPPING_USER;
		location.line = lines;
		location.n_line = 1;
		piece.function = functions;
		piece.n_function = 1;
		piece.location = locations;
		piece.n_location = 1;
		err = put_piece(writer, &piece);
		if (err < 0)
			return err;
	}
	return 0;
}

static int put_string(struct writer *writer, const char *text)
{
	CLEANUP(cleanup_free) char *repaired = text_repair(text);
	Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;

	if (!repaired)
		return -ENOMEM;
	piece.string_table = &repaired;
	piece.n_string_table = 1;
	return put_piece(writer, &piece);
}

static int put_strings(struct writer *writer)
{
	const struct pprof_info *info = writer->info;
	const char *first[STRING_FIRST_NAME] = {
		[STRING_EMPTY] = "",
		[STRING_SAMPLE_TYPE] = info->sample_type,
		[STRING_COUNT] = "count",
		[STRING_VALUE_TYPE] = info->value_type,
		[STRING_NANOSECONDS] = "nanoseconds",
		[STRING_USER_MAPPING] = "[user]",
		[STRING_KERNEL_MAPPING] = "[kernel.kallsyms]",
		[STRING_COMMENT] = info->comment ? info->comment : "",
	};

	for (size_t i = 0; i < STRING_FIRST_NAME; i++) {
		int err = put_string(writer, first[i]);

		if (err < 0)
			return err;
	}
	for (size_t i = 0; i < writer->labels.count; i++) {
		uint32_t name_id = writer->labels.list[i].name_id;
		int err = put_string(writer, call_tree_name(writer->tree, name_id));

		if (err < 0)
			return err;
	}
	return 0;
}

static int put_profile(struct writer *writer)
{
	int (*const parts[])(struct writer *) = { put_head, put_samples, put_locations,
						  put_strings };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int err = parts[i](writer);

		if (err < 0)
			return err;
	}
	compress_bytes(writer, NULL, 0, Z_FINISH);
	return text_finish(writer->out);
}

int pprof_write(const struct call_tree *tree, const struct pprof_info *info, FILE *out)
{
	CLEANUP(cleanup_writer) struct writer *writer = calloc(1, sizeof(*writer));
	int err;

	if (!writer)
		return -ENOMEM;
	writer->tree = tree;
	writer->info = info;
	writer->out = out;
	if (deflateInit2(&writer->zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	writer->locations = calloc((size_t)call_tree_depth(tree) + 1, sizeof(*writer->locations));
	if (!writer->locations)
		return -ENOMEM;
	err = labels_make(tree, &writer->labels);
	if (err < 0)
		return err;
	return put_profile(writer);
}
