/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two passes over the kernel's BTF: over its strings, for the places of the names that are wanted;
 * over its types, for structures with these names. Then their members are looked at, those of
 * unnamed members as their own, and compared in kind with the object's. What libbpf would not take
 * for the object's field is not taken here either; what cannot be told is left to libbpf.
 */
#include "agent/kernel_layout.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "agent/kernel_layout_parts.h"
#include "base/cleanup.h"

/* Names longer than this are no field's. */
#define NAME_SIZE_MAX 64

/* Unnamed members within the structures that are wanted: a kernel has a few dozen. */
#define UNNAMED_MAX 1024

/* Bits of an offset, where the rest of the word is the size of a bit field. */
#define OFFSET_MASK 0xffffffu

static void cleanup_layout(struct layout **layout)
{
	if (!*layout)
		return;
	for (size_t i = 0; i < (*layout)->wanted_count; i++) {
		free((*layout)->wanted[i].places);
		free((*layout)->wanted[i].other);
	}
	hashmap_done(&(*layout)->names);
	kernel_btf_close((*layout)->kernel);
	free((*layout)->types);
	free(*layout);
}

static int add_wanted(struct layout *layout, struct btf_type *type)
{
	struct wanted *wanted = &layout->wanted[layout->wanted_count];
	uint32_t count = BTF_INFO_VLEN(type->info);

	if (layout->wanted_count == STRUCTURES_MAX)
		return -EBADMSG;
	*wanted = (struct wanted){
		.type = type,
		.members = (struct btf_member *)(type + 1),
		.places = calloc(count + 1, sizeof(*wanted->places)),
		.other = calloc(count + 1, sizeof(*wanted->other)),
	};
	layout->wanted_count++;
	return wanted->places && wanted->other ? 0 : -ENOMEM;
}

/* Notes the types between two places of the object's BTF, and which of them are wanted. */
static int read_types(struct layout *layout, uint8_t *btf, uint64_t at, uint64_t end)
{
	layout->types = calloc((end - at) / sizeof(struct btf_type) + 1, sizeof(*layout->types));
	if (!layout->types)
		return -ENOMEM;
	layout->type_count = 1;
	while (at < end) {
		struct btf_type *type = (struct btf_type *)(btf + at);
		int64_t trailing = end - at < sizeof(*type) ? -1 : btf_trailing_size(type);
		int err;

		if (trailing < 0 || at + sizeof(*type) + (uint64_t)trailing > end)
			return -EBADMSG;
		at += sizeof(*type) + (uint64_t)trailing;
		layout->types[layout->type_count++] = type;
		if (!is_composite(type) || !type->name_off)
			continue;
		err = add_wanted(layout, type);
		if (err < 0)
			return err;
	}
	return 0;
}

static int read_object(struct layout *layout, uint8_t *btf, size_t size)
{
	struct btf_header header;
	uint64_t at, end;

	if (size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, btf, sizeof(header));
	at = (uint64_t)header.hdr_len + header.type_off;
	end = at + header.type_len;
	if (!btf_is_header(&header) || end > size ||
	    (uint64_t)header.hdr_len + header.str_off + header.str_len > size || !header.str_len ||
	    btf[header.hdr_len + header.str_off + header.str_len - 1])
		return -EBADMSG;
	layout->strings = (const char *)btf + header.hdr_len + header.str_off;
	layout->strings_size = header.str_len;
	return read_types(layout, btf, at, end);
}

static int hash_name(struct layout *layout, uint32_t name, struct hashmap *ret)
{
	const char *text = layout->strings + name;

	if (name >= layout->strings_size)
		return -EBADMSG;
	if (!*text || strlen(text) >= NAME_SIZE_MAX)
		return 0;
	layout->is_first[(uint8_t)*text] = true;
	return hashmap_put(ret, hash_bytes(text, strlen(text)), name);
}

