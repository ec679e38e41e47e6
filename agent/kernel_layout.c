/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BTF (Documentation/bpf/btf.rst) is a header, types one after the other, and strings. Two passes:
 * over the strings, for the places of the names that are wanted; over the types, for structures
 * with these names. Members of unnamed members count as the structure's own; their types are looked
 * for in further passes, as a type is found by its number only from the beginning.
 */
#include "agent/kernel_layout.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/hashmap.h"

#define WINDOW_SIZE 65536

/* One more than the kernel allows for nesting (BTF_MAX_SIZE bounds nothing useful here). */
#define PASSES_MAX 16

/* Names longer than this are no field's. */
#define NAME_SIZE_MAX 64

/* Unnamed members within the structures that are wanted: a kernel has a few dozen. */
#define PENDING_MAX 4096

/* Bits of an offset, where the rest of the word is the size of a bit field. */
#define OFFSET_MASK 0xffffffu

#define STRUCTURES_MAX 256

/* The kernel's BTF, through a window that moves on. */
struct source {
	int fd;
	struct btf_header header;
	uint8_t window[WINDOW_SIZE];
	uint64_t start; /* of the window, in the file */
	size_t size;
};

/* A structure of the object, and what is known of the kernel's. */
struct wanted {
	struct btf_type *type;      /* in the object's BTF; its members follow */
	struct btf_member *members; /* of type */
	uint32_t *offsets;          /* the kernel's, of each member, as BTF has them; */
	bool *is_found;
	bool is_seen;
	uint32_t kernel_size;
};

/* An unnamed member whose type has still to be found. */
struct pending {
	uint32_t id, wanted, base_bits;
};

struct layout {
	struct source *source;
	const char *strings; /* the object's */
	uint32_t strings_size;
	struct hashmap names; /* kernel string offset -> object string offset */
	bool is_first[256];   /* what the names that are wanted begin with */
	struct wanted wanted[STRUCTURES_MAX];
	size_t wanted_count;
	struct pending *pending;
	size_t pending_count, pending_capacity;
};

static void cleanup_layout(struct layout *layout)
{
	for (size_t i = 0; i < layout->wanted_count; i++) {
		free(layout->wanted[i].offsets);
		free(layout->wanted[i].is_found);
	}
	hashmap_done(&layout->names);
	free(layout->pending);
}

/* size bytes at offset, valid until the next call; NULL: the file has not so many, or errno. */
static const void *look(struct source *source, uint64_t offset, size_t size)
{
	if (size > WINDOW_SIZE - sizeof(uint32_t))
		return NULL;
	if (offset >= source->start && offset + size <= source->start + source->size)
		return source->window + (offset - source->start);
	/* Aligned, as types are looked at in place. */
	source->start = offset & ~(uint64_t)3;
	source->size = 0;
	while (source->size < WINDOW_SIZE) {
		ssize_t n =
			pread(source->fd, source->window + source->size, WINDOW_SIZE - source->size,
			      (off_t)(source->start + source->size));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		source->size += (size_t)n;
	}
	offset -= source->start;
	return source->size >= offset + size ? source->window + offset : NULL;
}

static bool is_header(const struct btf_header *header)
{
	return header->magic == BTF_MAGIC && header->hdr_len >= sizeof(*header) &&
	       header->hdr_len < WINDOW_SIZE &&
	       ((uint64_t)header->hdr_len + header->type_off) % sizeof(uint32_t) == 0;
}

/* How many bytes follow a type. -1: of no kind that is known. */
static int64_t trailing_size(const struct btf_type *type)
{
	uint32_t count = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		return 4;
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case BTF_KIND_ENUM64:
		return (int64_t)count * 12;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return (int64_t)count * 8;
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		return 0;
	default:
		return -1;
	}
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
		.offsets = calloc(count + 1, sizeof(*wanted->offsets)),
		.is_found = calloc(count + 1, sizeof(*wanted->is_found)),
	};
	layout->wanted_count++;
	return wanted->offsets && wanted->is_found ? 0 : -ENOMEM;
}

