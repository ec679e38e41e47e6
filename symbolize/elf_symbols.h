/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of one ELF file, from .symtab, .dynsym and the PLT, as ranges of its addresses. */
#ifndef EPROF_SYMBOLIZE_ELF_SYMBOLS_H
#define EPROF_SYMBOLIZE_ELF_SYMBOLS_H

#include "symbolize/elf_reader.h"
#include "symbolize/symbol_list.h"

/*
 * The most entries that a table may have, and bytes of names behind which none is looked for: large
 * browsers have two millions, and half a gigabyte. Sparse files have terabytes for nothing.
 */
#define SYMBOL_ENTRIES_MAX (UINT64_C(16) << 20)
#define SYMBOL_STRINGS_MAX (UINT64_C(1) << 30)

/* The zero value is a table without symbols. */
struct elf_symbols {
	struct symbol_range *ranges; /* name: offset in names */
	size_t count;
	char *names;
	size_t names_size;
};

void elf_symbols_done(struct elf_symbols *symbols);

/*
 * 0, or -errno with reader->error set. On 0 reader->error may be set too: then one of the tables
 * was unusable, and *ret has what the others say.
 */
int elf_symbols_read(struct elf_reader *reader, struct elf_symbols *ret);

static inline uint64_t elf_symbols_bytes(const struct elf_symbols *symbols)
{
	return symbols->count * sizeof(*symbols->ranges) + symbols->names_size;
}

#endif
