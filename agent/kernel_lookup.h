/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of kernel addresses, asked of the running kernel one by one: 1 us each. It needs Linux
 * 5.14, CAP_BPF and CAP_PERFMON.
 */
#ifndef EPROF_AGENT_KERNEL_LOOKUP_H
#define EPROF_AGENT_KERNEL_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

struct kernel_lookup;

/* Cheap: nothing is loaded into the kernel before the first address is asked for. 0 or -ENOMEM. */
int kernel_lookup_new(struct kernel_lookup **ret);
void kernel_lookup_free(struct kernel_lookup *lookup); /* NULL is fine */

/*
 * A kernel_name_lookup (symbolize/symbolize.h); context is a struct kernel_lookup. 1, or 0 when the
 * kernel has no name for address, or -errno when it cannot be asked. The strings live until the
 * next call. It does not print: there is another way to the names.
 */
int kernel_lookup_find(void *context, uint64_t address, const char **ret_name,
		       const char **ret_module);

/*
 * Splits in place what the kernel prints for %ps: "NAME" or "NAME [MODULE]". The module is "kernel"
 * for what is built in and "bpf" for what was made from BPF programs. False for "0x...": no name.
 */
bool kernel_lookup_split(char *text, const char **ret_name, const char **ret_module);

#endif
