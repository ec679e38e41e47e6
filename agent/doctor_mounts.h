/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc/self/mountinfo says of /proc and of cgroups. */
#ifndef EPROF_AGENT_DOCTOR_MOUNTS_H
#define EPROF_AGENT_DOCTOR_MOUNTS_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

enum proc_hiding {
	PROC_OPEN,
	PROC_NO_ACCESS,  /* hidepid=1: others' processes are listed, and cannot be read */
	PROC_INVISIBLE,  /* hidepid=2 */
	PROC_PTRACEABLE, /* hidepid=4: only those that we may trace */
};

struct doctor_mounts {
	bool has_proc;
	enum proc_hiding hiding;
	bool has_pids_only; /* subset=pid: /proc/sys and the like are not there */
	bool has_cgroup_v1;
	char cgroup2[PATH_MAX]; /* where cgroup v2 is mounted; "": nowhere */
};

/* Reads to the end of file. What makes no sense is passed over. */
void doctor_mounts_read(FILE *file, struct doctor_mounts *ret);

#endif
