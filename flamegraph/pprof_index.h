/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are in a profile that has been read into memory: a small record of each, so that
 * samples, which come first and are nearly all of it, are decoded where they lie. Text comes last,
 * so all is found before a sample is looked at.
 */
#ifndef EPROF_FLAMEGRAPH_PPROF_INDEX_H
#define EPROF_FLAMEGRAPH_PPROF_INDEX_H

#include "flamegraph/pprof_ids.h"
#include "flamegraph/pprof_read.h"
#include "flamegraph/pprof_wire.h"

/* Of the largest recordings of whole data centres there are fewer. 48 bytes each, at most. */
#define PPROF_THINGS_MAX   ((size_t)1 << 22)
#define PPROF_TYPES_MAX    256
#define PPROF_COMMENTS_MAX 1024

#define PPROF_UNRESOLVED UINT32_MAX

/* Numbers of the fields of a Profile (profile.proto); of others they are where they are read. */
enum pprof_profile_field {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE,
	PROFILE_MAPPING,
	PROFILE_LOCATION,
	PROFILE_FUNCTION,
	PROFILE_STRING,
	PROFILE_DROP_FRAMES,
	PROFILE_KEEP_FRAMES,
	PROFILE_TIME,
	PROFILE_DURATION,
	PROFILE_PERIOD_TYPE,
	PROFILE_PERIOD,
	PROFILE_COMMENT,
	PROFILE_DEFAULT_TYPE,
	PROFILE_DOCUMENTATION,
	PROFILE_FIELDS,
};

/* Texts are numbers of strings, unchecked. */
struct pprof_value_type {
	uint64_t type, unit;
};

struct pprof_read_mapping {
	uint64_t start, offset;
	uint64_t file;
	bool is_resolved; /* from here on: of pprof_frames.c */
	enum frame_kind kind;
	uint32_t module_id; /* in the tree; CALL_TREE_NONE: it is none */
};

struct pprof_read_function {
	uint64_t name, system_name, file;
	uint32_t name_id, file_id; /* in the tree: of pprof_frames.c, PPROF_UNRESOLVED at first */
};

struct pprof_read_location {
	struct pprof_wire bytes;
	uint32_t first, count; /* of its frames: of pprof_frames.c, PPROF_UNRESOLVED at first */
};

/* The zero value is empty. It borrows the bytes of the file. */
struct pprof_index {
	struct pprof_wire file;
	struct pprof_wire *strings;
	struct pprof_read_mapping *mappings;
	struct pprof_read_function *functions;
	struct pprof_read_location *locations;
	struct pprof_ids mapping_ids, function_ids, location_ids;
	size_t string_count, sample_count;
	struct pprof_value_type types[PPROF_TYPES_MAX];
	size_t type_count;
	struct pprof_value_type period_type;
	uint64_t comments[PPROF_COMMENTS_MAX];
	size_t comment_count;
	uint64_t numbers[PROFILE_FIELDS]; /* by field: those that are one number */
};

/* Finds all. 0, -EBADMSG, -E2BIG or -ENOMEM, with the reason (or NULL). */
int pprof_index_make(struct pprof_index *index, const uint8_t *bytes, size_t size,
		     struct pprof_reason *reason);
void pprof_index_done(struct pprof_index *index);

/*
 * A copy of a string, of its first max bytes, as UTF-8 without NULs; the caller frees it. 0,
 * -EBADMSG or -ENOMEM.
 */
int pprof_index_string(const struct pprof_index *index, uint64_t number, size_t max,
		       struct pprof_reason *reason, char **ret);

#endif
