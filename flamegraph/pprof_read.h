/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads pprof's format (google/pprof profile.proto), compressed by gzip or not, whoever wrote it.
 * Files come from strangers: size, compression and the number of all things are bounded, and each
 * reference is checked.
 *
 * What becomes a frame: each line of a location, the last being the outermost function and those
 * before it inlined there; with its file and line, and the base name of its mapping as module. A
 * location without functions is "[module+0xOFFSET]" in its file, or "[0xADDRESS]" without a
 * mapping. Mappings named "[kernel..." make kernel frames, and those that pprof_write() uses for
 * kinds of frames (pprof_locations.h) these kinds again.
 *
 * Without effect: ids of builds, mangled names, columns, where functions start, whether functions
 * were folded. Labels and frames that the file asks to drop are reported: no total depends on them.
 */
#ifndef EPROF_FLAMEGRAPH_PPROF_READ_H
#define EPROF_FLAMEGRAPH_PPROF_READ_H

#include <stdint.h>
#include <stdio.h>

#include "flamegraph/call_tree.h"

#define PPROF_REASON_SIZE 256

/* Why a file could not be read, for people: "string 17 of 12"; one line. */
struct pprof_reason {
	char text[PPROF_REASON_SIZE];
};

struct pprof_options {
	/* Which of the values of each sample: a name such as "cpu" or "inuse_space". NULL: what the
	 * file says is to be shown, or else the last. */
	const char *sample_type;
	struct pprof_reason *reason; /* written when reading fails, and then not empty; or NULL */
	size_t bytes_max; /* of the file, decompressed; 0, or more than 1 GiB: that much */
};

/*
 * Owned by the caller: pprof_contents_done(). Texts are "" where the file has none, and cut where
 * they are longer than PPROF_TEXT_MAX bytes.
 */
#define PPROF_TEXT_MAX 4096

struct pprof_contents {
	char *type, *unit; /* of the values, as in the file: "cpu", "nanoseconds" */
	/*
	 * What the tree has: its counts, divided by divisor (call_tree_divide()), are
	 * picture_unit. Times are "microseconds", whatever the file's unit, with divisor 1000 if
	 * that is nanoseconds and 1 else; what the file calls "count" is named after its type
	 * ("samples"), and all else after its unit ("bytes"). Lives as long as the contents.
	 */
	const char *picture_unit;
	uint64_t divisor;
	char *period_type, *period_unit;
	int64_t period;
	int64_t time_ns; /* since 1970, when the profile began; 0: unknown */
	int64_t duration_ns;
	char *comments; /* one a line, without a last line break */
	char *drop_frames, *keep_frames;
	char *documentation;       /* a URL */
	char *types;               /* all names of values, for people: "samples, cpu" */
	uint64_t samples;          /* added to the tree */
	uint64_t empty_samples;    /* whose value was 0: left out */
	uint64_t negative_samples; /* left out, as a difference has them */
	uint64_t labelled_samples;
};

void pprof_contents_done(struct pprof_contents *contents); /* the zero value is fine */

/*
 * Adds the samples of a file to tree, as whole numbers. On failure the tree may have a part of
 * them. 0, -EBADMSG (it is no profile), -ENOENT (no value has the wanted name),
 * -E2BIG (a limit), -EOVERFLOW (the sum of all counts leaves 64 bits), -ENOMEM or -EIO. options may
 * be NULL.
 */
int pprof_read(FILE *in, struct call_tree *tree, const struct pprof_options *options,
	       struct pprof_contents *ret);

#endif
