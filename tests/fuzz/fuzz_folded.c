/* SPDX-License-Identifier: Apache-2.0 */
#include <regex.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flamegraph/call_tree_select.h"
#include "flamegraph/flamegraph.h"
#include "flamegraph/readers.h"
#include "flamegraph/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *open_input(const uint8_t *data, size_t size)
{
	FILE *in = size ? fmemopen((void *)data, size, "r") : fopen("/dev/null", "r");

	if (!in)
		abort();
	return in;
}

static struct call_tree *new_tree(void)
{
	struct call_tree *tree;

	if (call_tree_new(&tree) < 0)
		abort();
	return tree;
}

/* By the kind, the first byte: how it is read. */
static int read_as(uint8_t kind, FILE *in, struct call_tree *tree, struct read_report *ret)
{
	const struct folded_options differential = { .differential = true };

	switch (kind) {
	case 'P':
		return perf_script_read(in, tree, ret);
	case 'D':
		return folded_read(in, tree, &differential, ret);
	default:
		return folded_read(in, tree, NULL, ret);
	}
}

static void check_names(const struct call_tree *tree)
{
	for (uint32_t i = 0; i < call_tree_name_count(tree); i++) {
		const char *name = call_tree_name(tree, i);

		if (!utf8_is_valid(name, strlen(name)))
			abort();
	}
}

static void check_selection(const struct call_tree *tree, struct call_selection selection)
{
	struct call_left_out left_out;
	struct call_tree *made;

	if (call_tree_select(tree, &selection, &made, &left_out) < 0)
		abort();
	if (call_tree_node(made, 0)->total + left_out.count != call_tree_node(tree, 0)->total)
		abort();
	call_tree_free(made);
}

static void check_selections(const struct call_tree *tree)
{
	regex_t regex;

	if (regcomp(&regex, "^a|b$", REG_EXTENDED | REG_NOSUB) != 0)
		abort();
	check_selection(tree, (struct call_selection){ .reverse = true });
	check_selection(tree, (struct call_selection){ .base = "a" });
	check_selection(tree, (struct call_selection){ .include = &regex, .include_count = 1 });
	check_selection(tree, (struct call_selection){
				      .exclude = &regex, .exclude_count = 1, .reverse = true });
	regfree(&regex);
}

/* What is written is read again as the same, and without a bad line. */
static void check_written(const struct call_tree *tree)
{
	const struct folded_options options = { .differential = call_tree_has_before(tree) };
	struct call_tree *again = new_tree();
	struct read_report report;
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	FILE *in;

	if (!out || folded_write(tree, out) < 0 || fclose(out) != 0)
		abort();
	in = open_input((const uint8_t *)text, length);
	if (folded_read(in, again, &options, &report) < 0 || report.bad_lines > 0)
		abort();
	(void)fclose(in);
	if (call_tree_set_decimals(again, call_tree_decimals(tree)) < 0)
		abort();
	call_tree_check(again);
	if (call_tree_node(again, 0)->total != call_tree_node(tree, 0)->total ||
	    call_tree_before(again, 0).total != call_tree_before(tree, 0).total)
		abort();
	free(text);
	call_tree_free(again);
}

static void check_report(const struct read_report *report)
{
	uint64_t sum = 0;

	for (int reason = 0; reason < BAD_LINE_REASONS; reason++)
		sum += report->bad_lines_by_reason[reason];
	if (sum != report->bad_lines || report->other_event_count > OTHER_EVENTS_KEPT)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t kind = size ? data[0] : 0;
	struct call_tree *tree = new_tree();
	struct read_report report = { 0 };
	size_t skipped = kind == 'P' || kind == 'D' || kind == 'C';
	FILE *in = open_input(data + skipped, size - skipped);

	(void)input_format_of((const char *)data + skipped, size - skipped);
	if (kind == 'C')
		call_tree_keep_time(tree);
	if (read_as(kind, in, tree, &report) == 0)
		check_report(&report);
	call_tree_check(tree);
	check_names(tree);
	(void)fclose(in);
	/* Another file, maybe in other units, on top. */
	in = open_input(data + skipped, size - skipped);
	(void)read_as('F', in, tree, &report);
	(void)fclose(in);
	call_tree_check(tree);
	if (call_tree_sort_by(tree, size % 3) < 0)
		abort();
	call_tree_check(tree);
	check_selections(tree);
	check_written(tree);
	call_tree_free(tree);
	return 0;
}
