/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for .eh_frame in a file that says nowhere where it is: stripped of its section headers. */
#ifndef EPROF_SYMBOLIZE_CFI_SCAN_H
#define EPROF_SYMBOLIZE_CFI_SCAN_H

#include <stdint.h>

#include "symbolize/elf_reader.h"

/*
 * Sets *ret_address to that of the first record: a common information entry as gcc and clang write
 * it, followed by an entry that refers to it. 0, or -errno: -ENOENT when there is none, -ENOMEM,
 * -EIO, -ENOEXEC when the file became shorter.
 */
int cfi_scan(struct elf_reader *reader, uint64_t *ret_address);

#endif
