/* SPDX-License-Identifier: Apache-2.0 */
/* A sealed profile -> the files of its output. */
#ifndef EPROF_AGENT_SAVE_H
#define EPROF_AGENT_SAVE_H

#include <stdbool.h>

#include "agent/output.h"
#include "agent/report.h"
#include "agent/window.h"

/*
 * Writes and commits: files of what the profile has, which has a tree at least. A file that holds
 * one kind of time is for a profile of one. A pprof file has the line of each frame; in the others
 * a function has one line with name_lines, behind its name, and none without. 0, or -errno after
 * one line that names the file; nothing half-written stays.
 */
int save_profile(const struct profile *profile, const struct report *report, bool name_lines,
		 struct output *output);

#endif
