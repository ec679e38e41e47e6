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
#include "flamegraph/pprof_locations.h"
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

/* The first strings; names, files and modules follow. */
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

/* Names of the tree that are in the file. */
struct strings {
	uint32_t *ids; /* by name: the string, or STRING_EMPTY when there is none yet */
	uint32_t *names;
	size_t count;
};

struct writer {
	const struct call_tree *tree;
	const struct pprof_info *info;
	FILE *out;
	struct pprof_locations locations;
	struct strings strings;
	uint32_t *path;  /* by depth: the location of the node there */
	uint64_t *stack; /* the locations of the sample at hand */
	Line *lines;     /* of the location at hand */
	Line **line_pointers;
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
	pprof_locations_done(&writer->locations);
	free(writer->strings.ids);
	free(writer->strings.names);
	free(writer->path);
	free(writer->stack);
	free(writer->lines);
	free(writer->line_pointers);
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

/* What there is one of: types and times. */
static int put_head(struct writer *writer)
{
	const struct pprof_info *info = writer->info;
	ValueType count = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;
	ValueType value = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;
	ValueType *types[] = { &count, &value };
	int64_t comment = STRING_COMMENT;
	Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;

	count.type = STRING_SAMPLE_TYPE;
	count.unit = STRING_COUNT;
	value.type = STRING_VALUE_TYPE;
	value.unit = STRING_NANOSECONDS;

	/* Counts that are times already say nothing about how often. */
	piece.sample_type = info->period_ns > 0 ? types : types + 1;
	piece.n_sample_type = info->period_ns > 0 ? 2 : 1;
	piece.period_type = info->period_ns > 0 ? &value : NULL;
	piece.period = to_int64(info->period_ns);
	piece.default_sample_type = STRING_VALUE_TYPE;
	piece.time_nanos = to_int64(info->time_ns);
	piece.duration_nanos = to_int64(info->duration_ns);
	piece.comment = &comment;
	piece.n_comment = info->comment ? 1 : 0;
	return put_piece(writer, &piece);
}

/* The stack that ends in node, whose path is known: one location for each address. */
static int put_sample(struct writer *writer, const struct call_node *node)
{
	uint64_t period = writer->info->period_ns;
	int64_t values[] = { to_int64(node->self),
			     multiply(node->self, period > 0 ? period : NS_PER_US) };
	Sample sample = PERFTOOLS__PROFILES__SAMPLE__INIT;
	Sample *samples[] = { &sample };
	Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;

	for (uint32_t depth = node->depth; depth > 0; depth--) {
		uint32_t location = writer->path[depth];

		writer->locations.is_used[location] = true;
		writer->stack[sample.n_location_id++] = (uint64_t)location + 1;
		for (; pprof_locations_outer(&writer->locations, location) != PAIR_NONE; depth--)
			location = pprof_locations_outer(&writer->locations, location);
	}
	sample.location_id = writer->stack;
	sample.value = period > 0 ? values : values + 1;
	sample.n_value = period > 0 ? 2 : 1;
	piece.sample = samples;
	piece.n_sample = 1;
	return put_piece(writer, &piece);
}

static int put_samples(struct writer *writer)
{
	writer->path[0] = PAIR_NONE;
	for (uint32_t i = 0; i != CALL_TREE_NONE; i = call_tree_next(writer->tree, i)) {
		const struct call_node *node = call_tree_node(writer->tree, i);
		int err = 0;

		if (node->total == 0)
			continue;
		if (node->depth > 0)
			err = pprof_locations_find(&writer->locations, node,
						   writer->path[node->depth - 1],
						   &writer->path[node->depth]);
		if (!err && node->self > 0)
			err = put_sample(writer, node);
		if (err < 0)
			return err;
	}
	return pprof_locations_finish(&writer->locations);
}

static int64_t string_of(struct writer *writer, uint32_t name_id)
{
	struct strings *strings = &writer->strings;

	if (strings->ids[name_id] == STRING_EMPTY) {
		strings->ids[name_id] = (uint32_t)(STRING_FIRST_NAME + strings->count);
		strings->names[strings->count++] = name_id;
	}
	return strings->ids[name_id];
}

static int64_t mapping_name(struct writer *writer, uint32_t module_id)
{
	if (module_id == PPROF_MODULE_KERNEL)
		return STRING_KERNEL_MAPPING;
	if (module_id == PPROF_MODULE_UNKNOWN)
		return STRING_USER_MAPPING;
	return string_of(writer, module_id);
}

/* All have functions, be it one that is named after its address: there is nothing to look up. */
static int put_mappings(struct writer *writer)
{
	for (size_t i = 0; i < writer->locations.mapping_count; i++) {
		const struct pprof_mapping *source = &writer->locations.mappings[i];
		Mapping mapping = PERFTOOLS__PROFILES__MAPPING__INIT;
		Mapping *mappings[] = { &mapping };
		Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
		int err;

		mapping.id = i + 1;
		mapping.filename = mapping_name(writer, source->module_id);
		mapping.has_functions = true;
		mapping.has_filenames = source->has_filenames;
		mapping.has_line_numbers = source->has_line_numbers;
		mapping.has_inline_frames = source->has_inline_frames;
		piece.mapping = mappings;
		piece.n_mapping = 1;
		err = put_piece(writer, &piece);
		if (err < 0)
			return err;
	}
	return 0;
}

static int put_functions(struct writer *writer)
{
	for (size_t i = 0; i < writer->locations.functions.count; i++) {
		const struct pair *source = &writer->locations.functions.pairs[i];
		Function function = PERFTOOLS__PROFILES__FUNCTION__INIT;
		Function *functions[] = { &function };
		Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
		int err;

		function.id = i + 1;
		function.name = string_of(writer, source->first);
		function.system_name = function.name;
		if (source->second != CALL_TREE_NONE)
			function.filename = string_of(writer, source->second);
		piece.function = functions;
		piece.n_function = 1;
		err = put_piece(writer, &piece);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Its functions, the innermost first; how many. */
static size_t fill_lines(struct writer *writer, uint32_t location)
{
	const struct pprof_locations *locations = &writer->locations;
	size_t n = 0;

	for (; location != PAIR_NONE; location = pprof_locations_outer(locations, location)) {
		uint32_t frame = locations->locations.pairs[location].second;

		writer->lines[n] = (Line)PERFTOOLS__PROFILES__LINE__INIT;
		writer->lines[n].function_id = (uint64_t)locations->frame_functions[frame] + 1;
		writer->lines[n].line = pprof_locations_place(locations, location).line;
		writer->line_pointers[n] = &writer->lines[n];
		n++;
	}
	return n;
}

static int put_locations(struct writer *writer)
{
	for (uint32_t i = 0; i < writer->locations.locations.count; i++) {
		uint32_t mapping = writer->locations.location_mappings[i];
		Location location = PERFTOOLS__PROFILES__LOCATION__INIT;
		Location *locations[] = { &location };
		Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
		int err;

		if (!writer->locations.is_used[i])
			continue;
		location.id = (uint64_t)i + 1;
		location.mapping_id = mapping == PAIR_NONE ? 0 : (uint64_t)mapping + 1;
		location.n_line = fill_lines(writer, i);
		location.line = writer->line_pointers;
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
	for (size_t i = 0; i < writer->strings.count; i++) {
		uint32_t name_id = writer->strings.names[i];
		int err = put_string(writer, call_tree_name(writer->tree, name_id));

		if (err < 0)
			return err;
	}
	return 0;
}

static int put_profile(struct writer *writer)
{
	int (*const parts[])(struct writer *) = { put_head,      put_samples,   put_mappings,
						  put_functions, put_locations, put_strings };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		int err = parts[i](writer);

		if (err < 0)
			return err;
	}
	compress_bytes(writer, NULL, 0, Z_FINISH);
	return text_finish(writer->out);
}

static int allocate(struct writer *writer)
{
	size_t names = call_tree_name_count(writer->tree) + 1;
	size_t depths = (size_t)call_tree_depth(writer->tree) + 1;

	writer->strings.ids = calloc(names, sizeof(*writer->strings.ids));
	writer->strings.names = calloc(names, sizeof(*writer->strings.names));
	writer->path = calloc(depths, sizeof(*writer->path));
	writer->stack = calloc(depths, sizeof(*writer->stack));
	writer->lines = calloc(depths, sizeof(*writer->lines));
	writer->line_pointers = calloc(depths, sizeof(*writer->line_pointers));
	return writer->strings.ids && writer->strings.names && writer->path && writer->stack &&
			       writer->lines && writer->line_pointers
		       ? 0
		       : -ENOMEM;
}

int pprof_write(const struct call_tree *tree, const struct pprof_info *info, FILE *out)
{
	CLEANUP(cleanup_writer) struct writer *writer = calloc(1, sizeof(*writer));
	int err;

	if (!writer)
		return -ENOMEM;
	writer->tree = writer->locations.tree = tree;
	writer->info = info;
	writer->out = out;
	if (deflateInit2(&writer->zlib, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	err = allocate(writer);
	return err < 0 ? err : put_profile(writer);
}
