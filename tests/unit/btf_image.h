/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of agent/kernel_layout.c: BTF by hand, well-formed or not. */
#ifndef EPROF_TESTS_UNIT_BTF_IMAGE_H
#define EPROF_TESTS_UNIT_BTF_IMAGE_H

#include <linux/btf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

/* BTF under construction. Types are numbered from 1. */
struct image {
	uint8_t *types;
	char *strings;
	size_t types_size, strings_size;
	uint32_t count;
};

/* What an array of this size has room for: to grow it each time would take seconds. */
static inline size_t room_of(size_t size)
{
	size_t room = 64;

	while (room < size)
		room *= 2;
	return room;
}

static inline void *append(void *array, size_t *size, const void *bytes, size_t length)
{
	char *grown = array;

	if (!array || room_of(*size + length) > room_of(*size))
		grown = realloc(array, room_of(*size + length));
	assert_non_null(grown);
	memcpy(grown + *size, bytes, length);
	*size += length;
	return grown;
}

static inline uint32_t put_string(struct image *image, const char *text)
{
	uint32_t offset;

	if (!image->strings_size)
		image->strings = append(NULL, &image->strings_size, "", 1);
	if (!*text)
		return 0;
	offset = (uint32_t)image->strings_size;
	image->strings = append(image->strings, &image->strings_size, text, strlen(text) + 1);
	return offset;
}

/* The number of the type. size: or the type that is referred to. */
static inline uint32_t put_type(struct image *image, const char *name, uint32_t info, uint32_t size)
{
	struct btf_type type = { .name_off = put_string(image, name), .info = info, .size = size };

	image->types = append(image->types, &image->types_size, &type, sizeof(type));
	return ++image->count;
}

static inline void put_member(struct image *image, const char *name, uint32_t type, uint32_t offset)
{
	struct btf_member member = { put_string(image, name), type, offset };

	image->types = append(image->types, &image->types_size, &member, sizeof(member));
}

static inline uint32_t info(uint32_t kind, uint32_t count, bool has_sizes)
{
	return (uint32_t)has_sizes << 31 | kind << 24 | count;
}

static inline uint32_t put_int(struct image *image)
{
	uint32_t encoding = 32, id = put_type(image, "int", info(BTF_KIND_INT, 0, false), 4);

	image->types = append(image->types, &image->types_size, &encoding, sizeof(encoding));
	return id;
}

/* Exactly as many bytes as are there, so that reading one more is found out. Uses image up. */
static inline uint8_t *finish(struct image *image, size_t *ret_size)
{
	struct btf_header header = {
		.magic = 0xeb9f,
		.version = 1,
		.hdr_len = sizeof(header),
		.type_len = (uint32_t)image->types_size,
		.str_off = (uint32_t)image->types_size,
		.str_len = (uint32_t)image->strings_size,
	};
	uint8_t *bytes;

	*ret_size = sizeof(header) + image->types_size + image->strings_size;
	bytes = malloc(*ret_size);
	assert_non_null(bytes);
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), image->types, image->types_size);
	memcpy(bytes + sizeof(header) + image->types_size, image->strings, image->strings_size);
	free(image->types);
	free(image->strings);
	*image = (struct image){ 0 };
	return bytes;
}

static inline int file_of(const void *bytes, size_t size)
{
	int fd = memfd_create("btf", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	return fd;
}

#endif
