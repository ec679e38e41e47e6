/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files to be drawn: folded stacks, pprof, or what `perf script` prints, told apart by their
 * content. They are strangers': what is wrong with one is said in a line that names it.
 */
#ifndef EPROF_AGENT_INPUT_H
#define EPROF_AGENT_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "flamegraph/call_tree.h"
#include "flamegraph/readers.h"

struct input_options {
	bool has_format; /* --from */
	enum input_format format;
	const char *sample_type; /* --sample-type, of pprof; NULL: the file's default */
	bool is_differential;    /* folded stacks have two counts on each line */
	bool keeps_time;         /* a flame chart */
	const char *unit;        /* --unit: that of folded stacks; NULL: "samples" */
};

/* What a number counts: divided by divisor it is one of unit. */
struct input_unit {
	char *name; /* "samples", "microseconds", "bytes"; NULL: nothing was read */
	uint64_t divisor;
	bool is_off_cpu; /* time that is waited for */
};

/* What was read, from one file or several. */
struct inputs {
	const struct input_options *options; /* borrowed */
	struct call_tree *tree;
	struct input_unit unit;
	enum input_format format; /* of what was read first */
	bool has_plain_kinds;     /* of frames, as only these are known in all forms */
};

/* Empty; the caller ends it with inputs_done(). 0 or -ENOMEM, without a line. */
int inputs_init(struct inputs *inputs, const struct input_options *options);
void inputs_done(struct inputs *inputs); /* the zero value is fine */

/*
 * Adds the file at path; "-" is stdin. What is skipped or left out is a warning or a few, three at
 * most. 0, or -errno after one line: it cannot be read, or counts what the files before it do not
 * (times are converted, exactly). -ENODATA: there is no stack in it, but something else.
 * -EBADMSG: of its lines more are bad than good, so that a picture would be one of chance.
 */
int inputs_read(struct inputs *inputs, const char *path);

/*
 * Gives both the same unit, exactly, and frames of kinds that are known in both. 0, -EOVERFLOW or
 * -ENOMEM; -EINVAL: they count different things.
 */
int inputs_agree(struct inputs *one, struct inputs *other);

#endif
