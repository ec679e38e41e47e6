/* SPDX-License-Identifier: Apache-2.0 */
/* What functions had, and who called them, as JSON. Counts are texts, as they have 64 bits. */
#ifndef EPROF_WEB_FUNCTIONS_H
#define EPROF_WEB_FUNCTIONS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "flamegraph/call_tree.h"

struct functions_wanted {
	size_t limit;
	bool by_total; /* or by self */
};

/*
 * {"unit":...,"total":"...","functions":[{"name":...,"module":...,"self":"...","total":"..."},...]}:
 * the largest first, then by name. A stack counts once in the total of a function, however often it
 * is in it. The caller's; NULL without memory.
 */
cJSON *functions_top(const struct call_tree *tree, const char *unit,
		     const struct functions_wanted *wanted);

/*
 * {"unit":...,"total":"...","function":{...},"callers":[...],"callees":[...]}, functions as above;
 * of a caller and a callee the total is that of the stacks in which it called the function, or was
 * called by it, and self is left out. Of either there are limit at most, the largest.
 */
cJSON *functions_around(const struct call_tree *tree, const char *unit, const char *function,
			size_t limit);

#endif
