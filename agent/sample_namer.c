/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sample_namer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* 8 MB. A window of a busy machine has half of it. */
#define OUTER_MAX (1u << 18)

/* What a service's stacks are below. */
struct stack_root {
	uint32_t number; /* of the service */
	uint32_t node;
};

static struct call_tree *tree_of(const struct sample_namer *namer, const struct sample *sample)
{
	return sample->is_off_cpu ? namer->profile->off_tree : namer->profile->tree;
}

/* The frame that all of a service is below is called by its number, as names may be equal. */
static int find_root(struct sample_namer *namer, const struct sample *sample, uint32_t number,
		     struct profile_service *service, uint32_t *ret)
{
	uint32_t *node = sample->is_off_cpu ? &service->off_node : &service->node;
	char text[16];
	int err = 0;

	if (*node == CALL_TREE_NONE) {
		(void)snprintf(text, sizeof(text), "%" PRIu32, number);
		err = call_tree_reach(tree_of(namer, sample),
				      &(struct frame){ .name = text, .kind = FRAME_PROCESS }, 1,
				      node);
	}
	if (err < 0)
		return err;
	*ret = *node;
	return 0;
}

/* SERVICE_NONE: the sample is left out. */
static int find_service(struct sample_namer *namer, const struct sample *sample,
			uint32_t *ret_number, struct profile_service **ret)
{
	const struct profile_label *labels;
	size_t label_count;
	uint32_t number;
	int err = services_of(namer->services, sample, &number);

	if (err < 0)
		return err;
	*ret_number = number;
	if (number == SERVICE_NONE)
		return 0;
	label_count = service_labels(namer->services, number, &labels);
	return profile_service_of(namer->profile, number, service_name(namer->services, number),
				  labels, label_count, ret);
}

/* Their memory goes, too: it would be that of the largest window that there ever was. */
void sample_namer_forget(struct sample_namer *namer)
{
	known_stacks_done(&namer->known);
	known_stacks_done(&namer->placed);
	hashmap_done(&namer->outer);
}

void sample_namer_done(struct sample_namer *namer)
{
	known_stacks_done(&namer->known);
	known_stacks_done(&namer->placed);
	hashmap_done(&namer->outer);
}

static int name_stack(struct sample_namer *namer, const struct sample *sample, uint32_t root,
		      uint64_t version, struct known_stack *ret)
{
	struct named_stack stack;

	if (namer->is_prepared)
		naming_name_prepared(namer->naming, sample, version, &stack);
	else
		naming_name(namer->naming, sample, &stack);
	*ret = (struct known_stack){ .stop = stack.stop, .is_complete = stack.is_complete };
	return call_tree_reach_below(tree_of(namer, sample), root, stack.frames, stack.count,
				     &ret->node);
}

static uint64_t outer_key(const struct sample_namer *namer, const struct stack_root *root,
			  size_t part)
{
	return hash_u64(namer->parts.outer[part] + root->number);
}

static void keep_outer(struct sample_namer *namer, uint64_t key, uint32_t node)
{
	if (namer->outer.count >= OUTER_MAX)
		hashmap_clear(&namer->outer);
	/* Without memory it is named again. */
	(void)hashmap_put(&namer->outer, key, node);
}

/* The first part that has no names yet, and what it is below. */
static size_t find_outer(const struct sample_namer *namer, const struct stack_root *root,
			 uint32_t *ret_node)
{
	uint64_t node = root->node;
	size_t part = namer->parts.depth + 1;

	while (part > 0 && !hashmap_get(&namer->outer, outer_key(namer, root, part - 1), &node))
		part--;
	*ret_node = (uint32_t)node;
	return part;
}

static int name_parts(struct sample_namer *namer, const struct sample *sample,
		      const struct stack_root *root, uint32_t *ret_node)
{
	size_t first = find_outer(namer, root, ret_node);

	for (size_t part = first; part <= namer->parts.depth + 1; part++) {
		struct named_stack named;
		int err = 0;

		naming_name_part(namer->naming, sample, part, part == first, &named);
		if (named.count > 0)
			err = call_tree_reach_below(tree_of(namer, sample), *ret_node, named.frames,
						    named.count, ret_node);
		if (err < 0)
			return err;
		if (part <= namer->parts.depth)
			keep_outer(namer, outer_key(namer, root, part), *ret_node);
	}
	return 0;
}

static int name_new(struct sample_namer *namer, const struct sample *sample,
		    const struct stack_root *root, uint64_t version, struct known_stack *ret)
{
	uint64_t key;
	int err;

	if (!naming_find_parts(namer->naming, sample, &namer->parts))
		return name_stack(namer, sample, root->node, version, ret);
	key = hash_u64(namer->parts.all + root->number);
	if (known_stacks_find(&namer->placed, key, ret))
		return 0;
	*ret = (struct known_stack){ .stop = namer->parts.stop,
				     .is_complete = namer->parts.is_complete };
	err = name_parts(namer, sample, root, &ret->node);
	if (!err)
		known_stacks_add(&namer->placed, key, ret);
	return err;
}

/* The same addresses are other code after a mapping, or what is made at run time, has changed. */
static uint64_t stack_id(const struct sample_namer *namer, const struct sample *sample,
			 uint64_t version)
{
	uint64_t mapped =
		processes_version(namer->processes, (int32_t)sample->tgid, sample->first_ns);

	return hash_u64(sample->id + mapped) + hash_u64(version);
}

static void count_service(const struct sample *sample, bool is_complete,
			  struct profile_service *service)
{
	uint64_t complete = is_complete ? sample->count : 0;

	if (sample->is_off_cpu) {
		service->off_ns += sample->count;
		service->off_complete_ns += complete;
	} else {
		service->samples += sample->count;
		service->complete_samples += complete;
	}
}

static int count_sample(struct sample_namer *namer, const struct sample *sample,
			const struct known_stack *known)
{
	struct profile *profile = namer->profile;

	if (sample->is_off_cpu) {
		profile->off_ns += sample->count;
		profile->off_complete_ns += known->is_complete ? sample->count : 0;
	} else {
		profile->samples += sample->count;
		profile->stops[known->stop] += sample->count;
		profile->complete_samples += known->is_complete ? sample->count : 0;
	}
	return call_tree_count(tree_of(namer, sample), known->node, sample->count);
}

int sample_namer_name(struct sample_namer *namer, const struct sample *sample, uint64_t version)
{
	uint64_t id = stack_id(namer, sample, version);
	struct profile_service *service = NULL;
	struct stack_root root = { 0 };
	struct known_stack known;
	int err = 0;

	if (namer->services)
		err = find_service(namer, sample, &root.number, &service);
	if (err < 0 || root.number == SERVICE_NONE)
		return err;
	if (service) {
		err = find_root(namer, sample, root.number, service, &root.node);
		id = hash_u64(id + root.number);
	}
	if (!err && !known_stacks_find(&namer->known, id, &known)) {
		err = name_new(namer, sample, &root, version, &known);
		if (!err)
			known_stacks_add(&namer->known, id, &known);
	}
	if (err < 0)
		return err;
	if (service)
		count_service(sample, known.is_complete, service);
	return count_sample(namer, sample, &known);
}

bool sample_namer_knows(struct sample_namer *namer, const struct sample *sample, uint64_t version)
{
	struct known_stack known;

	return known_stacks_find(&namer->known, stack_id(namer, sample, version), &known);
}
