/* SPDX-License-Identifier: Apache-2.0 */
/* The maps that the walker reads, small ones, and a look into them as the walker has it. */
#ifndef EPROF_TESTS_UNIT_UNWIND_TEST_MAPS_H
#define EPROF_TESTS_UNIT_UNWIND_TEST_MAPS_H

#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf/abi.h"

/* A map, or the error: -EPERM where we may not have any. */
static inline int test_map(enum bpf_map_type type, uint32_t value_size, uint32_t entries,
			   uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);

	return bpf_map_create(type, "eprof_test", sizeof(uint32_t), value_size, entries, &options);
}

static inline int test_array(uint32_t value_size, uint32_t entries)
{
	return test_map(BPF_MAP_TYPE_ARRAY, value_size, entries, BPF_F_MMAPABLE);
}

/* The array of maps that chunks are put into. */
static inline int test_chunks_map(uint32_t entries)
{
	int inner = test_array(UNWIND_CHUNK_SIZE, 1), fd;
	LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = (uint32_t)inner);

	if (inner < 0)
		return inner;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "eprof_test", sizeof(uint32_t),
			    sizeof(uint32_t), entries, &options);
	(void)close(inner);
	return fd;
}

/* Ends the test where maps are not permitted. */
static inline void skip_without(int fd)
{
	if (fd == -EPERM || fd == -EACCES || fd == -ENOSYS)
		skip();
	assert_true(fd >= 0);
}

/* Maps all of an array that test_array() made. */
static inline void *test_memory(int fd, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_true(memory != MAP_FAILED);
	return memory;
}

/* count words from a word offset of the chunks on, as the kernel has them; free() them. */
static inline uint32_t *read_chunks(int chunks_fd, uint32_t place, size_t count)
{
	const size_t chunk_words = UNWIND_CHUNK_SIZE / 4;
	uint32_t first = (uint32_t)(place / chunk_words);
	uint32_t last = (uint32_t)((place + count - 1) / chunk_words);
	uint32_t *all = calloc(last - first + 1, UNWIND_CHUNK_SIZE), *words;

	assert_non_null(all);
	for (uint32_t i = first; i <= last; i++) {
		uint32_t id, zero = 0;
		int fd;

		assert_int_equal(bpf_map_lookup_elem(chunks_fd, &i, &id), 0);
		fd = bpf_map_get_fd_by_id(id);
		assert_true(fd >= 0);
		assert_int_equal(bpf_map_lookup_elem(fd, &zero, all + (i - first) * chunk_words),
				 0);
		(void)close(fd);
	}
	words = calloc(count, 4);
	assert_non_null(words);
	memcpy(words, all + place % chunk_words, count * 4);
	free(all);
	return words;
}

#endif
