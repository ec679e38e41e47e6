// SPDX-License-Identifier: Apache-2.0
/* A shared library that dlopener opens while it is being recorded. */
#include "tests/programs/work.h"

FRAME uint64_t plugin_leaf(uint64_t count)
{
	return spin_here(count);
}

/* Not exported: found only in the full symbol table. */
static FRAME uint64_t plugin_hidden(uint64_t count)
{
	return plugin_leaf(count) + 1;
}

__attribute__((visibility("default"))) FRAME uint64_t plugin_entry(uint64_t count);

FRAME uint64_t plugin_entry(uint64_t count)
{
	return plugin_hidden(count) + 1;
}
