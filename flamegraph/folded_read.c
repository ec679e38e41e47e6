/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines are cut out of one buffer in place. The buffer grows to the longest line that is accepted;
 * of a longer one the rest is skipped without being kept.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/flamegraph.h"

#define LINE_MAX_BYTES ((size_t)16 << 20)
#define BUFFER_FIRST   ((size_t)1 << 18)
#define FRAMES_FIRST   256
#define SUFFIX_LENGTH  4

struct reader {
	FILE *in;
	struct call_tree *tree;
	char *buffer;
	size_t capacity;
	size_t start; /* unread bytes: start .. end */
	size_t end;
	struct frame *frames;
	size_t frames_capacity;
	uint64_t line_number;
	struct folded_report report;
};

static void cleanup_reader(struct reader *reader)
{
	free(reader->buffer);
	free(reader->frames);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void note_bad_line(struct reader *reader)
{
	if (reader->report.bad_lines++ == 0)
		reader->report.first_bad_line = reader->line_number;
}

/* Moves what is unread to the front, grows if that is not enough, and reads more. 1: there is. */
static int refill(struct reader *reader)
{
	size_t n;

	memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
	reader->end -= reader->start;
	reader->start = 0;
	if (reader->end == reader->capacity) {
		char *buffer = realloc(reader->buffer, reader->capacity * 2);

		if (!buffer)
			return -ENOMEM;
		reader->buffer = buffer;
		reader->capacity *= 2;
	}
	n = fread(reader->buffer + reader->end, 1, reader->capacity - reader->end, reader->in);
	if (n == 0)
		return ferror(reader->in) ? -EIO : 0;
	reader->end += n;
	return 1;
}

/* Throws away what is left of a line that is too long. */
static int skip_line(struct reader *reader)
{
	for (;;) {
		char *newline =
			memchr(reader->buffer + reader->start, '\n', reader->end - reader->start);
		int more;

		if (newline) {
			reader->start = (size_t)(newline - reader->buffer) + 1;
			return 0;
		}
		reader->start = reader->end;
		more = refill(reader);
		if (more <= 0)
			return more;
	}
}

/*
 * The next line, without its line break. 1: *ret and *ret_length are set (the bytes may be changed
 * until the next call); 0: the file has ended. Lines that are too long are noted and passed over.
 */
static int next_line(struct reader *reader, char **ret, size_t *ret_length)
{
	size_t seen = 0;

	for (;;) {
		char *line = reader->buffer + reader->start;
		size_t have = reader->end - reader->start;
		char *newline = memchr(line + seen, '\n', have - seen);
		int more;

		if (newline && newline - line <= (ptrdiff_t)LINE_MAX_BYTES) {
			*ret = line;
			*ret_length = (size_t)(newline - line);
			reader->start += *ret_length + 1;
			reader->line_number++;
			return 1;
		}
		if (newline || have > LINE_MAX_BYTES) {
			reader->line_number++;
			note_bad_line(reader);
			more = skip_line(reader);
			if (more < 0)
				return more;
			seen = 0;
			continue;
		}
		seen = have;
		more = refill(reader);
		if (more < 0)
			return more;
		if (more == 0 && have == 0)
			return 0;
		if (more == 0) {
			*ret = reader->buffer + reader->start;
			*ret_length = have;
			reader->start = reader->end;
			reader->line_number++;
			return 1;
		}
	}
}

/*
 * Splits "stack COUNT". What is not digits up to the end, is out of range or has nothing before it
 * is no count.
 */
static bool parse_count(const char *line, size_t length, size_t *ret_stack_length,
			uint64_t *ret_count)
{
	size_t digits = length;
	uint64_t count = 0;

	while (digits > 0 && line[digits - 1] >= '0' && line[digits - 1] <= '9')
		digits--;
	if (digits == length || digits < 2 || !is_blank(line[digits - 1]))
		return false;
	for (size_t i = digits; i < length; i++) {
		if (__builtin_mul_overflow(count, 10, &count) ||
		    __builtin_add_overflow(count, (uint64_t)(line[i] - '0'), &count))
			return false;
	}
	*ret_stack_length = digits - 1;
	*ret_count = count;
	return true;
}

/* Cuts a kind's suffix off the frame's text, which ends before *end. */
static enum frame_kind cut_suffix(const char *name, char **end)
{
	const char *suffix = *end - SUFFIX_LENGTH;
	enum frame_kind kind;

	if (*end - name < SUFFIX_LENGTH || suffix[3] != ']' || suffix[0] != '_' || suffix[1] != '[')
		return FRAME_USER;
	if (suffix[2] == 'k')
		kind = FRAME_KERNEL;
	else if (suffix[2] == 'i')
		kind = FRAME_INLINED;
	else if (suffix[2] == 'j')
		kind = FRAME_JIT;
	else
		return FRAME_USER;
	*end -= SUFFIX_LENGTH;
	return kind;
}

static int reserve_frame(struct reader *reader, size_t n)
{
	size_t capacity = reader->frames_capacity ? reader->frames_capacity * 2 : FRAMES_FIRST;
	struct frame *frames;

	if (n < reader->frames_capacity)
		return 0;
	if (n >= CALL_TREE_DEPTH_MAX)
		return -E2BIG;
	frames = reallocarray(reader->frames, capacity, sizeof(*frames));
	if (!frames)
		return -ENOMEM;
	reader->frames = frames;
	reader->frames_capacity = capacity;
	return 0;
}

/* stack[length] may be overwritten: it was the blank before the count. */
static int add_stack(struct reader *reader, char *stack, size_t length, uint64_t count)
{
	char *stack_end = stack + length;
	size_t n = 0;

	for (char *name = stack; name <= stack_end; n++) {
		char *separator = memchr(name, ';', (size_t)(stack_end - name));
		char *end = separator ? separator : stack_end;
		char *following = end + 1;
		int err = reserve_frame(reader, n);

		if (err < 0)
			return err;
		reader->frames[n] = (struct frame){ .name = name, .kind = cut_suffix(name, &end) };
		*end = '\0';
		name = following;
	}
	return call_tree_add(reader->tree, reader->frames, n, count);
}

static int read_line(struct reader *reader, char *line, size_t length)
{
	size_t stack_length;
	uint64_t count;
	int err;

	while (length > 0 && (is_blank(line[length - 1]) || line[length - 1] == '\r'))
		length--;
	if (length == 0 || (line[0] == '#' && (length == 1 || line[1] == ' ')))
		return 0;
	/* A NUL would cut a name short without a word. */
	if (memchr(line, '\0', length) || !parse_count(line, length, &stack_length, &count)) {
		note_bad_line(reader);
		return 0;
	}
	err = add_stack(reader, line, stack_length, count);
	if (err < 0)
		return err;
	reader->report.lines++;
	return 0;
}

int folded_read(FILE *in, struct call_tree *tree, struct folded_report *ret)
{
	CLEANUP(cleanup_reader) struct reader reader = { .in = in, .tree = tree };
	char *line;
	size_t length;
	int more;

	/* Zeroed for the sake of analyzers: they let memchr() find something in no bytes. */
	reader.buffer = calloc(1, BUFFER_FIRST);
	if (!reader.buffer)
		return -ENOMEM;
	reader.capacity = BUFFER_FIRST;
	while ((more = next_line(&reader, &line, &length)) > 0) {
		int err = read_line(&reader, line, length);

		if (err < 0)
			return err;
	}
	if (more < 0)
		return more;
	*ret = reader.report;
	return 0;
}
