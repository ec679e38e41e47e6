/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first file goes into the tree as it is read. What comes after it may count something else,
 * which is known only when it has been read: so it gets a tree of its own, and both are merged.
 */
#include "agent/input.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/input_file.h"
#include "agent/log.h"
#include "base/cleanup.h"
#include "flamegraph/call_tree_merge.h"
#include "flamegraph/pprof_read.h"

/* Of one file. */
#define WARNINGS_MAX 3

_Static_assert(INPUT_HEAD_BYTES >= INPUT_FORMAT_BYTES, "what is looked at is enough for a guess");

#define UNIT_SAMPLES "samples"
#define UNIT_TIME    "microseconds"
#define NS_PER_US    1000

/* One file on its way into a tree. */
struct reading {
	const struct input_options *options;
	const char *path;
	struct input_file *file;
	enum input_format format;
	struct call_tree *tree; /* borrowed */
	struct input_unit unit;
};

static void cleanup_reading(struct reading *reading)
{
	input_file_close(reading->file);
	free(reading->unit.name);
}

int inputs_init(struct inputs *inputs, const struct input_options *options)
{
	*inputs = (struct inputs){ .options = options };
	if (call_tree_new(&inputs->tree) < 0)
		return -ENOMEM;
	if (options->keeps_time)
		call_tree_keep_time(inputs->tree);
	return 0;
}

void inputs_done(struct inputs *inputs)
{
	call_tree_free(inputs->tree);
	free(inputs->unit.name);
	*inputs = (struct inputs){ 0 };
}

static const char *format_name(enum input_format format)
{
	return format == INPUT_FOLDED ? "folded stacks" : "samples as perf script prints them";
}

static int set_unit(struct input_unit *unit, const char *name, uint64_t divisor)
{
	unit->name = strdup(name);
	unit->divisor = divisor;
	return unit->name ? 0 : -ENOMEM;
}

/* What a line cannot tell, the user may. */
static int set_folded_unit(struct reading *reading)
{
	const char *name = reading->options->unit ? reading->options->unit : UNIT_SAMPLES;

	if (strcmp(name, "nanoseconds") == 0)
		return set_unit(&reading->unit, UNIT_TIME, NS_PER_US);
	reading->unit.is_off_cpu = strcmp(name, UNIT_TIME) == 0;
	return set_unit(&reading->unit, name, 1);
}

/* Periods of clocks are nanoseconds; those of other events are the event. */
static int set_perf_unit(struct reading *reading, const struct read_report *report)
{
	if (!report->counts_periods)
		return set_unit(&reading->unit, UNIT_SAMPLES, 1);
	if (strncmp(report->event, "cpu-clock", strlen("cpu-clock")) == 0 ||
	    strncmp(report->event, "task-clock", strlen("task-clock")) == 0)
		return set_unit(&reading->unit, UNIT_TIME, NS_PER_US);
	return set_unit(&reading->unit, report->event, 1);
}

/* One line for what made it impossible to read on. */
static int report_failure(const struct reading *reading, int err)
{
	int error = input_file_error(reading->file);

	if (err == -E2BIG)
		log_error("'%s' has more frames, or deeper stacks, than fit a flame graph",
			  reading->path);
	else if (err == -EOVERFLOW)
		log_error("the counts of '%s' add up to more than 64 bits hold", reading->path);
	else
		log_error("cannot read '%s': %s", reading->path, strerror(error ? error : -err));
	return err;
}

static void warn_of_bad_lines(const char *path, const struct read_report *report, uint64_t most)
{
	uint64_t shown = report->bad_lines <= most ? report->bad_lines : most - 1;

	for (uint64_t i = 0; i < shown; i++)
		log_warning("'%s': line %" PRIu64 " %s, skipped", path, report->first[i].number,
			    bad_line_text(report->first[i].reason));
	if (shown < report->bad_lines)
		log_warning("'%s': %" PRIu64 " more lines are bad, skipped; the next one is line "
			    "%" PRIu64,
			    path, report->bad_lines - shown, report->first[shown].number);
}

/* Lines of text: 0, or -errno after one line, when they are not what they were taken for. */
static int judge_lines(const struct reading *reading, const struct read_report *report)
{
	uint64_t lines = report->stacks + report->bad_lines;

	if (report->stacks == 0 && report->bad_lines > 0) {
		log_error("'%s' holds no %s: line %" PRIu64 " %s", reading->path,
			  format_name(reading->format), report->first[0].number,
			  bad_line_text(report->first[0].reason));
		return -ENODATA;
	}
	if (report->bad_lines > report->stacks) {
		log_error("'%s' does not hold %s: %" PRIu64 " of %" PRIu64
			  " lines are bad; the first, line %" PRIu64 ", %s",
			  reading->path, format_name(reading->format), report->bad_lines, lines,
			  report->first[0].number, bad_line_text(report->first[0].reason));
		return -EBADMSG;
	}
	if (report->others > 0)
		log_warning("'%s': %" PRIu64 " samples of '%s' and the like are left out: those "
			    "of '%s' are counted",
			    reading->path, report->others, report->other_events[0].name,
			    report->event);
	warn_of_bad_lines(reading->path, report, WARNINGS_MAX - (report->others > 0));
	return 0;
}

static int read_lines(struct reading *reading)
{
	struct folded_options options = { .differential = reading->options->is_differential };
	FILE *in = input_file_stream(reading->file);
	struct read_report report = { 0 };
	int err;

	if (reading->format == INPUT_FOLDED)
		err = folded_read(in, reading->tree, &options, &report);
	else
		err = perf_script_read(in, reading->tree, &report);
	if (err < 0)
		return report_failure(reading, err);
	err = judge_lines(reading, &report);
	if (err < 0)
		return err;
	err = reading->format == INPUT_FOLDED ? set_folded_unit(reading)
					      : set_perf_unit(reading, &report);
	return err < 0 ? report_failure(reading, err) : 0;
}

