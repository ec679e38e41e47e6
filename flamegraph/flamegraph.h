/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writers: a sorted call tree in, a file's bytes out. Each returns 0, -ENOMEM, or -EIO when the
 * stream failed (disk full); the caller opens and closes the stream. Same tree, same bytes.
 */
#ifndef EPROF_FLAMEGRAPH_FLAMEGRAPH_H
#define EPROF_FLAMEGRAPH_FLAMEGRAPH_H

#include <stdio.h>

#include "flamegraph/call_tree.h"

/* What the numbers of a tree mean, and the words around the picture. Strings are borrowed. */
struct picture {
	const char *title;    /* NULL: "Flame Graph" */
	const char *subtitle; /* NULL: none */
	const char *notes;    /* NULL: none; losses and conditions, in one line under the picture */
	const char *unit;     /* NULL: "samples"; "microseconds" are shown as times */
	uint32_t width;       /* pixels; 0: 1200 */
	/* Off-CPU time: what is waited for has colours and a legend, and waiting for work can be
	 * hidden (wait_kind.h). */
	bool waits;
};

/* What a pprof file says besides its stacks (google/pprof profile.proto). */
struct pprof_info {
	const char *sample_type; /* "samples" | "events" */
	const char *value_type;  /* "cpu" | "off_cpu" */
	uint64_t time_ns;        /* wall clock at the start of the window */
	uint64_t duration_ns;
	uint64_t period_ns;  /* 1e9 / hz: counts are samples, and worth this much. 0: they are times
			      */
	uint64_t unit_ns;    /* of such times: 1 or 1000 */
	const char *comment; /* NULL: none */
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

/* "root;frame;...;leaf COUNT" lines; ';' in a name becomes ':', line breaks and tabs become ' ',
 * other control characters '?'. */
int folded_write(const struct call_tree *tree, FILE *out);

/* One self-contained SVG 1.1 document, readable without scripts, with zoom and search where they
 * run. */
int svg_write(const struct call_tree *tree, const struct picture *picture, FILE *out);

/* One self-contained HTML page around the same picture. */
int html_write(const struct call_tree *tree, const struct picture *picture, FILE *out);

/* The same with several of them, one below the other. */
int html_write_parts(const struct html_part *parts, size_t count, FILE *out);

/* gzip of one perftools.profiles.Profile. */
int pprof_write(const struct call_tree *tree, const struct pprof_info *info, FILE *out);

/* The same of one to PPROF_PARTS_MAX trees; a sample is 0 in what another one counts. */
int pprof_write_parts(const struct pprof_part *parts, size_t count, FILE *out);

/* speedscope's file format, one "sampled" profile. */
int speedscope_write(const struct call_tree *tree, const struct picture *picture, FILE *out);

/* What reading a folded file met. */
struct folded_report {
	uint64_t lines;          /* stacks added */
	uint64_t bad_lines;      /* skipped: no count, or one that is not a number */
	uint64_t first_bad_line; /* its number, from 1; 0: none */
};

/*
 * Adds every line of in to tree (the grammar: CONTRIBUTING.md). Suffixes _[k], _[i], _[j] become
 * the frame's kind. Bad lines are skipped and counted. Returns 0, -EIO, -ENOMEM, -E2BIG,
 * -EOVERFLOW.
 */
int folded_read(FILE *in, struct call_tree *tree, struct folded_report *ret);

#endif
