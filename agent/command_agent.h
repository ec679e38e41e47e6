/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EPROF_AGENT_COMMAND_AGENT_H
#define EPROF_AGENT_COMMAND_AGENT_H

#include "agent/options.h"
#include "agent/signals.h"

/*
 * `eprof agent`: runs it, checks its configuration, or asks one that runs. Returns the exit code:
 * 0, 1 after one line on stderr, or 2 when there are mistakes in the configuration, each of which
 * is one line.
 */
int command_agent(const struct agent_options *options, const struct signals *before);

#endif
