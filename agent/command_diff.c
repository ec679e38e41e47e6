/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command_diff.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/diff_inputs.h"
#include "agent/drawing.h"
#include "agent/input.h"
#include "agent/log.h"
#include "agent/output.h"
#include "base/cleanup.h"
#include "flamegraph/call_tree_removed.h"
#include "flamegraph/differential.h"
#include "flamegraph/flamegraph.h"
#include "flamegraph/text.h"

#define TITLE         "Differential Flame Graph"
#define TITLE_ON_CPU  "On-CPU, before and after"
#define TITLE_OFF_CPU "Off-CPU, before and after"
/* What pictures show as times. */
#define TIME          "microseconds"
#define HEX_PREFIX    "0x"
#define HEX_STRIPPED  "..." /* in place of the digits */

/* Two profiles on their way into one tree, and what is drawn of it. */
struct comparison {
	const struct diff_options *options;
	struct input_options input;
	struct inputs before, after;
	struct call_tree *tree;
	uint64_t before_total, after_total; /* what is compared, in equal units */
	double left_out, whole;             /* of both together, in whole units */
	struct picture picture;
	char *notes;
};

static void comparison_done(struct comparison *comparison)
{
	inputs_done(&comparison->before);
	inputs_done(&comparison->after);
	call_tree_free(comparison->tree);
	free(comparison->notes);
}

static void cleanup_output(struct output **output)
{
	output_free(*output);
}

struct stripping {
	char *text; /* of the newest name */
	bool has_failed;
};

static void cleanup_stripping(struct stripping *stripping)
{
	free(stripping->text);
}

static void put_stripped(const char *name, char *to)
{
	const char *number = name;

	while ((number = strstr(number, HEX_PREFIX))) {
		const char *digits = number + strlen(HEX_PREFIX);

		number = digits;
		if (!isxdigit((unsigned char)*digits))
			continue;
		to = mempcpy(to, name, (size_t)(digits - name));
		to = mempcpy(to, HEX_STRIPPED, strlen(HEX_STRIPPED));
		while (isxdigit((unsigned char)*digits))
			digits++;
		name = number = digits;
	}
	memcpy(to, name, strlen(name) + 1);
}

static bool strip_hex(void *context, struct frame *frame)
{
	struct stripping *stripping = context;

	if (!strstr(frame->name, HEX_PREFIX))
		return false;
	free(stripping->text);
	/* "0x1" grows most: it gets twice as long. */
	stripping->text = malloc(2 * strlen(frame->name) + 1);
	stripping->has_failed |= !stripping->text;
	if (!stripping->text)
		return false;
	put_stripped(frame->name, stripping->text);
	frame->name = stripping->text;
	return true;
}

static int strip_names(struct call_tree **tree)
{
	CLEANUP(cleanup_stripping) struct stripping stripping = { 0 };
	int err = call_tree_rename(tree, strip_hex, &stripping);

	return !err && stripping.has_failed ? -ENOMEM : err;
}

/* What the two sides count may have other decimals, and be smaller parts of a unit. */
static double in_units(const struct inputs *side, unsigned int decimals, uint64_t count)
{
	double units = (double)count / (double)side->unit.divisor;

	while (decimals-- > 0)
		units /= 10;
	return units;
}

/* One of the two profiles, as far as it is compared. 0, or -errno after one line. */
static int read_side(struct comparison *comparison, struct inputs *side, const char *path)
{
	const struct diff_options *options = comparison->options;
	struct drawing_options drawing = options->drawing;
	struct call_left_out left_out = { 0 };
	unsigned int decimals;
	uint64_t whole;
	int err = inputs_init(side, &comparison->input);

	if (err < 0)
		return drawing_failed(options->output, err);
	err = inputs_read(side, path);
	if (err < 0)
		return err;
	whole = call_tree_node(side->tree, 0)->total;
	if (whole == 0) {
		log_error("there is no stack in '%s', so nothing can be compared with it", path);
		return -ENODATA;
	}
	decimals = call_tree_decimals(side->tree);
	if (options->strips_hex)
		err = strip_names(&side->tree);
	if (!err)
		err = drawing_merge_lines(&side->tree);
	drawing.picture.is_reversed = false; /* both at once: reverse() */
	if (!err)
		err = drawing_select(&drawing, &side->tree, &left_out);
	if (err < 0)
		return drawing_failed(options->output, err);
	if (call_tree_node(side->tree, 0)->total > 0) {
		comparison->left_out += in_units(side, decimals, left_out.count);
		comparison->whole += in_units(side, decimals, whole);
		return 0;
	}
	log_error("no stack of '%s' is left by --include, --exclude and --base", path);
	return -ENODATA;
}

