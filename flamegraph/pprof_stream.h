/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pprof file in pieces. A serialized Profile may be cut anywhere between fields: two messages one
 * after the other are read as one, with their repeated fields joined.
 */
#ifndef EPROF_FLAMEGRAPH_PPROF_STREAM_H
#define EPROF_FLAMEGRAPH_PPROF_STREAM_H

#include <stdint.h>
#include <stdio.h>
#include <zlib.h>

#include "profile.pb-c.h"

#define PPROF_COMPRESSED_CHUNK 65536

/* The zero value is fine for pprof_stream_done(). */
struct pprof_stream {
	FILE *out;
	uint8_t *packed;
	size_t packed_capacity;
	z_stream zlib;
	uint8_t compressed[PPROF_COMPRESSED_CHUNK];
};

/* 0 or -ENOMEM. The stream out stays the caller's. */
int pprof_stream_begin(struct pprof_stream *stream, FILE *out);
void pprof_stream_done(struct pprof_stream *stream);

/* Packs and compresses one message. 0, -ENOMEM or -E2BIG. */
int pprof_stream_put(struct pprof_stream *stream, const Perftools__Profiles__Profile *piece);

/* After the last piece. 0 or -EIO. */
int pprof_stream_finish(struct pprof_stream *stream);

#endif
