/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of a config, ready to be asked: which services stay, and under which names. */
#ifndef EPROF_AGENT_SERVICE_RULES_H
#define EPROF_AGENT_SERVICE_RULES_H

#include <stdbool.h>

#include "agent/agent_config.h"
#include "agent/service_name.h"

struct service_rules;

/* The config is borrowed. 0, -ENOMEM, or -EINVAL: a pattern does not compile. */
int service_rules_new(const struct agent_config *config, struct service_rules **ret);
void service_rules_free(struct service_rules *rules); /* NULL is fine */

/* False: left out. Else name is as it was, or what the rules make of it, clean. */
bool service_rules_apply(const struct service_rules *rules, char name[SERVICE_NAME_SIZE]);

#endif
