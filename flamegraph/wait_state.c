/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/wait_state.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *note, *text;
} states[WAIT_STATE_COUNT] = {
	[WAIT_STATE_NONE] = { NULL, "" },
	[WAIT_STATE_SLEEP] = { NULL, "sleep" },
	[WAIT_STATE_RUNQUEUE] = { "[runqueue]", "runqueue" },
	[WAIT_STATE_UNINTERRUPTIBLE] = { "[uninterruptible]", "uninterruptible" },
	[WAIT_STATE_STOPPED] = { "[stopped]", "stopped" },
	[WAIT_STATE_OTHER] = { "[other state]", "other" },
};

enum wait_state wait_state_of(const char *name)
{
	for (int i = 0; name[0] == '[' && i < WAIT_STATE_COUNT; i++) {
		if (states[i].note && strcmp(name, states[i].note) == 0)
			return (enum wait_state)i;
	}
	return WAIT_STATE_NONE;
}

const char *wait_state_text(enum wait_state state)
{
	return states[state].text;
}
