/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/doctor.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "agent/doctor_checks.h"
#include "base/array.h"

static const struct doctor_row {
	const char *subject;
	doctor_check check;
	int argument;
} rows[] = {
	{ "kernel", check_kernel, 0 },
	{ "architecture", check_architecture, 0 },
	{ "BTF", check_btf, 0 },
	{ "lockdown", check_lockdown, 0 },
	{ "user namespace", check_user_namespace, 0 },
	{ "CAP_BPF", check_capability, CAP_BPF },
	{ "CAP_PERFMON", check_capability, CAP_PERFMON },
	{ "CAP_SYS_PTRACE", check_capability, CAP_SYS_PTRACE },
	{ "CAP_SYSLOG", check_capability, CAP_SYSLOG },
	{ "CAP_DAC_READ_SEARCH", check_capability, CAP_DAC_READ_SEARCH },
	{ "CAP_CHECKPOINT_RESTORE", check_capability, CAP_CHECKPOINT_RESTORE },
	{ "CAP_SYS_RESOURCE", check_capability, CAP_SYS_RESOURCE },
	{ "BPF programs", check_program, 0 },
	{ "BPF JIT", check_bpf_jit, 0 },
	{ "unprivileged BPF", check_unprivileged, 0 },
	{ "perf paranoid", check_paranoid, 0 },
	{ "perf events", check_event, 0 },
	{ "sample rate", check_sample_rate, 0 },
	{ "PMU", check_pmu, 0 },
	{ "off-CPU time", check_off_cpu, 0 },
	{ "run queue", check_run_queue, 0 },
	{ "kernel names", check_kernel_names, 0 },
	{ "/proc", check_proc, 0 },
	{ "pid namespace", check_pid_namespace, 0 },
	{ "cgroups", check_cgroups, 0 },
	{ "CPUs", check_cpus, 0 },
	{ "clock", check_clock, 0 },
	{ "open files", check_open_files, 0 },
	{ "locked memory", check_locked_memory, 0 },
	{ "libdebuginfod", check_debuginfod, 0 },
	{ "libcurl", check_curl, 0 },
	{ "output", check_output, 0 },
};

void finding_set(struct finding *finding, enum finding_level level, const char *format, ...)
{
	va_list arguments;

	finding->level = level;
	va_start(arguments, format);
	(void)vsnprintf(finding->found, sizeof(finding->found), format, arguments);
	va_end(arguments);
}

void finding_advise(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(finding->advice, sizeof(finding->advice), format, arguments);
	va_end(arguments);
}

int findings_add(struct findings *findings, const struct finding *finding)
{
	struct finding *list =
		array_reserve(findings->list, findings->count, &findings->capacity, sizeof(*list));

	if (!list)
		return -ENOMEM;
	findings->list = list;
	findings->list[findings->count++] = *finding;
	return 0;
}

void findings_done(struct findings *findings)
{
	free(findings->list);
	*findings = (struct findings){ 0 };
}

enum finding_level findings_worst(const struct findings *findings)
{
	enum finding_level worst = FINDING_OK;

	for (size_t i = 0; i < findings->count; i++) {
		if (findings->list[i].level > worst)
			worst = findings->list[i].level;
	}
	return worst;
}

int doctor_check_machine(const struct doctor_facts *facts, struct findings *findings)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct finding finding = { 0 };
		int err;

		(void)snprintf(finding.subject, sizeof(finding.subject), "%s", rows[i].subject);
		rows[i].check(facts, rows[i].argument, &finding);
		err = findings_add(findings, &finding);
		if (err < 0)
			return err;
	}
	return 0;
}
