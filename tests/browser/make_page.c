// SPDX-License-Identifier: Apache-2.0
/*
 *	make_page ON.folded OFF.folded OUT.html
 *
 * Writes the page that a recording of both kinds of time has, from samples and from microseconds
 *off a CPU, with facts that are no recording's. Exits with 1 when it cannot.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "flamegraph/html.h"
#include "flamegraph/readers.h"

#define PERIOD_NS 10000000

static const struct html_fact facts[] = {
	{ "Target", "<demo> & \"co\"" },
	{ "Duration", "3.0 s" },
	{ "Recorded by", "eprof" },
};

static const struct html_loss losses[] = {
	{ "samples </td> map full", 12345 },
};

static const char *const times[] = { "on-CPU", "asleep", "run queue" };

static const struct html_ledger_row rows[] = {
	{ "</script><script>throw 1</script>", 7, 2, 6000000, { 1000000, 4000000, 1000000 } },
	{ "2 others", 0, 2, 1000, { 0, 1000 } },
};

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

static int read_tree(const char *path, struct call_tree **ret)
{
	CLEANUP(cleanup_file) FILE *in = fopen(path, "re");
	struct read_report report;
	int err;

	if (!in)
		return -1;
	err = call_tree_new(ret);
	if (!err)
		err = folded_read(in, *ret, NULL, &report);
	return err < 0 ? err : call_tree_sort(*ret);
}

int main(int argc, char **argv)
{
	CLEANUP(cleanup_tree) struct call_tree *on = NULL;
	CLEANUP(cleanup_tree) struct call_tree *off = NULL;
	const struct picture on_picture = { .title = "On-CPU", .period_ns = PERIOD_NS };
	const struct picture off_picture = { .title = "Off-CPU",
					     .unit = "microseconds",
					     .waits = true };
	struct html_part parts[2];
	FILE *out;
	int err;

	if (argc != 4 || read_tree(argv[1], &on) < 0 || read_tree(argv[2], &off) < 0)
		return 1;
	parts[0] = (struct html_part){ on, &on_picture };
	parts[1] = (struct html_part){ off, &off_picture };
	out = fopen(argv[3], "we");
	if (!out)
		return 1;
	err = html_write_page(
		&(struct html_page){ .title = facts[0].text,
				     .subtitle = "3.0 s",
				     .parts = parts,
				     .part_count = 2,
				     .facts = facts,
				     .fact_count = 3,
				     .tells_losses = true,
				     .losses = losses,
				     .loss_count = 1,
				     .ledger = { .time_names = times,
						 .time_count = 3,
						 .rows = rows,
						 .row_count = 2,
						 .sum = { "All",
							  0,
							  4,
							  6001000,
							  { 1000000, 4001000, 1000000 } } } },
		out);
	return fclose(out) != 0 || err < 0;
}
