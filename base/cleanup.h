/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound release of resources. A variable marked CLEANUP(fn) is handed to fn (by address) when
 * it goes out of scope; TAKE() moves ownership out of such a variable, so that the early-return
 * style needs no goto. Clean-up functions accept the zero value of their type.
 */
#ifndef EPROF_BASE_CLEANUP_H
#define EPROF_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* The value of a pointer variable, which is NULL from here on. */
#define TAKE(pointer)                                                                              \
	({                                                                                         \
		__typeof__(pointer) __taken = (pointer);                                           \
		(pointer) = NULL;                                                                  \
		__taken;                                                                           \
	})

/* The same for a file descriptor; -1 means "none". */
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int __taken_fd = (fd);                                                             \
		(fd) = -1;                                                                         \
		__taken_fd;                                                                        \
	})

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void cleanup_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

#endif
