// SPDX-License-Identifier: Apache-2.0
/* Assembly that says nothing about its frames: what follows it can be found by frame pointers only.
 */
#include "tests/programs/shapes/shape.h"

/* rdi: how often */
void bare_with_frame(uint64_t count);
void bare_without_frame(uint64_t count);
void bare_small(uint64_t count);
__asm__(".text\n"
	"	.type bare_with_frame, @function\n"
	"bare_with_frame:\n"
	"	push %rbp\n"
	"	mov %rsp, %rbp\n"
	"1:	imul %rdi, %rax\n"
	"	dec %rdi\n"
	"	jnz 1b\n"
	"	pop %rbp\n"
	"	ret\n"
	"	.size bare_with_frame, . - bare_with_frame\n"
	"	.type bare_without_frame, @function\n"
	"bare_without_frame:\n"
	"	push %rbp\n"
	"	mov %rdi, %rbp\n"
	"1:	imul %rbp, %rax\n"
	"	dec %rbp\n"
	"	jnz 1b\n"
	"	pop %rbp\n"
	"	ret\n"
	"	.size bare_without_frame, . - bare_without_frame\n"
	/* No larger than padding, and between two that have rules, neither of which are its own. */
	"	.type before_small, @function\n"
	"before_small:\n"
	"	.cfi_startproc\n"
	"	sub $40, %rsp\n"
	"	.cfi_def_cfa_offset 48\n"
	"	ud2\n"
	"	.cfi_endproc\n"
	"	.size before_small, . - before_small\n"
	"	.type bare_small, @function\n"
	"bare_small:\n"
	"1:	imul %rdi, %rax\n"
	"	dec %rdi\n"
	"	jnz 1b\n"
	"	ret\n"
	"	.size bare_small, . - bare_small\n"
	"	.type after_small, @function\n"
	"after_small:\n"
	"	.cfi_startproc\n"
	"	ud2\n"
	"	.cfi_endproc\n"
	"	.size after_small, . - after_small\n");

FRAME void call_bare(void (*bare)(uint64_t))
{
	bare(SHAPE_SPINS);
	__asm__ volatile("");
}

static void with_frame(void)
{
	call_bare(bare_with_frame);
}

static void without_frame(void)
{
	call_bare(bare_without_frame);
}

static void small(void)
{
	call_bare(bare_small);
}

static const struct shape shapes[] = {
	{ "with_frame", with_frame },
	{ "without_frame", without_frame },
	{ "small", small },
};

SHAPE_MAIN(shapes)
