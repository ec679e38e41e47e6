// SPDX-License-Identifier: Apache-2.0
/*
 * A library that is built twice, with FLAVOR red and blue: flavor_entry, FLAVOR_middle,
 * FLAVOR_leaf. In the blue build all of them lie a little further on: who reads the symbols of the
 * other one gets names that are wrong.
 */
#include "tests/programs/flavor.h"

#define JOIN_NAMES(a, b) a##_##b
#define JOIN(a, b)       JOIN_NAMES(a, b)

#ifdef FLAVOR_PADDED
FRAME uint64_t JOIN(FLAVOR, padding)(uint64_t count)
{
	KEEP_FRAME();
	return (count ^ 0x5851f42d4c957f2dULL) * 3 + (count >> 7);
}
#endif

static FRAME uint64_t JOIN(FLAVOR, leaf)(uint64_t count)
{
	return spin_here(count);
}

static FRAME uint64_t JOIN(FLAVOR, middle)(uint64_t count)
{
	return JOIN(FLAVOR, leaf)(count) + 1;
}

FRAME uint64_t flavor_entry(uint64_t count)
{
	return JOIN(FLAVOR, middle)(count) + 1;
}
