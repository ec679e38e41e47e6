// SPDX-License-Identifier: Apache-2.0
/*
 * Spends its time below so many calls of one function: deep DEPTH
 */
#include <stdio.h>
#include <stdlib.h>

/* A few ms of work for each descent: the descent itself hardly shows. */
#define ROUNDS 4000000

static volatile unsigned sink;

__attribute__((noinline)) static unsigned spin(void)
{
	unsigned x = sink;

	for (unsigned i = 0; i < ROUNDS; i++)
		x = x * 1664525 + 1013904223;
	sink = x;
	return x;
}

/* The work after the call keeps it from becoming a loop. */
__attribute__((noinline)) static unsigned descend(unsigned depth)
{
	unsigned x = depth ? descend(depth - 1) : spin();

	sink = x ^ depth;
	return sink + 1;
}

int main(int argc, char **argv)
{
	unsigned depth = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 30;

	for (;;)
		sink = descend(depth);
}
