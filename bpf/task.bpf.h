/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Which process a task is, in words that user space understands. */
#ifndef EPROF_BPF_TASK_BPF_H
#define EPROF_BPF_TASK_BPF_H

#include "bpf/abi.h"

/*
 * The number that a task has in the pid namespace eprof runs in, or 0 when it is not visible there.
 * In the initial namespace (namespace == 0) that is simply task->pid.
 */
static __always_inline __u32 pid_in_namespace(struct task_struct *task, __u32 namespace)
{
	struct pid *pid;
	unsigned int level;

	if (!namespace)
		return BPF_CORE_READ(task, pid);
	pid = BPF_CORE_READ(task, thread_pid);
	if (!pid)
		return 0;
	level = BPF_CORE_READ(pid, level);
	for (unsigned int i = 0; i < PID_NAMESPACE_DEPTH_MAX; i++) {
		/* sizeof by CO-RE: the distance of two elements in the running kernel. */
		void *upid = (void *)pid + bpf_core_field_offset(struct pid, numbers) +
			     i * bpf_core_type_size(struct upid);
		struct pid_namespace *of = 0;
		int number = 0;

		if (i > level)
			break;
		bpf_probe_read_kernel(&of, sizeof(of),
				      upid + bpf_core_field_offset(struct upid, ns));
		if (!of || BPF_CORE_READ(of, ns.inum) != namespace)
			continue;
		bpf_probe_read_kernel(&number, sizeof(number),
				      upid + bpf_core_field_offset(struct upid, nr));
		return number;
	}
	return 0;
}

static __always_inline __u64 task_mix_generation(__u64 began, __u64 execs)
{
	return began ^ (execs << 48 | (execs & 0xffff) << 32);
}

/*
 * Changes with every process and every exec of a pid: see struct sample_key. The leader must be a
 * pointer that the verifier lets us read through, as those found from bpf_get_current_task_btf()
 * are: that is an instruction instead of a call.
 */
static __always_inline __u64 task_generation(const struct task_struct *leader)
{
	return task_mix_generation(leader->start_boottime, leader->self_exec_id);
}

/*
 * The cgroup of a task, whichever it is, in the unified hierarchy: the number of its directory. 0:
 * the kernel has no cgroups, or it is not to be read.
 */
static __always_inline __u64 task_cgroup_id(struct task_struct *task)
{
	if (!bpf_core_field_exists(task->cgroups))
		return 0;
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

#endif
