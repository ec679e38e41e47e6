/* SPDX-License-Identifier: Apache-2.0 */
/* What `eprof doctor` has to know of a machine. Tests make up their own. */
#ifndef EPROF_AGENT_DOCTOR_FACTS_H
#define EPROF_AGENT_DOCTOR_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "agent/doctor_mounts.h"
#include "agent/preflight.h"
#include "symbolize/symbolize.h"

/* A number that the kernel shows in a file. */
struct doctor_setting {
	int err; /* -errno: it cannot be read */
	long value;
};

enum doctor_lockdown {
	LOCKDOWN_NONE, /* or a kernel without it */
	LOCKDOWN_INTEGRITY,
	LOCKDOWN_CONFIDENTIALITY,
};

/* What was tried with the kernel: 0, or -errno. */
struct doctor_trials {
	int program;     /* loading a program that reads the kernel's memory */
	int event;       /* cpu-clock for all processes on a CPU, with that program */
	int hardware;    /* an event of the PMU */
	int typed;       /* a program at a typed tracepoint, sched_switch */
	int task_memory; /* a map of storage with each thread */
};

struct doctor_facts {
	struct preflight_machine machine;
	bool has_sys;
	int btf_err; /* of /sys/kernel/btf/vmlinux: 0 or -errno */
	enum doctor_lockdown lockdown;
	enum kernel_names kernel_names;
	struct doctor_trials trials;

	/* kernel.*, and net.core.bpf_jit_enable. */
	struct doctor_setting paranoid, kptr_restrict, unprivileged_bpf, sample_rate, bpf_jit;
	/* How often we have run: 0 where the scheduler does not keep such numbers. */
	struct doctor_setting run_count;

	struct doctor_mounts mounts;
	uint32_t pid_namespace; /* as namespaces_own_pid() */
	rlim_t files_max;       /* hard limits */
	rlim_t locked_max;
	unsigned int cpus_online, cpus_present;
	char clock_source[32]; /* "" when not known */

	bool has_debuginfod, has_curl; /* libraries */
	int servers_err;               /* of debuginfod_servers() */
	char directory[4096];          /* where recordings go by default; "" when not known */
	int directory_err;             /* whether it may be written to: 0 or -errno */
	uint64_t free_bytes;           /* there */
};

/* What cannot be read is a fact, too. 0, or -errno when there is nothing to say at all. */
int doctor_facts_read(struct doctor_facts *ret);

/* Loads and opens what a recording does, and takes it away again; prints nothing. */
void doctor_trials_run(struct doctor_trials *ret);

/* Of the text of /sys/kernel/security/lockdown: "none [integrity] confidentiality". */
enum doctor_lockdown doctor_lockdown_parse(const char *text);

#endif
