/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "agent/doctor_checks.h"

bool doctor_has_capability(const struct doctor_facts *facts, int capability)
{
	return facts->machine.host.capabilities & UINT64_C(1) << capability;
}

void check_user_namespace(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	(void)argument;
	if (!facts->machine.host.in_user_namespace) {
		finding_set(ret, FINDING_OK, "the machine's own");
		return;
	}
	finding_set(ret, FINDING_FAIL, "a nested one (a rootless container): nobody may profile");
	finding_advise(ret, "run eprof outside of it");
}

static const struct capability {
	int number;
	const char *name, *purpose;
	enum finding_level level; /* without it */
	const char *loss;
} capabilities[] = {
	{ CAP_BPF, "BPF", "loads programs", FINDING_FAIL, "no program can be loaded" },
	{ CAP_PERFMON, "PERFMON", "samples the kernel and all users' processes", FINDING_FAIL,
	  "neither events nor programs may look at others" },
	{ CAP_SYS_PTRACE, "SYS_PTRACE", "reads what processes have mapped", FINDING_FAIL,
	  "others' processes cannot be looked at" },
	{ CAP_SYSLOG, "SYSLOG", "shows the kernel's symbols", FINDING_WARN,
	  "no kernel names; only record -U works" },
	{ CAP_DAC_READ_SEARCH, "DAC_READ_SEARCH", "opens binaries that only their owner may read",
	  FINDING_NOTE, "binaries that only their owner may read lack names" },
	{ CAP_CHECKPOINT_RESTORE, "CHECKPOINT_RESTORE", "opens binaries that were deleted",
	  FINDING_NOTE, "binaries that were deleted lack names" },
	{ CAP_SYS_RESOURCE, "SYS_RESOURCE", "raises limits", FINDING_NOTE, "limits stay" },
};

static const struct capability *capability_of(int number)
{
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		if (capabilities[i].number == number)
			return &capabilities[i];
	}
	return NULL;
}

/* CAP_SYS_ADMIN stands for some that were once a part of it. */
static bool is_effective(const struct doctor_facts *facts, int capability)
{
	uint64_t set = facts->machine.host.capabilities;

	if (doctor_has_capability(facts, capability))
		return true;
	if (!doctor_has_capability(facts, CAP_SYS_ADMIN))
		return false;
	if (capability == CAP_CHECKPOINT_RESTORE)
		return true;
	return (capability == CAP_BPF || capability == CAP_PERFMON) &&
	       !preflight_lacks_capability(set, capability, false);
}

void check_capability(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	const struct capability *capability = capability_of(argument);

	assert(capability); /* the table of checks has none but these */
	if (is_effective(facts, argument)) {
		finding_set(ret, FINDING_OK, "effective: %s", capability->purpose);
		return;
	}
	finding_set(ret, capability->level, "missing: %s", capability->loss);
	if (facts->machine.host.is_root)
		finding_advise(ret, "start the container with --cap-add=%s", capability->name);
	else
		finding_advise(ret, "sudo, or setcap");
}

void check_paranoid(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	const struct doctor_setting *paranoid = &facts->paranoid;

	(void)argument;
	if (paranoid->err == -ENOENT) {
		finding_set(ret, FINDING_FAIL, "this kernel has no perf events");
		finding_advise(ret, "boot one built with CONFIG_PERF_EVENTS=y");
		return;
	}
	if (paranoid->err) {
		finding_set(ret, FINDING_OK, "not known: %s", strerror(-paranoid->err));
		return;
	}
	finding_set(ret, FINDING_OK, "%ld", paranoid->value);
	if (paranoid->value < PERF_PARANOID_NOBODY || !facts->trials.event)
		return;
	finding_set(ret, FINDING_FAIL, "%ld, which leaves events to root", paranoid->value);
	finding_advise(ret, "type: sudo eprof ..., or sysctl kernel.perf_event_paranoid=2");
}

