/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DWARF expressions that occur in call frame information, recognised by their shape: the walker
 * has no machine for the general case. What is none of these is not supported, never guessed.
 */
#ifndef EPROF_SYMBOLIZE_CFI_EXPRESSION_H
#define EPROF_SYMBOLIZE_CFI_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

/*
 * Sets cfa, cfa_register, cfa_offset and cfa_add of the rule when the size bytes are one of
 *	breg R, N; [plus_uconst M]		a plain sum
 *	breg R, N; deref; [plus_uconst M]	realigned stacks, hand-written assembly
 *	the linker's expression for PLT stubs
 * and returns true; false, with the rule untouched, otherwise.
 */
bool cfi_expression_cfa(const uint8_t *bytes, size_t size, struct unwind_rule *rule);

/* "breg R, N" alone: the sum of a register and a number. */
bool cfi_expression_sum(const uint8_t *bytes, size_t size, uint8_t *ret_register,
			int32_t *ret_offset);

#endif
