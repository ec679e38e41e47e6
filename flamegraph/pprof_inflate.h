/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All bytes of a file, decompressed if they are gzip. A stranger's few bytes can become very many:
 * their number is bounded, and so is what becomes of each.
 */
#ifndef EPROF_FLAMEGRAPH_PPROF_INFLATE_H
#define EPROF_FLAMEGRAPH_PPROF_INFLATE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A byte becomes no more than this many, once there are enough of them to hurt. A profile of a
 * million stacks becomes twice as large, one whose samples are all alike 350 times; deflate
 * can do 1032.
 */
#define PPROF_RATIO_MAX        600
#define PPROF_RATIO_FREE_BYTES ((size_t)32 << 20)

struct pprof_reason;

/*
 * At most bytes_max, less than 4 GiB. *ret is malloc()ed. 0, -ENOMEM, -EIO, -EBADMSG (broken gzip,
 * or nothing at all) or -E2BIG, with the reason (or NULL).
 */
int pprof_inflate(FILE *in, size_t bytes_max, struct pprof_reason *reason, uint8_t **ret,
		  size_t *ret_size);

#endif
