/* SPDX-License-Identifier: Apache-2.0 */
/* `eprof agent`: window after window, until SIGTERM. */
#ifndef EPROF_AGENT_AGENT_RUN_H
#define EPROF_AGENT_AGENT_RUN_H

#include "agent/agent_config.h"
#include "agent/signals.h"

/* The exit code: 0 after SIGTERM or SIGINT, 1 after one line, 2 for a mistake in the config. */
int agent_run(const struct agent_options *options, const struct signals *before);

#endif
