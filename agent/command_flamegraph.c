/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command_flamegraph.h"

#include <errno.h>
#include <string.h>

#include "agent/drawing.h"
#include "agent/input.h"
#include "agent/log.h"
#include "agent/output.h"
#include "base/cleanup.h"
#include "flamegraph/call_tree_removed.h"
#include "flamegraph/flamegraph.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define NS_PER_US     UINT64_C(1000)
#define NO_STACK      "There was no stack in the input."

/* Why nothing is drawn, though there was something. */
static const char none_is_left[] =
	"no stack of the input is left by --include, --exclude and --base";
static const char all_is_too_short[] = "the times of the input are less than a microsecond in all";

static void cleanup_output(struct output **output)
{
	output_free(*output);
}

static bool is_picture(enum output_form form)
{
	return form == OUTPUT_SVG || form == OUTPUT_HTML || form == OUTPUT_SPEEDSCOPE;
}

static bool counts_samples(const struct input_unit *unit)
{
	return !unit->name || strcmp(unit->name, "samples") == 0;
}

/* What the counts of a folded file are worth is not in it: microseconds, or samples at -F. */
static int write_pprof(const struct flamegraph_options *options, const struct inputs *inputs,
		       const char *notes, FILE *out)
{
	const struct input_unit *unit = &inputs->unit;
	struct pprof_info info = {
		.sample_type = unit->is_off_cpu ? "events" : "samples",
		.value_type = unit->is_off_cpu ? "off_cpu" : "cpu",
		.comment = notes,
	};

	if (counts_samples(unit)) {
		info.period_ns = NS_PER_SECOND / options->sample_hz;
	} else if (strcmp(unit->name, "microseconds") == 0) {
		info.unit_ns = NS_PER_US / unit->divisor;
	} else {
		info.value_type = info.value_unit = unit->name;
		info.unit_ns = 1;
	}
	return pprof_write(inputs->tree, &info, out);
}

static int write_form(const struct flamegraph_options *options, enum output_form form,
		      const struct inputs *inputs, const struct picture *picture, FILE *out)
{
	switch (form) {
	case OUTPUT_FOLDED:
		return folded_write(inputs->tree, out);
	case OUTPUT_PPROF:
		return write_pprof(options, inputs, picture->notes, out);
	case OUTPUT_HTML:
		return html_write(inputs->tree, picture, out);
	case OUTPUT_SPEEDSCOPE:
		return speedscope_write(inputs->tree, picture, out);
	default:
		return svg_write(inputs->tree, picture, out);
	}
}

/* Of a differential, on either side. */
static bool has_stacks(const struct call_tree *tree)
{
	return call_tree_node(tree, 0)->total > 0 || call_tree_before(tree, 0).total > 0;
}

/* From what was read to what is written. *ret_gone: why there is nothing any more, or NULL. 0 or
 * -errno. */
static int prepare(const struct flamegraph_options *options, struct inputs *inputs,
		   struct picture *picture, char **ret_notes, const char **ret_gone)
{
	const struct drawing_options *drawing = &options->drawing;
	struct call_left_out left_out = { 0 };
	uint64_t whole = call_tree_node(inputs->tree, 0)->total;
	bool had_stacks = has_stacks(inputs->tree);
	int err = 0;

	*picture = drawing->picture;
	if (options->has_sample_hz && counts_samples(&inputs->unit))
		picture->period_ns = NS_PER_SECOND / options->sample_hz;
	if (options->form != OUTPUT_PPROF)
		err = drawing_merge_lines(&inputs->tree);
	if (!err)
		err = drawing_select(drawing, &inputs->tree, &left_out);
	if (!err && is_picture(options->form))
		err = drawing_widen(&options->total, inputs->tree);
	if (!err && is_picture(options->form) && call_tree_has_before(inputs->tree))
		err = call_tree_removed(inputs->tree, drawing->order);
	if (!err && is_picture(options->form) && inputs->unit.name)
		err = drawing_set_unit(&inputs->unit, &inputs->tree, picture);
	if (!err)
		err = drawing_notes(drawing, whole ? (double)left_out.count / (double)whole : 0, "",
				    ret_notes);
	if (err < 0)
		return err;
	picture->notes = *ret_notes;
	*ret_gone = NULL;
	if (has_stacks(inputs->tree))
		return 0;
	if (had_stacks)
		*ret_gone = whole > left_out.count ? all_is_too_short : none_is_left;
	picture->notes = had_stacks ? *ret_gone : NO_STACK;
	return 0;
}

/* 0, or -errno after one line. */
static int write_output(const struct flamegraph_options *options, struct output *output,
			struct inputs *inputs, const char **ret_gone)
{
	CLEANUP(cleanup_free) char *notes = NULL;
	struct picture picture;
	FILE *out;
	int err = prepare(options, inputs, &picture, &notes, ret_gone);

	if (err < 0)
		return drawing_failed(options->output, err);
	drawing_hold_signals(options->output);
	out = output_stream(output, NULL);
	if (!out)
		return -errno;
	err = write_form(options, output_form(output), inputs, &picture, out);
	/* A failed write is explained by the commit, which knows why. */
	if (err < 0 && !ferror(out))
		return drawing_failed(options->output, err);
	return output_commit(output);
}

/* 0, or -errno after one line; -ENODATA: there is no stack, and that can be drawn. */
static int read_inputs(const struct flamegraph_options *options, struct inputs *inputs)
{
	const char *first = options->inputs[0];

	for (char **input = options->inputs; *input; input++) {
		int err = inputs_read(inputs, *input);

		if (err < 0)
			return err == -ENODATA && options->inputs[1] ? -EIO : err;
	}
	if (has_stacks(inputs->tree))
		return 0;
	log_error("there is no stack in '%s'%s", first,
		  options->inputs[1] ? ", nor in the other inputs" : "");
	return -ENODATA;
}

int command_flamegraph(const struct flamegraph_options *options)
{
	CLEANUP(inputs_done) struct inputs inputs = { 0 };
	CLEANUP(cleanup_output) struct output *output = NULL;
	const char *gone = NULL;
	int err;

	if (output_open_as(options->output, options->form, &output) < 0)
		return 1;
	err = inputs_init(&inputs, &options->input);
	if (err < 0) {
		(void)drawing_failed(options->output, err);
		return 1;
	}
	err = read_inputs(options, &inputs);
	if (err < 0 && err != -ENODATA)
		return 1;
	if (write_output(options, output, &inputs, &gone) < 0 || err < 0)
		return 1;
	if (gone)
		log_error("%s", gone);
	return gone ? 1 : 0;
}