/* The names to look for, with those of what has none itself: hash -> offset among the strings. */
static int hash_names(struct layout *layout, struct hashmap *ret)
{
	for (uint32_t id = 1; id < layout->type_count; id++) {
		const struct btf_type *type = layout->types[id];
		const struct btf_member *members = (const struct btf_member *)(type + 1);
		int err;

		if (!is_composite(type))
			continue;
		err = hash_name(layout, type->name_off, ret);
		for (uint32_t i = 0; !err && i < BTF_INFO_VLEN(type->info); i++)
			err = hash_name(layout, members[i].name_off, ret);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Finds where the kernel's strings have the names that are wanted. */
static int find_names(struct layout *layout)
{
	CLEANUP(hashmap_done) struct hashmap wanted = { 0 };
	uint32_t size = kernel_btf_strings_size(layout->kernel);
	int err = hash_names(layout, &wanted);

	for (uint32_t at = 0; !err && at < size;) {
		size_t length, room = size - at < NAME_SIZE_MAX ? size - at : NAME_SIZE_MAX;
		const char *text = kernel_btf_string(layout->kernel, at, room, &length);
		uint64_t name;

		if (!text)
			return -EBADMSG;
		/* The rest of a longer one is no name, and does no harm when it is taken for one:
		 * types never refer to it. */
		if (layout->is_first[(uint8_t)*text] && length < room &&
		    hashmap_get(&wanted, hash_bytes(text, length), &name) &&
		    !strncmp(text, layout->strings + name, room))
			err = hashmap_put(&layout->names, at, name);
		at += (uint32_t)(length + (length < room));
	}
	return err;
}

/* Called for each type of the kernel's. */
static int note_candidate(void *context, const struct kernel_type *type)
{
	struct layout *layout = context;
	uint64_t name;

	/* Without members it says nothing. */
	if (!is_composite(&type->type) || !BTF_INFO_VLEN(type->type.info) ||
	    !hashmap_get(&layout->names, type->type.name_off, &name))
		return 0;
	for (uint32_t i = 0; i < layout->wanted_count; i++) {
		const struct btf_type *wanted = layout->wanted[i].type;

		if (BTF_INFO_KIND(wanted->info) != BTF_INFO_KIND(type->type.info) ||
		    strcmp(layout->strings + wanted->name_off, layout->strings + name) != 0)
			continue;
		if (layout->candidate_count == CANDIDATES_MAX)
			return -ENOTSUP;
		layout->candidates[layout->candidate_count++] = (struct candidate){ i, *type };
	}
	return 0;
}

/* A member of the kernel's, by name. */
static void take_member(const struct layout *layout, struct wanted *wanted, uint64_t name,
			const struct place *place)
{
	for (uint32_t i = 0; i < BTF_INFO_VLEN(wanted->type->info); i++) {
		if (!wanted->other[i].is_found &&
		    !strcmp(layout->strings + wanted->members[i].name_off, layout->strings + name))
			wanted->other[i] = *place;
	}
}

/* The members of a structure or union of the kernel's that begins at bits, and of unnamed ones. */
static int take_members(struct layout *layout, struct wanted *wanted,
			const struct kernel_type *type, uint64_t base_bits, int depth)
{
	bool has_sizes = BTF_INFO_KFLAG(type->type.info);

	for (uint32_t i = 0; i < BTF_INFO_VLEN(type->type.info); i++) {
		const struct btf_member *found = kernel_btf_member(layout->kernel, type, i);
		struct btf_member member;
		struct kernel_type inner;
		uint32_t size;
		uint64_t name, bits;
		int err = 0;

		if (!found)
			return -EBADMSG;
		member = *found;
		/* Without the flag the whole word is the offset. */
		size = has_sizes ? member.offset & ~OFFSET_MASK : 0;
		bits = base_bits + (member.offset - size);
		if (bits > OFFSET_MASK)
			return -EBADMSG; /* no structure that is wanted is that large */
		if (hashmap_get(&layout->names, member.name_off, &name))
			take_member(layout, wanted, name,
				    &(struct place){ size | (uint32_t)bits, member.type, true });
		if (member.name_off)
			continue;
		if (++layout->unnamed_count > UNNAMED_MAX)
			return -EBADMSG;
		/* An unnamed bit field is padding. */
		if (depth < LAYOUT_DEPTH_MAX && layout_resolve(layout, member.type, &inner) &&
		    is_composite(&inner.type))
			err = take_members(layout, wanted, &inner, bits, depth + 1);
		if (err < 0)
			return err;
	}
	return 0;
}

/* How much of a structure of the object's is in one of the kernel's. */
enum fit {
	FIT_ALL,
	FIT_UNSURE, /* all, but whether it is the same libbpf has to say */
	FIT_SOME,   /* the rest is not there, for libbpf neither */
};

/* Finds the places that a candidate has: wanted->other. */
static int try_candidate(struct layout *layout, const struct candidate *candidate,
			 enum fit *ret_fit)
{
	struct wanted *wanted = &layout->wanted[candidate->wanted];
	uint32_t count = BTF_INFO_VLEN(wanted->type->info);
	bool is_missing = false, is_unsure = false;
	int err;

	memset(wanted->other, 0, count * sizeof(*wanted->other));
	err = take_members(layout, wanted, &candidate->type, 0, 0);
	for (uint32_t i = 0; !err && i < count; i++) {
		struct place *place = &wanted->other[i];
		enum likeness likeness = DIFFERENT;

		if (place->is_found)
			likeness = layout_compare(layout, place->type, wanted->members[i].type);
		place->is_found = likeness == ALIKE;
		is_unsure |= likeness == UNSURE;
		is_missing |= likeness == DIFFERENT;
	}
	*ret_fit = is_missing ? FIT_SOME : is_unsure ? FIT_UNSURE : FIT_ALL;
	return err;
}

/*
 * An unnamed member's own members would keep the object's offsets: such a structure is for libbpf.
 * False positives (our own structure has the name of a kernel's) cost time and nothing else.
 */
static bool has_unnamed(const struct wanted *wanted)
{
	for (uint32_t i = 0; i < BTF_INFO_VLEN(wanted->type->info); i++) {
		if (!wanted->members[i].name_off)
			return true;
	}
	return false;
}

/* What is chosen has the same layout as what has been looked at last. */
static bool is_same_layout(const struct wanted *wanted, const struct candidate *candidate)
{
	if (wanted->kernel_size != candidate->type.type.size)
		return false;
	for (uint32_t i = 0; i < BTF_INFO_VLEN(wanted->type->info); i++)
		if (wanted->places[i].offset != wanted->other[i].offset)
			return false;
	return true;
}

static void adopt(struct wanted *wanted, const struct candidate *candidate)
{
	struct place *places = wanted->places;

	wanted->places = wanted->other;
	wanted->other = places;
	wanted->is_seen = true;
	wanted->kernel_id = candidate->type.id;
	wanted->kernel_size = candidate->type.type.size;
}

static void forget_places(struct wanted *wanted)
{
	for (uint32_t i = 0; i < BTF_INFO_VLEN(wanted->type->info); i++)
		wanted->places[i].is_found = false;
}

/*
 * Of several structures with one name the one that has all the members; where it is not clear which
 * one that is, no member has a place. A single one may lack some: they are asked for in vain, or
 * the object has a structure of its own by that name.
 */
static int choose(struct layout *layout, uint32_t index)
{
	struct wanted *wanted = &layout->wanted[index];
	size_t count = 0, fitting = 0, unsure = 0;

	for (size_t i = 0; i < layout->candidate_count; i++) {
		const struct candidate *candidate = &layout->candidates[i];
		enum fit fit;
		int err;

		if (candidate->wanted != index)
			continue;
		err = has_unnamed(wanted) ? -EBADMSG : try_candidate(layout, candidate, &fit);
		if (err < 0)
			return err;
		if (fit == FIT_ALL && fitting && !is_same_layout(wanted, candidate))
			return -ENOTSUP;
		if (!fitting)
			adopt(wanted, candidate);
		count++;
		fitting += fit == FIT_ALL;
		unsure += fit == FIT_UNSURE;
	}
	if (!fitting && unsure)
		return -ENOTSUP;
	if (!fitting && count > 1)
		forget_places(wanted);
	return 0;
}

/* Types with a "___" in their names stand for those of the kernel without it and what follows. */
static bool has_flavours(const struct layout *layout)
{
	for (size_t i = 0; i < layout->wanted_count; i++)
		if (strstr(layout->strings + layout->wanted[i].type->name_off, "___"))
			return true;
	return false;
}

/* Now that all are known: drops members that are not what is found by the names of their types. */
static void drop_inconsistent(struct layout *layout)
{
	layout->is_chosen = true;
	for (size_t i = 0; i < layout->wanted_count; i++) {
		struct wanted *wanted = &layout->wanted[i];

		for (uint32_t k = 0; k < BTF_INFO_VLEN(wanted->type->info); k++) {
			struct place *place = &wanted->places[k];

			if (place->is_found &&
			    layout_compare(layout, place->type, wanted->members[k].type) != ALIKE)
				place->is_found = false;
		}
	}
}

static int read_kernel(struct layout *layout)
{
	int err = find_names(layout);

	if (!err)
		err = has_flavours(layout) ? -ENOTSUP : 0;
	if (!err)
		err = kernel_btf_each(layout->kernel, note_candidate, layout);
	for (uint32_t i = 0; !err && i < layout->wanted_count; i++)
		err = choose(layout, i);
	if (!err)
		drop_inconsistent(layout);
	return err;
}

/* Without a name a member is found by nobody. */
static int write_object(struct layout *layout)
{
	bool is_any = false;

	for (size_t i = 0; i < layout->wanted_count; i++) {
		struct wanted *wanted = &layout->wanted[i];
		uint32_t count = BTF_INFO_VLEN(wanted->type->info);

		if (!wanted->is_seen)
			continue;
		is_any = true;
		wanted->type->size = wanted->kernel_size;
		/* Offsets are as those of structures with bit fields, where the size is 0 for all
		 * else. */
		wanted->type->info |= 1u << 31;
		for (uint32_t k = 0; k < count; k++) {
			if (wanted->places[k].is_found)
				wanted->members[k].offset = wanted->places[k].offset;
			else
				wanted->members[k].name_off = 0;
		}
	}
	return is_any ? 0 : -ENOENT;
}

int kernel_layout_apply(int kernel_fd, void *btf, size_t size)
{
	CLEANUP(cleanup_layout) struct layout *layout = calloc(1, sizeof(*layout));
	int err;

	if (!layout)
		return -ENOMEM;
	err = kernel_btf_open(kernel_fd, &layout->kernel);
	if (!err)
		err = read_object(layout, btf, size);
	if (!err)
		err = read_kernel(layout);
	return err < 0 ? err : write_object(layout);
}
