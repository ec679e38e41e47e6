/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of a machine, on facts that are made up: one of them is broken in each test. */
#include "agent/doctor.h"

#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BIT(capability) (UINT64_C(1) << (capability))

static uint64_t all_capabilities(void)
{
	return BIT(CAP_BPF) | BIT(CAP_PERFMON) | BIT(CAP_SYS_PTRACE) | BIT(CAP_SYSLOG) |
	       BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_CHECKPOINT_RESTORE) | BIT(CAP_SYS_RESOURCE);
}

/* A machine on which all is well. */
static struct doctor_facts *good(void)
{
	static struct doctor_facts facts;

	facts = (struct doctor_facts){
		.machine.host = {
			.root = "/nonexistent",
			.release = "6.12.1",
			.version = "#1 SMP",
			.program = "/usr/bin/eprof",
			.capabilities = all_capabilities(),
			.is_root = true,
		},
		.machine.name.machine = "x86_64",
		.has_sys = true,
		.paranoid.value = 2,
		.kptr_restrict.value = 1,
		.unprivileged_bpf.value = 2,
		.sample_rate.value = 100000,
		.bpf_jit.value = 1,
		.run_count.value = 7,
		.mounts = { .has_proc = true, .cgroup2 = "/sys/fs/cgroup" },
		.files_max = RLIM_INFINITY,
		.locked_max = RLIM_INFINITY,
		.cpus_online = 4,
		.cpus_present = 4,
		.clock_source = "tsc",
		.has_debuginfod = true,
		.has_curl = true,
		.directory = "/tmp",
		.free_bytes = UINT64_C(1) << 40,
	};
	return &facts;
}

static const struct finding *find(const struct findings *findings, const char *subject)
{
	for (size_t i = 0; i < findings->count; i++) {
		if (!strcmp(findings->list[i].subject, subject))
			return &findings->list[i];
	}
	fail_msg("nothing is said of %s", subject);
	return NULL;
}

/* What is said of subject has this level, and both texts have their part in them. */
static void check(const struct doctor_facts *facts, const char *subject, enum finding_level level,
		  const char *found, const char *advice)
{
	struct findings findings = { 0 };
	const struct finding *finding;

	assert_int_equal(doctor_check_machine(facts, &findings), 0);
	finding = find(&findings, subject);
	if (finding->level != level || !strstr(finding->found, found) ||
	    !strstr(finding->advice, advice))
		fail_msg("%s: %d, '%s', '%s'", subject, finding->level, finding->found,
			 finding->advice);
	findings_done(&findings);
}

static void all_is_well_on_a_good_machine(void **state)
{
	struct findings findings = { 0 };

	(void)state;
	assert_int_equal(doctor_check_machine(good(), &findings), 0);
	assert_true(findings.count > 25);
	for (size_t i = 0; i < findings.count; i++) {
		if (findings.list[i].level != FINDING_OK || findings.list[i].advice[0])
			fail_msg("%s: %s; %s", findings.list[i].subject, findings.list[i].found,
				 findings.list[i].advice);
	}
	assert_int_equal(findings_worst(&findings), FINDING_OK);
	findings_done(&findings);
}

static void whatever_is_not_well_has_advice(void **state)
{
	struct findings findings = { 0 };
	struct doctor_facts *facts = good();

	(void)state;
	memset(&facts->trials, 0xff, sizeof(facts->trials)); /* -EPERM */
	facts->machine.host.capabilities = 0;
	facts->machine.host.in_user_namespace = true;
	facts->btf_err = -ENOENT;
	facts->mounts = (struct doctor_mounts){ 0 };
	facts->files_max = facts->locked_max = 64;
	facts->cpus_online = 1;
	facts->has_debuginfod = facts->has_curl = false;
	facts->free_bytes = 0;
	facts->run_count.value = 0;
	facts->bpf_jit.value = 0;
	facts->kernel_names = KERNEL_NAMES_HIDDEN;
	facts->lockdown = LOCKDOWN_CONFIDENTIALITY;
	assert_int_equal(doctor_check_machine(facts, &findings), 0);
	assert_int_equal(findings_worst(&findings), FINDING_FAIL);
	for (size_t i = 0; i < findings.count; i++)
		assert_true((findings.list[i].level == FINDING_OK) == !findings.list[i].advice[0]);
	findings_done(&findings);
}

static void kernels_that_cannot_do_it_fail(void **state)
{
	struct doctor_facts *facts = good();

	(void)state;
	facts->machine.host.release = "5.10.0";
	check(facts, "kernel", FINDING_FAIL, "5.10.0", "5.15 or newer");
	facts->machine.host.release = "5.15.0";
	check(facts, "kernel", FINDING_OK, "5.15.0", "");
	facts->machine.host.release = "6.1.20";
	check(facts, "kernel", FINDING_FAIL, "6.1.20", "lock up");
	facts->machine.host.release = "unheard of";
	check(facts, "kernel", FINDING_FAIL, "unheard of", "");
	facts->btf_err = -ENOENT;
	check(facts, "BTF", FINDING_FAIL, "No such file", "CONFIG_DEBUG_INFO_BTF");
	facts->has_sys = false;
	check(facts, "BTF", FINDING_FAIL, "No such file", "mount sysfs");
	(void)strcpy(facts->machine.name.machine, "aarch64");
	check(facts, "architecture", FINDING_NOTE, "aarch64", "frame-pointer");
	(void)strcpy(facts->machine.name.machine, "riscv64");
	check(facts, "architecture", FINDING_FAIL, "riscv64", "x86-64");
}

