/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stacks part by part. On a busy machine most are new: programs begin again, at other addresses,
 * and threads are interrupted wherever they are. But nearly all of each was met before.
 */
#include <string.h>

#include "agent/jit.h"
#include "agent/naming_parts.h"
#include "base/hashmap.h"

static uint64_t hash_text(const char *text)
{
	return hash_bytes(text, strlen(text));
}

static uint64_t hash_root(const struct naming *naming, const struct sample *sample)
{
	uint64_t hash = sample->is_idle ? 0 : hash_text(sample->process_name);

	if (sample->tid)
		hash = hash_u64(hash_u64(hash + sample->tid) + hash_text(sample->thread_name));
	return hash_u64(hash + ((uint64_t)naming->stack.stop << 2 |
				(unsigned int)sample->is_idle << 1 | sample->is_off_cpu));
}

static uint64_t hash_rest(const struct sample *sample, uint64_t hash)
{
	hash = hash_u64(hash + 2 * (sample->is_off_cpu ? 1 + (uint64_t)sample->state : 0) +
			sample->kernel_stack_lost);
	for (size_t i = 0; i < sample->kernel_depth; i++)
		hash = hash_u64(hash + sample->kernel[i]);
	return hash;
}

/* False: its name is not the file's to say. */
static bool hash_place(const struct naming *naming, size_t i, uint64_t *hash)
{
	const struct binary *binary = naming->stack.mappings[i].binary;
	uint64_t offset = 0;

	if (binary && (jit_is_code(binary) || !located_stack_module(&naming->stack, i, &offset)))
		return false;
	*hash = hash_u64(hash_u64(*hash + (uintptr_t)binary) + offset);
	return true;
}

bool naming_find_parts(struct naming *naming, const struct sample *sample, struct naming_parts *ret)
{
	uint64_t hash;

	if (sample->waker)
		return false;
	naming_locate(naming, sample);
	/* Whether its chain of frame pointers is whole, its names say. */
	if (naming->stack.stop == STOP_FRAME_POINTERS)
		return false;
	ret->stop = naming->stack.stop;
	ret->is_complete = !stop_reason_note(ret->stop) && !sample->kernel_stack_lost;
	ret->depth = naming->stack.depth;
	ret->outer[0] = hash = hash_root(naming, sample);
	for (size_t i = 0; i < ret->depth; i++) {
		if (!hash_place(naming, ret->depth - 1 - i, &hash))
			return false;
		ret->outer[i + 1] = hash;
	}
	ret->all = hash_rest(sample, hash);
	return true;
}

void naming_name_part(struct naming *naming, const struct sample *sample, size_t part,
		      bool is_first, struct named_stack *ret)
{
	enum stop_reason stop = naming->stack.stop;
	size_t depth = naming->stack.depth;

	naming->count = 0;
	naming->text_used = 0;
	if (is_first && part <= depth)
		naming_want_user(naming);
	if (part == 0)
		naming_push_root(naming, sample);
	else if (part <= depth)
		naming_push_user_at(naming, depth - part);
	else
		naming_push_rest(naming, sample);
	*ret = (struct named_stack){ .frames = naming->frames,
				     .count = naming->count,
				     .stop = stop,
				     .is_complete = !stop_reason_note(stop) &&
						    !sample->kernel_stack_lost };
}
