/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checks of a machine, of which agent/doctor.c has the table. Each fills in level, found and
 * advice. Nobody but doctor*.c and their tests includes this.
 */
#ifndef EPROF_AGENT_DOCTOR_CHECKS_H
#define EPROF_AGENT_DOCTOR_CHECKS_H

#include "agent/doctor.h"

/* argument: what the row of the table says; most have none. */
typedef void (*doctor_check)(const struct doctor_facts *facts, int argument, struct finding *ret);

/* doctor_checks_kernel.c: what the kernel is, and can do. */
void check_kernel(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_architecture(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_btf(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_lockdown(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_program(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_bpf_jit(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_off_cpu(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_run_queue(const struct doctor_facts *facts, int argument, struct finding *ret);

/* doctor_checks_access.c: what we may do. */
void check_user_namespace(const struct doctor_facts *facts, int argument, struct finding *ret);
/* argument: the number of a capability. */
void check_capability(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_paranoid(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_event(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_unprivileged(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_kernel_names(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_proc(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_pid_namespace(const struct doctor_facts *facts, int argument, struct finding *ret);

/* doctor_checks_machine.c: what is there. */
void check_sample_rate(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_pmu(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_cpus(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_clock(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_cgroups(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_open_files(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_locked_memory(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_debuginfod(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_curl(const struct doctor_facts *facts, int argument, struct finding *ret);
void check_output(const struct doctor_facts *facts, int argument, struct finding *ret);

/* Whether a capability is in the effective set. */
bool doctor_has_capability(const struct doctor_facts *facts, int capability);

#endif
