/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Debug files from debuginfod for the modules that lack them: asks when a symbolizer meets such a
 * one, and gives it what comes. For the thread that names.
 */
#ifndef EPROF_AGENT_DEBUG_DOWNLOADS_H
#define EPROF_AGENT_DEBUG_DOWNLOADS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/debuginfod.h"
#include "symbolize/symbolize.h"

struct debug_downloads;

struct debug_downloads_stats {
	struct debuginfod_stats debuginfod;
	uint64_t not_asked; /* beyond its limit */
	uint64_t refused;   /* files that came and are not what was asked for */
};

/*
 * Both are borrowed; the symbolizer tells it what is missing from here on. interrupt_fd: of
 * debuginfod_wait(). budget_s: of debuginfod, for people.
 */
int debug_downloads_new(struct debuginfod *debuginfod, struct symbolizer *symbolizer,
			int interrupt_fd, double budget_s, struct debug_downloads **ret);
void debug_downloads_free(struct debug_downloads *downloads); /* NULL is fine */

/* Takes what has come, without waiting. True: what is named from here on may have other names. */
bool debug_downloads_take(struct debug_downloads *downloads);

/* Whether something may still come. */
bool debug_downloads_are_pending(const struct debug_downloads *downloads);

/*
 * Waits until nothing is to come, with progress, and takes it. True as above. The downloads end
 * then.
 */
bool debug_downloads_finish(struct debug_downloads *downloads);

/* After debug_downloads_finish(). Of NULL all 0. */
void debug_downloads_read_stats(const struct debug_downloads *downloads,
				struct debug_downloads_stats *ret);

#endif