static void lockdown_breaks_what_reads_the_kernel(void **state)
{
	struct doctor_facts *facts = good();

	(void)state;
	assert_int_equal(doctor_lockdown_parse("[none] integrity confidentiality"), LOCKDOWN_NONE);
	assert_int_equal(doctor_lockdown_parse("none [integrity] confidentiality"),
			 LOCKDOWN_INTEGRITY);
	assert_int_equal(doctor_lockdown_parse("none integrity [confidentiality]"),
			 LOCKDOWN_CONFIDENTIALITY);
	assert_int_equal(doctor_lockdown_parse(""), LOCKDOWN_NONE);
	facts->lockdown = LOCKDOWN_INTEGRITY;
	check(facts, "lockdown", FINDING_OK, "integrity", "");
	facts->lockdown = LOCKDOWN_CONFIDENTIALITY;
	facts->trials.program = -EPERM;
	check(facts, "lockdown", FINDING_FAIL, "confidentiality", "lockdown=integrity");
	check(facts, "BPF programs", FINDING_FAIL, "not permitted", "lockdown=integrity");
}

static void a_refused_program_or_event_says_who_refuses(void **state)
{
	struct doctor_facts *facts = good();

	(void)state;
	facts->trials.program = facts->trials.event = -EPERM;
	check(facts, "BPF programs", FINDING_FAIL, "", "seccomp");
	check(facts, "perf events", FINDING_FAIL, "", "seccomp");
	facts->machine.host.capabilities = 0;
	check(facts, "BPF programs", FINDING_FAIL, "", "CAP_BPF");
	check(facts, "perf events", FINDING_FAIL, "", "CAP_PERFMON");
	facts->trials.program = -ENOSYS;
	check(facts, "BPF programs", FINDING_FAIL, "", "CONFIG_BPF_SYSCALL");
	facts->machine.host.in_user_namespace = true;
	check(facts, "user namespace", FINDING_FAIL, "rootless", "outside");
}

static void each_missing_capability_says_what_it_costs(void **state)
{
	struct doctor_facts *facts = good();

	(void)state;
	facts->machine.host.capabilities = 0;
	check(facts, "CAP_BPF", FINDING_FAIL, "missing", "--cap-add=BPF");
	check(facts, "CAP_SYSLOG", FINDING_WARN, "kernel names", "--cap-add=SYSLOG");
	check(facts, "CAP_DAC_READ_SEARCH", FINDING_NOTE, "lack names", "");
	check(facts, "CAP_CHECKPOINT_RESTORE", FINDING_NOTE, "deleted", "");
	check(facts, "CAP_SYS_RESOURCE", FINDING_NOTE, "limits", "");
	facts->machine.host.is_root = false;
	check(facts, "CAP_PERFMON", FINDING_FAIL, "missing", "sudo");
	facts->machine.host.capabilities = BIT(CAP_SYS_ADMIN);
	check(facts, "CAP_BPF", FINDING_OK, "effective", "");
	check(facts, "CAP_PERFMON", FINDING_OK, "effective", "");
	check(facts, "CAP_CHECKPOINT_RESTORE", FINDING_OK, "effective", "");
	check(facts, "CAP_SYS_PTRACE", FINDING_FAIL, "missing", "");
}

static void paranoid_matters_only_where_it_is_felt(void **state)
{
	struct doctor_facts *facts = good();

	(void)state;
	facts->paranoid.value = 4;
	check(facts, "perf paranoid", FINDING_OK, "4", "");
	facts->trials.event = -EACCES;
	check(facts, "perf paranoid", FINDING_FAIL, "4", "perf_event_paranoid=2");
	facts->paranoid.value = 2;
	check(facts, "perf paranoid", FINDING_OK, "2", "");
	facts->paranoid = (struct doctor_setting){ .err = -ENOENT };
	check(facts, "perf paranoid", FINDING_FAIL, "no perf events", "CONFIG_PERF_EVENTS");
}

static void hidden_kernel_names_say_what_hides_them(void **state)
{
	struct doctor_facts *facts = good();

	(void)state;
	facts->kernel_names = KERNEL_NAMES_HIDDEN;
	facts->kptr_restrict.value = 2;
	check(facts, "kernel names", FINDING_WARN, "kptr_restrict is 2", "kptr_restrict=1");
	facts->kptr_restrict.value = 1;
	check(facts, "kernel names", FINDING_WARN, "hidden", "CAP_SYSLOG");
	facts->kernel_names = KERNEL_NAMES_UNREADABLE;
	check(facts, "kernel names", FINDING_WARN, "cannot be read", "CONFIG_KALLSYMS");
}

