/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a binary keeps its call frame information, read into memory. .eh_frame is what the program
 * itself unwinds by; .debug_frame has, in programs built without unwind tables, what debuggers use.
 */
#ifndef EPROF_SYMBOLIZE_CFI_SECTION_H
#define EPROF_SYMBOLIZE_CFI_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolize/elf_reader.h"

/* One of each kind, and a second .eh_frame where a linker kept apart those of different types. */
#define CFI_SECTIONS_MAX 3

/* libLLVM, with 50 MB of code, has 5 MB of it. */
#define CFI_SECTION_SIZE_MAX (64u << 20)

struct cfi_section {
	uint8_t *bytes;
	size_t size;
	uint64_t address; /* where the program sees it */
	bool is_debug_frame;
	bool is_size_known; /* or else it ends somewhere before size */
};

struct cfi_sections {
	struct cfi_section list[CFI_SECTIONS_MAX];
	size_t count;
};

/*
 * Reads all there is; .eh_frame also where no section header has its name. None is no error: the
 * list is empty then. On success *ret needs cfi_sections_done(). 0, or -errno with reader->error
 * set: -ENOEXEC headers that contradict the file, -EFBIG, -ENOMEM, -EIO.
 */
int cfi_sections_read(struct elf_reader *reader, struct cfi_sections *ret);
/* Whether Go's compiler made it: by its sections, which are to be read before. */
bool cfi_is_go(const struct elf_reader *reader);
void cfi_sections_done(struct cfi_sections *sections); /* the zero value is fine */

#endif