static int report_bad_profile(const struct reading *reading, int err,
			      const struct pprof_reason *reason)
{
	if (err == -EBADMSG)
		log_error("'%s' is no pprof profile: %s", reading->path, reason->text);
	else if (err == -ENOENT)
		log_error("'%s' has no values called '%s': %s", reading->path,
			  reading->options->sample_type, reason->text);
	else if (err == -E2BIG && reason->text[0])
		log_error("'%s' is too large: %s", reading->path, reason->text);
	else
		return report_failure(reading, err);
	return err;
}

static int read_profile(struct reading *reading)
{
	struct pprof_reason reason = { "" };
	struct pprof_options options = { .sample_type = reading->options->sample_type,
					 .reason = &reason };
	CLEANUP(pprof_contents_done) struct pprof_contents contents = { 0 };
	int err = pprof_read(input_file_stream(reading->file), reading->tree, &options, &contents);

	if (err < 0)
		return report_bad_profile(reading, err, &reason);
	if (contents.negative_samples > 0)
		log_warning("'%s': %" PRIu64 " samples are below 0, as in a comparison, and left "
			    "out",
			    reading->path, contents.negative_samples);
	reading->unit.is_off_cpu = strcmp(contents.type, "off_cpu") == 0;
	err = set_unit(&reading->unit, contents.picture_unit, contents.divisor);
	return err < 0 ? report_failure(reading, err) : 0;
}

static int read_file(struct reading *reading)
{
	if (reading->format == INPUT_PPROF)
		return read_profile(reading);
	return read_lines(reading);
}

static int refine(struct inputs *inputs, uint64_t divisor)
{
	int err = call_tree_multiply(inputs->tree, divisor / inputs->unit.divisor, 0);

	if (err < 0)
		return err;
	inputs->unit.divisor = divisor;
	return 0;
}

/* Folded stacks do not tell which frame is the process, or a remark. */
static bool make_plain(void *context, struct frame *frame)
{
	(void)context;
	if (frame->kind != FRAME_PROCESS && frame->kind != FRAME_NOTE)
		return false;
	frame->kind = FRAME_USER;
	return true;
}

static int make_kinds_plain(struct inputs *inputs)
{
	if (inputs->has_plain_kinds)
		return 0;
	inputs->has_plain_kinds = true;
	return call_tree_rename(&inputs->tree, make_plain, NULL);
}

int inputs_agree(struct inputs *one, struct inputs *other)
{
	bool has_plain_kinds = one->has_plain_kinds || other->has_plain_kinds;
	int err = 0;

	if (strcmp(one->unit.name, other->unit.name) != 0)
		return -EINVAL;
	if (one->unit.divisor < other->unit.divisor)
		err = refine(one, other->unit.divisor);
	else if (one->unit.divisor > other->unit.divisor)
		err = refine(other, one->unit.divisor);
	if (err < 0 || (one->format == other->format && !has_plain_kinds))
		return err;
	err = make_kinds_plain(one);
	return err < 0 ? err : make_kinds_plain(other);
}

static bool is_empty(const struct inputs *inputs)
{
	return call_tree_node_count(inputs->tree) == 1 &&
	       call_tree_node(inputs->tree, 0)->total == 0;
}

/* What was read becomes a part of the rest. */
static int merge(struct inputs *inputs, struct inputs *more, const struct reading *reading)
{
	int err;

	if (is_empty(more))
		return 0;
	err = inputs_agree(inputs, more);
	if (err == -EINVAL) {
		log_error("'%s' counts %s, and what was read before it %s: these cannot be added",
			  reading->path, more->unit.name, inputs->unit.name);
		return err;
	}
	if (!err)
		err = call_tree_merge(inputs->tree, more->tree);
	inputs->unit.is_off_cpu &= more->unit.is_off_cpu;
	return err < 0 ? report_failure(reading, err) : 0;
}

static int read_first(struct inputs *inputs, struct reading *reading)
{
	int err;

	reading->tree = inputs->tree;
	err = read_file(reading);
	if (err < 0)
		return err;
	free(inputs->unit.name);
	inputs->unit = reading->unit;
	inputs->format = reading->format;
	reading->unit.name = NULL;
	return 0;
}

static int read_more(struct inputs *inputs, struct reading *reading)
{
	CLEANUP(inputs_done) struct inputs more = { 0 };
	int err = inputs_init(&more, inputs->options);

	if (err < 0)
		return report_failure(reading, err);
	err = read_first(&more, reading);
	return err < 0 ? err : merge(inputs, &more, reading);
}

int inputs_read(struct inputs *inputs, const char *path)
{
	CLEANUP(cleanup_reading)
	struct reading reading = { .options = inputs->options, .path = path };
	const char *head;
	size_t length;
	int err = input_file_open(path, &reading.file);

	if (err < 0)
		return err;
	head = input_file_head(reading.file, &length);
	reading.format = inputs->options->has_format ? inputs->options->format
						     : input_format_of(head, length);
	if (inputs->options->is_differential && reading.format != INPUT_FOLDED) {
		log_error("'%s' has no counts of two sides: only folded stacks do", path);
		return -EINVAL;
	}
	return is_empty(inputs) ? read_first(inputs, &reading) : read_more(inputs, &reading);
}