static void hidepid_matters_without_ptrace(void **state)
{
	struct doctor_facts *facts = good();

	(void)state;
	facts->mounts.hiding = PROC_INVISIBLE;
	check(facts, "/proc", FINDING_OK, "overrules", "");
	facts->machine.host.capabilities &= ~BIT(CAP_SYS_PTRACE);
	check(facts, "/proc", FINDING_WARN, "hidepid=2", "CAP_SYS_PTRACE");
	facts->mounts.has_pids_only = true;
	check(facts, "/proc", FINDING_FAIL, "subset=pid", "mount");
	facts->mounts.has_proc = false;
	check(facts, "/proc", FINDING_FAIL, "not mounted", "mount -t proc");
}

static void fall_backs_are_notes_and_losses_are_warnings(void **state)
{
	struct doctor_facts *facts = good();

	(void)state;
	facts->trials.typed = -EINVAL;
	check(facts, "off-CPU time", FINDING_NOTE, "raw ones", "--on-cpu");
	facts->trials.typed = 0;
	facts->trials.task_memory = -ENOTSUP;
	check(facts, "off-CPU time", FINDING_NOTE, "raw ones", "");
	facts->run_count.value = 0;
	check(facts, "run queue", FINDING_WARN, "sched_info is off", "task_delayacct");
	facts->run_count.err = -ENOENT;
	check(facts, "run queue", FINDING_WARN, "not told apart", "CONFIG_SCHEDSTATS");
	facts->trials.hardware = -ENOENT;
	check(facts, "PMU", FINDING_NOTE, "virtual", "cpu-clock");
	facts->bpf_jit.value = 0;
	check(facts, "BPF JIT", FINDING_NOTE, "off", "bpf_jit_enable=1");
	facts->bpf_jit.err = -EACCES;
	check(facts, "BPF JIT", FINDING_OK, "not known", "");
	facts->sample_rate.value = 50;
	check(facts, "sample rate", FINDING_WARN, "50 Hz", "max_sample_rate=99");
	(void)strcpy(facts->clock_source, "hpet");
	check(facts, "clock", FINDING_NOTE, "hpet", "tsc");
}

static void the_machine_is_described(void **state)
{
	struct doctor_facts *facts = good();

	(void)state;
	facts->mounts.has_cgroup_v1 = true;
	check(facts, "cgroups", FINDING_NOTE, "hybrid", "v2 only");
	facts->mounts.cgroup2[0] = '\0';
	check(facts, "cgroups", FINDING_NOTE, "v1 only", "-G");
	facts->mounts.has_cgroup_v1 = false;
	check(facts, "cgroups", FINDING_NOTE, "not mounted", "-G");
	facts->cpus_online = 3;
	check(facts, "CPUs", FINDING_NOTE, "3 of 4", "later");
	facts->pid_namespace = 7;
	check(facts, "pid namespace", FINDING_NOTE, "container", "--pid=host");
	facts->files_max = 1024;
	check(facts, "open files", FINDING_OK, "raises", "");
	facts->machine.host.capabilities = 0;
	check(facts, "open files", FINDING_WARN, "1024", "ulimit -Hn");
	facts->locked_max = 65536;
	check(facts, "locked memory", FINDING_NOTE, "64 KiB", "ulimit -Hl");
	facts->servers_err = -ENOENT;
	check(facts, "libdebuginfod", FINDING_NOTE, "no server", "DEBUGINFOD_URLS");
	facts->has_debuginfod = facts->has_curl = false;
	check(facts, "libdebuginfod", FINDING_NOTE, "not found", "install");
	check(facts, "libcurl", FINDING_NOTE, "not found", "install");
	facts->free_bytes = 1 << 20;
	check(facts, "output", FINDING_WARN, "1 MiB", "room");
	facts->directory_err = -EACCES;
	check(facts, "output", FINDING_NOTE, "denied", "-o");
}

static void the_real_machine_can_be_read(void **state)
{
	static struct doctor_facts facts;

	(void)state;
	assert_int_equal(doctor_facts_read(&facts), 0);
	assert_true(facts.cpus_online > 0);
	assert_true(facts.mounts.has_proc);
	assert_true(facts.machine.name.release[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well_on_a_good_machine),
		cmocka_unit_test(whatever_is_not_well_has_advice),
		cmocka_unit_test(kernels_that_cannot_do_it_fail),
		cmocka_unit_test(lockdown_breaks_what_reads_the_kernel),
		cmocka_unit_test(a_refused_program_or_event_says_who_refuses),
		cmocka_unit_test(each_missing_capability_says_what_it_costs),
		cmocka_unit_test(paranoid_matters_only_where_it_is_felt),
		cmocka_unit_test(hidden_kernel_names_say_what_hides_them),
		cmocka_unit_test(hidepid_matters_without_ptrace),
		cmocka_unit_test(fall_backs_are_notes_and_losses_are_warnings),
		cmocka_unit_test(the_machine_is_described),
		cmocka_unit_test(the_real_machine_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
