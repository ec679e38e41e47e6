/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EPROF_AGENT_COMMAND_QUERY_H
#define EPROF_AGENT_COMMAND_QUERY_H

#include "agent/options.h"

/* `eprof query`: its exit code. */
int command_query(const struct query_options *options);

#endif
