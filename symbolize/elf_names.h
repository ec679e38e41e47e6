/* SPDX-License-Identifier: Apache-2.0 */
/* Copies the names of chosen symbols out of an ELF file's string tables. */
#ifndef EPROF_SYMBOLIZE_ELF_NAMES_H
#define EPROF_SYMBOLIZE_ELF_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "symbolize/elf_reader.h"
#include "symbolize/symbol_list.h"

#define ELF_NAME_SIZE_MAX  65536
#define ELF_NAMES_SIZE_MAX (128u << 20)

/* A string table: bytes of the file. */
struct string_table {
	uint64_t offset, size;
};

/*
 * Replaces the name of each symbol, an offset in tables[symbol->strings], by its offset in
 * *ret_names, a malloc()ed buffer of *ret_size bytes, 0-terminated strings (NULL when there are
 * none). Symbol versions (name@@VERSION) are cut off and PLT stubs get "@plt". Names that are
 * empty, longer than ELF_NAME_SIZE_MAX, outside their table, or mark data in code (ARM's $d, $x)
 * become SYMBOL_NAMELESS. Reads the tables piece by piece: the buffer is about all the memory it
 * takes. 0, or -errno with reader->error set: -EFBIG more than ELF_NAMES_SIZE_MAX, -ENOMEM, -EIO,
 * -ENOEXEC.
 */
int elf_names_read(struct elf_reader *reader, const struct string_table *tables, size_t table_count,
		   struct symbol_list *list, char **ret_names, size_t *ret_size);

#endif
