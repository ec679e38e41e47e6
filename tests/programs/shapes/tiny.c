// SPDX-License-Identifier: Apache-2.0
/* A library whose functions take no longer than the calls of them. */
#include "tests/programs/shapes/tiny.h"

#define DEFINE(name)                                                                               \
	__attribute__((visibility("default"))) uint64_t name(uint64_t value)                       \
	{                                                                                          \
		return value * 3;                                                                  \
	}

DEFINE(tiny)
TINY_THOUSAND(DEFINE)
