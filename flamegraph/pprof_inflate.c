/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_inflate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "flamegraph/pprof_reason.h"

#define GZIP_WINDOW (15 + 16)
#define GZIP_FIRST  0x1f
#define GZIP_SECOND 0x8b
#define CHUNK       65536
#define BYTES_FIRST ((size_t)1 << 18)

struct inflater {
	FILE *in;
	size_t bytes_max;
	struct pprof_reason *reason;
	uint8_t *bytes;
	size_t size, capacity;
	uint64_t read; /* of the file */
	z_stream zlib;
	uint8_t chunk[CHUNK];
};

static void cleanup_inflater(struct inflater **memory)
{
	struct inflater *inflater = *memory;

	if (!inflater)
		return;
	(void)inflateEnd(&inflater->zlib); /* zero is fine */
	free(inflater->bytes);
	free(inflater);
}

static int too_large(struct inflater *inflater)
{
	return pprof_fail(inflater->reason, -E2BIG, "it is larger than %zu MiB",
			  inflater->bytes_max >> 20);
}

/* Room for one more byte at least; never for more than are allowed, and one. */
static int reserve(struct inflater *inflater)
{
	size_t capacity = inflater->capacity ? inflater->capacity * 2 : BYTES_FIRST;
	uint8_t *bytes;

	if (inflater->size > inflater->bytes_max)
		return too_large(inflater);
	if (inflater->size < inflater->capacity)
		return 0;
	if (capacity > inflater->bytes_max)
		capacity = inflater->bytes_max + 1;
	bytes = realloc(inflater->bytes, capacity);
	if (!bytes)
		return pprof_fail(inflater->reason, -ENOMEM, "there is not enough memory");
	inflater->bytes = bytes;
	inflater->capacity = capacity;
	return 0;
}

/* The next bytes of the file: how many, or -EIO. */
static ssize_t read_chunk(struct inflater *inflater)
{
	size_t n = fread(inflater->chunk, 1, CHUNK, inflater->in);

	if (n == 0 && ferror(inflater->in))
		return pprof_fail(inflater->reason, -EIO, "reading failed");
	inflater->zlib.next_in = inflater->chunk;
	inflater->zlib.avail_in = (uInt)n;
	inflater->read += n;
	return (ssize_t)n;
}

/* As much as one call does. 1: a member of the file has ended; 0: it has not, or -errno. */
static int inflate_some(struct inflater *inflater)
{
	int status, err = reserve(inflater);
	size_t room = inflater->capacity - inflater->size;

	if (err < 0)
		return err;
	inflater->zlib.next_out = inflater->bytes + inflater->size;
	inflater->zlib.avail_out = (uInt)room;
	status = inflate(&inflater->zlib, Z_NO_FLUSH);
	inflater->size += room - inflater->zlib.avail_out;
	if (inflater->size > PPROF_RATIO_FREE_BYTES &&
	    inflater->size / PPROF_RATIO_MAX > inflater->read)
		return pprof_fail(inflater->reason, -E2BIG,
				  "it decompresses to more than %d times its size",
				  PPROF_RATIO_MAX);
	if (status == Z_STREAM_END)
		return 1;
	if (status == Z_MEM_ERROR)
		return pprof_fail(inflater->reason, -ENOMEM, "there is not enough memory");
	if (status != Z_OK && status != Z_BUF_ERROR)
		return pprof_fail(inflater->reason, -EBADMSG, "its compressed data are damaged");
	return 0;
}

/* gzip files may be one after the other: together they are one. The first bytes have been read. */
static int inflate_all(struct inflater *inflater)
{
	bool has_ended = false;

	if (inflateInit2(&inflater->zlib, GZIP_WINDOW) != Z_OK)
		return pprof_fail(inflater->reason, -ENOMEM, "there is not enough memory");
	for (;;) {
		int err;

		/* What did not fit comes without more input. */
		if (inflater->zlib.avail_in == 0 &&
		    (has_ended || inflater->size < inflater->capacity)) {
			ssize_t n = read_chunk(inflater);

			if (n < 0)
				return (int)n;
			if (n == 0)
				break;
		}
		if (has_ended)
			(void)inflateReset(&inflater->zlib);
		err = inflate_some(inflater);
		if (err < 0)
			return err;
		has_ended = err == 1;
	}
	return has_ended ? 0
			 : pprof_fail(inflater->reason, -EBADMSG, "its compressed data end early");
}

/* What has been read, and the rest. */
static int copy_all(struct inflater *inflater, size_t first)
{
	size_t n = first;
	int err = reserve(inflater);

	if (err < 0)
		return err;
	memcpy(inflater->bytes, inflater->chunk, first);
	while (n > 0) {
		inflater->size += n;
		err = reserve(inflater);
		if (err < 0)
			return err;
		n = fread(inflater->bytes + inflater->size, 1, inflater->capacity - inflater->size,
			  inflater->in);
	}
	return ferror(inflater->in) ? pprof_fail(inflater->reason, -EIO, "reading failed") : 0;
}

int pprof_inflate(FILE *in, size_t bytes_max, struct pprof_reason *reason, uint8_t **ret,
		  size_t *ret_size)
{
	CLEANUP(cleanup_inflater) struct inflater *inflater = calloc(1, sizeof(*inflater));
	ssize_t n;
	int err;

	if (!inflater)
		return pprof_fail(reason, -ENOMEM, "there is not enough memory");
	inflater->in = in;
	inflater->bytes_max = bytes_max;
	inflater->reason = reason;
	n = read_chunk(inflater);
	if (n < 0)
		return (int)n;
	if (n == 0)
		return pprof_fail(reason, -EBADMSG, "it is empty");
	if (n >= 2 && inflater->chunk[0] == GZIP_FIRST && inflater->chunk[1] == GZIP_SECOND)
		err = inflate_all(inflater);
	else
		err = copy_all(inflater, (size_t)n);
	if (err < 0)
		return err;
	*ret_size = inflater->size;
	*ret = TAKE(inflater->bytes);
	return 0;
}
