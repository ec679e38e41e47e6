/* SPDX-License-Identifier: Apache-2.0 */
/* What pprof.c and pprof_tables.c share: a profile on its way into a file. */
#ifndef EPROF_FLAMEGRAPH_PPROF_WRITER_H
#define EPROF_FLAMEGRAPH_PPROF_WRITER_H

#include "flamegraph/flamegraph.h"
#include "flamegraph/pprof_labels.h"
#include "flamegraph/pprof_locations.h"
#include "flamegraph/pprof_stream.h"

typedef Perftools__Profiles__Profile Profile;
typedef Perftools__Profiles__ValueType ValueType;
typedef Perftools__Profiles__Sample Sample;
typedef Perftools__Profiles__Mapping Mapping;
typedef Perftools__Profiles__Location Location;
typedef Perftools__Profiles__Line Line;
typedef Perftools__Profiles__Function Function;
typedef Perftools__Profiles__Label Label;

#define VALUES_OF_PART_MAX 2
#define VALUES_MAX         ((size_t)VALUES_OF_PART_MAX * PPROF_PARTS_MAX)

/* The first strings; those of each part, then of each part texts of labels, names, files, modules
 * and build ids follow. */
enum pprof_string_id {
	STRING_EMPTY,
	STRING_COUNT,
	STRING_KINDS, /* names of mappings, by kind of frame */
	STRING_PARTS = STRING_KINDS + FRAME_KIND_COUNT,
};

enum pprof_part_string {
	PART_SAMPLE_TYPE,
	PART_VALUE_TYPE,
	PART_VALUE_UNIT,
	PART_COMMENT,
	PART_STRINGS,
};

/* Names of the tree, and build ids, that are in the file. */
struct pprof_strings {
	uint32_t *ids;   /* by name: the string, or STRING_EMPTY when there is none yet */
	uint32_t *names; /* or, with STRING_BUILD_ID, modules of the info */
	size_t count;
};
#define STRING_BUILD_ID (1u << 31)

/* A value that counts become, and what its last division left over. */
struct pprof_scaled {
	uint64_t factor;
	uint64_t rest;
};

/* How many of each the parts before have written: what is numbered goes on from there. */
struct pprof_numbers {
	size_t strings, mappings, functions, locations;
};

struct pprof_writer {
	const struct pprof_part *parts;
	size_t part_count;
	size_t value_count; /* of each sample: of all parts */
	struct pprof_stream stream;
	struct pprof_numbers before;

	/* Of the part at hand. */
	const struct call_tree *tree;
	const struct pprof_info *info;
	size_t first_value;
	struct pprof_locations locations;
	struct pprof_labels labels;
	uint64_t first_label_string;
	struct pprof_strings strings;
	uint64_t scale; /* so many units of the tree's are one */
	struct pprof_scaled scaled[VALUES_OF_PART_MAX];
	uint32_t *path;  /* by depth: the location of the node there */
	uint64_t *stack; /* the locations of the sample at hand */
	Line *lines;     /* of the location at hand */
	Line **line_pointers;
};

static inline uint64_t pprof_location_id(const struct pprof_writer *writer, uint32_t location)
{
	return writer->before.locations + location + 1;
}

/* The next string. 0, -ENOMEM or -E2BIG. */
int pprof_put_string(struct pprof_writer *writer, const char *text);

/* What the samples of the part refer to, and the strings of it. 0, -ENOMEM or -E2BIG. */
int pprof_put_tables(struct pprof_writer *writer);

#endif
