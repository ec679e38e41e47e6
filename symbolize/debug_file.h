/* SPDX-License-Identifier: Apache-2.0 */
/* Where distributions put the symbols that they strip from a binary: separate files by build id. */
#ifndef EPROF_SYMBOLIZE_DEBUG_FILE_H
#define EPROF_SYMBOLIZE_DEBUG_FILE_H

#include "symbolize/symbolize.h"

/*
 * Opens DIRECTORY/.build-id/AB/CDEF....debug (the layout that gdb documents under "Separate Debug
 * Files"), a regular file whose own build id is id. The caller owns *ret_fd. -ENOENT: there is
 * none; -ESTALE: it is another build's; -errno.
 */
int debug_file_open(const char *directory, const struct build_id *id, int *ret_fd);

#endif
