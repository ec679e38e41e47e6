/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "agent/kernel_layout_parts.h"

/* Whether a name of the kernel's is one of the object's. */
static bool is_name(const struct layout *layout, uint32_t kernel_name, uint32_t name)
{
	uint64_t known;

	if (!kernel_name || !hashmap_get(&layout->names, kernel_name, &known))
		return false;
	return !strcmp(layout->strings + known, layout->strings + name);
}

static bool is_passed_over(const struct btf_type *type)
{
	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		return true;
	default:
		return false;
	}
}

bool layout_resolve(struct layout *layout, uint32_t id, struct kernel_type *ret)
{
	for (int i = 0; i < LAYOUT_DEPTH_MAX; i++) {
		if (!kernel_btf_find(layout->kernel, id, ret))
			return false;
		if (!is_passed_over(&ret->type))
			return true;
		id = ret->type.type;
	}
	return false;
}

static const struct btf_type *resolve_object(const struct layout *layout, uint32_t id)
{
	for (int i = 0; i < LAYOUT_DEPTH_MAX && id && id < layout->type_count; i++) {
		if (!is_passed_over(layout->types[id]))
			return layout->types[id];
		id = layout->types[id]->type;
	}
	return NULL;
}

static enum likeness compare_types(struct layout *layout, uint32_t kernel_id, uint32_t object_id,
				   int depth);

/* A member of an unnamed structure of the object's, which keeps its place: the kernel's has it. */
static enum likeness compare_member(struct layout *layout, const struct kernel_type *kernel,
				    const struct btf_type *object, uint32_t i, int depth)
{
	const struct btf_member *mine = (const struct btf_member *)(object + 1) + i;

	if (BTF_INFO_KFLAG(object->info) != BTF_INFO_KFLAG(kernel->type.info) || !mine->name_off)
		return UNSURE;
	for (uint32_t k = 0; k < BTF_INFO_VLEN(kernel->type.info); k++) {
		const struct btf_member *member = kernel_btf_member(layout->kernel, kernel, k);

		if (!member)
			return UNSURE;
		if (!is_name(layout, member->name_off, mine->name_off))
			continue;
		if (member->offset != mine->offset)
			return UNSURE;
		return compare_types(layout, member->type, mine->type, depth + 1);
	}
	return UNSURE;
}

static enum likeness compare_composites(struct layout *layout, const struct kernel_type *kernel,
					const struct btf_type *object, int depth)
{
	if (object->name_off && !is_name(layout, kernel->type.name_off, object->name_off))
		return UNSURE;
	if (object->name_off && !layout->is_chosen)
		return ALIKE;
	/* It is looked for by its name, and has to be what is found. */
	if (object->name_off) {
		for (size_t i = 0; i < layout->wanted_count; i++)
			if (layout->wanted[i].type == object)
				return layout->wanted[i].kernel_id == kernel->id ? ALIKE : UNSURE;
		return UNSURE;
	}
	for (uint32_t i = 0; i < BTF_INFO_VLEN(object->info); i++)
		if (compare_member(layout, kernel, object, i, depth) != ALIKE)
			return UNSURE;
	return ALIKE;
}

static uint32_t kind_of(const struct btf_type *type)
{
	uint32_t kind = BTF_INFO_KIND(type->info);

	return kind == BTF_KIND_ENUM64 ? BTF_KIND_ENUM : kind;
}

/* As libbpf compares what it relocates, and stricter: sizes count, as they stay the object's. */
static enum likeness compare_types(struct layout *layout, uint32_t kernel_id, uint32_t object_id,
				   int depth)
{
	const struct btf_type *object = resolve_object(layout, object_id);
	const struct btf_array *array;
	struct kernel_type kernel;

	if (!object || depth > LAYOUT_DEPTH_MAX || !layout_resolve(layout, kernel_id, &kernel))
		return UNSURE;
	if (is_composite(&kernel.type) && is_composite(object))
		return compare_composites(layout, &kernel, object, depth);
	if (kind_of(&kernel.type) != kind_of(object))
		return DIFFERENT;
	switch (kind_of(object)) {
	case BTF_KIND_PTR:
		return ALIKE;
	case BTF_KIND_INT:
	case BTF_KIND_ENUM:
	case BTF_KIND_FLOAT:
		return kernel.type.size == object->size ? ALIKE : UNSURE;
	case BTF_KIND_ARRAY:
		array = kernel_btf_array(layout->kernel, &kernel);
		if (!array)
			return UNSURE;
		return compare_types(layout, array->type,
				     ((const struct btf_array *)(object + 1))->type, depth + 1);
	default:
		return UNSURE;
	}
}

enum likeness layout_compare(struct layout *layout, uint32_t kernel_id, uint32_t object_id)
{
	return compare_types(layout, kernel_id, object_id, 0);
}
