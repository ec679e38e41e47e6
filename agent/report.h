/* SPDX-License-Identifier: Apache-2.0 */
/* What a recording was like: gathered once, for stats.json, the summary and the picture's notes. */
#ifndef EPROF_AGENT_REPORT_H
#define EPROF_AGENT_REPORT_H

#include "agent/binaries.h"
#include "agent/dwarf_client.h"
#include "agent/jit.h"
#include "agent/stats_json.h"
#include "agent/window.h"

#define REPORT_NOTES_SIZE 512

struct report {
	struct recording_stats stats;
	bool kernel_names_missing;
	bool lacks_descriptors;        /* some binaries could not be kept open */
	const char *table_failed_name; /* a binary whose unwind rules were of no use; or NULL */
	const char *table_failed_error;
	struct stats_module *modules;
	struct ledger_row ledger_sum; /* of all threads; zero without a ledger */
	uint64_t thread_count;
	/* One line under each picture: share of complete stacks, losses. */
	char notes[REPORT_NOTES_SIZE], off_notes[REPORT_NOTES_SIZE];
};

/* Where the figures come from; all borrowed. */
struct report_sources {
	const struct record_options *options;
	const struct profile *profile;
	const struct pipeline *pipeline;
	const struct binaries *binaries;
	const struct symbolizer *symbolizer;
	const struct dwarf_client *dwarf;
	const struct jit *jit; /* or NULL */
	const char *target;    /* borrowed by the report too */
	size_t cpu_count;
};

/* 0 or -errno. The report borrows from the unwinder, the symbolizer and the profile. */
int report_make(const struct report_sources *sources, struct report *ret);
void report_done(struct report *report);

/* Fills in both lines of notes from the rest. */
void report_write_notes(struct report *report);
/* The summary: samples, time off a CPU, shares of complete stacks, the ledger, losses. */
void report_print(const struct report *report);

#endif
