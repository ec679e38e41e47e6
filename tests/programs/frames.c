/* SPDX-License-Identifier: Apache-2.0 */
/* Functions enough to tell how they are built; says so and waits to be ended. */
#include <stdio.h>
#include <unistd.h>

static volatile int numbers[4];

/* Calls itself by its address, so that none is inlined, and a frame is needed to come back. */
#define FUNCTION(name)                                                                             \
	__attribute__((noinline, used)) int name(int a, int b)                                     \
	{                                                                                          \
		int kept = numbers[a & 3], other = numbers[b & 3];                                 \
                                                                                                   \
		if (a > 0)                                                                         \
			kept += ((int (*volatile)(int, int))name)(a - 1, other);                   \
		numbers[0] = kept + other;                                                         \
		return kept + a;                                                                   \
	}

FUNCTION(one)
FUNCTION(two)
FUNCTION(three)
FUNCTION(four)
FUNCTION(five)
FUNCTION(six)
FUNCTION(seven)
FUNCTION(eight)
FUNCTION(nine)
FUNCTION(ten)
FUNCTION(eleven)
FUNCTION(twelve)
FUNCTION(thirteen)
FUNCTION(fourteen)
FUNCTION(fifteen)
FUNCTION(sixteen)

int main(void)
{
	(void)puts("ready");
	(void)fflush(stdout);
	for (;;)
		(void)pause();
}
