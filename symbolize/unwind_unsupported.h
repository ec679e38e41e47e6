/* SPDX-License-Identifier: Apache-2.0 */
/* What call frame information may say and struct unwind_rule (bpf/abi.h) cannot. */
#ifndef EPROF_SYMBOLIZE_UNWIND_UNSUPPORTED_H
#define EPROF_SYMBOLIZE_UNWIND_UNSUPPORTED_H

/* In the order in which a row that has several is counted. */
enum unwind_unsupported {
	UNWIND_UNSUPPORTED_MALFORMED,      /* instructions that make no sense, from here on */
	UNWIND_UNSUPPORTED_CFA_EXPRESSION, /* the CFA by another expression */
	UNWIND_UNSUPPORTED_CFA_REGISTER,   /* the CFA from none of the general registers */
	UNWIND_UNSUPPORTED_CFA_OFFSET,     /* the CFA too far from its register */
	UNWIND_UNSUPPORTED_RETURN_ADDRESS, /* neither near the CFA, nor in a register */
	UNWIND_UNSUPPORTED_STACK_POINTER,  /* the caller's is not the CFA (longjmp, setcontext) */
	UNWIND_UNSUPPORTED_FRAME_POINTER,  /* rbp by another expression: it is lost, no more */
	UNWIND_UNSUPPORTED_KINDS,
};

#endif
