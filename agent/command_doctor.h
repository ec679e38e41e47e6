/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EPROF_AGENT_COMMAND_DOCTOR_H
#define EPROF_AGENT_COMMAND_DOCTOR_H

#include "agent/options.h"

/*
 * `eprof doctor`: says on stdout what this machine can and cannot do. Returns the exit code, by the
 * worst that was found: 0, 1 where data will be missing, 3 where nothing can be recorded; 1 also,
 * after one line on stderr, when it cannot be said.
 */
int command_doctor(const struct doctor_options *options);

#endif
