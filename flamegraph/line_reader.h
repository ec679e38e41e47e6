/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts a stream into lines, in one buffer and without copying them. The buffer grows to the longest
 * line that is accepted (LINE_MAX_BYTES); of a longer one the rest is skipped without being kept. A
 * UTF-8 byte order mark at the beginning is no part of the first line. Not thread-safe.
 */
#ifndef EPROF_FLAMEGRAPH_LINE_READER_H
#define EPROF_FLAMEGRAPH_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "flamegraph/readers.h"

struct line {
	const char *bytes; /* without a line break, be it LF or CR LF */
	size_t length;
	bool is_too_long; /* its bytes are NULL */
};

struct line_reader {
	FILE *in;
	char *buffer;
	size_t capacity;
	size_t start; /* unread bytes: start .. end */
	size_t end;
	size_t kept;          /* where the line that was read last begins */
	uint64_t number;      /* of that line, from 1 */
	struct line line;     /* it, which stays until the call after the next */
	struct line previous; /* the one before; its bytes are NULL when they are gone */
};

/* 0 or -ENOMEM. line_reader_done() is for all that have been zeroed or made. */
int line_reader_make(FILE *in, struct line_reader *ret);
void line_reader_done(struct line_reader *reader);

/* Goes to the next line. 1; 0: the file has ended; -EIO or -ENOMEM. */
int line_reader_next(struct line_reader *reader);

/* Notes that the line read last is bad. */
void line_reader_note(const struct line_reader *reader, enum bad_line_reason reason,
		      struct read_report *report);

#endif
