/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/line_reader.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_FIRST ((size_t)1 << 18)
#define ROOM_MIN     ((size_t)1 << 16)
/* A longer line is not kept for the next one to be compared with. */
#define KEPT_MAX     ((size_t)1 << 16)
#define MARK         "\xef\xbb\xbf" /* U+FEFF */

int line_reader_make(FILE *in, struct line_reader *ret)
{
	/* Zeroed for the sake of analyzers: they let memchr() find something in no bytes. */
	char *buffer = calloc(1, BUFFER_FIRST);

	if (!buffer)
		return -ENOMEM;
	*ret = (struct line_reader){ .in = in, .buffer = buffer, .capacity = BUFFER_FIRST };
	return 0;
}

void line_reader_done(struct line_reader *reader)
{
	free(reader->buffer);
	*reader = (struct line_reader){ 0 };
}

/* Moves what is kept or unread to the front, and grows if that leaves little room. */
static int make_room(struct line_reader *reader)
{
	size_t moved;
	char *buffer;

	if (reader->start - reader->kept > KEPT_MAX) {
		reader->kept = reader->start;
		reader->line.bytes = NULL;
	}
	moved = reader->kept;
	if (moved > 0)
		memmove(reader->buffer, reader->buffer + moved, reader->end - moved);
	reader->kept = 0;
	reader->start -= moved;
	reader->end -= moved;
	if (reader->capacity - reader->end >= ROOM_MIN)
		return 0;
	buffer = realloc(reader->buffer, reader->capacity * 2);
	if (!buffer)
		return -ENOMEM;
	reader->buffer = buffer;
	reader->capacity *= 2;
	return 0;
}

/* Reads more behind what is unread. 1: there is more. */
static int refill(struct line_reader *reader)
{
	int err = make_room(reader);
	size_t n;

	if (err < 0)
		return err;
	n = fread(reader->buffer + reader->end, 1, reader->capacity - reader->end, reader->in);
	if (n == 0)
		return ferror(reader->in) ? -EIO : 0;
	reader->end += n;
	return 1;
}

static void skip_mark(struct line_reader *reader)
{
	if (reader->end - reader->start >= strlen(MARK) &&
	    memcmp(reader->buffer + reader->start, MARK, strlen(MARK)) == 0)
		reader->start += strlen(MARK);
}

/* Throws away what is left of a line that is too long. */
static int skip_line(struct line_reader *reader)
{
	for (;;) {
		char *unread = reader->buffer + reader->start;
		char *newline = memchr(unread, '\n', reader->end - reader->start);
		int more;

		if (newline) {
			reader->start = (size_t)(newline - reader->buffer) + 1;
			break;
		}
		reader->kept = reader->start = reader->end;
		more = refill(reader);
		if (more < 0)
			return more;
		if (more == 0)
			break;
	}
	reader->kept = reader->start;
	reader->previous = (struct line){ 0 };
	reader->line = (struct line){ .is_too_long = true };
	reader->number++;
	return 1;
}

/* The next length bytes are a line, and size of them are gone with it. */
static int take_line(struct line_reader *reader, size_t length, size_t size)
{
	const char *bytes = reader->buffer + reader->start;

	/* The buffer may have moved since; what is between the two has not changed. */
	reader->previous = reader->line;
	if (reader->line.bytes)
		reader->previous.bytes = reader->buffer + reader->kept;
	if (length > 0 && bytes[length - 1] == '\r')
		length--;
	reader->line = (struct line){ .bytes = bytes, .length = length };
	reader->kept = reader->start;
	reader->start += size;
	reader->number++;
	return 1;
}

int line_reader_next(struct line_reader *reader)
{
	size_t seen = 0;

	for (;;) {
		char *unread = reader->buffer + reader->start;
		size_t have = reader->end - reader->start;
		char *newline = memchr(unread + seen, '\n', have - seen);
		size_t length = newline ? (size_t)(newline - unread) : have;
		int more;

		if (length > LINE_MAX_BYTES)
			return skip_line(reader);
		if (newline)
			return take_line(reader, length, length + 1);
		seen = have;
		more = refill(reader);
		if (more < 0)
			return more;
		if (more == 0)
			return have > 0 ? take_line(reader, have, have) : 0;
		if (reader->number == 0 && seen == 0)
			skip_mark(reader);
	}
}

void line_reader_note(const struct line_reader *reader, enum bad_line_reason reason,
		      struct read_report *report)
{
	assert(reason < BAD_LINE_REASONS);
	if (report->bad_lines < BAD_LINES_KEPT)
		report->first[report->bad_lines] =
			(struct bad_line){ .number = reader->number, .reason = reason };
	report->bad_lines++;
	report->bad_lines_by_reason[reason]++;
}

const char *bad_line_text(enum bad_line_reason reason)
{
	static const char *const texts[BAD_LINE_REASONS] = {
		[BAD_LINE_NO_COUNT] = "does not end in a count",
		[BAD_LINE_NEGATIVE] = "has a negative count",
		[BAD_LINE_NOT_DECIMAL] = "has a count that is not in plain decimal digits",
		[BAD_LINE_TOO_LARGE] = "has a count that does not fit 64 bits",
		[BAD_LINE_TOO_PRECISE] = "has a count with more than 9 decimals",
		[BAD_LINE_ONE_COUNT] = "does not have the two counts of a differential",
		[BAD_LINE_NO_STACK] = "has a count, but no stack",
		[BAD_LINE_NUL] = "holds a NUL byte",
		[BAD_LINE_TOO_LONG] = "is longer than 16 MiB",
		[BAD_LINE_TOO_DEEP] = "has more than 65,536 frames",
		[BAD_LINE_NOT_A_SAMPLE] = "is no part of a sample",
	};

	assert(reason < BAD_LINE_REASONS);
	return texts[reason];
}
