/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile says besides its samples. */
#ifndef EPROF_FLAMEGRAPH_PPROF_CONTENTS_H
#define EPROF_FLAMEGRAPH_PPROF_CONTENTS_H

#include "flamegraph/pprof_index.h"

/* Which of the values of a sample are counted, and how many times: of milliseconds, 1000. */
struct pprof_wanted {
	size_t value;
	uint64_t factor;
};

/*
 * Fills in all but the numbers of samples, and says which of the values of a sample is wanted
 * (NULL: what the file says, or the last). Whatever happens, contents are for pprof_contents_done()
 * afterwards. 0, -EBADMSG, -ENOENT or -ENOMEM.
 */
int pprof_contents_make(const struct pprof_index *index, const char *wanted_type,
			struct pprof_reason *reason, struct pprof_contents *contents,
			struct pprof_wanted *ret);

#endif
