/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "agent/doctor_checks.h"

void check_kernel(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	const struct preflight_host *host = &facts->machine.host;
	struct kernel_version kernel;

	(void)argument;
	if (preflight_host_kernel(host, &kernel) < 0) {
		finding_set(ret, FINDING_FAIL, "its version cannot be told from '%s'",
			    host->release);
		finding_advise(ret, "boot a kernel that names its version");
		return;
	}
	finding_set(ret, FINDING_OK, "Linux %u.%u.%u", kernel.major, kernel.minor, kernel.patch);
	if (preflight_kernel_is_too_old(kernel)) {
		ret->level = FINDING_FAIL;
		finding_advise(ret, "eprof needs 5.15 or newer");
	} else if (preflight_kernel_locks_up(kernel)) {
		ret->level = FINDING_FAIL;
		finding_advise(ret, "it may lock up while stacks are read: update to 6.1.36, "
				    "6.3.10, 6.4 or newer");
	}
}

void check_architecture(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	const char *machine = facts->machine.name.machine;

	(void)argument;
	finding_set(ret, FINDING_OK, "%s", machine);
	if (!strcmp(machine, "x86_64"))
		return;
	if (!strcmp(machine, "aarch64")) {
		ret->level = FINDING_NOTE;
		finding_advise(ret, "user stacks are walked by frame pointers here: build with "
				    "-fno-omit-frame-pointer");
		return;
	}
	ret->level = FINDING_FAIL;
	finding_advise(ret, "eprof is made for x86-64 and arm64");
}

void check_btf(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	(void)argument;
	if (!facts->btf_err) {
		finding_set(ret, FINDING_OK, "/sys/kernel/btf/vmlinux can be read");
		return;
	}
	finding_set(ret, FINDING_FAIL, "/sys/kernel/btf/vmlinux: %s", strerror(-facts->btf_err));
	finding_advise(ret, facts->has_sys ? "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y"
					   : "mount sysfs at /sys");
}

void check_lockdown(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	(void)argument;
	switch (facts->lockdown) {
	case LOCKDOWN_NONE:
		finding_set(ret, FINDING_OK, "none");
		return;
	case LOCKDOWN_INTEGRITY:
		finding_set(ret, FINDING_OK, "integrity: forbids nothing that eprof needs");
		return;
	case LOCKDOWN_CONFIDENTIALITY:
		finding_set(ret, FINDING_FAIL,
			    "confidentiality: BPF may not read the kernel's memory");
		finding_advise(ret, "boot with lockdown=integrity");
		return;
	}
}

/* Whether err is that of somebody who may not, and not of a kernel that cannot. */
static bool is_refusal(int err)
{
	return err == -EPERM || err == -EACCES;
}

void check_program(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	int err = facts->trials.program;

	(void)argument;
	if (!err) {
		finding_set(ret, FINDING_OK, "a program that reads the kernel's memory loads");
		return;
	}
	finding_set(ret, FINDING_FAIL, "the kernel refuses a program: %s", strerror(-err));
	if (!is_refusal(err))
		finding_advise(ret, "boot a kernel built with CONFIG_BPF_SYSCALL=y and "
				    "CONFIG_BPF_EVENTS=y");
	else if (facts->lockdown == LOCKDOWN_CONFIDENTIALITY)
		finding_advise(ret, "boot with lockdown=integrity");
	else if (preflight_lacks_capability(facts->machine.host.capabilities, CAP_BPF, false) ||
		 preflight_lacks_capability(facts->machine.host.capabilities, CAP_PERFMON, false))
		finding_advise(ret, "it takes CAP_BPF and CAP_PERFMON");
	else
		finding_advise(ret, "a seccomp filter or a security module forbids bpf(2)");
}

void check_bpf_jit(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	(void)argument;
	if (facts->bpf_jit.err == -EACCES || facts->bpf_jit.err == -EPERM) {
		finding_set(ret, FINDING_OK, "not known: only root may read whether it is on");
		return;
	}
	if (facts->bpf_jit.err) {
		finding_set(ret, FINDING_OK, "not known: %s", strerror(-facts->bpf_jit.err));
		return;
	}
	if (facts->bpf_jit.value > 0) {
		finding_set(ret, FINDING_OK, "on");
		return;
	}
	finding_set(ret, FINDING_NOTE, "off: each sample costs several times more");
	finding_advise(ret, "type: sysctl net.core.bpf_jit_enable=1");
}

void check_off_cpu(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	int err = facts->trials.typed ? facts->trials.typed : facts->trials.task_memory;

	(void)argument;
	if (!err) {
		finding_set(ret, FINDING_OK, "sched_switch by a typed tracepoint (tp_btf)");
		return;
	}
	if (facts->trials.program) {
		finding_set(ret, FINDING_WARN, "not tried, as no program loads");
		finding_advise(ret, "see BPF programs");
		return;
	}
	finding_set(ret, FINDING_NOTE, "typed tracepoints: %s; raw ones cost several times more",
		    strerror(-err));
	finding_advise(ret, "use a kernel from a distribution, or --on-cpu");
}

void check_run_queue(const struct doctor_facts *facts, int argument, struct finding *ret)
{
	(void)argument;
	if (!facts->run_count.err && facts->run_count.value > 0) {
		finding_set(ret, FINDING_OK, "the scheduler tells who waits for a CPU");
		return;
	}
	if (facts->run_count.err) {
		finding_set(ret, FINDING_WARN, "waiting for a CPU is not told apart");
		finding_advise(ret, "boot a kernel built with CONFIG_SCHEDSTATS=y");
		return;
	}
	finding_set(ret, FINDING_WARN, "sched_info is off: waiting for a CPU is not told apart");
	finding_advise(ret, "type: sysctl kernel.task_delayacct=1, or boot with delayacct");
}
