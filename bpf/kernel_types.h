/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The few kernel structures we read, with only the fields we read. libbpf relocates every access to
 * where the running kernel has the field (CO-RE), so order and size here mean nothing and no
 * generated vmlinux.h is needed. Include it before <bpf/...>: those headers use its types.
 */
#ifndef EPROF_BPF_KERNEL_TYPES_H
#define EPROF_BPF_KERNEL_TYPES_H

#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1]; /* level + 1 of them */
};

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live; /* threads of the group that have not begun to exit */
};

struct mm_struct;

struct rq {
	__u64 clock; /* of the scheduler, when this CPU last looked: sched_clock() */
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	struct cfs_rq *cfs_rq;
};

struct sched_info {
	unsigned long pcount;
	unsigned long long run_delay;    /* spent waiting for a CPU, before last_queued */
	unsigned long long last_arrival; /* when it last got one */
	unsigned long long last_queued;  /* since when it waits for one; 0: it does not */
};

#if defined(__TARGET_ARCH_x86)
struct thread_struct {
	unsigned long sp; /* of a task that is not running */
};
#endif

struct kernfs_node {
	__u64 id; /* of a cgroup's: the number of its directory */
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup_root {
	int hierarchy_id; /* 0: the unified one */
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup *dfl_cgrp; /* of version 2 */
};

struct task_struct {
	struct mm_struct *mm;
	unsigned int in_execve : 1;
	int pid;
	int tgid;
	__u64 start_boottime;
	__u64 self_exec_id;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct signal_struct *signal;
	char comm[16];
	unsigned int flags;
	unsigned int __state;
	int on_cpu;
	int exit_state; /* other than 0: nothing of it runs any more, or all but */
	struct css_set *cgroups;
	unsigned long nvcsw, nivcsw;
	struct sched_entity se;
	struct sched_info sched_info;
#if defined(__TARGET_ARCH_x86)
	struct thread_struct thread;
#endif
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

#pragma clang attribute pop

#endif