static int read_sides(struct comparison *comparison, const struct diff_pair *pair)
{
	int err = read_side(comparison, &comparison->before, pair->before);

	if (!err)
		err = read_side(comparison, &comparison->after, pair->after);
	if (err < 0)
		return err;
	err = inputs_agree(&comparison->before, &comparison->after);
	if (err == -EINVAL)
		log_error("'%s' counts %s, and '%s' %s: these cannot be compared", pair->before,
			  comparison->before.unit.name, pair->after, comparison->after.unit.name);
	else if (err < 0)
		(void)drawing_failed(comparison->options->output, err);
	else if (comparison->before.unit.is_off_cpu != comparison->after.unit.is_off_cpu)
		log_warning("'%s' is time %s a CPU, and '%s' is time %s it", pair->before,
			    comparison->before.unit.is_off_cpu ? "off" : "on", pair->after,
			    comparison->after.unit.is_off_cpu ? "off" : "on");
	return err;
}

/* Begins with the innermost functions, if that is wanted. */
static int reverse(struct comparison *comparison)
{
	struct drawing_options reversal = { .picture.is_reversed = true };
	struct call_left_out nothing;

	if (!comparison->options->drawing.picture.is_reversed)
		return 0;
	return drawing_select(&reversal, &comparison->tree, &nothing);
}

/* The tree of both; what it was made of is not needed any more. */
static int make_tree(struct comparison *comparison)
{
	struct inputs *before = &comparison->before, *after = &comparison->after;
	int err = differential_make(before->tree, after->tree, &comparison->tree);

	if (err < 0)
		return err;
	call_tree_free(before->tree);
	call_tree_free(after->tree);
	before->tree = after->tree = NULL;
	err = reverse(comparison);
	if (err < 0)
		return err;
	comparison->before_total = call_tree_before(comparison->tree, 0).total;
	comparison->after_total = call_tree_node(comparison->tree, 0)->total;
	return 0;
}

/* In the units of the tree, which has decimals now, and divisor times larger ones. */
static uint64_t total_as_it_was(const struct comparison *comparison, unsigned int decimals,
				uint64_t divisor)
{
	uint64_t total = comparison->before_total;

	for (unsigned int i = decimals; i < call_tree_decimals(comparison->tree); i++) {
		if (__builtin_mul_overflow(total, 10, &total))
			return 0;
	}
	return total / divisor;
}

static void put_count(const struct comparison *comparison, uint64_t count, FILE *out)
{
	unsigned int decimals = call_tree_decimals(comparison->tree);
	const char *unit = comparison->picture.unit;

	if (decimals == 0 && strcmp(unit, TIME) == 0) {
		text_put_time(out, count);
		return;
	}
	text_put_decimal(out, count, decimals);
	fprintf(out, " %s", unit);
}

/* "before: 1,234 samples, scaled by 0.5; after: 617 samples"; the caller frees *ret. */
static int make_remark(const struct comparison *comparison, char **ret)
{
	size_t length = 0;
	FILE *out = open_memstream(ret, &length);

	if (!out)
		return -ENOMEM;
	text_put(out, "before: ");
	put_count(comparison, comparison->picture.sides.before_total, out);
	if (!comparison->options->keeps_totals)
		fprintf(out, ", scaled by %.4g",
			(double)comparison->after_total / (double)comparison->before_total);
	text_put(out, "; after: ");
	put_count(comparison, call_tree_after(comparison->tree), out);
	if (fclose(out) == 0)
		return 0;
	free(*ret);
	*ret = NULL;
	return -ENOMEM;
}

static int make_words(struct comparison *comparison, const struct diff_pair *pair)
{
	const struct diff_options *options = comparison->options;
	struct picture *picture = &comparison->picture;
	CLEANUP(cleanup_free) char *remark = NULL;
	int err = make_remark(comparison, &remark);

	if (!err)
		err = drawing_notes(&options->drawing, comparison->left_out / comparison->whole,
				    remark, &comparison->notes);
	if (err < 0)
		return err;
	picture->notes = comparison->notes;
	if (!picture->title && pair->is_of_directory)
		picture->title = pair->is_off_cpu ? TITLE_OFF_CPU : TITLE_ON_CPU;
	else if (!picture->title)
		picture->title = TITLE;
	picture->sides.before = options->before;
	picture->sides.after = options->after;
	picture->sides.is_normalized = !options->keeps_totals;
	return 0;
}

