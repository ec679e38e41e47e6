/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/link_crc.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define PIECE_SIZE 65536

void link_crcs_init(struct link_crcs *crcs, uint64_t bytes_max)
{
	*crcs = (struct link_crcs){ .bytes_left = bytes_max, .seed = hash_seed() };
}

void link_crcs_done(struct link_crcs *crcs)
{
	hashmap_done(&crcs->known);
}

/* Of the file as it is now. Nobody but the kernel sets the time of the last change. */
static uint64_t key_of(const struct link_crcs *crcs, const struct stat *status)
{
	const uint64_t words[] = {
		status->st_dev,
		status->st_ino,
		(uint64_t)status->st_size,
		(uint64_t)status->st_mtim.tv_sec,
		(uint64_t)status->st_mtim.tv_nsec,
		(uint64_t)status->st_ctim.tv_sec,
		(uint64_t)status->st_ctim.tv_nsec,
	};

	return hash_bytes_seeded(crcs->seed, words, sizeof(words));
}

static int read_crc(struct link_crcs *crcs, int fd, uint32_t *ret_crc)
{
	uLong crc = crc32(0, NULL, 0);
	uint8_t piece[PIECE_SIZE];
	uint64_t offset = 0;

	for (;;) {
		ssize_t n = pread(fd, piece, sizeof(piece), (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -EIO;
		if (n == 0)
			break;
		offset += (uint64_t)n;
		/* It may grow meanwhile. */
		if (offset > LINK_CRC_FILE_MAX)
			return -EFBIG;
		if ((uint64_t)n > crcs->bytes_left)
			return -ENOSPC;
		crcs->bytes_left -= (uint64_t)n;
		crc = crc32(crc, piece, (uInt)n);
	}
	*ret_crc = (uint32_t)crc;
	return 0;
}

int link_crcs_read(struct link_crcs *crcs, int fd, uint32_t *ret_crc)
{
	struct stat status;
	uint64_t key, found;
	uint32_t crc;
	int err;

	if (fstat(fd, &status) < 0)
		return -EIO;
	key = key_of(crcs, &status);
	if (hashmap_get(&crcs->known, key, &found)) {
		*ret_crc = (uint32_t)found;
		return 0;
	}
	if ((uint64_t)status.st_size > LINK_CRC_FILE_MAX)
		return -EFBIG;
	if ((uint64_t)status.st_size > crcs->bytes_left)
		return -ENOSPC;
	err = read_crc(crcs, fd, &crc);
	if (!err)
		err = hashmap_put(&crcs->known, key, crc);
	if (err < 0)
		return err;
	*ret_crc = crc;
	return 0;
}
