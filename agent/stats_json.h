/* SPDX-License-Identifier: Apache-2.0 */
/* stats.json: what a recording saw, what it lost and why, and what it cost. */
#ifndef EPROF_AGENT_STATS_JSON_H
#define EPROF_AGENT_STATS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/ledger.h"
#include "symbolize/symbolize.h"

#define STATS_STOP_REASONS_MAX 16
#define STATS_LOSSES_MAX       64
#define STATS_UNWIND_MAX       16
#define STATS_NAMES_MAX        16

struct named_count {
	const char *name; /* becomes a key: unique among its kind */
	uint64_t count;
};

/* A binary that frames were named in. */
struct stats_module {
	const char *path;
	char build_id[2 * BUILD_ID_SIZE_MAX + 1]; /* "": it has none */
	const char *symbols, *debug_information;  /* where they come from */
	const char *error;                        /* what was wrong with its symbols; or NULL */
	uint64_t frames, unnamed_frames;          /* as below */
};

/* Of the time off a CPU that is in the pictures, and what is not. */
struct off_cpu_stats {
	uint64_t ns, complete_ns; /* complete: with stacks that miss nothing */
	uint64_t intervals;
	uint64_t hidden_intervals, hidden_ns; /* too short, too long, in another state: as asked */
	uint64_t sampled, not_sampled;        /* --max-events: those that stand for these others */
	uint64_t preempted_sampled, preempted_not_sampled; /* the same by --preempt-sample */
	uint64_t user_known, user_walked; /* stacks, known again without a walk or not */
	uint64_t kernel_known, kernel_walked;
	const char *tracepoint; /* "typed" or "raw" */
};

/* Strings are borrowed; NULL becomes null. Bytes that are not UTF-8 are shown as U+FFFD. */
struct recording_stats {
	const char *version;
	const char *target; /* for people: "pid 123 (redis-server)" */
	double seconds;     /* recorded, wall clock */
	bool has_on_cpu;    /* false: the next two become null */
	uint64_t sample_hz;
	const char *event;
	uint64_t cpus;
	uint64_t started_at_unix_ns;
	uint64_t samples;
	uint64_t complete_samples; /* whose stacks miss nothing */
	uint64_t idle_samples;     /* left out */
	uint64_t distinct_stacks;
	uint64_t frames; /* of distinct stacks, looked up */
	uint64_t unnamed_user_frames;
	uint64_t unnamed_kernel_frames;
	bool has_off_cpu; /* false: off_cpu becomes null */
	struct off_cpu_stats off_cpu;
	struct ledger *ledger; /* borrowed; NULL becomes null */
	struct named_count stop_reasons[STATS_STOP_REASONS_MAX];
	size_t stop_reason_count;
	struct named_count losses[STATS_LOSSES_MAX];
	size_t loss_count;
	struct named_count unwind[STATS_UNWIND_MAX]; /* of the tables; none: they were not used */
	size_t unwind_count;
	struct named_count names[STATS_NAMES_MAX]; /* of the reading of debug information */
	size_t name_count;
	const struct stats_module *modules; /* borrowed */
	size_t module_count;
	double tool_cpu_seconds; /* user and system time of eprof itself, and its reader of DWARF */
	uint64_t tool_peak_rss_bytes;
	bool has_bpf_time;        /* false: the two below become null */
	double bpf_ns_per_sample; /* all time in BPF, ticks left out included, by samples */
	uint64_t bpf_runs;
};

/*
 * Writes one JSON object. Counters are exact to all 64 bits in the text (a reader that keeps
 * numbers as doubles rounds them above 2^53). Returns 0, -ENOMEM, or -EIO when the stream failed.
 */
int stats_json_write(const struct recording_stats *stats, FILE *out);

#endif
