// SPDX-License-Identifier: Apache-2.0
/* 32-bit code, with frame pointers and without a C library. It is ended from outside. */
__attribute__((noinline)) void narrow_leaf(void)
{
	/* A leaf has no frame unless something asks where it is. */
	__asm__ volatile("" : : "r"(__builtin_frame_address(0)));
	for (unsigned int i = 0; i < 20000000; i++)
		__asm__ volatile("" : "+r"(i));
}

__attribute__((noinline)) void narrow_caller(void)
{
	narrow_leaf();
	__asm__ volatile("");
}

void _start(void)
{
	for (;;)
		narrow_caller();
}
