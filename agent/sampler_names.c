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
	[COUNTER_KERNEL_UNREADABLE] = { "kernel_stacks_unreadable", true },
	[COUNTER_FOLLOW_FULL] = { "children_not_followed", true },
	[COUNTER_UNWIND_PROCESSES_FULL] = { "children_without_tables", true },
	[COUNTER_OFF_INTERVALS] = { "off_cpu_intervals", false },
	[COUNTER_OFF_COUNTS_FULL] = { "off_cpu_stacks_map_full", true },
	[COUNTER_OFF_LOST_NS] = { "off_cpu_nanoseconds_map_full", true },
	[COUNTER_OFF_NO_RECORD] = { "off_cpu_threads_without_record", true },
	[COUNTER_OFF_REPAIRED] = { "off_cpu_switches_missed", true },
	[COUNTER_OFF_ACCOUNTS_FULL] = { "off_cpu_ended_threads_ring_full", true },
	[COUNTER_OFF_HIDDEN] = { "off_cpu_intervals_hidden", false },
	[COUNTER_OFF_HIDDEN_NS] = { "off_cpu_nanoseconds_hidden", false },
	[COUNTER_OFF_USER_MEMO] = { "off_cpu_user_stacks_known", false },
	[COUNTER_OFF_USER_WALKS] = { "off_cpu_user_stacks_walked", false },
	[COUNTER_OFF_KERNEL_MEMO] = { "off_cpu_kernel_stacks_known", false },
	[COUNTER_OFF_KERNEL_WALKS] = { "off_cpu_kernel_stacks_walked", false },
	[COUNTER_OFF_MEMO_WRONG] = { "off_cpu_stacks_known_wrong", true },
	[COUNTER_OFF_SAMPLED] = { "off_cpu_intervals_sampled", false },
	[COUNTER_OFF_NOT_SAMPLED] = { "off_cpu_intervals_not_sampled", false },
	[COUNTER_OFF_PREEMPTED_SAMPLED] = { "off_cpu_preempted_sampled", false },
	[COUNTER_OFF_PREEMPTED_NOT_SAMPLED] = { "off_cpu_preempted_not_sampled", false },
	[COUNTER_BPF_NS] = { "bpf_ns", false },
	[COUNTER_OFF_WAKERS_FULL] = { "off_cpu_wakers_map_full", true },
	[COUNTER_OFF_WAKERS_MISSED] = { "off_cpu_wakers_missed", true },
};
_Static_assert(sizeof(counter_texts) / sizeof(counter_texts[0]) == COUNTER_COUNT, "all are named");

static const struct {
	const char *name;
	const char *note;
} stop_texts[] = {
	[STOP_NONE] = { "no_user_stack", NULL },
	[STOP_FRAME_POINTERS] = { "frame_pointers_end", "[stack: frame pointers end]" },
	[STOP_TOO_DEEP] = { "too_deep", "[stack: too deep]" },
	[STOP_UNREADABLE] = { "unreadable", "[stack: unreadable]" },
	[STOP_STACK_LOST] = { "stack_lost", "[stack lost]" },
	[STOP_COMPLETE] = { "complete", NULL },
	[STOP_NO_TABLE_YET] = { "no_table_yet", "[stack: no unwind table yet]" },
	[STOP_NO_RULE] = { "no_rule", "[stack: code without unwind rules]" },
	[STOP_UNSUPPORTED] = { "unsupported_rule", "[stack: unwind rule not supported]" },
	[STOP_LOST_REGISTER] = { "lost_register", "[stack: unwind rule by a lost register]" },
	[STOP_BAD_READ] = { "unreadable_memory", "[stack: stack memory not readable]" },
	[STOP_NO_PROGRESS] = { "no_progress", "[stack: no way further out]" },
	[STOP_NO_MAPPING] = { "no_mapping", "[stack: leads out of the code]" },
	[STOP_NOT_TAKEN] = { "not_taken", "[stack: not taken, too many switches]" },
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
