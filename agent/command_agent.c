/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/command_agent.h"

#include <errno.h>
#include <stdio.h>

#include "agent/agent_config.h"
#include "agent/agent_privileges.h"
#include "agent/agent_run.h"
#include "agent/agent_status.h"
#include "agent/log.h"

static int check_config(const struct agent_options *options)
{
	const char *name = options->config_file ? options->config_file : "command line";
	struct agent_config *config;
	struct agent_user user;
	size_t count;
	int err = agent_config_read(options, &config);

	if (err == -EINVAL)
		return 2;
	if (err < 0)
		return 1;
	err = agent_user_find(config->user, &user);
	count = config->target_count;
	agent_config_free(config);
	if (err < 0)
		return 2;
	if (printf("%s: ok, %zu target%s\n", name, count, count == 1 ? "" : "s") < 0 ||
	    fflush(stdout) != 0) {
		log_error("cannot write to stdout");
		return 1;
	}
	return 0;
}

int command_agent(const struct agent_options *options, const struct signals *before)
{
	switch (options->action) {
	case AGENT_RUN:
		return agent_run(options, before);
	case AGENT_CHECK_CONFIG:
		return check_config(options);
	case AGENT_STATUS:
		return agent_status_ask(options->socket, options->as_json);
	}
	return 2;
}
