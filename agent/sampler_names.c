/* SPDX-License-Identifier: Apache-2.0 */
/* What counters and stop reasons are called, once, for stats.json, the summary and the picture. */
#include <assert.h>

#include "agent/sampler.h"

static const struct {
	const char *name;
	bool is_loss;
} counter_texts[] = {
	[COUNTER_SAMPLES] = { "samples", false },
	[COUNTER_IDLE] = { "idle", false },
	[COUNTER_NOT_TARGET] = { "not_target", false },
	[COUNTER_LOST_COUNTS_FULL] = { "samples_map_full", true },
	[COUNTER_LOST_MAP_BUSY] = { "samples_map_busy", true },
	[COUNTER_USER_STACK_LOST] = { "user_stacks_map_full", true },
	[COUNTER_KERNEL_STACK_LOST] = { "kernel_stacks_map_full", true },
	[COUNTER_USER_STACK_CUT] = { "user_stacks_too_deep", true },
	[COUNTER_KERNEL_STACK_CUT] = { "kernel_stacks_too_deep", true },
	[COUNTER_USER_UNREADABLE] = { "user_stacks_unreadable", true },
	[COUNTER_FOLLOW_FULL] = { "children_not_followed", true },
	[COUNTER_UNWIND_PROCESSES_FULL] = { "children_without_tables", true },
};
_Static_assert(sizeof(counter_texts) / sizeof(counter_texts[0]) == COUNTER_COUNT, "all are named");

static const struct {
	const char *name;
	const char *note;
} stop_texts[] = {
	[STOP_NONE] = { "no_user_stack", NULL },
	[STOP_FRAME_POINTERS] = { "frame_pointers_end", "frame pointers end" },
	[STOP_TOO_DEEP] = { "too_deep", "too deep" },
	[STOP_UNREADABLE] = { "unreadable", "unreadable" },
	[STOP_STACK_LOST] = { "stack_lost", "lost, no room" },
	[STOP_COMPLETE] = { "complete", NULL },
	[STOP_NO_TABLE_YET] = { "no_table_yet", "no unwind table yet" },
	[STOP_NO_RULE] = { "no_rule", "code without unwind rules" },
	[STOP_UNSUPPORTED] = { "unsupported_rule", "unwind rule not supported" },
	[STOP_LOST_REGISTER] = { "lost_register", "unwind rule by a lost register" },
	[STOP_BAD_READ] = { "unreadable_memory", "stack memory not readable" },
	[STOP_NO_PROGRESS] = { "no_progress", "no way further out" },
	[STOP_NO_MAPPING] = { "no_mapping", "leads out of the code" },
};
_Static_assert(sizeof(stop_texts) / sizeof(stop_texts[0]) == STOP_REASON_COUNT, "all are named");

const char *counter_name(enum counter counter)
{
	assert(counter < COUNTER_COUNT);
	return counter_texts[counter].name;
}

bool counter_is_loss(enum counter counter)
{
	assert(counter < COUNTER_COUNT);
	return counter_texts[counter].is_loss;
}

const char *stop_reason_name(enum stop_reason reason)
{
	assert(reason < STOP_REASON_COUNT);
	return stop_texts[reason].name;
}

const char *stop_reason_note(enum stop_reason reason)
{
	assert(reason < STOP_REASON_COUNT);
	return stop_texts[reason].note;
}
