/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile is put piece by piece, one sample at a time, so that memory does not grow with samples
 * times depth. Several trees can be one profile: each numbers what it has from where the one before
 * ended.
 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "flamegraph/flamegraph.h"
#include "flamegraph/pprof_locations.h"
#include "flamegraph/pprof_stream.h"
#include "flamegraph/text.h"

typedef Perftools__Profiles__Profile Profile;
typedef Perftools__Profiles__ValueType ValueType;
typedef Perftools__Profiles__Sample Sample;
typedef Perftools__Profiles__Mapping Mapping;
typedef Perftools__Profiles__Location Location;
typedef Perftools__Profiles__Line Line;
typedef Perftools__Profiles__Function Function;

#define VALUES_MAX ((size_t)2 * PPROF_PARTS_MAX)

/* The first strings; those of each part, then names, files and modules follow. */
enum string_id {
	STRING_EMPTY,
	STRING_COUNT,
	STRING_NANOSECONDS,
	STRING_USER_MAPPING,
	STRING_KERNEL_MAPPING,
	STRING_PARTS,
};

enum part_string {
	PART_SAMPLE_TYPE,
	PART_VALUE_TYPE,
	PART_COMMENT,
	PART_STRINGS,
};

/* Names of the tree that are in the file. */
struct strings {
	uint32_t *ids; /* by name: the string, or STRING_EMPTY when there is none yet */
	uint32_t *names;
	size_t count;
};

/* How many of each the parts before have written: what is numbered goes on from there. */
struct numbers {
	size_t strings, mappings, functions, locations;
};

struct writer {
	const struct pprof_part *parts;
	size_t part_count;
	size_t value_count; /* of each sample: of all parts */
	struct pprof_stream stream;
	struct numbers before;

	/* Of the part at hand. */
	const struct call_tree *tree;
	const struct pprof_info *info;
	size_t first_value;
	struct pprof_locations locations;
	struct strings strings;
	uint32_t *path;  /* by depth: the location of the node there */
	uint64_t *stack; /* the locations of the sample at hand */
	Line *lines;     /* of the location at hand */
	Line **line_pointers;
};

static void release_part(struct writer *writer)
{
	pprof_locations_done(&writer->locations);
	free(writer->strings.ids);
	free(writer->strings.names);
	free(writer->path);
	free(writer->stack);
	free(writer->lines);
	free(writer->line_pointers);
	writer->strings = (struct strings){ 0 };
	writer->path = NULL;
	writer->stack = NULL;
	writer->lines = NULL;
	writer->line_pointers = NULL;
}

