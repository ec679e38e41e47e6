/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EPROF_AGENT_COMMAND_FLAMEGRAPH_H
#define EPROF_AGENT_COMMAND_FLAMEGRAPH_H

#include "agent/options.h"

/*
 * `eprof flamegraph`: reads profiles, merges them and draws. The inputs are strangers' files: lines
 * that are no stacks are skipped, with a few warnings for each file. Returns the exit code: 0, or 1
 * after one line on stderr. Inputs without any stack are a failure, too, but the picture is written
 * all the same, and says so: whoever opens it later will not take it for an idle program. Signals
 * that would end the program may wait afterwards (agent/signals.h).
 */
int command_flamegraph(const struct flamegraph_options *options);

#endif
