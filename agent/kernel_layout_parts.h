/* SPDX-License-Identifier: Apache-2.0 */
/* What the files kernel_layout*.c share; nobody else includes it. */
#ifndef EPROF_AGENT_KERNEL_LAYOUT_PARTS_H
#define EPROF_AGENT_KERNEL_LAYOUT_PARTS_H

#include "agent/kernel_btf.h"
#include "base/hashmap.h"

/* The kernel's own limit for types within types. */
#define LAYOUT_DEPTH_MAX 32

#define STRUCTURES_MAX 256

/* Structures of the kernel with names that are wanted: few names are those of several. */
#define CANDIDATES_MAX 512

/* What the kernel has for a member of the object's. */
struct place {
	uint32_t offset; /* as BTF has it: with a bit field's size in the upper bits */
	uint32_t type;   /* the kernel's */
	bool is_found;
};

/* A structure of the object, and what is known of the kernel's. */
struct wanted {
	struct btf_type *type;      /* in the object's BTF; its members follow */
	struct btf_member *members; /* of type */
	struct place *places;       /* of each member; */
	struct place *other;        /* of another structure of that name, while they are compared */
	uint32_t kernel_id, kernel_size;
	bool is_seen;
};

struct candidate {
	uint32_t wanted; /* index */
	struct kernel_type type;
};

struct layout {
	struct kernel_btf *kernel;
	const char *strings; /* the object's */
	uint32_t strings_size;
	struct btf_type **types; /* the object's, by number */
	uint32_t type_count;     /* number 0 included */
	struct hashmap names;    /* kernel string offset -> object string offset */
	bool is_first[256];      /* what the names that are wanted begin with */
	struct wanted wanted[STRUCTURES_MAX];
	size_t wanted_count;
	struct candidate candidates[CANDIDATES_MAX];
	size_t candidate_count;
	uint32_t unnamed_count; /* looked into so far */
	bool is_chosen;         /* all that is wanted has been found, or is not there */
};

enum likeness {
	ALIKE,
	DIFFERENT, /* libbpf takes neither for the other */
	UNSURE,    /* libbpf may: it sees what is read of it */
};

static inline bool is_composite(const struct btf_type *type)
{
	uint32_t kind = BTF_INFO_KIND(type->info);

	return kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION;
}

/* What a type of the kernel's comes down to, without its other names and qualifiers. */
bool layout_resolve(struct layout *layout, uint32_t id, struct kernel_type *ret);

/* Whether a field of one type, of the kernel's, is what the object has with another one. */
enum likeness layout_compare(struct layout *layout, uint32_t kernel_id, uint32_t object_id);

#endif
