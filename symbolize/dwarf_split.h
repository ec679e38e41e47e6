/* SPDX-License-Identifier: Apache-2.0 */
/* Debug information that the compiler has put into files of its own (-gsplit-dwarf). */
#ifndef EPROF_SYMBOLIZE_DWARF_SPLIT_H
#define EPROF_SYMBOLIZE_DWARF_SPLIT_H

#include <elfutils/libdw.h>
#include <stdbool.h>

#include "symbolize/dwarf_file.h"

/*
 * The unit in a .dwo or .dwp file that this skeleton stands for. False when it has none, or it is
 * missing: then that is counted. Files that could block are not opened.
 */
bool dwarf_split_find(struct dwarf_file *file, Dwarf_Die *skeleton, Dwarf_Die *ret);

/*
 * The names of files that a split unit counts itself. 0; -ENOENT it has none, and counts as the
 * lines of the skeleton do; -EFBIG, -EBADMSG it has some that cannot be used: no number means
 * anything then. *ret_files lives as long as libdw's handle.
 */
int dwarf_split_files(Dwarf_Die *split, Dwarf_Files **ret_files, size_t *ret_count);

#endif
