/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of the agent's own, which root makes for the user it becomes. */
#ifndef EPROF_AGENT_AGENT_DIRECTORIES_H
#define EPROF_AGENT_AGENT_DIRECTORIES_H

#include "agent/agent_config.h"
#include "agent/agent_privileges.h"

/*
 * Makes the spool's directory, and those of the socket and of the targets file://, where they are
 * missing (their parents must exist), for user, mode 0750; what is there already is left as it is.
 * One line and -errno on failure.
 */
int agent_directories_prepare(const struct agent_config *config, const struct agent_user *user);

#endif
