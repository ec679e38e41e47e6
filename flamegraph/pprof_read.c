/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file is decompressed as a whole, as its text comes after what refers to it; nothing else of
 * its size is kept. Samples are decoded one by one where they lie.
 */
#include "flamegraph/pprof_read.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/pprof_contents.h"
#include "flamegraph/pprof_frames.h"
#include "flamegraph/pprof_inflate.h"
#include "flamegraph/pprof_reason.h"

/* A million stacks of 60 frames are 150 MiB. */
#define BYTES_MAX       ((size_t)1 << 30)
/*
 * How many frames are looked for, at most: a few bytes can refer to many inlined functions, again
 * and again. One byte of a profile that was measured makes less than one.
 */
#define FRAMES_PER_BYTE 32
#define FRAMES_FREE     ((uint64_t)1 << 24)
#define NO_STACK        "[unknown]"

enum sample_field {
	SAMPLE_LOCATION = 1,
	SAMPLE_VALUE,
	SAMPLE_LABEL,
};

/* A location of the sample before, and the node that its innermost frame is. */
struct step {
	uint32_t location;
	uint32_t node;
};

struct reader {
	struct pprof_reason *reason;
	struct call_tree *tree;
	struct pprof_index index;
	struct pprof_frames frames;
	struct pprof_contents contents;
	struct pprof_wanted wanted;
	uint64_t frame_budget;  /* how many more may be looked for */
	uint64_t sample_number; /* from 1 */
	uint64_t *ids;          /* of the sample's locations, the innermost first */
	size_t id_count, id_capacity;
	struct step *steps; /* the outermost first */
	size_t step_count;
};

/* What a sample says. */
struct sample {
	int64_t value;
	bool is_labelled;
};

static void cleanup_reader(struct reader **memory)
{
	struct reader *reader = *memory;

	if (!reader)
		return;
	pprof_index_done(&reader->index);
	pprof_frames_done(&reader->frames);
	pprof_contents_done(&reader->contents);
	free(reader->ids);
	free(reader->steps);
	free(reader);
}

