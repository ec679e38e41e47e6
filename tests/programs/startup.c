// SPDX-License-Identifier: Apache-2.0
/* A shared library with a long constructor: it runs before the program's own first instruction. */
#include "tests/programs/work.h"

#define CONSTRUCTOR_CPU_SECONDS 1.0

FRAME uint64_t constructor_leaf(uint64_t count)
{
	return spin_here(count);
}

__attribute__((constructor)) static FRAME void library_constructor(void)
{
	while (clock_seconds(CLOCK_PROCESS_CPUTIME_ID) < CONSTRUCTOR_CPU_SECONDS)
		constructor_leaf(SPINS);
}