static int make_picture(struct comparison *comparison, const struct diff_pair *pair)
{
	const struct diff_options *options = comparison->options;
	const struct input_unit *unit = &comparison->after.unit;
	unsigned int decimals = call_tree_decimals(comparison->tree);
	bool is_divided;
	int err;

	comparison->picture = options->drawing.picture;
	if (!options->keeps_totals)
		differential_normalize(comparison->tree, strcmp(unit->name, TIME) != 0);
	err = call_tree_removed(comparison->tree, options->drawing.order);
	if (!err)
		err = drawing_set_unit(unit, &comparison->tree, &comparison->picture);
	if (err < 0)
		return err;
	is_divided = comparison->picture.unit == unit->name;
	comparison->picture.waits = false;
	comparison->picture.sides.before_total =
		total_as_it_was(comparison, decimals, is_divided ? unit->divisor : 1);
	return make_words(comparison, pair);
}

/* 0, or -errno after one line. */
static int compare(struct comparison *comparison, const struct diff_pair *pair)
{
	const struct diff_options *options = comparison->options;
	int err;

	comparison->input = options->input;
	/* The folded files of a directory are eprof's: what they count is known. */
	if (pair->is_off_cpu && !comparison->input.unit)
		comparison->input.unit = TIME;
	err = read_sides(comparison, pair);
	if (err < 0)
		return err;
	err = make_tree(comparison);
	if (!err && options->form != OUTPUT_FOLDED)
		err = make_picture(comparison, pair);
	return err < 0 ? drawing_failed(options->output, err) : 0;
}

static int write_html(const struct comparison *comparisons, size_t count, FILE *out)
{
	struct html_part parts[DIFF_PAIRS_MAX];

	for (size_t i = 0; i < count; i++)
		parts[i] = (struct html_part){ comparisons[i].tree, &comparisons[i].picture };
	return html_write_parts(parts, count, out);
}

static int write_form(const struct comparison *comparisons, size_t count, FILE *out)
{
	const struct diff_options *options = comparisons->options;

	if (options->form == OUTPUT_HTML)
		return write_html(comparisons, count, out);
	assert(count == 1);
	if (options->form == OUTPUT_SVG)
		return svg_write(comparisons->tree, &comparisons->picture, out);
	if (options->keeps_totals)
		return folded_write(comparisons->tree, out);
	return folded_write_normalized(comparisons->tree, out);
}

/* 0, or -errno after one line. */
static int write_output(const struct comparison *comparisons, size_t count, struct output *output)
{
	FILE *out;
	int err;

	drawing_hold_signals(comparisons->options->output);
	out = output_stream(output, NULL);
	if (!out)
		return -errno;
	err = write_form(comparisons, count, out);
	/* A failed write is explained by the commit, which knows why. */
	if (err < 0 && !ferror(out))
		return drawing_failed(comparisons->options->output, err);
	return output_commit(output);
}

/* 0, or -errno after one line. */
static int run(const struct diff_options *options, struct comparison *comparisons)
{
	CLEANUP(cleanup_output) struct output *output = NULL;
	CLEANUP(diff_pairs_done) struct diff_pairs pairs = { 0 };
	int err = output_open_as(options->output, options->form, &output);

	if (!err)
		err = diff_pairs_find(options, &pairs);
	for (size_t i = 0; !err && i < pairs.count; i++)
		err = compare(&comparisons[i], &pairs.list[i]);
	return err < 0 ? err : write_output(comparisons, pairs.count, output);
}

int command_diff(const struct diff_options *options)
{
	struct comparison comparisons[DIFF_PAIRS_MAX] = { 0 };
	int err;

	for (size_t i = 0; i < DIFF_PAIRS_MAX; i++)
		comparisons[i].options = options;
	err = run(options, comparisons);

	for (size_t i = 0; i < DIFF_PAIRS_MAX; i++)
		comparison_done(&comparisons[i]);
	return err < 0 ? 1 : 0;
}
