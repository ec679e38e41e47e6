/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/debug_downloads.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/log.h"

struct debug_downloads {
	struct debuginfod *debuginfod;
	struct symbolizer *symbolizer;
	int interrupt_fd;
	double budget_s;
	bool is_finished;
	uint64_t not_asked, refused;
};

/* A missing_debug_handler. */
static void ask(void *context, const struct build_id *id)
{
	struct debug_downloads *downloads = context;

	if (downloads->is_finished || debuginfod_ask(downloads->debuginfod, id) < 0)
		downloads->not_asked++;
}

int debug_downloads_new(struct debuginfod *debuginfod, struct symbolizer *symbolizer,
			int interrupt_fd, double budget_s, struct debug_downloads **ret)
{
	struct debug_downloads *downloads = calloc(1, sizeof(*downloads));

	if (!downloads)
		return -ENOMEM;
	*downloads = (struct debug_downloads){ .debuginfod = debuginfod,
					       .symbolizer = symbolizer,
					       .interrupt_fd = interrupt_fd,
					       .budget_s = budget_s };
	symbolizer_set_missing(symbolizer, ask, downloads);
	*ret = downloads;
	return 0;
}

void debug_downloads_free(struct debug_downloads *downloads)
{
	if (!downloads)
		return;
	symbolizer_set_missing(downloads->symbolizer, NULL, NULL);
	free(downloads);
}

bool debug_downloads_take(struct debug_downloads *downloads)
{
	bool has_changed = false;
	struct build_id id;
	int fd;

	while (debuginfod_next(downloads->debuginfod, &id, &fd)) {
		int err = symbolizer_add_debug_file(downloads->symbolizer, &id, fd);

		if (!err)
			has_changed = true;
		/* A file may have nothing that is missing; then it is right all the same. */
		else if (err != -ENODATA && err != -ENOENT)
			downloads->refused++;
	}
	/* Nobody has the others, or the time is over. */
	if (!debuginfod_is_waiting(downloads->debuginfod))
		symbolizer_give_up_debug_files(downloads->symbolizer);
	return has_changed;
}

bool debug_downloads_are_pending(const struct debug_downloads *downloads)
{
	return debuginfod_is_waiting(downloads->debuginfod);
}

static void show_progress(const struct debug_downloads *downloads)
{
	struct debuginfod_stats stats;
	uint64_t left;

	debuginfod_read_stats(downloads->debuginfod, &stats);
	left = stats.asked - stats.found - stats.not_found - stats.failed - stats.gave_up;
	if (left)
		log_progress("waiting for %" PRIu64 " debug file%s, %.0f s at most; Ctrl-C ends it",
			     left, left == 1 ? "" : "s", downloads->budget_s - stats.seconds);
}

static void tell_failures(const struct debug_downloads *downloads)
{
	struct debuginfod_stats stats;

	debuginfod_read_stats(downloads->debuginfod, &stats);
	if (stats.failed)
		log_warning("%" PRIu64 " debug file%s could not be downloaded; the last error: %s",
			    stats.failed, stats.failed == 1 ? "" : "s", strerror(-stats.error));
}

bool debug_downloads_finish(struct debug_downloads *downloads)
{
	bool has_changed = debug_downloads_take(downloads);

	show_progress(downloads);
	while (debuginfod_wait(downloads->debuginfod, downloads->interrupt_fd)) {
		has_changed |= debug_downloads_take(downloads);
		show_progress(downloads);
	}
	log_progress(NULL);
	downloads->is_finished = true;
	debuginfod_stop(downloads->debuginfod);
	tell_failures(downloads);
	return has_changed;
}

void debug_downloads_read_stats(const struct debug_downloads *downloads,
				struct debug_downloads_stats *ret)
{
	*ret = (struct debug_downloads_stats){ 0 };
	if (!downloads)
		return;
	debuginfod_read_stats(downloads->debuginfod, &ret->debuginfod);
	ret->not_asked = downloads->not_asked;
	ret->refused = downloads->refused;
}
