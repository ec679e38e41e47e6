/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unwind table of one x86-64 binary: its call frame information, compiled into the image that
 * bpf/abi.h describes ("Unwind tables"). What the information does not say, or says in a way that
 * no rule can express, is "no rule" or "not supported" in the table: nothing is ever guessed. The
 * few bytes between two functions have no rule either: they may be a function in assembly.
 *
 * Binaries are not trusted. A record that makes no sense costs its function its rules; where not
 * even the records' lengths do, the file is refused. Time and memory are bounded by what is read,
 * at most CFI_SECTION_SIZE_MAX bytes for each section.
 */
#ifndef EPROF_SYMBOLIZE_UNWIND_TABLE_H
#define EPROF_SYMBOLIZE_UNWIND_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "symbolize/unwind_unsupported.h"

struct unwind_table {
	uint32_t *words; /* the image: rules from word 0, blocks from first_block, then rows */
	size_t word_count;
	uint32_t rule_count;
	uint32_t first_block;
	uint32_t block_count;
	uint32_t row_count; /* in the image, where equal neighbours are one */
	/* Address in the ELF file of the first block's first byte: a multiple of the block size. */
	uint64_t code_start;

	/* What was read. */
	uint64_t function_count; /* that have rules */
	uint64_t skipped_count;  /* entries that could not be read: their functions have none */
	uint64_t read_row_count; /* as functions have them, before equal ones are merged */
	uint64_t unsupported[UNWIND_UNSUPPORTED_KINDS]; /* of these */
};

/*
 * fd is borrowed, and only read by pread(). On success *ret needs unwind_table_done(). 0, or -errno
 * with *ret_error set to what is wrong (static text): -ENOTSUP for another machine, -ENODATA no
 * call frame information, -ENOEXEC not ELF or damaged, -EFBIG beyond a limit, -ENOMEM, -EIO.
 */
int unwind_table_build(int fd, struct unwind_table *ret, const char **ret_error);
void unwind_table_done(struct unwind_table *table); /* the zero value is fine */

/*
 * The rule at an address of the ELF file, found as the walker finds it: rule 0 where there is none.
 * NULL when the image is not what bpf/abi.h says. Lives as long as the table.
 */
const struct unwind_rule *unwind_table_find(const struct unwind_table *table, uint64_t address);

/* What a kind is called in reports: a few words, static. */
const char *unwind_unsupported_name(enum unwind_unsupported kind);

#endif