static int reserve_ids(struct reader *reader)
{
	size_t capacity = reader->id_capacity ? reader->id_capacity * 2 : 64;
	uint64_t *ids;
	struct step *steps;

	if (reader->id_count < reader->id_capacity)
		return 0;
	if (reader->id_count >= CALL_TREE_DEPTH_MAX)
		return pprof_fail(reader->reason, -E2BIG,
				  "sample %" PRIu64 " has more than %u frames",
				  reader->sample_number, CALL_TREE_DEPTH_MAX);
	ids = reallocarray(reader->ids, capacity, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	reader->ids = ids;
	steps = reallocarray(reader->steps, capacity, sizeof(*steps));
	if (!steps)
		return -ENOMEM;
	reader->steps = steps;
	reader->id_capacity = capacity;
	return 0;
}

static int malformed_sample(const struct reader *reader)
{
	return pprof_fail(reader->reason, -EBADMSG, "sample %" PRIu64 " is malformed",
			  reader->sample_number);
}

static int read_ids(struct reader *reader, struct pprof_wire bytes)
{
	uint64_t id;
	int more;

	while ((more = pprof_wire_number(&bytes, &id)) == 1) {
		int err = reserve_ids(reader);

		if (err < 0)
			return err;
		reader->ids[reader->id_count++] = id;
	}
	return more < 0 ? malformed_sample(reader) : 0;
}

static int read_values(const struct reader *reader, struct pprof_wire bytes, size_t *count,
		       int64_t *ret)
{
	uint64_t value;
	int more;

	while ((more = pprof_wire_number(&bytes, &value)) == 1) {
		if ((*count)++ == reader->wanted.value)
			*ret = (int64_t)value;
	}
	return more < 0 ? malformed_sample(reader) : 0;
}

/* Its locations are in reader->ids then. */
static int read_sample(struct reader *reader, struct pprof_wire wire, struct sample *ret)
{
	struct pprof_field field;
	size_t values = 0;
	int more;

	*ret = (struct sample){ 0 };
	reader->id_count = 0;
	while ((more = pprof_wire_next(&wire, &field)) == 1) {
		int err = 0;

		if (field.number == SAMPLE_LOCATION)
			err = read_ids(reader, field.bytes);
		else if (field.number == SAMPLE_VALUE)
			err = read_values(reader, field.bytes, &values, &ret->value);
		else if (field.number == SAMPLE_LABEL)
			ret->is_labelled = true;
		if (err < 0)
			return err;
	}
	if (more < 0)
		return malformed_sample(reader);
	if (values != reader->index.type_count)
		return pprof_fail(reader->reason, -EBADMSG,
				  "sample %" PRIu64 " has %zu values of %zu", reader->sample_number,
				  values, reader->index.type_count);
	return 0;
}

/* Goes on from node to the innermost frame of a location. */
static int enter_location(struct reader *reader, uint32_t location, uint32_t *node)
{
	size_t count;
	const struct call_child *children = pprof_frames_of(&reader->frames, location, &count);

	if (count > CALL_TREE_DEPTH_MAX - call_tree_node(reader->tree, *node)->depth)
		return pprof_fail(reader->reason, -E2BIG,
				  "sample %" PRIu64 " has more than %u frames",
				  reader->sample_number, CALL_TREE_DEPTH_MAX);
	if (count > reader->frame_budget)
		return pprof_fail(reader->reason, -E2BIG,
				  "it has too many inlined functions for its size");
	reader->frame_budget -= count;
	for (size_t i = 0; i < count; i++) {
		int err = call_tree_enter(reader->tree, *node, &children[i], node);

		if (err < 0)
			return err;
	}
	return 0;
}

/* A sample without locations is somewhere, too. */
static int enter_unknown(struct reader *reader, uint32_t *ret)
{
	return call_tree_reach(reader->tree, &(struct frame){ .name = NO_STACK }, 1, ret);
}

/* The node that the stack ends in. What it has in common with the one before is not walked again.
 */
static int find_node(struct reader *reader, uint32_t *ret)
{
	size_t n = reader->id_count, common = reader->step_count;
	uint32_t node = 0;

	reader->step_count = 0;
	for (size_t i = 0; i < n; i++) {
		struct step *step = &reader->steps[i];
		uint32_t location;
		int err = pprof_frames_find(&reader->frames, reader->ids[n - 1 - i], &location);

		if (err < 0)
			return err;
		if (i >= common || step->location != location) {
			common = 0;
			err = enter_location(reader, location, &node);
			if (err < 0)
				return err;
			*step = (struct step){ location, node };
		}
		node = step->node;
		reader->step_count++;
	}
	*ret = node;
	return n > 0 ? 0 : enter_unknown(reader, ret);
}

/* Totals are added up when all have been counted: stacks may be deep, and bytes of samples few. */
static int count_sample(struct reader *reader, uint64_t value)
{
	static const struct call_before nothing;
	struct call_node *root = &reader->tree->nodes[0];
	uint64_t units;
	uint32_t node;
	int err;

	if (__builtin_mul_overflow(value, reader->wanted.factor, &value) ||
	    call_tree_units(reader->tree, value, &units) < 0 || units > UINT64_MAX - root->total)
		return -EOVERFLOW;
	err = find_node(reader, &node);
	if (!err)
		err = call_tree_add_self(reader->tree, node, &nothing, units);
	if (err < 0)
		return err;
	reader->tree->nodes[0].total += units; /* the root may have moved */
	reader->contents.samples++;
	return 0;
}

static int add_sample(struct reader *reader, struct pprof_wire wire)
{
	struct sample sample;
	int err = read_sample(reader, wire, &sample);

	if (err < 0)
		return err;
	reader->contents.labelled_samples += sample.is_labelled;
	if (sample.value > 0)
		return count_sample(reader, (uint64_t)sample.value);
	reader->contents.empty_samples += sample.value == 0;
	reader->contents.negative_samples += sample.value < 0;
	return 0;
}

static int add_samples(struct reader *reader)
{
	struct pprof_wire wire = reader->index.file;
	struct pprof_field field;

	while (pprof_wire_next(&wire, &field) == 1) {
		int err = 0;

		if (field.number == PROFILE_SAMPLE) {
			reader->sample_number++;
			err = add_sample(reader, field.bytes);
		}
		if (err < 0)
			return err;
	}
	return 0;
}

static int read_profile(struct reader *reader, FILE *in, const struct pprof_options *options,
			struct pprof_contents *ret)
{
	const char *wanted_type = options ? options->sample_type : NULL;
	size_t bytes_max = options && options->bytes_max && options->bytes_max < BYTES_MAX
				   ? options->bytes_max
				   : BYTES_MAX;
	CLEANUP(cleanup_free) uint8_t *bytes = NULL;
	size_t size;
	int err = pprof_inflate(in, bytes_max, reader->reason, &bytes, &size);

	if (!err)
		err = pprof_index_make(&reader->index, bytes, size, reader->reason);
	if (!err)
		err = pprof_contents_make(&reader->index, wanted_type, reader->reason,
					  &reader->contents, &reader->wanted);
	if (!err)
		err = pprof_frames_begin(&reader->frames, &reader->index, reader->tree,
					 reader->reason);
	if (err < 0)
		return err;
	reader->frame_budget = FRAMES_FREE + FRAMES_PER_BYTE * (uint64_t)size;
	err = add_samples(reader);
	call_tree_sum_up(reader->tree);
	if (err < 0)
		return err;
	*ret = reader->contents;
	reader->contents = (struct pprof_contents){ 0 };
	return 0;
}

/* Of what was not found in the file itself. */
static const char *reason_of(int err)
{
	switch (err) {
	case -E2BIG:
		return "it has more frames than fit a flame graph";
	case -EOVERFLOW:
		return "its values add up to more than 64 bits hold";
	default:
		return "there is not enough memory";
	}
}

int pprof_read(FILE *in, struct call_tree *tree, const struct pprof_options *options,
	       struct pprof_contents *ret)
{
	CLEANUP(cleanup_reader) struct reader *reader = calloc(1, sizeof(*reader));
	struct pprof_reason reason = { "" };
	int err = -ENOMEM;

	if (reader) {
		reader->reason = &reason;
		reader->tree = tree;
		err = read_profile(reader, in, options, ret);
	}
	if (err < 0 && !reason.text[0])
		(void)pprof_fail(&reason, err, "%s", reason_of(err));
	if (err < 0 && options && options->reason)
		*options->reason = reason;
	return err;
}
