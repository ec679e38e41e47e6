/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/upload_sha256.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

#define DIGEST_SIZE 32
#define CHUNK_SIZE  65536

static int feed(const struct curl_digest *digest, void *context, int fd, uint64_t offset,
		uint64_t size)
{
	CLEANUP(cleanup_free) char *buffer = malloc(CHUNK_SIZE);

	if (!buffer)
		return -ENOMEM;
	while (size > 0) {
		ssize_t got =
			pread(fd, buffer, size < CHUNK_SIZE ? size : CHUNK_SIZE, (off_t)offset);

		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		if (digest->update(context, buffer, (size_t)got) != 1)
			return -ENOMEM;
		offset += (uint64_t)got;
		size -= (uint64_t)got;
	}
	return 0;
}

int upload_sha256(const struct curl_library *library, int fd, uint64_t offset, uint64_t size,
		  char ret[SHA256_HEX_SIZE])
{
	const struct curl_digest *digest = &library->digest;
	unsigned char bytes[DIGEST_SIZE];
	void *context;
	int err = -ENOMEM;

	if (!digest->is_there)
		return -ENOSYS;
	context = digest->new ();
	if (context && digest->init(context, digest->sha256(), NULL) == 1)
		err = feed(digest, context, fd, offset, size);
	if (!err && digest->final(context, bytes, NULL) != 1)
		err = -ENOMEM;
	digest->free(context);
	if (err < 0)
		return err;
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}
