// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * What most profilers run at each tick: the kernel's stack map for both stacks, and a count. Next
 * to it stands what on_cpu_sample() costs.
 */
#include "bpf/kernel_types.h"

#include <bpf/bpf_helpers.h>

#define STACKS_MAX 16384
#define FRAMES_MAX 127

/* bpf_get_stackid() is for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 target_tgid = 0;

__u64 target_samples;

struct count_key {
	__u32 tgid;
	__s32 user_stack;
	__s32 kernel_stack;
};

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, STACKS_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, FRAMES_MAX * sizeof(__u64));
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STACKS_MAX);
	__type(key, struct count_key);
	__type(value, __u64);
} counts SEC(".maps");

SEC("perf_event")
int stackid_twice(struct bpf_perf_event_data *ctx)
{
	struct count_key key = { .tgid = bpf_get_current_pid_tgid() >> 32 };
	__u64 *count, one = 1;

	if (key.tgid != target_tgid)
		return 0;
	__sync_fetch_and_add(&target_samples, 1);
	key.user_stack = (__s32)bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK);
	key.kernel_stack = (__s32)bpf_get_stackid(ctx, &stacks, 0);
	count = bpf_map_lookup_elem(&counts, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&counts, &key, &one, BPF_NOEXIST);
	return 0;
}
