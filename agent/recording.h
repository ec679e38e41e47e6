/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that lives as long as one recording. Made and released in one order, which is the
 * order of the fields: each needs those above it.
 */
#ifndef EPROF_AGENT_RECORDING_H
#define EPROF_AGENT_RECORDING_H

#include "agent/binaries.h"
#include "agent/cpus.h"
#include "agent/debug_downloads.h"
#include "agent/dwarf_client.h"
#include "agent/jit.h"
#include "agent/kernel_lookup.h"
#include "agent/launch.h"
#include "agent/loop.h"
#include "agent/options.h"
#include "agent/signals.h"
#include "agent/window.h"
#include "symbolize/symbolize.h"

struct recording {
	const struct record_options *options;
	struct loop *loop;
	int symfs_fd;                  /* -1: without --symfs */
	struct debuginfod *debuginfod; /* NULL: without --debuginfod */
	struct launch launch;
	struct cpus cpus; /* where samples are taken */
	struct kernel_lookup *kernel_lookup;
	struct dwarf_client *dwarf;
	struct symbolizer *symbolizer;
	struct jit *jit;
	struct kernel_code *kernel_code;
	struct binaries *binaries;
	struct pipeline pipeline; /* owned here */
	struct window *window;
};

#define RECORDING_NONE ((struct recording){ .symfs_fd = -1, .launch = LAUNCH_NONE })

/* Signals that end a recording wait for it from here on. One line and -errno on failure. */
int recording_begin(const struct record_options *options, struct recording *ret);
/*
 * Makes everything ready to sample; a command waits to be let go, with the signals as they were
 * before. One line and -errno on failure.
 */
int recording_prepare(struct recording *recording, const struct signals *before);
void recording_done(struct recording *recording);

/* Samples until something ends it, with progress. One line and -errno on failure. */
int recording_run(struct recording *recording);

/*
 * The same in steps, for who has a loop of windows: from recording_start() on, every event of the
 * recording's loop is handed to recording_handle(), which sees to its own; after recording_stop()
 * there are no more samples, and the window is to be closed. One line and -errno on failure.
 */
int recording_start(struct recording *recording);
int recording_handle(struct recording *recording, unsigned int events);
int recording_stop(struct recording *recording);

#endif
