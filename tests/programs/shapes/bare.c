// SPDX-License-Identifier: Apache-2.0
/* Assembly that says nothing about its frames: what follows it can be found by frame pointers only.
 */
#include "tests/programs/shapes/shape.h"

/* rdi: how often */
void bare_with_frame(uint64_t count);
void bare_without_frame(uint64_t count);
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
	"	.size bare_without_frame, . - bare_without_frame\n");

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

static const struct shape shapes[] = {
	{ "with_frame", with_frame },
	{ "without_frame", without_frame },
};

SHAPE_MAIN(shapes)