static void cleanup_writer(struct writer **memory)
{
	struct writer *writer = *memory;

	if (!writer)
		return;
	release_part(writer);
	pprof_stream_done(&writer->stream);
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

static int put_string(struct writer *writer, const char *text)
{
	CLEANUP(cleanup_free) char *repaired = text_repair(text);
	Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;

	if (!repaired)
		return -ENOMEM;
	piece.string_table = &repaired;
	piece.n_string_table = 1;
	return pprof_stream_put(&writer->stream, &piece);
}

static int put_first_strings(struct writer *writer)
{
	const char *strings[STRING_PARTS + PART_STRINGS * PPROF_PARTS_MAX] = {
		[STRING_EMPTY] = "",
		[STRING_COUNT] = "count",
		[STRING_NANOSECONDS] = "nanoseconds",
		[STRING_USER_MAPPING] = "[user]",
		[STRING_KERNEL_MAPPING] = "[kernel.kallsyms]",
	};

	writer->before.strings = STRING_PARTS + PART_STRINGS * writer->part_count;
	for (size_t i = 0; i < writer->part_count; i++) {
		const struct pprof_info *info = writer->parts[i].info;
		const char **own = strings + STRING_PARTS + PART_STRINGS * i;

		own[PART_SAMPLE_TYPE] = info->sample_type;
		own[PART_VALUE_TYPE] = info->value_type;
		own[PART_COMMENT] = info->comment ? info->comment : "";
	}
	for (size_t i = 0; i < writer->before.strings; i++) {
		int err = put_string(writer, strings[i]);

		if (err < 0)
			return err;
	}
	return 0;
}

static int64_t part_string(size_t part, enum part_string string)
{
	return (int64_t)(STRING_PARTS + PART_STRINGS * part + string);
}

/* Counts that are times already say nothing about how often. */
static bool has_period(const struct pprof_info *info)
{
	return info->period_ns > 0;
}

static ValueType value_type(int64_t type, int64_t unit)
{
	ValueType value = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;

	value.type = type;
	value.unit = unit;
	return value;
}

/* What there is one of, and the types of all parts. Times are those of the first. */
static int put_head(struct writer *writer)
{
	const struct pprof_info *info = writer->parts[0].info;
	ValueType types[VALUES_MAX], *pointers[VALUES_MAX] = { NULL };
	int64_t comments[PPROF_PARTS_MAX];
	Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;

	for (size_t i = 0; i < writer->part_count; i++) {
		const struct pprof_info *part = writer->parts[i].info;

		if (has_period(part))
			types[writer->value_count++] =
				value_type(part_string(i, PART_SAMPLE_TYPE), STRING_COUNT);
		types[writer->value_count++] =
			value_type(part_string(i, PART_VALUE_TYPE), STRING_NANOSECONDS);
		if (part->comment)
			comments[piece.n_comment++] = part_string(i, PART_COMMENT);
	}
	for (size_t i = 0; i < writer->value_count; i++)
		pointers[i] = &types[i];
	piece.sample_type = pointers;
	piece.n_sample_type = writer->value_count;
	piece.period_type = has_period(info) ? pointers[1] : NULL;
	piece.period = to_int64(info->period_ns);
	piece.default_sample_type = part_string(0, PART_VALUE_TYPE);
	piece.time_nanos = to_int64(info->time_ns);
	piece.duration_nanos = to_int64(info->duration_ns);
	piece.comment = comments;
	return pprof_stream_put(&writer->stream, &piece);
}

static uint64_t location_id(const struct writer *writer, uint32_t location)
{
	return writer->before.locations + location + 1;
}

/* The stack that ends in node, whose path is known: one location for each address. */
static int put_sample(struct writer *writer, const struct call_node *node)
{
	const struct pprof_info *info = writer->info;
	int64_t values[VALUES_MAX] = { 0 }, *own = values + writer->first_value;
	Sample sample = PERFTOOLS__PROFILES__SAMPLE__INIT;
	Sample *samples[] = { &sample };
	Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;

	for (uint32_t depth = node->depth; depth > 0; depth--) {
		uint32_t location = writer->path[depth];

		writer->locations.is_used[location] = true;
		writer->stack[sample.n_location_id++] = location_id(writer, location);
		for (; pprof_locations_outer(&writer->locations, location) != PAIR_NONE; depth--)
			location = pprof_locations_outer(&writer->locations, location);
	}
	sample.location_id = writer->stack;
	if (has_period(info))
		*own++ = to_int64(node->self);
	*own = multiply(node->self, has_period(info) ? info->period_ns : info->unit_ns);
	sample.value = values;
	sample.n_value = writer->value_count;
	piece.sample = samples;
	piece.n_sample = 1;
	return pprof_stream_put(&writer->stream, &piece);
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
		strings->ids[name_id] = (uint32_t)(writer->before.strings + strings->count);
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

		mapping.id = writer->before.mappings + i + 1;
		mapping.filename = mapping_name(writer, source->module_id);
		mapping.has_functions = true;
		mapping.has_filenames = source->has_filenames;
		mapping.has_line_numbers = source->has_line_numbers;
		mapping.has_inline_frames = source->has_inline_frames;
		piece.mapping = mappings;
		piece.n_mapping = 1;
		err = pprof_stream_put(&writer->stream, &piece);
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

		function.id = writer->before.functions + i + 1;
		function.name = string_of(writer, source->first);
		function.system_name = function.name;
		if (source->second != CALL_TREE_NONE)
			function.filename = string_of(writer, source->second);
		piece.function = functions;
		piece.n_function = 1;
		err = pprof_stream_put(&writer->stream, &piece);
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
		writer->lines[n].function_id =
			writer->before.functions + locations->frame_functions[frame] + 1;
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
		location.id = location_id(writer, i);
		location.mapping_id =
			mapping == PAIR_NONE ? 0 : writer->before.mappings + mapping + 1;
		location.n_line = fill_lines(writer, i);
		location.line = writer->line_pointers;
		piece.location = locations;
		piece.n_location = 1;
		err = pprof_stream_put(&writer->stream, &piece);
		if (err < 0)
			return err;
	}
	return 0;
}

static int put_names(struct writer *writer)
{
	for (size_t i = 0; i < writer->strings.count; i++) {
		uint32_t name_id = writer->strings.names[i];
		int err = put_string(writer, call_tree_name(writer->tree, name_id));

		if (err < 0)
			return err;
	}
	return 0;
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

static int put_part(struct writer *writer, const struct pprof_part *part)
{
	static int (*const steps[])(struct writer *) = { allocate,      put_samples,   put_mappings,
							 put_functions, put_locations, put_names };
	struct numbers *before = &writer->before;

	writer->tree = writer->locations.tree = part->tree;
	writer->info = part->info;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int err = steps[i](writer);

		if (err < 0)
			return err;
	}
	before->strings += writer->strings.count;
	before->mappings += writer->locations.mapping_count;
	before->functions += writer->locations.functions.count;
	before->locations += writer->locations.locations.count;
	writer->first_value += has_period(part->info) ? 2 : 1;
	release_part(writer);
	return 0;
}

static int put_profile(struct writer *writer)
{
	int err = put_first_strings(writer);

	if (!err)
		err = put_head(writer);
	for (size_t i = 0; !err && i < writer->part_count; i++)
		err = put_part(writer, &writer->parts[i]);
	if (err < 0)
		return err;
	return pprof_stream_finish(&writer->stream);
}

int pprof_write_parts(const struct pprof_part *parts, size_t count, FILE *out)
{
	CLEANUP(cleanup_writer) struct writer *writer = calloc(1, sizeof(*writer));
	int err;

	assert(count >= 1 && count <= PPROF_PARTS_MAX);
	if (!writer)
		return -ENOMEM;
	writer->parts = parts;
	writer->part_count = count;
	err = pprof_stream_begin(&writer->stream, out);
	return err < 0 ? err : put_profile(writer);
}

int pprof_write(const struct call_tree *tree, const struct pprof_info *info, FILE *out)
{
	return pprof_write_parts(&(struct pprof_part){ tree, info }, 1, out);
}
