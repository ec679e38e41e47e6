/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel half, seen from user space: owns the BPF skeleton, sizes, loads and attaches it, and
 * drains what it counted. Nobody else sees the skeleton.
 */
#ifndef EPROF_AGENT_SAMPLER_H
#define EPROF_AGENT_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/cpus.h"
#include "agent/options.h"
#include "agent/unwinder.h"
#include "bpf/abi.h"

struct sampler;

/* One drained row. Pointers live until the handler returns. */
struct sample {
	uint64_t id;         /* hash of all but first_ns, cgroup_id and count */
	uint64_t generation; /* another one for each program that runs as tgid; opaque */
	uint32_t tgid;       /* as eprof's pid namespace numbers it */
	uint32_t tid;        /* 0 unless --per-thread */
	uint64_t first_ns;   /* CLOCK_MONOTONIC of the first sample of this row */
	uint64_t cgroup_id;  /* the thread's then: see cgroup_paths.h; 0: not known */
	const char *process_name;
	const char *thread_name;
	const uint64_t *user; /* innermost first; to be looked up as they are (bpf/abi.h) */
	size_t user_depth;
	const uint64_t *kernel; /* as the kernel gave them */
	size_t kernel_depth;
	enum stop_reason stop;
	bool kernel_stack_lost;
	bool is_idle;
	bool is_off_cpu;
	enum off_state state; /* of a row that is off-CPU */
	/* Of the thread that woke this one up, as it was then: see naming.h. */
	const struct waker *waker; /* NULL: not known, or not asked for */
	uint64_t count;            /* samples; off-CPU: nanoseconds */
};

struct waker {
	const char *process_name;
	uint32_t tgid;
	const uint64_t *user, *kernel; /* as above */
	size_t user_depth, kernel_depth;
	enum stop_reason stop;
};

struct sampler_stats {
	uint64_t counters[COUNTER_COUNT];
	uint64_t distinct_stacks; /* of the window */
	bool has_run_time;        /* BPF statistics could be switched on */
	uint64_t run_time_ns;     /* of on_cpu_sample(), all CPUs */
	uint64_t run_count;
};

/*
 * Loads the programs, with maps sized for cpus x hz x sampler_drain_seconds(). Sampling does not
 * run yet. Prints one line and returns -errno on failure; on success the caller owns *ret.
 */
int sampler_new(const struct record_options *options, const struct cpus *cpus,
		struct sampler **ret);
void sampler_free(struct sampler *sampler); /* NULL is fine */

/* Adds a pid or tid to what is sampled (FILTER_PIDS, FILTER_TIDS). 0 or -errno. */
int sampler_follow(struct sampler *sampler, int32_t id);
/* Restricts sampling to a cgroup and its descendants; fd stays the caller's. */
int sampler_follow_cgroup(struct sampler *sampler, int cgroup_fd);

/* Whether user stacks are walked by tables; if so, the maps that an unwinder has to fill. */
bool sampler_unwinds(const struct sampler *sampler);
void sampler_unwind_maps(const struct sampler *sampler, struct unwind_maps *ret);

/* What programs of another skeleton share with this one; descriptors and pointers are borrowed. */
struct sampler_shared {
	struct sampler_config config;
	int targets_fd, cgroup_fd, counters_fd;
	uint64_t cgroup_id;        /* of FILTER_CGROUP: the number of its directory */
	struct unwind_maps unwind; /* all zero when stacks are not walked by tables */
};
void sampler_share(const struct sampler *sampler, struct sampler_shared *ret);

/* Opens and enables the events on every CPU. One line and -errno on failure. */
int sampler_start(struct sampler *sampler);
/* No sample is taken after it returns. */
void sampler_stop(struct sampler *sampler);

/* How often each CPU is sampled, and the same from now on; at most what was asked for at first,
 * which the maps are sized for. 0 or -errno, then some CPUs may have the old one. */
uint64_t sampler_hz(const struct sampler *sampler);
int sampler_set_hz(struct sampler *sampler, uint64_t hz);

/* At least this often must sampler_drain() be called for the maps to hold every sample. */
double sampler_drain_seconds(const struct sampler *sampler);

typedef int (*sample_handler)(void *context, const struct sample *sample);

/* After sampler_flip(), everything counted before it waits in the quiet half. 0 or -errno. */
int sampler_flip(struct sampler *sampler);
/* Hands every row of the quiet half to handler, and empties it. Stops at the first error. */
int sampler_drain(struct sampler *sampler, sample_handler handler, void *context);

int sampler_read_stats(struct sampler *sampler, struct sampler_stats *ret);
/* A window has ended. Every short program has stacks of its own, at addresses of its own: those of
 * all windows would take all memory. */
void sampler_forget_stacks(struct sampler *sampler);

const char *counter_name(enum counter counter); /* as in stats.json */
bool counter_is_loss(enum counter counter);
const char *stop_reason_name(enum stop_reason reason); /* as in stats.json */
/* The frame that says so, or NULL when nothing is missing: "[stack: too deep]". */
const char *stop_reason_note(enum stop_reason reason);

#endif
