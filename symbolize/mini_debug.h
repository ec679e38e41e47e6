/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MiniDebugInfo: Fedora and its kin strip binaries of everything but the names of their functions,
 * and keep these as an ELF file, compressed by xz, in the section .gnu_debugdata.
 */
#ifndef EPROF_SYMBOLIZE_MINI_DEBUG_H
#define EPROF_SYMBOLIZE_MINI_DEBUG_H

#include <stdint.h>

/* Twenty times what the largest programs of a distribution have there. */
#define MINI_DEBUG_SIZE_MAX (64 << 20)

/*
 * Decompresses size bytes at offset of fd into a file in memory; the caller owns *ret_fd. 0, or
 * -errno: -ENOEXEC not in this format, cut off or damaged; -EFBIG more than MINI_DEBUG_SIZE_MAX,
 * or more memory needed to decompress it than any level of xz asks for; -ENOMEM, -EIO.
 */
int mini_debug_open(int fd, uint64_t offset, uint64_t size, int *ret_fd);

#endif
