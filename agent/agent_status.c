/* SPDX-License-Identifier: Apache-2.0 */
/* What all forms of the status share. */
#include "agent/agent_status.h"

#include <stdlib.h>
#include <string.h>

#include "agent/agent_status_parts.h"
#include "agent/sampler.h"
#include "base/cleanup.h"
#include "flamegraph/utf8.h"

bool agent_status_counter_is_ns(enum counter counter)
{
	return counter == COUNTER_OFF_LOST_NS || counter == COUNTER_OFF_HIDDEN_NS ||
	       counter == COUNTER_BPF_NS;
}

size_t agent_status_losses(const struct agent_status *status,
			   struct status_loss ret[STATUS_LOSSES_MAX])
{
	size_t count = 0;

	for (enum counter i = 0; i < COUNTER_COUNT; i++) {
		if (counter_is_loss(i))
			ret[count++] = (struct status_loss){ counter_name(i), status->counters[i],
							     agent_status_counter_is_ns(i) };
	}
	/* As in stats.json. */
	ret[count++] = (struct status_loss){ "process_records", status->follower_lost, false };
	ret[count++] = (struct status_loss){ "cgroup_paths", status->cgroups_lost, false };
	return count;
}

char *agent_status_utf8(const char *text)
{
	size_t length = strlen(text);
	char *repaired = malloc(length * UTF8_GROWTH_MAX + 1);

	if (repaired)
		repaired[utf8_repair(text, length, repaired)] = '\0';
	return repaired;
}

char *agent_status_public_url(const char *url)
{
	CLEANUP(cleanup_free) char *copy = strdup(url);
	char *authority, *user_end;

	if (!copy)
		return NULL;
	copy[strcspn(copy, "?#")] = '\0';
	authority = strstr(copy, "://");
	if (authority) {
		authority += strlen("://");
		user_end = memrchr(authority, '@', strcspn(authority, "/"));
		if (user_end)
			memmove(authority, user_end + 1, strlen(user_end + 1) + 1);
	}
	return agent_status_utf8(copy);
}
