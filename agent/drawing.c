/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/drawing.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "agent/log.h"
#include "agent/signals.h"
#include "base/cleanup.h"
#include "flamegraph/call_tree_merge.h"
#include "flamegraph/text.h"

/* Compiled --include or --exclude. */
struct patterns {
	regex_t list[PATTERNS_MAX];
	size_t count;
};

static void cleanup_patterns(struct patterns *patterns)
{
	while (patterns->count > 0)
		regfree(&patterns->list[--patterns->count]);
}

/* They have been compiled before, when the options were parsed: nothing but memory can lack. */
static int compile(const char *const *texts, struct patterns *patterns)
{
	for (; texts[patterns->count]; patterns->count++) {
		if (regcomp(&patterns->list[patterns->count], texts[patterns->count],
			    REG_EXTENDED | REG_NOSUB) != 0)
			return -ENOMEM;
	}
	return 0;
}

static const char *reason_of(int err)
{
	if (err == -E2BIG)
		return "there are more frames, or deeper stacks, than fit a flame graph";
	if (err == -EOVERFLOW)
		return "the counts add up to more than this form of output holds";
	if (err == -ERANGE)
		return "the counts have more decimals than fit";
	return strerror(-err);
}

int drawing_failed(const char *output, int err)
{
	log_error("cannot draw '%s': %s", output, reason_of(err));
	return err;
}

static void replace_tree(struct call_tree **tree, struct call_tree *by)
{
	call_tree_free(*tree);
	*tree = by;
}

int drawing_merge_lines(struct call_tree **tree)
{
	struct call_tree *merged = NULL;
	int err = call_tree_merge_lines(*tree, false, &merged);

	if (err < 0)
		return err;
	if (merged)
		replace_tree(tree, merged);
	return 0;
}

static int select_stacks(const struct drawing_options *options, struct call_tree **tree,
			 struct call_left_out *ret)
{
	CLEANUP(cleanup_patterns) struct patterns include = { 0 };
	CLEANUP(cleanup_patterns) struct patterns exclude = { 0 };
	struct call_selection selection = { .base = options->base,
					    .reverse = options->picture.is_reversed };
	struct call_tree *selected = NULL;
	int err = compile(options->include, &include);

	if (!err)
		err = compile(options->exclude, &exclude);
	selection.include = include.list;
	selection.include_count = include.count;
	selection.exclude = exclude.list;
	selection.exclude_count = exclude.count;
	if (!err)
		err = call_tree_select(*tree, &selection, &selected, ret);
	if (err < 0)
		return err;
	replace_tree(tree, selected);
	return 0;
}

int drawing_select(const struct drawing_options *options, struct call_tree **tree,
		   struct call_left_out *ret)
{
	struct call_left_out left_out = { 0 };
	bool is_whole = !options->include[0] && !options->exclude[0] && !options->base;
	int err = call_tree_sort_by(*tree, options->order);

	if (!err && (!is_whole || options->picture.is_reversed))
		err = select_stacks(options, tree, &left_out);
	if (!err && options->factor.digits > 0)
		err = call_tree_multiply(*tree, options->factor.digits, options->factor.decimals);
	if (err < 0)
		return err;
	*ret = left_out;
	return 0;
}

/* A number of what is counted, in the units of the tree, which gets the decimals it takes. */
static int units_of(struct call_tree *tree, const struct decimal_number *number, uint64_t *ret)
{
	uint64_t count = number->digits;
	int err = 0;

	if (number->decimals > call_tree_decimals(tree))
		err = call_tree_set_decimals(tree, number->decimals);
	if (err < 0)
		return err;
	for (unsigned int i = number->decimals; i < call_tree_decimals(tree); i++) {
		if (__builtin_mul_overflow(count, 10, &count))
			return -EOVERFLOW;
	}
	*ret = count;
	return 0;
}

int drawing_widen(const struct decimal_number *total, struct call_tree *tree)
{
	uint64_t wanted, is;
	int err;

	if (total->digits == 0)
		return 0;
	err = units_of(tree, total, &wanted);
	if (err < 0)
		return err;
	is = call_tree_node(tree, 0)->total;
	if (wanted < is) {
		log_warning("--total is less than the counts add up to, and ignored");
		return 0;
	}
	return call_tree_count(tree, 0, wanted - is);
}

/* Whether both say how long: pictures have one word for it, and show it as it is best read. */
static bool is_same_time(const struct picture *picture, const struct input_unit *unit)
{
	return strcmp(picture->unit, "nanoseconds") == 0 && strcmp(unit->name, "microseconds") == 0;
}

int drawing_set_unit(const struct input_unit *unit, struct call_tree **tree,
		     struct picture *picture)
{
	struct call_tree *divided = NULL;
	int err;

	picture->waits = unit->is_off_cpu;
	/* A word of the user's own is about the numbers as they are in the file. */
	if (picture->unit && strcmp(picture->unit, unit->name) != 0 && !is_same_time(picture, unit))
		return 0;
	picture->unit = unit->name;
	if (unit->divisor == 1)
		return 0;
	err = call_tree_divide(*tree, unit->divisor, &divided);
	if (err < 0)
		return err;
	replace_tree(tree, divided);
	return 0;
}

void drawing_hold_signals(const char *output)
{
	if (strcmp(output, "-") != 0)
		signals_hold();
}

static void put_note(FILE *out, const char *note)
{
	if (!note || !*note)
		return;
	if (ftell(out) > 0)
		text_put(out, "; ");
	text_put(out, note);
}

static void put_left_out(FILE *out, const struct drawing_options *options, double left_out)
{
	put_note(out, "left out: ");
	fprintf(out, "%.2f%% of all", 100.0 * left_out);
	if (options->base)
		fprintf(out, ", what is not in %s", options->base);
	if (options->include[0] || options->exclude[0])
		text_put(out, options->base ? ", and by patterns" : ", by patterns");
}

int drawing_notes(const struct drawing_options *options, double left_out, const char *remark,
		  char **ret)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return -ENOMEM;
	put_note(out, options->picture.notes);
	if (left_out > 0)
		put_left_out(out, options, left_out);
	put_note(out, remark);
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	if (length == 0) {
		free(text);
		text = NULL;
	}
	*ret = text;
	return 0;
}
