/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sample is a line of its own, the frames from the innermost on, and an empty line. Its frames
 * are kept as numbers until it is whole, and are entered from the outermost on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "flamegraph/call_tree_parts.h"
#include "flamegraph/line_reader.h"
#include "flamegraph/perf_script_line.h"
#include "flamegraph/read_name.h"
#include "flamegraph/readers.h"

/* The command is a frame, too. */
#define FRAMES_MAX (CALL_TREE_DEPTH_MAX - 1)
/* Of what is no sample, such as a mapping. */
#define RECORD     "PERF_RECORD_"

enum sample_state {
	SAMPLE_NONE,
	SAMPLE_COUNTED, /* its frames are kept */
	SAMPLE_SKIPPED, /* of another event */
};

struct reader {
	struct line_reader lines;
	struct call_tree *tree;
	struct read_name names;
	enum sample_state state;
	uint64_t period;
	struct call_child comm;
	struct call_child *frames;
	size_t count;
	size_t capacity;
	char *unknown; /* "[libc.so.6]" */
	size_t unknown_capacity;
	struct read_report report;
};

static void cleanup_reader(struct reader *reader)
{
	line_reader_done(&reader->lines);
	read_name_done(&reader->names);
	free(reader->frames);
	free(reader->unknown);
}

static int intern(struct reader *reader, struct words words, uint32_t *ret)
{
	return read_name_intern(&reader->names, &reader->tree->names, words.text, words.length,
				ret);
}

/* What has no name is called by its module. */
static int intern_unknown(struct reader *reader, struct words module, uint32_t *ret)
{
	size_t size = module.length + 2;
	struct words name = { .text = "[unknown]", .length = strlen("[unknown]") };

	if (module.length == 0)
		return intern(reader, name, ret);
	if (module.text[0] == '[')
		return intern(reader, module, ret);
	if (size > reader->unknown_capacity) {
		char *unknown = realloc(reader->unknown, size);

		if (!unknown)
			return -ENOMEM;
		reader->unknown = unknown;
		reader->unknown_capacity = size;
	}
	reader->unknown[0] = '[';
	memcpy(reader->unknown + 1, module.text, module.length);
	reader->unknown[size - 1] = ']';
	return intern(reader, (struct words){ .text = reader->unknown, .length = size }, ret);
}

static int add_frame(struct reader *reader, const struct perf_script_frame *frame)
{
	struct call_child child = { .kind = frame->kind,
				    .site_id = PAIR_NONE,
				    .module_id = CALL_TREE_NONE };
	struct call_child *frames =
		array_reserve(reader->frames, reader->count, &reader->capacity, sizeof(*frames));
	int err;

	if (!frames)
		return -ENOMEM;
	reader->frames = frames;
	err = frame->name.length > 0 ? intern(reader, frame->name, &child.name_id)
				     : intern_unknown(reader, frame->module, &child.name_id);
	if (!err && frame->module.length > 0)
		err = intern(reader, frame->module, &child.module_id);
	if (err < 0)
		return err;
	frames[reader->count++] = child;
	return 0;
}

/* An inlined function is in the module of the one it is in, which is the frame before. */
static int enter_frames(struct reader *reader, uint32_t *ret)
{
	uint32_t module_id = CALL_TREE_NONE, node;
	int err = call_tree_enter(reader->tree, 0, &reader->comm, &node);

	for (size_t i = reader->count; !err && i-- > 0;) {
		struct call_child *frame = &reader->frames[i];

		if (frame->kind == FRAME_INLINED)
			frame->module_id = module_id;
		module_id = frame->module_id;
		err = call_tree_enter(reader->tree, node, frame, &node);
	}
	if (err < 0)
		return err;
	*ret = node;
	return 0;
}

/* Counts the sample that has been read, if one has. */
static int end_sample(struct reader *reader)
{
	enum sample_state state = reader->state;
	uint64_t units;
	uint32_t node;
	int err;

	reader->state = SAMPLE_NONE;
	if (state != SAMPLE_COUNTED)
		return 0;
	err = call_tree_units(reader->tree, reader->period, &units);
	if (!err && units > UINT64_MAX - call_tree_node(reader->tree, 0)->total)
		err = -EOVERFLOW;
	if (!err && units > 0)
		err = enter_frames(reader, &node);
	if (!err && units > 0)
		err = call_tree_count(reader->tree, node, units);
	if (err < 0)
		return err;
	reader->report.stacks++;
	return 0;
}

static void copy_event(struct words event, char *ret, size_t size)
{
	size_t length = event.length < size ? event.length : size - 1;

	memcpy(ret, event.text, length);
	ret[length] = '\0';
}

static void note_other(struct read_report *report, const char *name)
{
	size_t i = 0;

	report->others++;
	while (i < report->other_event_count && strcmp(report->other_events[i].name, name) != 0)
		i++;
	if (i == OTHER_EVENTS_KEPT)
		return;
	if (i == report->other_event_count) {
		report->other_events[i] = (struct other_event){ 0 };
		memcpy(report->other_events[i].name, name, strlen(name) + 1);
		report->other_event_count++;
	}
	report->other_events[i].samples++;
}

