/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BTF is a header, types one after the other, and strings. A type has as many bytes as its kind and
 * count say, so it is found by its number only from one before it: some are noted on the way.
 */
#include "agent/kernel_btf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/cleanup.h"

#define WINDOW_SIZE 65536

/* Every so many types the place of one is noted: those of a kernel take 10 KiB then. */
#define NOTED_EVERY 64

struct kernel_btf {
	int fd;
	struct btf_header header;
	uint8_t window[WINDOW_SIZE];
	uint64_t start; /* of the window, in the file */
	size_t size;
	uint64_t *noted; /* where types 1, 1 + NOTED_EVERY, ... are */
	size_t noted_count, noted_capacity;
};

static void cleanup_btf(struct kernel_btf **btf)
{
	kernel_btf_close(*btf);
}

void kernel_btf_close(struct kernel_btf *btf)
{
	if (!btf)
		return;
	free(btf->noted);
	free(btf);
}

/* size bytes at offset; NULL: the file has not so many, or errno. */
static const void *look(struct kernel_btf *btf, uint64_t offset, size_t size)
{
	if (size > WINDOW_SIZE - sizeof(uint32_t))
		return NULL;
	if (offset >= btf->start && offset + size <= btf->start + btf->size)
		return btf->window + (offset - btf->start);
	/* Aligned, as types are looked at in place. */
	btf->start = offset & ~(uint64_t)3;
	btf->size = 0;
	while (btf->size < WINDOW_SIZE) {
		ssize_t n = pread(btf->fd, btf->window + btf->size, WINDOW_SIZE - btf->size,
				  (off_t)(btf->start + btf->size));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		btf->size += (size_t)n;
	}
	offset -= btf->start;
	return btf->size >= offset + size ? btf->window + offset : NULL;
}

bool btf_is_header(const struct btf_header *header)
{
	return header->magic == BTF_MAGIC && header->hdr_len >= sizeof(*header) &&
	       header->hdr_len < WINDOW_SIZE &&
	       ((uint64_t)header->hdr_len + header->type_off) % sizeof(uint32_t) == 0;
}

int64_t btf_trailing_size(const struct btf_type *type)
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

int kernel_btf_open(int fd, struct kernel_btf **ret)
{
	CLEANUP(cleanup_btf) struct kernel_btf *btf = calloc(1, sizeof(*btf));
	const struct btf_header *header;

	if (!btf)
		return -ENOMEM;
	btf->fd = fd;
	header = look(btf, 0, sizeof(*header));
	if (!header || !btf_is_header(header))
		return -EBADMSG;
	btf->header = *header;
	*ret = TAKE(btf);
	return 0;
}

uint32_t kernel_btf_strings_size(const struct kernel_btf *btf)
{
	return btf->header.str_len;
}

const char *kernel_btf_string(struct kernel_btf *btf, uint32_t offset, size_t size_max,
			      size_t *ret_length)
{
	uint64_t at = (uint64_t)btf->header.hdr_len + btf->header.str_off + offset;
	size_t size = size_max;
	const char *text;

	if (offset >= btf->header.str_len)
		return NULL;
	if (size > btf->header.str_len - offset)
		size = btf->header.str_len - offset;
	text = look(btf, at, size);
	if (text)
		*ret_length = strnlen(text, size);
	return text;
}

/* The type at a place, without its number; *ret_next is where the next one is. */
static bool read_type(struct kernel_btf *btf, uint64_t at, struct kernel_type *ret,
		      uint64_t *ret_next)
{
	uint64_t end = (uint64_t)btf->header.hdr_len + btf->header.type_off + btf->header.type_len;
	const struct btf_type *found = look(btf, at, sizeof(*found));
	int64_t trailing;

	if (!found)
		return false;
	ret->type = *found;
	ret->at = at + sizeof(*found);
	trailing = btf_trailing_size(&ret->type);
	if (trailing < 0 || ret->at + (uint64_t)trailing > end)
		return false;
	*ret_next = ret->at + (uint64_t)trailing;
	return true;
}

static int note(struct kernel_btf *btf, uint64_t at)
{
	if (btf->noted_count == btf->noted_capacity) {
		size_t capacity = btf->noted_capacity ? 2 * btf->noted_capacity : 64;
		uint64_t *noted = realloc(btf->noted, capacity * sizeof(*noted));

		if (!noted)
			return -ENOMEM;
		btf->noted = noted;
		btf->noted_capacity = capacity;
	}
	btf->noted[btf->noted_count++] = at;
	return 0;
}

int kernel_btf_each(struct kernel_btf *btf,
		    int (*visit)(void *context, const struct kernel_type *type), void *context)
{
	uint64_t at = (uint64_t)btf->header.hdr_len + btf->header.type_off;
	uint64_t end = at + btf->header.type_len;

	btf->noted_count = 0;
	for (uint32_t id = 1; at < end; id++) {
		struct kernel_type type = { .id = id };
		uint64_t next;
		int err = 0;

		if (!read_type(btf, at, &type, &next))
			return -EBADMSG;
		if (id % NOTED_EVERY == 1)
			err = note(btf, at);
		if (!err)
			err = visit(context, &type);
		if (err < 0)
			return err;
		at = next;
	}
	return 0;
}

bool kernel_btf_find(struct kernel_btf *btf, uint32_t id, struct kernel_type *ret)
{
	struct kernel_type type = { 0 };
	uint64_t at, end = (uint64_t)btf->header.hdr_len + btf->header.type_off;

	end += btf->header.type_len;
	if (!id || (id - 1) / NOTED_EVERY >= btf->noted_count)
		return false;
	at = btf->noted[(id - 1) / NOTED_EVERY];
	for (uint32_t i = 0; i <= (id - 1) % NOTED_EVERY; i++) {
		if (at >= end || !read_type(btf, at, &type, &at))
			return false;
	}
	type.id = id;
	*ret = type;
	return true;
}

const struct btf_member *kernel_btf_member(struct kernel_btf *btf, const struct kernel_type *type,
					   uint32_t i)
{
	return look(btf, type->at + i * sizeof(struct btf_member), sizeof(struct btf_member));
}

const struct btf_array *kernel_btf_array(struct kernel_btf *btf, const struct kernel_type *type)
{
	return look(btf, type->at, sizeof(struct btf_array));
}
