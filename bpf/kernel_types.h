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
};

#pragma clang attribute pop

#endif
