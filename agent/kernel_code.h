/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code of the kernel that comes and goes: BPF programs and trampolines, as the kernel tells of them
 * (SIDEBAND_KSYMBOL). When samples are named, what they ran in may be gone, and another program may
 * be at its address. What has been there all the time is not known here: the kernel is asked for
 * it.
 *
 * For several threads: one follows the records while another names samples.
 */
#ifndef EPROF_AGENT_KERNEL_CODE_H
#define EPROF_AGENT_KERNEL_CODE_H

#include <stdint.h>

#include "agent/sideband.h"

struct kernel_code;

enum kernel_code_found {
	KERNEL_CODE_UNKNOWN,   /* not of this kind, or there before and after: the kernel knows */
	KERNEL_CODE_NAMED,     /* only this one can it have been */
	KERNEL_CODE_AMBIGUOUS, /* several of different names have been there */
};

int kernel_code_new(struct kernel_code **ret);
void kernel_code_free(struct kernel_code *code); /* NULL is fine */

/* Takes up a record of SIDEBAND_KSYMBOL; records come in the order of their times. */
void kernel_code_apply(struct kernel_code *code, const struct sideband_record *record);

/*
 * What was at address from since_ns on, until now; *ret_name is set with KERNEL_CODE_NAMED, and
 * lives until kernel_code_forget().
 */
enum kernel_code_found kernel_code_find(struct kernel_code *code, uint64_t address,
					uint64_t since_ns, const char **ret_name);

/* Frees what was gone before before_ns. */
void kernel_code_forget(struct kernel_code *code, uint64_t before_ns);

/* How many were not taken up because there were too many. */
uint64_t kernel_code_dropped(struct kernel_code *code);

#endif
