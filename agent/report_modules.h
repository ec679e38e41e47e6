/* SPDX-License-Identifier: Apache-2.0 */
/* Which binaries the named code is in, and where their names come from. */
#ifndef EPROF_AGENT_REPORT_MODULES_H
#define EPROF_AGENT_REPORT_MODULES_H

#include "agent/stats_json.h"
#include "symbolize/symbolize.h"

/* Those with most frames come first; of more, these. */
#define REPORT_MODULES_MAX 1000

/*
 * Those that frames were named in. *ret is malloc()ed, and borrows strings from the symbolizer;
 * NULL when there are none. 0 or -ENOMEM.
 */
int report_modules_make(const struct symbolizer *symbolizer, struct stats_module **ret,
			size_t *ret_count);

#endif
