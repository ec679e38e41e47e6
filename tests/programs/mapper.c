// SPDX-License-Identifier: Apache-2.0
/*
 * mapper MILLISECONDS [LIBRARY...]: burns CPU for that long at its beginning, and again in each
 * library that it loads. Who cannot be loaded is passed over.
 */
#include "tests/programs/work.h"

#include <dlfcn.h>

/* Much less than a millisecond. */
#define SPINS_AT_ONCE 10000

static void burn(double milliseconds)
{
	double end = clock_seconds(CLOCK_MONOTONIC) + milliseconds / 1e3;

	while (clock_seconds(CLOCK_MONOTONIC) < end)
		spin_here(SPINS_AT_ONCE);
}

int main(int argc, char **argv)
{
	double milliseconds = argc > 1 ? atof(argv[1]) : 1;

	burn(milliseconds);
	for (int i = 2; i < argc; i++) {
		if (dlopen(argv[i], RTLD_LAZY))
			burn(milliseconds);
	}
	return 0;
}