/* Notes the named structures of the object's BTF. */
static int read_object(struct layout *layout, uint8_t *btf, size_t size)
{
	struct btf_header header;
	uint64_t at, end;

	if (size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, btf, sizeof(header));
	at = (uint64_t)header.hdr_len + header.type_off;
	end = at + header.type_len;
	if (!is_header(&header) || end > size ||
	    (uint64_t)header.hdr_len + header.str_off + header.str_len > size || !header.str_len ||
	    btf[header.hdr_len + header.str_off + header.str_len - 1])
		return -EBADMSG;
	layout->strings = (const char *)btf + header.hdr_len + header.str_off;
	layout->strings_size = header.str_len;
	while (at < end) {
		struct btf_type *type = (struct btf_type *)(btf + at);
		int64_t trailing = end - at < sizeof(*type) ? -1 : trailing_size(type);
		int err;

		if (trailing < 0 || at + sizeof(*type) + (uint64_t)trailing > end)
			return -EBADMSG;
		at += sizeof(*type) + (uint64_t)trailing;
		if (BTF_INFO_KIND(type->info) != BTF_KIND_STRUCT || !type->name_off)
			continue;
		err = add_wanted(layout, type);
		if (err < 0)
			return err;
	}
	return 0;
}

/* The names to look for: hash -> offset among the object's strings. */
static int hash_names(struct layout *layout, struct hashmap *ret)
{
	for (size_t i = 0; i < layout->wanted_count; i++) {
		const struct wanted *wanted = &layout->wanted[i];
		uint32_t count = BTF_INFO_VLEN(wanted->type->info);

		for (uint32_t k = 0; k <= count; k++) {
			uint32_t name =
				k < count ? wanted->members[k].name_off : wanted->type->name_off;
			const char *text = layout->strings + name;
			int err;

			if (name >= layout->strings_size)
				return -EBADMSG;
			if (!*text || strlen(text) >= NAME_SIZE_MAX)
				continue;
			layout->is_first[(uint8_t)*text] = true;
			err = hashmap_put(ret, hash_bytes(text, strlen(text)), name);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

/* Finds where the kernel's strings have the names that are wanted. */
static int find_names(struct layout *layout)
{
	CLEANUP(hashmap_done) struct hashmap wanted = { 0 };
	struct source *source = layout->source;
	uint64_t begin = (uint64_t)source->header.hdr_len + source->header.str_off, at = begin;
	uint64_t end = begin + source->header.str_len;
	int err = hash_names(layout, &wanted);

	while (!err && at < end) {
		size_t room = end - at < NAME_SIZE_MAX ? (size_t)(end - at) : NAME_SIZE_MAX;
		const char *text = look(source, at, room);
		size_t length;
		uint64_t name;

		if (!text)
			return -EBADMSG;
		length = strnlen(text, room);
		/* The rest of a longer one is no name, and does no harm when it is taken for one:
		 * types never refer to it. */
		if (layout->is_first[(uint8_t)*text] && length < room &&
		    hashmap_get(&wanted, hash_bytes(text, length), &name) &&
		    !strncmp(text, layout->strings + name, room))
			err = hashmap_put(&layout->names, at - begin, name);
		at += length + (length < room);
	}
	return err;
}

static int add_pending(struct layout *layout, const struct pending *pending)
{
	if (layout->pending_count == PENDING_MAX)
		return -EBADMSG;
	if (layout->pending_count == layout->pending_capacity) {
		size_t capacity = layout->pending_capacity ? 2 * layout->pending_capacity : 64;
		struct pending *items = realloc(layout->pending, capacity * sizeof(*items));

		if (!items)
			return -ENOMEM;
		layout->pending = items;
		layout->pending_capacity = capacity;
	}
	layout->pending[layout->pending_count++] = *pending;
	return 0;
}

/* A member of the kernel's, by name: with a bit field's size in the upper bits, as BTF has it. */
static void take_member(const struct layout *layout, struct wanted *wanted, uint32_t name,
			uint32_t offset)
{
	const char *text = layout->strings + name;
	uint32_t count = BTF_INFO_VLEN(wanted->type->info);

	for (uint32_t i = 0; i < count; i++) {
		if (wanted->is_found[i] ||
		    strcmp(layout->strings + wanted->members[i].name_off, text) != 0)
			continue;
		wanted->offsets[i] = offset;
		wanted->is_found[i] = true;
	}
}

/* at: where the members of a structure or union of the kernel begin. */
static int take_members(struct layout *layout, uint64_t at, const struct btf_type *type,
			const struct pending *as)
{
	bool has_sizes = BTF_INFO_KFLAG(type->info);

	for (uint32_t i = 0; i < BTF_INFO_VLEN(type->info); i++) {
		const struct btf_member *member =
			look(layout->source, at + i * sizeof(*member), sizeof(*member));
		uint64_t name, bits;
		uint32_t size;
		int err = 0;

		if (!member)
			return -EBADMSG;
		/* Without the flag the whole word is the offset. */
		size = has_sizes ? member->offset & ~OFFSET_MASK : 0;
		bits = (uint64_t)as->base_bits + (member->offset - size);
		if (bits > OFFSET_MASK)
			return -EBADMSG; /* no structure that is wanted is that large */
		if (!member->name_off)
			err = add_pending(layout, &(struct pending){ member->type, as->wanted,
								     (uint32_t)bits });
		else if (hashmap_get(&layout->names, member->name_off, &name))
			take_member(layout, &layout->wanted[as->wanted], (uint32_t)name,
				    size | (uint32_t)bits);
		if (err < 0)
			return err;
	}
	return 0;
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

static int take_structure(struct layout *layout, uint64_t at, const struct btf_type *type)
{
	uint64_t name;

	if (!BTF_INFO_VLEN(type->info) || !hashmap_get(&layout->names, type->name_off, &name))
		return 0;
	for (uint32_t i = 0; i < layout->wanted_count; i++) {
		struct wanted *wanted = &layout->wanted[i];

		if (wanted->is_seen ||
		    strcmp(layout->strings + wanted->type->name_off, layout->strings + name) != 0)
			continue;
		if (has_unnamed(wanted))
			return -EBADMSG;
		wanted->is_seen = true;
		wanted->kernel_size = type->size;
		return take_members(layout, at, type, &(struct pending){ .wanted = i });
	}
	return 0;
}

/* first: of the pending members, those that this pass is to find; before it, all are done with. */
static int take_pending(struct layout *layout, uint64_t at, const struct btf_type *type,
			uint32_t id, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		struct pending pending = layout->pending[i];
		int err;

		if (pending.id != id)
			continue;
		err = take_members(layout, at, type, &pending);
		if (err < 0)
			return err;
	}
	return 0;
}

/* Goes over all types; is_first: for structures by name, else for pending members first to end. */
static int pass(struct layout *layout, bool is_first, size_t first, size_t end)
{
	struct source *source = layout->source;
	uint64_t at = (uint64_t)source->header.hdr_len + source->header.type_off;
	uint64_t types_end = at + source->header.type_len;

	for (uint32_t id = 1; at < types_end; id++) {
		const struct btf_type *found = look(source, at, sizeof(*found));
		struct btf_type type;
		int64_t trailing;
		int err = 0;

		if (!found)
			return -EBADMSG;
		type = *found;
		trailing = trailing_size(&type);
		at += sizeof(type);
		if (trailing < 0 || at + (uint64_t)trailing > types_end)
			return -EBADMSG;
		if (is_first && BTF_INFO_KIND(type.info) == BTF_KIND_STRUCT)
			err = take_structure(layout, at, &type);
		else if (!is_first && (BTF_INFO_KIND(type.info) == BTF_KIND_STRUCT ||
				       BTF_INFO_KIND(type.info) == BTF_KIND_UNION))
			err = take_pending(layout, at, &type, id, first, end);
		if (err < 0)
			return err;
		at += (uint64_t)trailing;
	}
	return 0;
}

static bool is_all_found(const struct layout *layout)
{
	for (size_t i = 0; i < layout->wanted_count; i++) {
		const struct wanted *wanted = &layout->wanted[i];

		if (!wanted->is_seen)
			continue;
		for (uint32_t k = 0; k < BTF_INFO_VLEN(wanted->type->info); k++) {
			if (!wanted->is_found[k])
				return false;
		}
	}
	return true;
}

static int read_kernel(struct layout *layout)
{
	size_t first = 0;
	int err = find_names(layout);

	if (!err)
		err = pass(layout, true, 0, 0);
	for (int i = 0; !err && i < PASSES_MAX && !is_all_found(layout); i++) {
		size_t end = layout->pending_count;

		if (first == end)
			break;
		err = pass(layout, false, first, end);
		first = end;
	}
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
			if (wanted->is_found[k])
				wanted->members[k].offset = wanted->offsets[k];
			else
				wanted->members[k].name_off = 0;
		}
	}
	return is_any ? 0 : -ENOENT;
}

int kernel_layout_apply(int kernel_fd, void *btf, size_t size)
{
	CLEANUP(cleanup_free) struct source *source = calloc(1, sizeof(*source));
	CLEANUP(cleanup_layout) struct layout layout = { .source = source };
	const struct btf_header *header;
	int err;

	if (!source)
		return -ENOMEM;
	source->fd = kernel_fd;
	header = look(source, 0, sizeof(*header));
	if (!header || !is_header(header))
		return -EBADMSG;
	source->header = *header;
	err = read_object(&layout, btf, size);
	if (!err)
		err = read_kernel(&layout);
	return err < 0 ? err : write_object(&layout);
}