static int begin_sample(struct reader *reader, const struct perf_script_header *header)
{
	struct read_report *report = &reader->report;
	struct perf_script_frame frame;
	char event[sizeof(report->event)];
	int err;

	copy_event(header->event, event, sizeof(event));
	if (strncmp(event, RECORD, strlen(RECORD)) == 0)
		return 0;
	if (report->event[0] == '\0') {
		memcpy(report->event, event, sizeof(event));
		report->counts_periods = header->has_period;
	}
	reader->state = SAMPLE_SKIPPED;
	if (strcmp(report->event, event) != 0) {
		note_other(report, event);
		return 0;
	}
	reader->comm = (struct call_child){ .kind = FRAME_PROCESS,
					    .site_id = PAIR_NONE,
					    .module_id = CALL_TREE_NONE };
	err = intern(reader, header->comm, &reader->comm.name_id);
	if (err < 0)
		return err;
	reader->state = SAMPLE_COUNTED;
	reader->period = header->has_period ? header->period : 1;
	reader->count = 0;
	/* A sample without callers may have its only frame in the same line. */
	if (!perf_script_frame(header->rest.text, header->rest.length, &frame))
		return 0;
	err = add_frame(reader, &frame);
	return err < 0 ? err : end_sample(reader);
}

/* Where the newest frame is. */
static int add_source(struct reader *reader, const struct perf_script_source *source)
{
	struct call_child *frame = &reader->frames[reader->count - 1];
	uint32_t file_id;
	int err;

	if (source->is_inlined)
		frame->kind = FRAME_INLINED;
	if (source->file.length == 0)
		return 0;
	err = intern(reader, source->file, &file_id);
	return err < 0 ? err
		       : pair_pool_intern(&reader->tree->sites, file_id, source->line,
					  &frame->site_id);
}

/* Of a sample that is counted. A line that is not understood is a frame all the same. */
static int read_frame(struct reader *reader, const char *line, size_t length)
{
	struct perf_script_frame frame = { 0 };
	struct perf_script_source source;

	if (reader->count > 0 && perf_script_source(line, length, &source))
		return add_source(reader, &source);
	if (reader->count == FRAMES_MAX) {
		line_reader_note(&reader->lines, BAD_LINE_TOO_DEEP, &reader->report);
		reader->state = SAMPLE_SKIPPED;
		return 0;
	}
	if (!perf_script_frame(line, length, &frame))
		line_reader_note(&reader->lines, BAD_LINE_NOT_A_SAMPLE, &reader->report);
	return add_frame(reader, &frame);
}

static bool is_indented(const struct line *line)
{
	return line->length > 0 && (line->bytes[0] == ' ' || line->bytes[0] == '\t');
}

/* Blanks are nothing. */
static bool is_empty(const struct line *line)
{
	size_t i = 0;

	while (i < line->length && (line->bytes[i] == ' ' || line->bytes[i] == '\t'))
		i++;
	return i == line->length;
}

static int read_line(struct reader *reader)
{
	const struct line *line = &reader->lines.line;
	struct perf_script_header header;
	struct perf_script_frame frame;
	int err;

	if (line->is_too_long || memchr(line->bytes, '\0', line->length)) {
		line_reader_note(&reader->lines,
				 line->is_too_long ? BAD_LINE_TOO_LONG : BAD_LINE_NUL,
				 &reader->report);
		if (reader->state != SAMPLE_COUNTED || reader->count == FRAMES_MAX)
			return 0;
		frame = (struct perf_script_frame){ 0 };
		return add_frame(reader, &frame);
	}
	if (is_empty(line))
		return end_sample(reader);
	/* A comment, or the code of a line, by -F +srccode. */
	if (line->bytes[0] == '#' || line->bytes[0] == '|')
		return 0;
	if (reader->state != SAMPLE_NONE && is_indented(line) &&
	    (perf_script_frame(line->bytes, line->length, &frame) ||
	     !perf_script_header(line->bytes, line->length, &header)))
		return reader->state == SAMPLE_COUNTED
			       ? read_frame(reader, line->bytes, line->length)
			       : 0;
	err = end_sample(reader);
	if (err < 0)
		return err;
	if (perf_script_header(line->bytes, line->length, &header))
		return begin_sample(reader, &header);
	line_reader_note(&reader->lines, BAD_LINE_NOT_A_SAMPLE, &reader->report);
	/* What follows is of no use without it. */
	reader->state = SAMPLE_SKIPPED;
	return 0;
}

int perf_script_read(FILE *in, struct call_tree *tree, struct read_report *ret)
{
	CLEANUP(cleanup_reader) struct reader reader = { .tree = tree };
	int more = line_reader_make(in, &reader.lines);
	int err = more;

	while (!err && (more = line_reader_next(&reader.lines)) > 0)
		err = read_line(&reader);
	if (!err)
		err = more;
	if (!err)
		err = end_sample(&reader);
	if (err < 0)
		return err;
	*ret = reader.report;
	return 0;
}
