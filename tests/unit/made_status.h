/* SPDX-License-Identifier: Apache-2.0 */
/* A status of known figures, whose target has a hostile name, for tests of its forms. */
#ifndef EPROF_TESTS_UNIT_MADE_STATUS_H
#define EPROF_TESTS_UNIT_MADE_STATUS_H

#include <stdio.h>
#include <string.h>

#include "agent/agent_status.h"

#define MADE_NOW     1700100000u /* when it is looked at */
#define MADE_BEGAN   (MADE_NOW - 100000u)
#define HOSTILE_NAME "a\"b\\c\nd\x1b[31m\xff\xc3\xa9"

static inline struct agent_target_status made_target(const char *name)
{
	struct agent_target_status target = {
		.name = name,
		.url = "https://user:secret@host/put?X-Signature=secret",
		.spool = { .files = 2,
			   .bytes = 3 << 20,
			   .oldest_unix_s = MADE_NOW - 7500,
			   .dead_files = 1,
			   .dead_bytes = 512,
			   .dropped_for_bytes = 4,
			   .dropped_for_age = 5 },
		.uploads = { .sent = 6,
			     .sent_bytes = 7 << 10,
			     .retried = 1,
			     .parked = 8,
			     .latency_ns = 30000000001,
			     .latency_buckets = { 1, 2, [UPLOADER_BUCKETS] = 3 },
			     .last_sent_unix_s = MADE_NOW - 61,
			     .next_try_unix_s = MADE_NOW + 30,
			     .last_status = 503 },
	};

	(void)snprintf(target.uploads.last_error, sizeof(target.uploads.last_error),
		       "503: \x1b]0;\"no\"\nroom");
	return target;
}

static inline struct agent_status made_status(void)
{
	struct agent_status status = {
		.began_unix_s = MADE_BEGAN,
		.windows = 1666,
		.windows_failed = 1,
		.last_window_unix_s = MADE_NOW - 12,
		.window_s = 60,
		.samples = 10000,
		.complete_samples = 9990,
		.off_cpu_ns = UINT64_C(9007199254740993), /* no double has it */
		.follower_lost = 9,
		.files_put = 20,
		.files_failed = 2,
		.services = { .known = 45, .other_samples = 3, .excluded_samples = 4 },
		.cpu_seconds = 250,
		.uploader_cpu_seconds = 50,
		.name_seconds = 0.25,
		.write_seconds = 0.125,
		.rss_bytes = 54 << 20,
		.uploader_rss_bytes = 8 << 20,
		.reader_rss_bytes = 24 << 20,
		.heap_bytes = 20 << 20,
		.map_bytes = 12 << 20,
		.table_bytes = 15 << 20,
		.tables = 123,
		.bpf_ns = UINT64_C(200000000000),
		.sample_hz = 49,
		.asked_hz = 99,
		.reloads = 2,
		.uploader_restarts = 1,
		.targets = { made_target(HOSTILE_NAME), made_target("quiet") },
		.target_count = 2,
	};
	struct agent_target_status *quiet = &status.targets[1];

	status.counters[COUNTER_SAMPLES] = 10000;
	status.counters[COUNTER_LOST_COUNTS_FULL] = 17;
	status.counters[COUNTER_OFF_LOST_NS] = 1500000000;
	status.counters[COUNTER_OFF_HIDDEN_NS] = 2000000001;
	quiet->url = "file:///srv";
	quiet->spool = (struct spool_usage){ 0 };
	quiet->uploads = (struct uploader_figures){ 0 };
	return status;
}

#endif
