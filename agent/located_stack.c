/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/located_stack.h"

#include <assert.h>

static bool is_located(const struct located_stack *stack, size_t i)
{
	return stack->mappings[i].binary != NULL;
}

/*
 * Code without frame pointers uses their register for something else, and the kernel then takes any
 * readable words for frames. A return address that is not in executable memory shows where that
 * began: nothing beyond it is a caller. A walk that reached the entry knows better than we do now.
 */
static size_t believable_depth(const struct located_stack *stack, size_t depth)
{
	size_t believable = depth ? 1 : 0;

	if (stack->stop == STOP_COMPLETE)
		return depth;
	while (believable < depth && is_located(stack, believable))
		believable++;
	return believable;
}

/*
 * The walker cannot tell an address that leads out of the code from one in a mapping that it has
 * not been told of yet; now we know.
 */
static enum stop_reason stop_of(const struct located_stack *stack)
{
	const struct walked_stack *walked = &stack->walked;

	if (walked->stop != STOP_NO_MAPPING || !walked->depth)
		return walked->stop;
	return is_located(stack, walked->depth - 1) ? STOP_NO_TABLE_YET : STOP_NO_MAPPING;
}

void located_stack_find(struct processes *processes, const struct walked_stack *walked,
			struct located_stack *ret)
{
	assert(walked->depth <= USER_FRAMES_MAX);
	ret->walked = *walked;
	processes_locate_all(processes, walked->pid, walked->time_ns, walked->addresses,
			     walked->depth, ret->mappings);
	ret->stop = stop_of(ret);
	ret->depth = believable_depth(ret, walked->depth);
}

/* How many frames there are up to one that was walked by another table. 0: all. */
static size_t settled_depth(const struct located_stack *stack)
{
	for (size_t i = 0; i < stack->walked.depth; i++) {
		const struct mapping *mapping = &stack->mappings[i];

		if (!is_located(stack, i))
			continue;
		if (stack->walked.time_ns >= mapping->settled_ns)
			return 0;
		if (stack->walked.time_ns < mapping->bound_ns)
			return i + 1;
	}
	return 0;
}

void located_stack_cut_unsettled(struct located_stack *stack)
{
	size_t depth = settled_depth(stack);

	if (!depth)
		return;
	stack->stop = STOP_NO_TABLE_YET;
	stack->depth = believable_depth(stack, depth);
}

struct module *located_stack_module(const struct located_stack *stack, size_t i,
				    uint64_t *ret_offset)
{
	const struct mapping *mapping = &stack->mappings[i];

	if (!is_located(stack, i))
		return NULL;
	*ret_offset = stack->walked.addresses[i] - mapping->start + mapping->file_offset;
	return binary_module(mapping->binary);
}

bool located_stack_ends_at_entry(const struct located_stack *stack)
{
	struct module *module;
	uint64_t offset;

	if (!stack->depth)
		return false;
	module = located_stack_module(stack, stack->depth - 1, &offset);
	return module && module_is_entry(module, offset);
}
