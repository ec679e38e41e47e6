/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Readers: the bytes of a file in, stacks added to a call tree. Files are strangers': lines, depths
 * and nodes have limits, what is not understood is skipped and counted, and names become UTF-8,
 * U+FFFD standing for what is none. Several files may be read into one tree. Each returns 0 or
 * -EIO (the stream failed), -ENOMEM, -E2BIG (a limit of call_tree.h) or -EOVERFLOW (counts leave 64
 * bits): then the tree has what came before.
 */
#ifndef EPROF_FLAMEGRAPH_READERS_H
#define EPROF_FLAMEGRAPH_READERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "flamegraph/call_tree.h"

enum bad_line_reason {
	BAD_LINE_NO_COUNT,     /* does not end in a blank and a number */
	BAD_LINE_NEGATIVE,     /* its count is below 0 */
	BAD_LINE_NOT_DECIMAL,  /* its count has an exponent or is hexadecimal */
	BAD_LINE_TOO_LARGE,    /* its count does not fit 64 bits */
	BAD_LINE_TOO_PRECISE,  /* its count has more than CALL_TREE_DECIMALS_MAX decimals */
	BAD_LINE_ONE_COUNT,    /* of a differential, which has two on each line */
	BAD_LINE_NO_STACK,     /* nothing is before its count */
	BAD_LINE_NUL,          /* holds a NUL */
	BAD_LINE_TOO_LONG,     /* is longer than LINE_MAX_BYTES */
	BAD_LINE_TOO_DEEP,     /* has more than CALL_TREE_DEPTH_MAX frames */
	BAD_LINE_NOT_A_SAMPLE, /* is no part of what perf script prints */
	BAD_LINE_REASONS,
};

struct bad_line {
	uint64_t number; /* from 1 */
	enum bad_line_reason reason;
};

/* What perf script had besides the event whose samples are counted. */
struct other_event {
	char name[64]; /* cut, if it is longer */
	uint64_t samples;
};

#define BAD_LINES_KEPT    10
#define OTHER_EVENTS_KEPT 8
#define LINE_MAX_BYTES    ((size_t)16 << 20)

/* What a reader met. */
struct read_report {
	uint64_t stacks;    /* added, also those that count 0 */
	uint64_t bad_lines; /* skipped */
	uint64_t bad_lines_by_reason[BAD_LINE_REASONS];
	struct bad_line first[BAD_LINES_KEPT]; /* of the bad lines, as many as there are */
	/* Of perf script: */
	char event[64];      /* whose samples are counted; "": there was none */
	bool counts_periods; /* a sample counts its period, not 1 */
	uint64_t others;     /* samples of other events, which are left out */
	size_t other_event_count;
	struct other_event other_events[OTHER_EVENTS_KEPT]; /* the first of them */
};

/* What is wrong with the line: "does not end in a count". */
const char *bad_line_text(enum bad_line_reason reason);

struct folded_options {
	/* Each line has two counts, the first being that of the other side: call_tree_before(). */
	bool differential;
};

/*
 * Folded stacks (the grammar: CONTRIBUTING.md). Suffixes _[k], _[i], _[j] become the frame's kind.
 * Decimals of counts are kept exactly: the tree gets as many as are needed. options may be NULL.
 */
int folded_read(FILE *in, struct call_tree *tree, const struct folded_options *options,
		struct read_report *ret);

/*
 * What `perf script` prints. A stack begins with the command, as a frame of kind FRAME_PROCESS;
 * frames have kinds and modules. As other tools do it, a sample counts its period where there is
 * one and 1 otherwise, and the first event is the one whose samples are counted.
 */
int perf_script_read(FILE *in, struct call_tree *tree, struct read_report *ret);

enum input_format {
	INPUT_FOLDED, /* also what is nothing else */
	INPUT_PPROF,  /* also anything that is compressed by gzip */
	INPUT_PERF_SCRIPT,
};

/* A guess from how a file begins; INPUT_FORMAT_BYTES are enough. */
#define INPUT_FORMAT_BYTES ((size_t)64 << 10)
enum input_format input_format_of(const char *bytes, size_t length);

#endif
