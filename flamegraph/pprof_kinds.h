/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format has no kinds of frames: what is in no binary that is known has a mapping whose name
 * says so, in brackets, and which has no addresses.
 */
#ifndef EPROF_FLAMEGRAPH_PPROF_KINDS_H
#define EPROF_FLAMEGRAPH_PPROF_KINDS_H

#include "base/frame.h"

#define PPROF_KERNEL_MAPPING "[kernel.kallsyms]" /* as perf's converters call it */

/* The mapping of frames of this kind whose module is not known: "[user]", "[process]", ... */
const char *pprof_kind_mapping(enum frame_kind kind);

/* The kind that a mapping's name means, FRAME_USER for all that mean none. */
enum frame_kind pprof_kind_of_mapping(const char *name);

#endif
