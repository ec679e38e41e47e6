/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's functions, its modules' and BPF programs', as /proc/kallsyms lists them. */
#ifndef EPROF_SYMBOLIZE_KERNEL_NAMES_H
#define EPROF_SYMBOLIZE_KERNEL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

struct kernel_names_table;

/*
 * Reads text like /proc/kallsyms from fd to its end. Lines that make no sense are passed over.
 * 0, or -errno: -EINVAL without a single function, -EFBIG beyond 64 MiB, -ENOMEM, or of read().
 */
int kernel_names_read(int fd, struct kernel_names_table **ret);

/*
 * The same of what may cover address, and nothing else: a table of some hundred functions, for who
 * has one address. Functions that are longer than 64 KiB may be missed. -EINVAL also when nothing
 * may cover it.
 */
int kernel_names_read_near(int fd, uint64_t address, struct kernel_names_table **ret);

void kernel_names_free(struct kernel_names_table *table); /* NULL is fine */

/*
 * Reads only the beginning of such text: up to the first address that is not 0. *ret_hidden is true
 * when there is none in 64 KiB. 0, or -errno: -EINVAL without a single address, -ENOMEM, or of
 * read().
 */
int kernel_names_peek(int fd, bool *ret_hidden);

/* True when the kernel showed every address as 0. */
bool kernel_names_hidden(const struct kernel_names_table *table);

/*
 * The function that covers address, or NULL; *ret_module is the module's name ("nvme", "bpf"), or
 * "kernel" for what is built in. Both live as long as the table.
 */
const char *kernel_names_find(const struct kernel_names_table *table, uint64_t address,
			      const char **ret_module);

#endif
