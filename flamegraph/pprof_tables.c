/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/pprof_kinds.h"
#include "flamegraph/pprof_writer.h"
#include "flamegraph/text.h"

int pprof_put_string(struct pprof_writer *writer, const char *text)
{
	CLEANUP(cleanup_free) char *repaired = text_repair(text);
	Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;

	if (!repaired)
		return -ENOMEM;
	piece.string_table = &repaired;
	piece.n_string_table = 1;
	return pprof_stream_put(&writer->stream, &piece);
}

static int64_t string_of(struct pprof_writer *writer, uint32_t name_id)
{
	struct pprof_strings *strings = &writer->strings;

	if (strings->ids[name_id] == STRING_EMPTY) {
		strings->ids[name_id] = (uint32_t)(writer->before.strings + strings->count);
		strings->names[strings->count++] = name_id;
	}
	return strings->ids[name_id];
}

static int64_t mapping_name(struct pprof_writer *writer, const struct pprof_mapping *mapping)
{
	enum frame_kind kind = pprof_mapping_kind(mapping);

	return kind < FRAME_KIND_COUNT ? (int64_t)STRING_KINDS + (int64_t)kind
				       : string_of(writer, mapping->module_id);
}

static int64_t build_id_of(struct pprof_writer *writer, const struct pprof_mapping *mapping)
{
	enum frame_kind kind = pprof_mapping_kind(mapping);
	const char *name = kind < FRAME_KIND_COUNT
				   ? pprof_kind_mapping(kind)
				   : call_tree_name(writer->tree, mapping->module_id);
	struct pprof_strings *strings = &writer->strings;

	for (uint32_t i = 0; i < writer->info->module_count; i++) {
		const struct pprof_module *module = &writer->info->modules[i];

		if (!module->build_id[0] || strcmp(module->name, name) != 0)
			continue;
		strings->names[strings->count] = STRING_BUILD_ID | i;
		return (int64_t)(writer->before.strings + strings->count++);
	}
	return STRING_EMPTY;
}

/* All have functions, be it one that is named after its address: there is nothing to look up. */
static int put_mappings(struct pprof_writer *writer)
{
	for (size_t i = 0; i < writer->locations.mapping_count; i++) {
		const struct pprof_mapping *source = &writer->locations.mappings[i];
		Mapping mapping = PERFTOOLS__PROFILES__MAPPING__INIT;
		Mapping *mappings[] = { &mapping };
		Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
		int err;

		mapping.id = writer->before.mappings + i + 1;
		mapping.filename = mapping_name(writer, source);
		mapping.build_id = build_id_of(writer, source);
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

static int put_functions(struct pprof_writer *writer)
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
static size_t fill_lines(struct pprof_writer *writer, uint32_t location)
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

static int put_locations(struct pprof_writer *writer)
{
	for (uint32_t i = 0; i < writer->locations.locations.count; i++) {
		uint32_t mapping = writer->locations.location_mappings[i];
		Location location = PERFTOOLS__PROFILES__LOCATION__INIT;
		Location *locations[] = { &location };
		Profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
		int err;

		if (!writer->locations.is_used[i])
			continue;
		location.id = pprof_location_id(writer, i);
		location.mapping_id = writer->before.mappings + mapping + 1;
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

static int put_names(struct pprof_writer *writer)
{
	for (size_t i = 0; i < writer->strings.count; i++) {
		uint32_t name = writer->strings.names[i];
		int err = pprof_put_string(
			writer, name & STRING_BUILD_ID
					? writer->info->modules[name & ~STRING_BUILD_ID].build_id
					: call_tree_name(writer->tree, name));

		if (err < 0)
			return err;
	}
	return 0;
}

int pprof_put_tables(struct pprof_writer *writer)
{
	int err = put_mappings(writer);

	if (!err)
		err = put_functions(writer);
	if (!err)
		err = put_locations(writer);
	return err < 0 ? err : put_names(writer);
}
