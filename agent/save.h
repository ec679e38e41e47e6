/* SPDX-License-Identifier: Apache-2.0 */
/* A sealed profile -> the files of its output. */
#ifndef EPROF_AGENT_SAVE_H
#define EPROF_AGENT_SAVE_H

#include "agent/output.h"
#include "agent/report.h"
#include "agent/window.h"

/* Writes and commits. 0, or -errno after one line that names the file; nothing half-written stays.
 */
int save_profile(const struct profile *profile, const struct report *report, struct output *output);

#endif
