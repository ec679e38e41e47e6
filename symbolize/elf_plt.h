/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names for PLT stubs, which have no symbols of their own: what a stub jumps through is a slot of
 * the GOT, and the relocation of that slot names the function. x86-64 only; elsewhere nothing.
 */
#ifndef EPROF_SYMBOLIZE_ELF_PLT_H
#define EPROF_SYMBOLIZE_ELF_PLT_H

#include "symbolize/elf_reader.h"
#include "symbolize/symbol_list.h"

/*
 * Adds a symbol for each stub to the list, which is sorted before and need not be after. dynsym is
 * the section of dynamic symbols, or NULL; its names are string table number `strings`.
 * 0, or -errno with reader->error set; stubs found until then are in the list.
 */
int elf_plt_add(struct elf_reader *reader, const Elf64_Shdr *dynsym, uint8_t strings, uint8_t rank,
		struct symbol_list *list);

#endif
