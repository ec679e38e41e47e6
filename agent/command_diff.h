/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EPROF_AGENT_COMMAND_DIFF_H
#define EPROF_AGENT_COMMAND_DIFF_H

#include "agent/options.h"

/*
 * `eprof diff`: reads two profiles and writes what changed. Returns the exit code: 0, or 1 after
 * one line on stderr; nothing is written then. A profile without any stack cannot be compared.
 * Signals that would end the program may wait afterwards (agent/signals.h).
 */
int command_diff(const struct diff_options *options);

#endif
