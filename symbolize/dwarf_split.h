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
bool dwarf_split_find(const struct dwarf_file *file, Dwarf_Die *skeleton, Dwarf_Die *ret);

/* True when the file of this split unit has file names of its own. */
bool dwarf_split_has_files(Dwarf_Die *split);

#endif