/* Why an event is refused to somebody who has the capability. */
static bool is_refused_by_others(const struct doctor_facts *facts)
{
	return !preflight_lacks_capability(facts->machine.host.capabilities, CAP_PERFMON, false);
}

void check_event(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	int err = facts->trials.event;

	(void)argument;
	if (!err) {
		finding_set(ret, FINDING_OK, "cpu-clock opens for all processes");
		return;
	}
	finding_set(ret, FINDING_FAIL, "the kernel refuses cpu-clock: %s", strerror(-err));
	if (is_refused_by_others(facts))
		finding_advise(ret, "a seccomp filter (container: --security-opt "
				    "seccomp=unconfined) or a security module forbids it");
	else
		finding_advise(ret, "it takes CAP_PERFMON");
}

void check_unprivileged(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	const struct doctor_setting *setting = &facts->unprivileged_bpf;

	(void)argument;
	if (setting->err)
		finding_set(ret, FINDING_OK, "not known: %s", strerror(-setting->err));
	else if (setting->value)
		finding_set(ret, FINDING_OK, "%ld: BPF is for the privileged, as eprof is",
			    setting->value);
	else
		finding_set(ret, FINDING_OK, "0: users may load programs; eprof does not need it");
}

void check_kernel_names(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	const struct doctor_setting *restrict_level = &facts->kptr_restrict;
	long level = restrict_level->err ? 0 : restrict_level->value;

	(void)argument;
	if (facts->kernel_names == KERNEL_NAMES_OK) {
		finding_set(ret, FINDING_OK, "visible; kernel.kptr_restrict is %ld", level);
		return;
	}
	if (facts->kernel_names == KERNEL_NAMES_UNREADABLE) {
		finding_set(ret, FINDING_WARN, "/proc/kallsyms cannot be read");
		finding_advise(ret, "boot a kernel built with CONFIG_KALLSYMS=y");
		return;
	}
	finding_set(ret, FINDING_WARN, "hidden; kernel.kptr_restrict is %ld", level);
	/* 2 hides them from everybody. */
	if (level >= 2)
		finding_advise(ret, "type: sysctl kernel.kptr_restrict=1");
	else
		finding_advise(ret, "it takes CAP_SYSLOG");
}

void check_proc(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	static const char *const words[] = {
		[PROC_OPEN] = "all processes are to be seen",
		[PROC_NO_ACCESS] = "hidepid=1: others' processes cannot be read",
		[PROC_INVISIBLE] = "hidepid=2: others' processes are not to be seen",
		[PROC_PTRACEABLE] = "hidepid=4: only who may be traced is to be seen",
	};
	const struct doctor_mounts *mounts = &facts->mounts;

	(void)argument;
	if (!mounts->has_proc) {
		finding_set(ret, FINDING_FAIL, "not mounted");
		finding_advise(ret, "type: mount -t proc proc /proc");
		return;
	}
	if (mounts->has_pids_only) {
		finding_set(ret, FINDING_FAIL, "mounted with subset=pid: settings are not there");
		finding_advise(ret, "type: mount -t proc proc /proc");
		return;
	}
	finding_set(ret, FINDING_OK, "%s", words[mounts->hiding]);
	if (mounts->hiding == PROC_OPEN)
		return;
	if (doctor_has_capability(facts, CAP_SYS_PTRACE)) {
		finding_set(ret, FINDING_OK, "hidepid is set, and CAP_SYS_PTRACE overrules it");
		return;
	}
	ret->level = FINDING_WARN;
	finding_advise(ret, "it takes CAP_SYS_PTRACE, or: mount -o remount,hidepid=0 /proc");
}

void check_pid_namespace(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	(void)argument;
	if (!facts->pid_namespace) {
		finding_set(ret, FINDING_OK, "the machine's own: -p takes its pids");
		return;
	}
	finding_set(ret, FINDING_NOTE, "a container's: -p takes the pids seen in here");
	finding_advise(ret, "for processes outside run it there, or with --pid=host");
}
