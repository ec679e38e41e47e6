/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a file, said where it is found. */
#ifndef EPROF_FLAMEGRAPH_PPROF_REASON_H
#define EPROF_FLAMEGRAPH_PPROF_REASON_H

#include "flamegraph/pprof_read.h"

/* Writes the reason, unless it is NULL; returns err. Texts of the file become harmless. */
__attribute__((format(printf, 3, 4))) int pprof_fail(struct pprof_reason *reason, int err,
						     const char *format, ...);

#endif
