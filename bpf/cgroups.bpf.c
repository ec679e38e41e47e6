// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * Tells of cgroups that come and go, by number and path: one that is gone when its samples are
 * named cannot be looked at any more. Both happen rarely, next to what is sampled.
 *
 * Raw tracepoints, as typed ones would not hand a path to every kernel's verifier.
 */
#include "bpf/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/abi.h"

/* The probe reads are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Some 1,500 that come and go, by paths of 100 bytes: half a minute at 50 a second. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 262144);
} events SEC(".maps");

/* One is enough: both happen, and are told of, under the kernel's cgroup_mutex. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgroup_event);
} room SEC(".maps");

__u64 lost; /* events for which there was no room */

/* Hierarchies of version 1 have numbers of their own, which mean other cgroups. */
static __always_inline bool is_unified(struct cgroup *cgroup)
{
	return BPF_CORE_READ(cgroup, root, hierarchy_id) == 0;
}

static __always_inline void tell(struct cgroup_event *event, __u64 size)
{
	if (bpf_ringbuf_output(&events, event, size, BPF_RB_NO_WAKEUP))
		__sync_fetch_and_add(&lost, 1);
}

SEC("raw_tp/cgroup_mkdir")
int BPF_PROG(on_cgroup_mkdir, struct cgroup *cgroup, const char *path)
{
	struct cgroup_event *event;
	__u32 zero = 0;
	long size;

	event = bpf_map_lookup_elem(&room, &zero);
	if (!event || !is_unified(cgroup))
		return 0;
	event->id = BPF_CORE_READ(cgroup, kn, id);
	event->is_gone = 0;
	size = bpf_probe_read_kernel_str(event->path, sizeof(event->path), path);
	if (size <= 0 || size > (long)sizeof(event->path)) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	event->path_size = size;
	tell(event, __builtin_offsetof(struct cgroup_event, path) + size);
	return 0;
}

SEC("raw_tp/cgroup_rmdir")
int BPF_PROG(on_cgroup_rmdir, struct cgroup *cgroup)
{
	struct cgroup_event *event;
	__u32 zero = 0;

	event = bpf_map_lookup_elem(&room, &zero);
	if (!event || !is_unified(cgroup))
		return 0;
	event->id = BPF_CORE_READ(cgroup, kn, id);
	event->is_gone = 1;
	event->path_size = 0;
	tell(event, __builtin_offsetof(struct cgroup_event, path));
	return 0;
}
