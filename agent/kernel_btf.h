/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's BTF (Documentation/bpf/btf.rst), read from its file through a small window. Not
 * thread-safe. What a function returns a pointer to is valid until the next one is called.
 */
#ifndef EPROF_AGENT_KERNEL_BTF_H
#define EPROF_AGENT_KERNEL_BTF_H

#include <linux/btf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kernel_btf;

struct kernel_type {
	struct btf_type type;
	uint32_t id; /* from 1 on */
	uint64_t at; /* where in the file is what follows it */
};

/* fd stays the caller's. 0, -EBADMSG not BTF, or it cannot be read; -ENOMEM. */
int kernel_btf_open(int fd, struct kernel_btf **ret);
void kernel_btf_close(struct kernel_btf *btf); /* NULL is fine */

/*
 * The string at an offset, of which no more than size_max bytes matter; *ret_length is its length,
 * or how many bytes are there to be seen. NULL: it is not in the file.
 */
const char *kernel_btf_string(struct kernel_btf *btf, uint32_t offset, size_t size_max,
			      size_t *ret_length);
uint32_t kernel_btf_strings_size(const struct kernel_btf *btf);

/* Calls visit for each type, until it fails; what it returned, or -EBADMSG, -ENOMEM. */
int kernel_btf_each(struct kernel_btf *btf,
		    int (*visit)(void *context, const struct kernel_type *type), void *context);

/* A type by its number, once all have been visited. False: there is none. */
bool kernel_btf_find(struct kernel_btf *btf, uint32_t id, struct kernel_type *ret);

/* Member i of a structure or union, or NULL. */
const struct btf_member *kernel_btf_member(struct kernel_btf *btf, const struct kernel_type *type,
					   uint32_t i);
/* What follows an array, or NULL. */
const struct btf_array *kernel_btf_array(struct kernel_btf *btf, const struct kernel_type *type);

/* For any BTF. Whether it is a header; how many bytes follow a type (-1: of no known kind). */
bool btf_is_header(const struct btf_header *header);
int64_t btf_trailing_size(const struct btf_type *type);

#endif
