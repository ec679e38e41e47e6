/* SPDX-License-Identifier: Apache-2.0 */
/* The user frames of a stack: names of binaries, and of code that is made at run time. */
#include <inttypes.h>

#include "agent/jit.h"
#include "agent/naming_parts.h"
#include "base/hashmap.h"

static const char *address_text(struct naming *naming, size_t i)
{
	const struct binary *binary = naming->stack.mappings[i].binary;
	uint64_t address;
	struct module *module;

	if (!binary)
		return "[unknown]";
	if (binary->kind == BINARY_ANONYMOUS)
		return "[anon]";
	if (binary->kind == BINARY_SPECIAL)
		return binary->name;
	module = located_stack_module(&naming->stack, i, &address);
	if (module)
		address = module_address(module, address);
	return naming_text(naming, "[%s+0x%" PRIx64 "]",
			   binary->kind == BINARY_VDSO ? "vdso" : binary->name, address);
}

/* False: it is no such code, or nobody knows any. */
static bool find_jit_address(const struct naming *naming, size_t i, struct jit_address *ret)
{
	const struct located_stack *stack = &naming->stack;
	const struct mapping *mapping = &stack->mappings[i];

	if (!naming->jit || !mapping->binary || !jit_is_code(mapping->binary))
		return false;
	*ret = (struct jit_address){ .pid = stack->walked.pid,
				     .program_ns = mapping->program_ns,
				     .time_ns = stack->walked.time_ns,
				     .address = stack->walked.addresses[i] };
	return true;
}

/* Until another version, an address has one name. */
static uint64_t prepared_key(const struct jit_address *address, uint64_t version)
{
	uint64_t program = hash_u64((uint32_t)address->pid) + address->program_ns;

	return hash_u64(hash_u64(program) + version) + hash_u64(address->address);
}

static bool name_jit(struct naming *naming, const uint64_t *version, size_t i, struct frame *ret)
{
	struct jit_address in_jit;

	if (!find_jit_address(naming, i, &in_jit))
		return false;
	return (version &&
		prepared_names_find(&naming->prepared, prepared_key(&in_jit, *version), ret)) ||
	       jit_name(naming->jit, &in_jit, ret);
}

/*
 * ret[0] is the innermost. At least one frame. Callers' addresses are inside of their calls
 * already: see struct stack.
 */
static size_t name_address(struct naming *naming, const uint64_t *version, size_t i,
			   struct frame ret[INLINED_MAX])
{
	struct binary *binary = naming->stack.mappings[i].binary;
	uint64_t offset;
	struct module *module = located_stack_module(&naming->stack, i, &offset);
	size_t count = 0;

	naming->stats.frames++;
	if (binary)
		binary->is_sampled = true;
	if (module)
		count = symbolize_user(naming->symbolizer, module, offset, ret, INLINED_MAX);
	if (count > 0)
		return count;
	if (name_jit(naming, version, i, &ret[0]))
		return 1;
	naming->stats.unnamed_user_frames++;
	ret[0] = (struct frame){
		.name = address_text(naming, i),
		.module = binary ? binary->name : NULL,
		.kind = FRAME_USER,
	};
	return 1;
}

void naming_want_user(struct naming *naming)
{
	for (size_t i = 0; i < naming->stack.depth; i++) {
		uint64_t offset;
		struct module *module = located_stack_module(&naming->stack, i, &offset);

		if (module)
			symbolize_want(naming->symbolizer, module, offset);
	}
}

void naming_push_user(struct naming *naming, const uint64_t *version, enum naming_order order)
{
	bool is_outward = order == NAMING_INNERMOST_FIRST;
	size_t depth = naming->stack.depth;

	naming_want_user(naming);
	for (size_t i = 0; i < depth; i++) {
		struct frame inlined[INLINED_MAX];
		size_t count =
			name_address(naming, version, is_outward ? i : depth - 1 - i, inlined);

		for (size_t j = 0; j < count; j++)
			naming_push(naming, &inlined[is_outward ? j : count - 1 - j]);
	}
}

void naming_push_user_at(struct naming *naming, size_t i)
{
	struct frame inlined[INLINED_MAX];
	size_t count = name_address(naming, NULL, i, inlined);

	while (count > 0)
		naming_push(naming, &inlined[--count]);
}

void naming_prepare_user(struct naming *naming, uint64_t version)
{
	naming_want_user(naming);
	for (size_t i = 0; i < naming->stack.depth; i++) {
		struct jit_address in_jit;
		struct frame frame;
		uint64_t key;

		if (!find_jit_address(naming, i, &in_jit))
			continue;
		key = prepared_key(&in_jit, version);
		if (!prepared_names_find(&naming->prepared, key, &frame) &&
		    jit_name(naming->jit, &in_jit, &frame))
			prepared_names_add(&naming->prepared, key, &frame);
	}
}
