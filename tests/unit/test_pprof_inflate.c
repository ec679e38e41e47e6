/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_inflate.h"
#include "tests/unit/made_profile.h"

#define BYTES_MAX ((size_t)3 << 20)

static struct made made;

/* gzip of bytes, which the caller frees. */
static uint8_t *compress_bytes(const uint8_t *bytes, size_t size, size_t *ret_size)
{
	z_stream zlib = { .next_in = (Bytef *)bytes, .avail_in = (uInt)size };
	uint8_t *out;

	assert_int_equal(deflateInit2(&zlib, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	*ret_size = deflateBound(&zlib, size);
	out = malloc(*ret_size);
	assert_non_null(out);
	zlib.next_out = out;
	zlib.avail_out = (uInt)*ret_size;
	assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
	*ret_size = zlib.total_out;
	(void)deflateEnd(&zlib);
	return out;
}

static void make_profile(void)
{
	begin_profile(&made, "cpu", "count");
	put_function(&made, 1, "main", NULL);
	PUT_LOCATION(&made, 1, 0, 0, { 1, 0 });
	PUT_SAMPLE(&made, 5, 1);
}

static void check_total(const uint8_t *bytes, size_t size, uint64_t total)
{
	struct call_tree *tree = new_tree();
	struct pprof_contents contents = { 0 };

	assert_int_equal(read_bytes(bytes, size, NULL, tree, &contents, NULL), 0);
	assert_int_equal(call_tree_node(tree, 0)->total, total);
	pprof_contents_done(&contents);
	call_tree_free(tree);
}

static void a_file_is_compressed_or_not(void **state)
{
	uint8_t *gzip;
	size_t size;

	(void)state;
	make_profile();
	check_total(made.bytes, made.size, 5);
	gzip = compress_bytes(made.bytes, made.size, &size);
	check_total(gzip, size, 5);
	free(gzip);
}

/* Two profiles one after the other are one, as protocol buffers are. */
static void gzip_files_may_be_one_after_the_other(void **state)
{
	uint8_t *gzip, *both;
	struct made more = { 0 };
	size_t size, more_size;

	(void)state;
	make_profile();
	gzip = compress_bytes(made.bytes, made.size, &size);
	PUT_SAMPLE(&more, 6, 1);
	both = compress_bytes(more.bytes, more.size, &more_size);
	gzip = realloc(gzip, size + more_size);
	assert_non_null(gzip);
	memcpy(gzip + size, both, more_size);
	check_total(gzip, size + more_size, 11);
	free(gzip);
	free(both);
}

static void a_file_larger_than_any_buffer_is_whole(void **state)
{
	size_t size = BYTES_MAX, gzip_size, n;
	uint8_t *bytes = malloc(size), *gzip, *back;
	struct pprof_reason reason;
	uint64_t word = 1;
	FILE *in;

	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < size; i++) {
		word = word * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (uint8_t)(word >> 60);
	}
	gzip = compress_bytes(bytes, size, &gzip_size);
	in = fmemopen(gzip, gzip_size, "r");
	assert_non_null(in);
	assert_int_equal(pprof_inflate(in, size, &reason, &back, &n), 0);
	assert_int_equal(n, size);
	assert_memory_equal(back, bytes, size);
	free(back);
	(void)fclose(in);
	in = fmemopen(bytes, size, "r");
	assert_non_null(in);
	assert_int_equal(pprof_inflate(in, size, &reason, &back, &n), 0);
	assert_int_equal(n, size);
	assert_memory_equal(back, bytes, size);
	free(back);
	(void)fclose(in);
	free(bytes);
	free(gzip);
}

static void damaged_gzip_is_refused(void **state)
{
	uint8_t *gzip;
	size_t size;

	(void)state;
	make_profile();
	gzip = compress_bytes(made.bytes, made.size, &size);
	check_refused_bytes(gzip, size - 1, -EBADMSG, "its compressed data end early");
	check_refused_bytes(gzip, 2, -EBADMSG, "its compressed data end early");
	gzip[size - 5] ^= 1; /* of the checksum */
	check_refused_bytes(gzip, size, -EBADMSG, "its compressed data are damaged");
	gzip[size - 5] ^= 1;
	gzip = realloc(gzip, size + 2);
	assert_non_null(gzip);
	memcpy(gzip + size, "xx", 2);
	check_refused_bytes(gzip, size + 2, -EBADMSG, "its compressed data are damaged");
	free(gzip);
}

/* 1000 times its size: zeros. */
static void a_bomb_is_refused_before_it_is_large(void **state)
{
	size_t size = (size_t)64 << 20, gzip_size;
	uint8_t *bytes = calloc(1, size), *gzip;

	(void)state;
	assert_non_null(bytes);
	gzip = compress_bytes(bytes, size, &gzip_size);
	assert_true(size / gzip_size > PPROF_RATIO_MAX);
	free(bytes);
	check_refused_bytes(gzip, gzip_size, -E2BIG,
			    "it decompresses to more than 600 times its size");
	free(gzip);
}

static ssize_t give_zeros(void *cookie, char *bytes, size_t size)
{
	(void)cookie;
	memset(bytes, 0, size);
	return (ssize_t)size;
}

static void a_file_without_end_is_refused(void **state)
{
	FILE *in = fopencookie(NULL, "r", (cookie_io_functions_t){ .read = give_zeros });
	struct pprof_reason reason;
	uint8_t *bytes;
	size_t size;

	(void)state;
	assert_non_null(in);
	assert_int_equal(pprof_inflate(in, BYTES_MAX, &reason, &bytes, &size), -E2BIG);
	assert_string_equal(reason.text, "it is larger than 3 MiB");
	(void)fclose(in);
}

static ssize_t fail_to_read(void *cookie, char *bytes, size_t size)
{
	(void)cookie, (void)bytes, (void)size;
	errno = EIO;
	return -1;
}

static void a_file_that_cannot_be_read_is_an_error(void **state)
{
	FILE *in = fopencookie(NULL, "r", (cookie_io_functions_t){ .read = fail_to_read });
	struct pprof_reason reason;
	uint8_t *bytes;
	size_t size;

	(void)state;
	assert_non_null(in);
	assert_int_equal(pprof_inflate(in, BYTES_MAX, &reason, &bytes, &size), -EIO);
	assert_string_equal(reason.text, "reading failed");
	(void)fclose(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_compressed_or_not),
		cmocka_unit_test(gzip_files_may_be_one_after_the_other),
		cmocka_unit_test(a_file_larger_than_any_buffer_is_whole),
		cmocka_unit_test(damaged_gzip_is_refused),
		cmocka_unit_test(a_bomb_is_refused_before_it_is_large),
		cmocka_unit_test(a_file_without_end_is_refused),
		cmocka_unit_test(a_file_that_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
