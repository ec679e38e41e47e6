/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/mini_debug.h"

#include <errno.h>
#include <lzma.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"

/* What the highest level (xz -9) needs is 65 MiB. */
#define DECODER_MEMORY_MAX (72 << 20)
#define PIECE_SIZE         65536

struct mini_debug {
	lzma_stream stream;
	int in_fd, out_fd;
	uint64_t offset, left; /* of the input */
	uint64_t written;
	uint8_t in[PIECE_SIZE], out[PIECE_SIZE];
};

static void cleanup_mini_debug(struct mini_debug **mini)
{
	if (!*mini)
		return;
	lzma_end(&(*mini)->stream);
	free(*mini);
}

static int read_piece(struct mini_debug *mini)
{
	size_t size = mini->left < sizeof(mini->in) ? (size_t)mini->left : sizeof(mini->in);
	ssize_t n;

	do {
		n = pread(mini->in_fd, mini->in, size, (off_t)mini->offset);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -EIO;
	if (n == 0)
		return -ENOEXEC;
	mini->stream.next_in = mini->in;
	mini->stream.avail_in = (size_t)n;
	mini->offset += (uint64_t)n;
	mini->left -= (uint64_t)n;
	return 0;
}

static int write_piece(struct mini_debug *mini)
{
	size_t size = sizeof(mini->out) - mini->stream.avail_out, done = 0;

	if (size > MINI_DEBUG_SIZE_MAX - mini->written)
		return -EFBIG;
	while (done < size) {
		ssize_t n = write(mini->out_fd, mini->out + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	mini->written += size;
	mini->stream.next_out = mini->out;
	mini->stream.avail_out = sizeof(mini->out);
	return 0;
}

static int error_of(lzma_ret result)
{
	switch (result) {
	case LZMA_MEM_ERROR:
		return -ENOMEM;
	case LZMA_MEMLIMIT_ERROR:
		return -EFBIG;
	default:
		return -ENOEXEC;
	}
}

static int decompress(struct mini_debug *mini)
{
	lzma_ret result = LZMA_OK;

	while (result != LZMA_STREAM_END) {
		int err = 0;

		if (!mini->stream.avail_in && mini->left)
			err = read_piece(mini);
		if (err < 0)
			return err;
		result = lzma_code(&mini->stream, mini->left ? LZMA_RUN : LZMA_FINISH);
		if (result != LZMA_OK && result != LZMA_STREAM_END)
			return error_of(result);
		err = write_piece(mini);
		if (err < 0)
			return err;
	}
	return 0;
}

int mini_debug_open(int fd, uint64_t offset, uint64_t size, int *ret_fd)
{
	CLEANUP(cleanup_mini_debug) struct mini_debug *mini = calloc(1, sizeof(*mini));
	CLEANUP(cleanup_fd) int out_fd = -1;
	lzma_ret result;
	int err;

	if (!mini)
		return -ENOMEM;
	/* What does not shrink is not xz's, so no input is larger than what it may become. */
	if (size > MINI_DEBUG_SIZE_MAX)
		return -EFBIG;
	out_fd = memfd_create("mini_debug", MFD_CLOEXEC);
	if (out_fd < 0)
		return -errno;
	mini->in_fd = fd;
	mini->out_fd = out_fd;
	mini->offset = offset;
	mini->left = size;
	mini->stream.next_out = mini->out;
	mini->stream.avail_out = sizeof(mini->out);
	result = lzma_stream_decoder(&mini->stream, DECODER_MEMORY_MAX, 0);
	if (result != LZMA_OK)
		return error_of(result);
	err = decompress(mini);
	if (err < 0)
		return err;
	*ret_fd = TAKE_FD(out_fd);
	return 0;
}
