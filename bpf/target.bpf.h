/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * What all programs share: whom they are to look at, and what they count. Each object that includes
 * this has maps of its own by these names; user space makes one map stand for all of them.
 */
#ifndef EPROF_BPF_TARGET_BPF_H
#define EPROF_BPF_TARGET_BPF_H

#include "bpf/abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* tgid or tid, as eprof's pid namespace numbers them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TARGETS_MAX);
	__type(key, __u32);
	__type(value, __u8);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target_cgroup SEC(".maps");

static __always_inline void add_counter(enum counter counter, __u64 amount)
{
	__u32 index = counter;
	__u64 *value = bpf_map_lookup_elem(&counters, &index);

	if (value)
		*value += amount;
}

static __always_inline void count_event(enum counter counter)
{
	add_counter(counter, 1);
}

static __always_inline bool is_target(const volatile struct sampler_config *config, __u32 tgid,
				      __u32 tid)
{
	switch (config->filter) {
	case FILTER_PIDS:
		return bpf_map_lookup_elem(&targets, &tgid) != 0;
	case FILTER_TIDS:
		return bpf_map_lookup_elem(&targets, &tid) != 0;
	case FILTER_CGROUP:
		return bpf_current_task_under_cgroup(&target_cgroup, 0) == 1;
	default:
		return true;
	}
}

#endif
