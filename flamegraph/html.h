/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page around several pictures, with what is known of how they came about. It loads nothing, and
 * shows all of this without scripts; with them it has a table of functions, too. It is well-formed
 * XML, has one style sheet and two scripts, each the same bytes in every page, and no attributes
 * that are code or style: a policy by hashes (Content-Security-Policy) can allow it.
 *
 * Strings are borrowed and may be anything; NULL and 0 leave a part out.
 */
#ifndef EPROF_FLAMEGRAPH_HTML_H
#define EPROF_FLAMEGRAPH_HTML_H

#include <stdbool.h>

#include "flamegraph/flamegraph.h"

/* "Sampling rate": "99 Hz on 2 CPUs" */
struct html_fact {
	const char *name, *text;
};

/* What is missing, and how much of it. */
struct html_loss {
	const char *name;
	uint64_t count;
};

/* The first is time on a CPU; there are colours for so many. */
#define HTML_TIMES_MAX 6

/* Where the time of a process went: times[] add up to wall_us. */
struct html_ledger_row {
	const char *name;
	uint32_t pid; /* 0: none */
	uint64_t threads;
	uint64_t wall_us;
	uint64_t times_us[HTML_TIMES_MAX];
};

struct html_ledger {
	const char *const *time_names; /* "on-CPU", "sleep", ... */
	size_t time_count;
	const struct html_ledger_row *rows;
	size_t row_count; /* 0: there is no ledger */
	struct html_ledger_row sum;
};

struct html_page {
	const char *title;    /* NULL: the page has no heading, its pictures have their own */
	const char *subtitle; /* one line below it */
	const struct html_part *parts;
	size_t part_count;
	const struct html_fact *facts;
	size_t fact_count;
	bool tells_losses;
	const struct html_loss *losses; /* with tells_losses: none means that nothing was lost */
	size_t loss_count;
	struct html_ledger ledger;
};

/* 0, -ENOMEM or -EIO. Same page, same bytes. */
int html_write_page(const struct html_page *page, FILE *out);

#endif
