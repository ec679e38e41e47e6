/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/elf_symbols.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "symbolize/elf_names.h"
#include "symbolize/elf_plt.h"

#define BATCH_SIZE 32768

/* Which string table a symbol's name is in. */
enum { STRINGS_SYMTAB, STRINGS_DYNSYM, STRINGS_COUNT };

/* Symbols at one address: a function before a PLT stub before a label, then as the bits say. */
enum {
	RANK_SYMTAB = 1 << 0,
	RANK_SIZED = 1 << 1,
	RANK_WEAK = 1 << 2,
	RANK_GLOBAL = 1 << 3,
	RANK_PLT = 1 << 4,
	RANK_FUNCTION = 1 << 5,
};

struct symbol_scan {
	struct elf_reader *reader;
	struct symbol_list list;
	struct string_table strings[STRINGS_COUNT];
	const Elf64_Shdr *dynsym;
	struct code_range segments[ELF_SEGMENTS_MAX]; /* executable ones, in file order */
	size_t segment_count;
};

static void cleanup_scan(struct symbol_scan *scan)
{
	symbol_list_done(&scan->list);
}

static bool has_mapping_symbols(uint16_t machine)
{
	return machine == EM_ARM || machine == EM_AARCH64 || machine == EM_RISCV;
}

/* A function, or a label in code such as _start, which assemblers leave without a type. */
static bool is_code(const struct symbol_scan *scan, const Elf64_Sym *symbol)
{
	const struct elf_reader *reader = scan->reader;
	unsigned int type = ELF64_ST_TYPE(symbol->st_info);

	if (!symbol->st_name || symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= SHN_LORESERVE)
		return false;
	if (type == STT_FUNC || type == STT_GNU_IFUNC)
		return true;
	if (type != STT_NOTYPE || symbol->st_shndx >= reader->section_count)
		return false;
	if (ELF64_ST_BIND(symbol->st_info) == STB_LOCAL && has_mapping_symbols(reader->machine))
		return false;
	return reader->sections[symbol->st_shndx].sh_flags & SHF_EXECINSTR;
}

static uint8_t symbol_rank(const Elf64_Sym *symbol, uint8_t strings)
{
	unsigned int binding = ELF64_ST_BIND(symbol->st_info);
	unsigned int rank = 0;

	if (ELF64_ST_TYPE(symbol->st_info) != STT_NOTYPE)
		rank |= RANK_FUNCTION;
	if (binding == STB_GLOBAL || binding == STB_GNU_UNIQUE)
		rank |= RANK_GLOBAL;
	if (binding == STB_WEAK)
		rank |= RANK_WEAK;
	if (symbol->st_size)
		rank |= RANK_SIZED;
	if (strings == STRINGS_SYMTAB)
		rank |= RANK_SYMTAB;
	return (uint8_t)rank;
}

static const struct code_range *find_segment(const struct symbol_scan *scan, uint64_t address)
{
	for (size_t i = 0; i < scan->segment_count; i++) {
		const struct code_range *segment = &scan->segments[i];

		if (address >= segment->start && address < segment->end)
			return segment;
	}
	return NULL;
}

static int add_symbol(struct symbol_scan *scan, const Elf64_Sym *elf_symbol, uint8_t strings)
{
	struct symbol symbol = {
		.address = elf_symbol->st_value,
		.name = elf_symbol->st_name,
		.strings = strings,
		.is_label = ELF64_ST_TYPE(elf_symbol->st_info) == STT_NOTYPE,
	};
	const struct code_range *segment;
	uint64_t size = elf_symbol->st_size;
	int err;

	if (!is_code(scan, elf_symbol))
		return 0;
	if (scan->reader->machine == EM_ARM)
		symbol.address &= ~1ULL; /* marks Thumb code */
	segment = find_segment(scan, symbol.address);
	if (!segment)
		return 0;
	if (size > segment->end - symbol.address)
		size = segment->end - symbol.address;
	symbol.size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
	symbol.rank = symbol_rank(elf_symbol, strings);
	err = symbol_list_add(&scan->list, &symbol);
	if (err < 0)
		return elf_reader_fail(scan->reader, err,
				       err == -EFBIG ? "too many symbols" : "out of memory");
	return 0;
}

static Elf64_Sym get_symbol(const struct elf_reader *reader, const void *batch, size_t i)
{
	const Elf32_Sym *narrow;

	if (reader->is_64bit)
		return ((const Elf64_Sym *)batch)[i];
	narrow = (const Elf32_Sym *)batch + i;
	return (Elf64_Sym){
		.st_name = narrow->st_name,
		.st_info = narrow->st_info,
		.st_other = narrow->st_other,
		.st_shndx = narrow->st_shndx,
		.st_value = narrow->st_value,
		.st_size = narrow->st_size,
	};
}

