/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/mini_debug.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <lzma.h>

#define MIB ((size_t)1 << 20)

/* A file of PREFIX_SIZE other bytes and size zeros, compressed; the caller closes it. */
#define PREFIX_SIZE 100

static int compressed_zeros(size_t size, uint32_t dictionary_size, size_t *ret_size)
{
	lzma_options_lzma options;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options }, { LZMA_VLI_UNKNOWN, NULL } };
	size_t capacity = size / 16 + 4096, used = PREFIX_SIZE;
	uint8_t *zeros = calloc(1, size + 1), *bytes = calloc(1, capacity);
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0 && zeros && bytes);
	assert_false(lzma_lzma_preset(&options, 0));
	options.dict_size = dictionary_size;
	assert_int_equal(lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, zeros, size,
						   bytes, &used, capacity),
			 LZMA_OK);
	assert_int_equal(write(fd, bytes, used), used);
	free(zeros);
	free(bytes);
	*ret_size = used - PREFIX_SIZE;
	return fd;
}

static int open_zeros(size_t size, uint32_t dictionary_size, int *ret_fd)
{
	size_t compressed_size;
	int fd = compressed_zeros(size, dictionary_size, &compressed_size), err;

	err = mini_debug_open(fd, PREFIX_SIZE, compressed_size, ret_fd);
	(void)close(fd);
	return err;
}

static void what_was_compressed_comes_out(void **state)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 3 * MIB };
	struct stat st;
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(open_zeros(sizes[i], 1 << 18, &fd), 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_size, sizes[i]);
		(void)close(fd);
	}
}

static void a_bomb_is_refused(void **state)
{
	size_t size;
	int bomb, fd = -1;

	(void)state;
	assert_int_equal(open_zeros(MINI_DEBUG_SIZE_MAX + 1, 1 << 18, &fd), -EFBIG);
	assert_int_equal(fd, -1);
	assert_int_equal(open_zeros(MINI_DEBUG_SIZE_MAX, 1 << 18, &fd), 0);
	(void)close(fd);
	/* One that is as long itself is not even begun. */
	bomb = compressed_zeros(1, 1 << 18, &size);
	assert_int_equal(mini_debug_open(bomb, PREFIX_SIZE, UINT64_MAX, &fd), -EFBIG);
	(void)close(bomb);
}

static void the_memory_of_the_decoder_is_bounded(void **state)
{
	int fd = -1;

	(void)state;
	/* What the levels of xz ask for, and what only a special wish can. */
	assert_int_equal(open_zeros(MIB, 64 * MIB, &fd), 0);
	(void)close(fd);
	assert_int_equal(open_zeros(MIB, 128 * MIB, &fd), -EFBIG);
}

static void every_cut_is_noticed(void **state)
{
	size_t size;
	int whole = compressed_zeros(MIB, 1 << 18, &size), fd = -1;

	(void)state;
	for (size_t cut = 0; cut < size; cut++)
		assert_int_equal(mini_debug_open(whole, PREFIX_SIZE, cut, &fd), -ENOEXEC);
	/* The file is shorter than its section headers said. */
	assert_int_equal(ftruncate(whole, (off_t)(PREFIX_SIZE + size - 1)), 0);
	assert_int_equal(mini_debug_open(whole, PREFIX_SIZE, size, &fd), -ENOEXEC);
	assert_int_equal(fd, -1);
	(void)close(whole);
}

static void damage_is_noticed(void **state)
{
	size_t size;
	int whole = compressed_zeros(MIB, 1 << 18, &size), fd = -1;

	(void)state;
	for (size_t at = 0; at < size; at++) {
		uint8_t byte, other;

		assert_int_equal(pread(whole, &byte, 1, (off_t)(PREFIX_SIZE + at)), 1);
		other = byte ^ 0x55;
		assert_int_equal(pwrite(whole, &other, 1, (off_t)(PREFIX_SIZE + at)), 1);
		assert_true(mini_debug_open(whole, PREFIX_SIZE, size, &fd) < 0);
		assert_int_equal(pwrite(whole, &byte, 1, (off_t)(PREFIX_SIZE + at)), 1);
	}
	assert_int_equal(fd, -1);
	(void)close(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_compressed_comes_out),
		cmocka_unit_test(a_bomb_is_refused),
		cmocka_unit_test(the_memory_of_the_decoder_is_bounded),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(damage_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
