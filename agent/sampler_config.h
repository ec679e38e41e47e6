/* SPDX-License-Identifier: Apache-2.0 */
/* What the BPF programs are told before they are loaded, and how large their maps are made. */
#ifndef EPROF_AGENT_SAMPLER_CONFIG_H
#define EPROF_AGENT_SAMPLER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/options.h"
#include "sampler.skel.h"

/* Opened, not yet loaded. Returns how many seconds the maps last: they are drained as often. */
double sampler_configure(struct sampler_bpf *skeleton, const struct record_options *options,
			 size_t cpu_count);

/* Whether the tracepoints of fork and exit are needed. */
bool sampler_follows_processes(const struct sampler_bpf *skeleton);

#endif
