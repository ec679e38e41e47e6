// SPDX-License-Identifier: Apache-2.0
/*
 * A library for loader.c, compiled as several that differ: FRAME_SIZE is what a rule of one that is
 * taken for another's gets wrong, and LEAF what its function is called.
 */
#include <alloca.h>

#include "tests/programs/shapes/shape.h"

FRAME uint64_t LEAF(uint64_t count)
{
	return shape_burn_for(count);
}

static FRAME uint64_t loaded_hidden(uint64_t count)
{
	char memory[FRAME_SIZE];
	char *first = memory;

	OPAQUE(first);
	first[0] = 1;
	return LEAF(count) + (uint64_t)first[0];
}

__attribute__((visibility("default"))) FRAME uint64_t loaded_entry(uint64_t count);

FRAME uint64_t loaded_entry(uint64_t count)
{
	return loaded_hidden(count) + 1;
}
