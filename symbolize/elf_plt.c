/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/elf_plt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define STUB_SIZE            16
/* 64 Ki stubs, and as many relocations. */
#define PLT_SIZE_MAX         (1u << 20)
#define RELOCATIONS_SIZE_MAX (65536 * sizeof(Elf64_Rela))

struct plt_reader {
	struct elf_reader *reader;
	const Elf64_Shdr *dynsym;
	uint8_t strings, rank;
	const Elf64_Rela *relocations; /* sorted by slot */
	size_t relocation_count;
};

static int compare_relocations(const void *left, const void *right)
{
	const Elf64_Rela *a = left, *b = right;

	return (a->r_offset > b->r_offset) - (a->r_offset < b->r_offset);
}

static int read_section(struct elf_reader *reader, const Elf64_Shdr *section, void *ret_bytes)
{
	CLEANUP(cleanup_free) void *bytes = malloc(section->sh_size);
	int err;

	if (!bytes)
		return elf_reader_fail(reader, -ENOMEM, "out of memory");
	err = elf_reader_read(reader, section->sh_offset, bytes, section->sh_size);
	if (err < 0)
		return err;
	*(void **)ret_bytes = TAKE(bytes);
	return 0;
}

static const Elf64_Shdr *find_section(const struct elf_reader *reader, const char *name,
				      uint32_t type, uint64_t size_max)
{
	for (size_t i = 0; i < reader->section_count; i++) {
		const Elf64_Shdr *section = &reader->sections[i];

		if (section->sh_type == type && section->sh_size && section->sh_size <= size_max &&
		    strcmp(elf_reader_section_name(reader, section), name) == 0)
			return section;
	}
	return NULL;
}

/*
 * The GOT slot that a stub jumps through: [endbr64] [bnd] jmp *slot(%rip). 0 when it is none of
 * these, such as the first stub, which calls the dynamic linker.
 */
static uint64_t decode_stub(const uint8_t *stub, uint64_t address)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	size_t at = 0;
	int32_t displacement;

	if (memcmp(stub, endbr64, sizeof(endbr64)) == 0)
		at += sizeof(endbr64);
	if (stub[at] == 0xf2)
		at++;
	if (stub[at] != 0xff || stub[at + 1] != 0x25)
		return 0;
	memcpy(&displacement, stub + at + 2, sizeof(displacement));
	return address + at + 6 + (uint64_t)(int64_t)displacement;
}

static const Elf64_Rela *find_relocation(const struct plt_reader *plt, uint64_t slot)
{
	const Elf64_Rela key = { .r_offset = slot };

	return bsearch(&key, plt->relocations, plt->relocation_count, sizeof(key),
		       compare_relocations);
}

/* Finds the name of what a slot is bound to; false when it has none. */
static bool name_relocation(const struct plt_reader *plt, const struct symbol_list *list,
			    const Elf64_Rela *relocation, struct symbol *symbol)
{
	uint64_t index = ELF64_R_SYM(relocation->r_info);
	Elf64_Sym target;

	if (ELF64_R_TYPE(relocation->r_info) == R_X86_64_IRELATIVE) {
		/* The addend is the resolver, whose symbol has the function's name. */
		const struct symbol *resolver =
			symbol_list_at(list, (uint64_t)relocation->r_addend);

		if (!resolver)
			return false;
		symbol->name = resolver->name;
		symbol->strings = resolver->strings;
		return true;
	}
	if (!plt->dynsym || !index || index >= plt->dynsym->sh_size / sizeof(target))
		return false;
	if (elf_reader_read(plt->reader, plt->dynsym->sh_offset + index * sizeof(target), &target,
			    sizeof(target)) < 0)
		return false;
	symbol->name = target.st_name;
	symbol->strings = plt->strings;
	return true;
}

static int add_stubs(const struct plt_reader *plt, const Elf64_Shdr *section, const uint8_t *stubs,
		     struct symbol_list *list)
{
	/* Look-ups of resolvers see the sorted part only, wherever the array moves. */
	size_t sorted_count = list->count;

	for (uint64_t at = 0; at + STUB_SIZE <= section->sh_size; at += STUB_SIZE) {
		const struct symbol_list sorted = { list->symbols, sorted_count, sorted_count };
		struct symbol symbol = {
			.address = section->sh_addr + at,
			.size = STUB_SIZE,
			.rank = plt->rank,
			.is_plt = true,
		};
		const Elf64_Rela *relocation;
		int err;

		relocation = find_relocation(plt, decode_stub(stubs + at, symbol.address));
		if (!relocation || !name_relocation(plt, &sorted, relocation, &symbol))
			continue;
		err = symbol_list_add(list, &symbol);
		if (err < 0)
			return elf_reader_fail(plt->reader, err, "too many symbols");
	}
	return 0;
}

static int add_section(const struct plt_reader *plt, const char *name, struct symbol_list *list)
{
	const Elf64_Shdr *section = find_section(plt->reader, name, SHT_PROGBITS, PLT_SIZE_MAX);
	CLEANUP(cleanup_free) uint8_t *stubs = NULL;
	int err;

	if (!section)
		return 0;
	err = read_section(plt->reader, section, &stubs);
	if (err < 0)
		return err;
	return add_stubs(plt, section, stubs, list);
}

int elf_plt_add(struct elf_reader *reader, const Elf64_Shdr *dynsym, uint8_t strings, uint8_t rank,
		struct symbol_list *list)
{
	CLEANUP(cleanup_free) Elf64_Rela *relocations = NULL;
	struct plt_reader plt = {
		.reader = reader, .dynsym = dynsym, .strings = strings, .rank = rank
	};
	const Elf64_Shdr *section;
	int err;

	if (reader->machine != EM_X86_64 || !reader->is_64bit)
		return 0;
	section = find_section(reader, ".rela.plt", SHT_RELA, RELOCATIONS_SIZE_MAX);
	if (!section)
		return 0;
	err = read_section(reader, section, &relocations);
	if (err < 0)
		return err;
	plt.relocations = relocations;
	plt.relocation_count = section->sh_size / sizeof(*relocations);
	qsort(relocations, plt.relocation_count, sizeof(*relocations), compare_relocations);
	err = add_section(&plt, ".plt", list);
	if (err < 0)
		return err;
	/* Sorted for a second time, since stubs of .plt are in the list now. */
	symbol_list_sort(list);
	return add_section(&plt, ".plt.sec", list);
}
