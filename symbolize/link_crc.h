/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRCs of whole files, as .gnu_debuglink has them. Reading a gigabyte takes a second, and whoever
 * has a directory can put thousands of links to one large file there: each is read once, and all of
 * them together have a budget.
 */
#ifndef EPROF_SYMBOLIZE_LINK_CRC_H
#define EPROF_SYMBOLIZE_LINK_CRC_H

#include <stdint.h>

#include "base/hashmap.h"

/* Larger files have build ids, by which they are found without reading all of them. */
#define LINK_CRC_FILE_MAX (UINT64_C(1) << 30)

/* For one recording: some seconds. Debug files without a build id are few, and small. */
#define LINK_CRC_BYTES_MAX (UINT64_C(4) << 30)

struct link_crcs {
	uint64_t bytes_left;  /* that may still be read */
	struct hashmap known; /* which file, and what it was then -> its CRC */
	uint64_t seed;
};

void link_crcs_init(struct link_crcs *crcs, uint64_t bytes_max);
void link_crcs_done(struct link_crcs *crcs);

/*
 * The CRC of an open file; its offset stays. 0; -EFBIG larger than LINK_CRC_FILE_MAX; -ENOSPC the
 * budget does not suffice; -EIO, -ENOMEM.
 */
int link_crcs_read(struct link_crcs *crcs, int fd, uint32_t *ret_crc);

#endif
