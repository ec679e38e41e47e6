/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call frame instructions (DWARF 5, 6.4.2, and GNU's additions), run for the registers that a stack
 * walk needs: the CFA, the return address, rsp, rbp and rbx. A program is asked for one row after
 * the other. It reads each of its bytes once, so its length bounds its time and its rows.
 */
#ifndef EPROF_SYMBOLIZE_CFI_PROGRAM_H
#define EPROF_SYMBOLIZE_CFI_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "symbolize/dwarf_reader.h"
#include "symbolize/unwind_unsupported.h"

/* The column of the return address; that of rsp and rbp are in bpf/abi.h. */
#define CFI_RETURN_ADDRESS 16

/* gcc and clang nest one or two. */
#define CFI_SAVED_STATES_MAX 8

/* What holds at one address. */
struct cfi_state {
	struct unwind_rule rule; /* what has no place in it is 0 there, and in unsupported */
	uint32_t unsupported;    /* 1 << enum unwind_unsupported */
};

/* What the programs of several functions begin with: a common information entry. */
struct cfi_common {
	uint64_t code_factor;
	int64_t data_factor;
	uint8_t pointer_encoding;
	struct cfi_state initial;
};

struct cfi_program {
	/* The row that cfi_program_next() found: where it begins, and what holds there. */
	uint64_t row;
	struct cfi_state state;

	uint64_t location; /* where the next row begins */
	uint64_t end;
	bool is_done;
	bool is_malformed; /* nothing is known from location on */
	const struct cfi_common *common;
	struct dwarf_reader reader;
	struct dwarf_bases bases;
	uint32_t saved_count;
	struct cfi_state saved[CFI_SAVED_STATES_MAX];
};

/*
 * Runs the instructions that a common entry begins with, and sets common->initial by them. False
 * when they are malformed.
 */
bool cfi_common_init(struct cfi_common *common, struct dwarf_reader instructions);

/* A function's program, for the addresses from start to before end. *common has to outlive it. */
void cfi_program_init(struct cfi_program *program, const struct cfi_common *common,
		      struct dwarf_reader instructions, uint64_t start, uint64_t end);

/*
 * Goes to the next row: program->row and program->state. Rows begin at start, ascend, and are all
 * before end. False when there is no more, or the instructions are malformed.
 */
bool cfi_program_next(struct cfi_program *program);

#endif
