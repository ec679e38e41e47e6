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
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/pprof_kinds.h"
#include "flamegraph/pprof_writer.h"

static void release_part(struct pprof_writer *writer)
{
	pprof_locations_done(&writer->locations);
	pprof_labels_done(&writer->labels);
	free(writer->strings.ids);
	free(writer->strings.names);
	free(writer->path);
	free(writer->stack);
	free(writer->lines);
	free(writer->line_pointers);
	writer->strings = (struct pprof_strings){ 0 };
	writer->path = NULL;
	writer->stack = NULL;
	writer->lines = NULL;
	writer->line_pointers = NULL;
}

static void cleanup_writer(struct pprof_writer **memory)
{
	struct pprof_writer *writer = *memory;

	if (!writer)
		return;
	release_part(writer);
	pprof_stream_done(&writer->stream);
	free(writer);
}

/* Of what only tells when, and how long: counts are refused where they do not fit. */
static int64_t to_int64(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* count * factor / scale. What is left over goes to the next one. All of them together fit, as
 * begin_values() has seen. */
static int64_t scale(struct pprof_scaled *scaled, uint64_t count, uint64_t scale)
{
	unsigned __int128 product = (unsigned __int128)count * scaled->factor + scaled->rest;
	unsigned __int128 quotient = product / scale;

	scaled->rest = (uint64_t)(product % scale);
	return (int64_t)quotient;
}

static int put_first_strings(struct pprof_writer *writer)
{
	const char *strings[STRING_PARTS + PART_STRINGS * PPROF_PARTS_MAX] = {
		[STRING_EMPTY] = "",
		[STRING_COUNT] = "count",
	};

	for (int i = 0; i < FRAME_KIND_COUNT; i++)
		strings[STRING_KINDS + i] = pprof_kind_mapping((enum frame_kind)i);
	writer->before.strings = STRING_PARTS + PART_STRINGS * writer->part_count;
	for (size_t i = 0; i < writer->part_count; i++) {
		const struct pprof_info *info = writer->parts[i].info;
		const char **own = strings + STRING_PARTS + PART_STRINGS * i;

		own[PART_SAMPLE_TYPE] = info->sample_type;
		own[PART_VALUE_TYPE] = info->value_type;
		own[PART_VALUE_UNIT] = info->value_unit ? info->value_unit : "nanoseconds";
		own[PART_COMMENT] = info->comment ? info->comment : "";
	}
	for (size_t i = 0; i < writer->before.strings; i++) {
		int err = pprof_put_string(writer, strings[i]);

		if (err < 0)
			return err;
	}
	return 0;
}

static int64_t part_string(size_t part, enum pprof_part_string string)
{
	return (int64_t)(STRING_PARTS + PART_STRINGS * part + string);
}

/* Counts that are times already say nothing about how often. */
static bool has_period(const struct pprof_info *info)
{
	return info->period_ns > 0;
}

static size_t values_of(const struct pprof_info *info)
{
	return has_period(info) ? 2 : 1;
}

static ValueType value_type(int64_t type, int64_t unit)
{
	ValueType value = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;

	value.type = type;
	value.unit = unit;
	return value;
}

/* What there is one of, and the types of all parts. Times are those of the first. */
static int put_head(struct pprof_writer *writer)
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
		types[writer->value_count++] = value_type(part_string(i, PART_VALUE_TYPE),
							  part_string(i, PART_VALUE_UNIT));
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

/* Of the stack whose frames are known down to depth. */
static size_t fill_stack(struct pprof_writer *writer, uint32_t depth)
{
	size_t n = 0;

	for (; depth > 0; depth--) {
		uint32_t location = writer->path[depth];

		writer->locations.is_used[location] = true;
		writer->stack[n++] = pprof_location_id(writer, location);
		for (; pprof_locations_outer(&writer->locations, location) != PAIR_NONE; depth--)
			location = pprof_locations_outer(&writer->locations, location);
	}
	return n;
}

/* The stack that ends in node: one location for each address. A gap is time of its caller. */
static int put_sample(struct pprof_writer *writer, uint32_t index)
{
	const struct call_node *node = call_tree_node(writer->tree, index);
	int64_t values[VALUES_MAX] = { 0 };
	Label labels[PPROF_LABELS_MAX], *label_pointers[PPROF_LABELS_MAX];
	Sample sample = PERFTOOLS__PROFILES__SAMPLE__INIT;
	Sample *samples[] = { &sample };
	Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;

	sample.n_location_id = fill_stack(writer, node->depth - (node->kind == FRAME_GAP));
	sample.location_id = writer->stack;
	for (size_t i = 0; i < values_of(writer->info); i++)
		values[writer->first_value + i] =
			scale(&writer->scaled[i], node->self, writer->scale);
	sample.value = values;
	sample.n_value = writer->value_count;
	sample.n_label =
		pprof_labels_of(&writer->labels, index, writer->first_label_string, labels);
	for (size_t i = 0; i < sample.n_label; i++)
		label_pointers[i] = &labels[i];
	sample.label = label_pointers;
	piece.sample = samples;
	piece.n_sample = 1;
	return pprof_stream_put(&writer->stream, &piece);
}

static int put_samples(struct pprof_writer *writer)
{
	writer->path[0] = PAIR_NONE;
	for (uint32_t i = 0; i != CALL_TREE_NONE; i = call_tree_next(writer->tree, i)) {
		const struct call_node *node = call_tree_node(writer->tree, i);
		int err = 0;

		if (node->total == 0)
			continue;
		if (node->depth > 0 && node->kind != FRAME_GAP)
			err = pprof_locations_find(&writer->locations, node,
						   writer->path[node->depth - 1],
						   &writer->path[node->depth]);
		if (!err && node->self > 0)
			err = put_sample(writer, i);
		if (err < 0)
			return err;
	}
	return pprof_locations_finish(&writer->locations);
}

static int allocate(struct pprof_writer *writer)
{
	size_t names = call_tree_name_count(writer->tree) + writer->info->module_count + 1;
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

/* Of a count there is one, or a number of samples and their time. -EOVERFLOW: the sum of all, which
 * readers make, would leave the 63 bits of the format. */
static int begin_values(struct pprof_writer *writer)
{
	const struct pprof_info *info = writer->info;
	uint64_t total = call_tree_node(writer->tree, 0)->total;

	writer->scale = 1;
	for (unsigned int i = 0; i < call_tree_decimals(writer->tree); i++)
		writer->scale *= 10;
	writer->scaled[0] = (struct pprof_scaled){ has_period(info) ? 1 : info->unit_ns, 0 };
	writer->scaled[1] = (struct pprof_scaled){ info->period_ns, 0 };
	for (size_t i = 0; i < 2; i++) {
		unsigned __int128 sum = (unsigned __int128)total * writer->scaled[i].factor;

		if (sum / writer->scale > INT64_MAX)
			return -EOVERFLOW;
	}
	return 0;
}

/* They come first, as samples do. */
static int put_label_strings(struct pprof_writer *writer)
{
	const struct name_pool *texts = &writer->labels.texts;
	int err = pprof_labels_make(&writer->labels, writer->tree, writer->info->state);

	writer->first_label_string = writer->before.strings;
	for (size_t i = 0; !err && i < texts->count; i++)
		err = pprof_put_string(writer, texts->names[i].text);
	writer->before.strings += texts->count;
	return err;
}

static int put_part(struct pprof_writer *writer, const struct pprof_part *part)
{
	static int (*const steps[])(struct pprof_writer *) = { allocate, put_label_strings,
							       put_samples, pprof_put_tables };
	struct pprof_numbers *before = &writer->before;
	int err;

	writer->tree = writer->locations.tree = part->tree;
	writer->info = part->info;
	err = begin_values(writer);
	if (err < 0)
		return err;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		err = steps[i](writer);
		if (err < 0)
			return err;
	}
	before->strings += writer->strings.count;
	before->mappings += writer->locations.mapping_count;
	before->functions += writer->locations.functions.count;
	before->locations += writer->locations.locations.count;
	writer->first_value += values_of(part->info);
	release_part(writer);
	return 0;
}

static int put_profile(struct pprof_writer *writer)
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
	CLEANUP(cleanup_writer) struct pprof_writer *writer = calloc(1, sizeof(*writer));
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
