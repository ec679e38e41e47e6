/* SPDX-License-Identifier: Apache-2.0 */
/* Files by the paths that a process has for them, opened without what opening may set off. */
#ifndef EPROF_SYMBOLIZE_ROOT_FILE_H
#define EPROF_SYMBOLIZE_ROOT_FILE_H

/*
 * Opens the file that path means to whoever has root_fd (a directory; O_PATH suffices) for a root:
 * absolute links and ".." do not leave it. Only regular files are opened: whose path it is may
 * have put a FIFO there, which would block, or a device, to which opening alone does something.
 * The caller owns *ret_fd. -ENOENT, -ESTALE for what is not a regular file, or -errno.
 */
int root_file_open(int root_fd, const char *path, int *ret_fd);

#endif
