/* SPDX-License-Identifier: Apache-2.0 */
/* `eprof record`: what starts and stops, in which order. */
#ifndef EPROF_AGENT_COMMAND_RECORD_H
#define EPROF_AGENT_COMMAND_RECORD_H

#include "agent/options.h"
#include "agent/signals.h"

/* A command gets the signals as they were before. Returns the exit code: 0 done, 1 failed, 2 what
 * was typed does not fit this machine. */
int command_record(const struct record_options *options, const struct signals *before);

#endif