static int scan_table(struct symbol_scan *scan, const Elf64_Shdr *section, uint8_t strings)
{
	struct elf_reader *reader = scan->reader;
	size_t entry_size = reader->is_64bit ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	size_t batch_count = BATCH_SIZE / entry_size;
	_Alignas(Elf64_Sym) char batch[BATCH_SIZE];
	uint64_t count = section->sh_size / entry_size;

	for (uint64_t first = 0; first < count; first += batch_count) {
		size_t n = count - first < batch_count ? (size_t)(count - first) : batch_count;
		int err = elf_reader_read(reader, section->sh_offset + first * entry_size, batch,
					  n * entry_size);

		if (err < 0)
			return err;
		for (size_t i = 0; i < n; i++) {
			const Elf64_Sym symbol = get_symbol(reader, batch, i);

			err = add_symbol(scan, &symbol, strings);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

/* Scans the first section of this type. Unusable tables are noted and skipped: *ret stays NULL. */
static int scan_section(struct symbol_scan *scan, uint32_t type, uint8_t strings,
			const Elf64_Shdr **ret_section)
{
	struct elf_reader *reader = scan->reader;
	size_t entry_size = reader->is_64bit ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	const Elf64_Shdr *section = NULL, *names;

	for (size_t i = 0; i < reader->section_count && !section; i++) {
		if (reader->sections[i].sh_type == type)
			section = &reader->sections[i];
	}
	if (!section)
		return 0;
	if (section->sh_entsize != entry_size || section->sh_link >= reader->section_count ||
	    !elf_reader_has_bytes(reader, section)) {
		(void)elf_reader_fail(reader, -ENOEXEC, "a symbol table contradicts itself");
		return 0;
	}
	if (section->sh_size / entry_size > SYMBOL_ENTRIES_MAX) {
		(void)elf_reader_fail(reader, -EFBIG, "a symbol table has too many entries");
		return 0;
	}
	names = &reader->sections[section->sh_link];
	if (names->sh_type != SHT_STRTAB || !elf_reader_has_bytes(reader, names)) {
		(void)elf_reader_fail(reader, -ENOEXEC, "a symbol table has no names");
		return 0;
	}
	scan->strings[strings] = (struct string_table){
		.offset = names->sh_offset,
		.size = names->sh_size < SYMBOL_STRINGS_MAX ? names->sh_size : SYMBOL_STRINGS_MAX,
	};
	*ret_section = section;
	return scan_table(scan, section, strings);
}

static void find_code_segments(struct symbol_scan *scan)
{
	for (size_t i = 0; i < scan->reader->segment_count; i++) {
		const Elf64_Phdr *segment = &scan->reader->segments[i];
		struct code_range range = { segment->p_vaddr, UINT64_MAX };

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
			continue;
		if (segment->p_memsz < UINT64_MAX - range.start)
			range.end = range.start + segment->p_memsz;
		scan->segments[scan->segment_count++] = range;
	}
}

static int compare_code(const void *left, const void *right)
{
	const struct code_range *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

/* Executable sections: what a symbol without a size cannot reach beyond. */
static struct code_range *code_sections(const struct elf_reader *reader, size_t *ret_count)
{
	struct code_range *code = calloc(reader->section_count, sizeof(*code));
	size_t count = 0;

	if (!code)
		return NULL;
	for (size_t i = 0; i < reader->section_count; i++) {
		const Elf64_Shdr *section = &reader->sections[i];

		if ((section->sh_flags & SHF_EXECINSTR) &&
		    section->sh_size < UINT64_MAX - section->sh_addr)
			code[count++] = (struct code_range){ section->sh_addr,
							     section->sh_addr + section->sh_size };
	}
	qsort(code, count, sizeof(*code), compare_code);
	*ret_count = count;
	return code;
}

/* Fills the list with everything that has a place, sorted. */
static int collect(struct symbol_scan *scan)
{
	const Elf64_Shdr *symtab;
	int err;

	find_code_segments(scan);
	err = scan_section(scan, SHT_SYMTAB, STRINGS_SYMTAB, &symtab);
	if (err < 0)
		return err;
	err = scan_section(scan, SHT_DYNSYM, STRINGS_DYNSYM, &scan->dynsym);
	if (err < 0)
		return err;
	symbol_list_sort(&scan->list);
	/* Stubs are an extra: reader->error tells what was wrong with them. */
	if (elf_plt_add(scan->reader, scan->dynsym, STRINGS_DYNSYM, RANK_PLT, &scan->list) ==
	    -ENOMEM)
		return -ENOMEM;
	symbol_list_sort(&scan->list);
	return 0;
}

int elf_symbols_read(struct elf_reader *reader, struct elf_symbols *ret)
{
	CLEANUP(cleanup_scan) struct symbol_scan scan = { .reader = reader };
	CLEANUP(cleanup_free) struct code_range *code = NULL;
	CLEANUP(cleanup_free) struct symbol_range *ranges = NULL;
	CLEANUP(cleanup_free) char *names = NULL;
	size_t code_count = 0, count = 0, names_size = 0;
	int err;

	err = elf_reader_read_sections(reader);
	if (err < 0)
		return err;
	if (!reader->section_count)
		return elf_reader_fail(reader, -ENOEXEC, "no section headers");
	err = collect(&scan);
	if (err < 0)
		return err;
	err = elf_names_read(reader, scan.strings, STRINGS_COUNT, &scan.list, &names, &names_size);
	if (err < 0)
		return err;
	code = code_sections(reader, &code_count);
	if (!code)
		return elf_reader_fail(reader, -ENOMEM, "out of memory");
	err = symbol_list_cut(&scan.list, code, code_count, &ranges, &count);
	if (err < 0)
		return elf_reader_fail(reader, err, "out of memory");
	*ret = (struct elf_symbols){
		.ranges = TAKE(ranges),
		.count = count,
		.names = TAKE(names),
		.names_size = names_size,
	};
	return 0;
}

void elf_symbols_done(struct elf_symbols *symbols)
{
	free(symbols->ranges);
	free(symbols->names);
	*symbols = (struct elf_symbols){ 0 };
}
