/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is read once, from its beginning, after a look at what it begins with. */
#ifndef EPROF_AGENT_INPUT_FILE_H
#define EPROF_AGENT_INPUT_FILE_H

#include <stddef.h>
#include <stdio.h>

/* So much of it is looked at. */
#define INPUT_HEAD_BYTES ((size_t)64 << 10)

struct input_file;

/*
 * Opens path, "-" being stdin, which stays open, and reads its first bytes. On success the caller
 * owns *ret; otherwise -errno after one line that names path: directories and sockets are no files.
 */
int input_file_open(const char *path, struct input_file **ret);
void input_file_close(struct input_file *file); /* NULL is fine */

/* The first INPUT_HEAD_BYTES, fewer only if there are no more. */
const char *input_file_head(const struct input_file *file, size_t *ret_length);

/* All of it; has no file descriptor, and belongs to file. */
FILE *input_file_stream(struct input_file *file);

/* The errno of the read that failed first; 0: none has. */
int input_file_error(const struct input_file *file);

#endif
