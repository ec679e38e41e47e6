/* SPDX-License-Identifier: Apache-2.0 */
/* Has agent/kernel_layout.c read BTF made by hand, and looks at what comes out as libbpf does. */
#ifndef EPROF_TESTS_UNIT_LAYOUT_CHECK_H
#define EPROF_TESTS_UNIT_LAYOUT_CHECK_H

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "agent/kernel_layout.h"
#include "tests/unit/btf_image.h"

/* Applies what is under construction as the kernel's. */
static inline int apply(struct image *kernel, uint8_t *btf, size_t size)
{
	size_t kernel_size;
	uint8_t *bytes = finish(kernel, &kernel_size);
	int fd = file_of(bytes, kernel_size);
	int err = kernel_layout_apply(fd, btf, size);

	assert_int_equal(close(fd), 0);
	free(bytes);
	return err;
}

static inline const struct btf_type *type_of(const struct btf *btf, const char *name)
{
	int32_t id = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);

	return id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
}

/* Finds a member as libbpf does: through unnamed ones and what qualifies them. */
static inline bool find_member(const struct btf *btf, const struct btf_type *type, const char *name,
			       uint32_t *bits, uint32_t *ret_size)
{
	while (btf_is_mod(type) || btf_is_typedef(type))
		type = btf__type_by_id(btf, type->type);
	if (!btf_is_composite(type))
		return false;
	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const struct btf_member *member = btf_members(type) + i;
		uint32_t offset = btf_member_bit_offset(type, i);

		*bits += offset;
		*ret_size = btf_member_bitfield_size(type, i);
		if (member->name_off &&
		    strcmp(btf__name_by_offset(btf, member->name_off), name) == 0)
			return true;
		if (!member->name_off &&
		    find_member(btf, btf__type_by_id(btf, member->type), name, bits, ret_size))
			return true;
		*bits -= offset;
	}
	return false;
}

static inline void check_member(const struct btf *btf, const char *structure, const char *name,
				uint32_t bits, uint32_t size)
{
	const struct btf_type *type = type_of(btf, structure);
	uint32_t at = 0, found = 0;

	assert_non_null(type);
	assert_true(find_member(btf, type, name, &at, &found));
	assert_int_equal(at, bits);
	assert_int_equal(found, size);
}

static inline bool lacks_member(const struct btf *btf, const char *structure, const char *name)
{
	uint32_t bits = 0, size;

	return !find_member(btf, type_of(btf, structure), name, &bits, &size);
}

static inline void cleanup_btf(struct btf **btf)
{
	btf__free(*btf);
}

#endif
