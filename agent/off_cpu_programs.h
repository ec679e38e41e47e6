/* SPDX-License-Identifier: Apache-2.0 */
/* The BPF programs of off-CPU time: told what to do, loaded, attached. For agent/off_cpu.c only. */
#ifndef EPROF_AGENT_OFF_CPU_PROGRAMS_H
#define EPROF_AGENT_OFF_CPU_PROGRAMS_H

#include <stdbool.h>

#include "agent/options.h"
#include "agent/sampler.h"
#include "off_cpu.skel.h"

struct off_programs {
	struct off_cpu_bpf *skeleton;
	bool is_raw;                              /* by raw tracepoints */
	struct bpf_link *seed, *settle, *collect; /* iterators */
};

/*
 * Typed tracepoints need the kernel's BTF to know them; where they cannot be had, raw ones do. 0;
 * or -errno after one line, programs being empty then.
 */
int off_programs_load(const struct record_options *options, const struct sampler_shared *shared,
		      struct off_programs *programs);

/* Iterators can be run after this. 0 or -errno. */
int off_programs_attach_iterators(struct off_programs *programs);

/* From here on switches are looked at. with_wakers: and who wakes threads up. 0 or -errno. */
int off_programs_attach(struct off_programs *programs, bool with_wakers);
void off_programs_detach(struct off_programs *programs);

void off_programs_done(struct off_programs *programs);

#endif
