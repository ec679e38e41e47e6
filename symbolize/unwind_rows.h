/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of an unwind table while it is built: distinct rules, blocks of code, and the rows of
 * each block. Rules are put in the order of their addresses, so nothing is ever moved or sorted.
 */
#ifndef EPROF_SYMBOLIZE_UNWIND_ROWS_H
#define EPROF_SYMBOLIZE_UNWIND_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

/* The sections take some 8 bytes for a row, and are not read beyond 64 MiB. */
#define UNWIND_ROWS_MAX (8u << 20)

struct unwind_rows {
	struct unwind_rule *rules; /* number 0 is "no rule" */
	size_t rule_count, rule_capacity;
	/* The number of a rule by its hash: open addressing, 0 is a free slot. */
	uint16_t *slots;
	unsigned int hash_shift; /* leaves as many bits of 64 as number the slots */

	struct unwind_block *blocks; /* first_row: an index into rows */
	size_t block_count;          /* those begun so far */
	size_t block_capacity;

	struct unwind_row *rows;
	size_t row_count, row_capacity;

	uint16_t last_rule; /* what holds from the last row on */
};

/*
 * For code of span bytes, at most 2^32. On success *ret needs unwind_rows_done(), and all of the
 * code has rule 0. 0 or -ENOMEM.
 */
int unwind_rows_init(struct unwind_rows *ret, uint64_t span);
void unwind_rows_done(struct unwind_rows *rows); /* the zero value is fine */

/*
 * From offset on, up to the next one that is put, *rule holds. Offsets ascend, and are below the
 * span. 0, or -errno: -EFBIG too many rows or rules, -ENOMEM.
 */
int unwind_rows_put(struct unwind_rows *rows, uint32_t offset, const struct unwind_rule *rule);

/* Begins all blocks that are left. */
void unwind_rows_end(struct unwind_rows *rows);

#endif
