/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command_flamegraph.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/log.h"
#include "agent/output.h"
#include "base/cleanup.h"
#include "flamegraph/flamegraph.h"

#define NS_PER_SECOND   UINT64_C(1000000000)
#define NS_PER_US       UINT64_C(1000)
#define GZIP_FIRST_BYTE 0x1f

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

static void cleanup_output(struct output **output)
{
	output_free(*output);
}

/* stdin stays open. */
static void cleanup_input(FILE **file)
{
	if (*file && *file != stdin)
		(void)fclose(*file);
}

/* A compressed profile would be read as a file full of bad lines: say what it is. */
static bool is_gzip(FILE *file)
{
	int byte = getc(file);

	if (byte != EOF)
		(void)ungetc(byte, file);
	return byte == GZIP_FIRST_BYTE;
}

static FILE *open_input(const char *path)
{
	CLEANUP(cleanup_input) FILE *file = NULL;
	struct stat st;

	file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!file || fstat(fileno(file), &st) < 0) {
		log_error("cannot read '%s': %s", path, strerror(errno));
		return NULL;
	}
	if (S_ISDIR(st.st_mode)) {
		log_error("cannot read '%s': %s", path, strerror(EISDIR));
		return NULL;
	}
	if (is_gzip(file)) {
		log_error("cannot read '%s': it is compressed, and folded stacks are text", path);
		return NULL;
	}
	return TAKE(file);
}

static void report_bad_lines(const char *path, const struct folded_report *report)
{
	if (report->bad_lines == 1)
		log_warning("'%s': line %" PRIu64 " does not end in a count, skipped", path,
			    report->first_bad_line);
	else if (report->bad_lines > 1)
		log_warning("'%s': %" PRIu64 " lines do not end in a count, skipped; the first is "
			    "line %" PRIu64,
			    path, report->bad_lines, report->first_bad_line);
}

/* Adds one file to tree. 0, or -errno after one line. */
static int read_input(const char *path, struct call_tree *tree)
{
	CLEANUP(cleanup_input) FILE *file = open_input(path);
	struct folded_report report = { 0 };
	int err;

	if (!file)
		return -EIO;
	err = folded_read(file, tree, &report);
	switch (err) {
	case 0:
		report_bad_lines(path, &report);
		return 0;
	case -E2BIG:
		log_error("'%s' has more frames, or deeper stacks, than fit a flame graph", path);
		return err;
	case -EOVERFLOW:
		log_error("the counts of '%s' add up to more than 64 bits hold", path);
		return err;
	default:
		log_error("cannot read '%s': %s", path, strerror(-err));
		return err;
	}
}

static bool is_time_off_cpu(const struct flamegraph_options *options)
{
	return options->unit && strcmp(options->unit, "microseconds") == 0;
}

/* What the counts of a folded file are worth is not in it: microseconds, or samples at -F. */
static int write_pprof(const struct flamegraph_options *options, const struct call_tree *tree,
		       FILE *out)
{
	bool is_time = is_time_off_cpu(options);
	struct pprof_info info = {
		.sample_type = is_time ? "events" : "samples",
		.value_type = is_time ? "off_cpu" : "cpu",
		.period_ns = is_time ? 0 : NS_PER_SECOND / options->sample_hz,
		.unit_ns = is_time ? NS_PER_US : 0,
		.comment = options->notes,
	};

	return pprof_write(tree, &info, out);
}

static int write_form(const struct flamegraph_options *options, enum output_form form,
		      const struct call_tree *tree, FILE *out)
{
	bool is_empty = call_tree_node(tree, 0)->total == 0;
	struct picture picture = {
		.title = options->title,
		.subtitle = options->subtitle,
		.notes = is_empty ? "There was no stack in the input." : options->notes,
		.unit = options->unit ? options->unit : "samples",
		.width = options->width,
		.waits = is_time_off_cpu(options),
	};

	switch (form) {
	case OUTPUT_FOLDED:
		return folded_write(tree, out);
	case OUTPUT_PPROF:
		return write_pprof(options, tree, out);
	case OUTPUT_HTML:
		return html_write(tree, &picture, out);
	case OUTPUT_SPEEDSCOPE:
		return speedscope_write(tree, &picture, out);
	default:
		return svg_write(tree, &picture, out);
	}
}

/* 0, or -errno after one line. */
static int write_output(const struct flamegraph_options *options, struct output *output,
			struct call_tree *tree)
{
	FILE *out = output_stream(output, NULL);
	int err = call_tree_sort(tree);

	if (!err)
		err = write_form(options, output_form(output), tree, out);
	/* A failed write is explained by the commit, which knows why. */
	if (err < 0 && !ferror(out)) {
		log_error("cannot draw '%s': %s", options->output, strerror(-err));
		return err;
	}
	return output_commit(output);
}

int command_flamegraph(const struct flamegraph_options *options)
{
	CLEANUP(cleanup_tree) struct call_tree *tree = NULL;
	CLEANUP(cleanup_output) struct output *output = NULL;

	if (output_open_as(options->output, options->form, &output) < 0)
		return 1;
	if (call_tree_new(&tree) < 0) {
		log_error("cannot draw '%s': out of memory", options->output);
		return 1;
	}
	for (char **input = options->inputs; *input; input++) {
		if (read_input(*input, tree) < 0)
			return 1;
	}
	if (write_output(options, output, tree) < 0)
		return 1;
	if (call_tree_node(tree, 0)->total == 0) {
		log_error("there is no stack in '%s'%s", options->inputs[0],
			  options->inputs[1] ? ", nor in the other inputs" : "");
		return 1;
	}
	return 0;
}
