/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers: a sorted call tree in, a file's bytes out. Each returns 0, -ENOMEM, or -EIO when the
 * stream failed (disk full); the caller opens and closes the stream. Same tree, same bytes.
 */
#ifndef EPROF_FLAMEGRAPH_FLAMEGRAPH_H
#define EPROF_FLAMEGRAPH_FLAMEGRAPH_H

#include <stdio.h>

#include "flamegraph/call_tree.h"
#include "flamegraph/picture.h"

/* The build id of a binary, in hexadecimal. Strings are borrowed. */
struct pprof_module {
	const char *name;     /* as frames have it, or that of a mapping: "[kernel.kallsyms]" */
	const char *build_id; /* "": unknown */
};

/* What a pprof file says besides its stacks (google/pprof profile.proto). Strings are borrowed. */
struct pprof_info {
	const char *sample_type; /* "samples" | "events" */
	const char *value_type;  /* "cpu" | "off_cpu" */
	/* What the counts are, times unit_ns, if it is neither samples nor time: "bytes". NULL:
	 * "nanoseconds". */
	const char *value_unit;
	uint64_t time_ns; /* wall clock at the start of the window */
	uint64_t duration_ns;
	/* 1e9 / hz: counts are samples, and worth this much. 0: they are times. */
	uint64_t period_ns;
	uint64_t unit_ns;    /* of such times: 1 or 1000 */
	const char *comment; /* NULL: none */
	const char *state;   /* of threads whose stacks do not say theirs: "sleep"; NULL: unknown */
	const struct pprof_module *modules; /* in any order, a name once */
	size_t module_count;
};

/* One of the trees of a profile, whose samples have values of its own. */
struct pprof_part {
	const struct call_tree *tree;
	const struct pprof_info *info;
};
#define PPROF_PARTS_MAX 2

/* A picture of a page. */
struct html_part {
	const struct call_tree *tree;
	const struct picture *picture;
};

/*
 * "root;frame;...;leaf COUNT" lines; ';' in a name becomes ':', line breaks and tabs become ' ',
 * other control characters '?'. Of a differential there are two counts, before and after. -E2BIG:
 * a line is some times longer than what is read (LINE_MAX_BYTES).
 */
int folded_write(const struct call_tree *tree, FILE *out);

/* The same of a differential whose counts before are not scaled yet, and are not all 0: each is
 * count * total after / total before, rounded down, as other tools do it. */
int folded_write_normalized(const struct call_tree *tree, FILE *out);

/* One self-contained SVG 1.1 document, readable without scripts, with zoom and search where they
 * run. */
int svg_write(const struct call_tree *tree, const struct picture *picture, FILE *out);

/* One self-contained HTML page around the same picture. */
int html_write(const struct call_tree *tree, const struct picture *picture, FILE *out);

/* The same with several of them, one below the other. */
int html_write_parts(const struct html_part *parts, size_t count, FILE *out);

/*
 * gzip of one perftools.profiles.Profile. Counts with decimals become whole numbers, of which each
 * has what the ones before left over: no sum is off by one. Kinds of frames are mappings
 * (pprof_kinds.h). Samples have labels beside their frames: thread_id and thread_name where the
 * second frame is a thread ("NAME-ID", of kind FRAME_PROCESS), and state where a note says it, or
 * info. -EOVERFLOW: the sum of all counts, or of their time, does not fit the format's 63 bits.
 */
int pprof_write(const struct call_tree *tree, const struct pprof_info *info, FILE *out);

/* The same of one to PPROF_PARTS_MAX trees; a sample is 0 in what another one counts. */
int pprof_write_parts(const struct pprof_part *parts, size_t count, FILE *out);

/* speedscope's file format, one "sampled" profile. */
int speedscope_write(const struct call_tree *tree, const struct picture *picture, FILE *out);

#endif
