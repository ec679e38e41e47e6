/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_stream.h"

#include <errno.h>
#include <stdlib.h>

#include "flamegraph/text.h"

#define GZIP_WINDOW (15 + 16) /* zlib: a gzip header, in which no time is written */
#define MEMORY      8         /* zlib's default */
/* By default a file is a tenth smaller, and takes zlib three times as long. */

int pprof_stream_begin(struct pprof_stream *stream, FILE *out)
{
	stream->out = out;
	return deflateInit2(&stream->zlib, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, MEMORY,
			    Z_DEFAULT_STRATEGY) == Z_OK
		       ? 0
		       : -ENOMEM;
}

void pprof_stream_done(struct pprof_stream *stream)
{
	free(stream->packed);
	(void)deflateEnd(&stream->zlib); /* zero is fine */
}

static void compress_bytes(struct pprof_stream *stream, uint8_t *bytes, size_t length, int flush)
{
	stream->zlib.next_in = bytes;
	stream->zlib.avail_in = (uInt)length;
	do {
		stream->zlib.next_out = stream->compressed;
		stream->zlib.avail_out = PPROF_COMPRESSED_CHUNK;
		(void)deflate(&stream->zlib, flush);
		fwrite(stream->compressed, 1, PPROF_COMPRESSED_CHUNK - stream->zlib.avail_out,
		       stream->out);
	} while (stream->zlib.avail_out == 0);
}

int pprof_stream_put(struct pprof_stream *stream, const Perftools__Profiles__Profile *piece)
{
	size_t size = perftools__profiles__profile__get_packed_size(piece);

	if (size > UINT32_MAX)
		return -E2BIG;
	if (size > stream->packed_capacity) {
		uint8_t *packed = realloc(stream->packed, 2 * size);

		if (!packed)
			return -ENOMEM;
		stream->packed = packed;
		stream->packed_capacity = 2 * size;
	}
	perftools__profiles__profile__pack(piece, stream->packed);
	compress_bytes(stream, stream->packed, size, Z_NO_FLUSH);
	return 0;
}

int pprof_stream_finish(struct pprof_stream *stream)
{
	compress_bytes(stream, NULL, 0, Z_FINISH);
	return text_finish(stream->out);
}
