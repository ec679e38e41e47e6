/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small ELF files made to order, 64 or 32 bits wide: one executable segment, a note segment with a
 * build id, and the sections a test asks for.
 */
#ifndef EPROF_TESTS_UNIT_ELF_IMAGE_H
#define EPROF_TESTS_UNIT_ELF_IMAGE_H

#include <assert.h>
#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The code is here in the file, and there in memory. */
#define TEXT_OFFSET  0x200
#define TEXT_ADDRESS 0x401200
#define TEXT_SIZE    0x400
#define TEXT_SECTION 1

#define IMAGE_SECTIONS_MAX 16

struct elf_image {
	bool narrow;
	uint8_t bytes[8192];
	size_t size;
	Elf64_Shdr sections[IMAGE_SECTIONS_MAX];
	size_t section_count;
	char names[256];
	size_t names_size;
	size_t note_offset, note_size;
};

struct image_symbol {
	const char *name;
	uint64_t address, size;
	uint8_t info;
	uint16_t section;
};

#define FUNCTION(binding) ELF64_ST_INFO(binding, STT_FUNC)
#define LABEL(binding)    ELF64_ST_INFO(binding, STT_NOTYPE)

static inline size_t image_append(struct elf_image *image, const void *bytes, size_t size)
{
	size_t offset = (image->size + 15) & ~(size_t)15;

	assert(offset + size <= sizeof(image->bytes));
	if (size)
		memcpy(image->bytes + offset, bytes, size);
	image->size = offset + size;
	return offset;
}

/* Fills in name, offset and size of the section; returns its index. */
static inline uint32_t image_add(struct elf_image *image, const char *name, Elf64_Shdr section,
				 const void *bytes, size_t size)
{
	section.sh_name = (uint32_t)image->names_size;
	section.sh_offset = image_append(image, bytes, size);
	section.sh_size = size;
	memcpy(image->names + image->names_size, name, strlen(name) + 1);
	image->names_size += strlen(name) + 1;
	assert(image->section_count < IMAGE_SECTIONS_MAX);
	image->sections[image->section_count] = section;
	return (uint32_t)image->section_count++;
}

static inline void image_begin(struct elf_image *image, bool narrow)
{
	static const uint8_t text[TEXT_SIZE];
	static const char note[] = "\4\0\0\0\4\0\0\0\3\0\0\0GNU\0\xde\xad\xbe\xef";

	*image = (struct elf_image){ .narrow = narrow, .size = TEXT_OFFSET };
	image_add(image, "", (Elf64_Shdr){ 0 }, NULL, 0);
	memset(&image->sections[0], 0, sizeof(image->sections[0]));
	image_add(image, ".text",
		  (Elf64_Shdr){ .sh_type = SHT_PROGBITS,
				.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
				.sh_addr = TEXT_ADDRESS },
		  text, sizeof(text));
	image->note_offset = image_append(image, note, sizeof(note) - 1);
	image->note_size = sizeof(note) - 1;
}

/* Adds a symbol table and its names; returns the index of the table. */
static inline uint32_t image_add_symbols(struct elf_image *image, uint32_t type,
					 const struct image_symbol *symbols, size_t count)
{
	bool is_dynamic = type == SHT_DYNSYM;
	Elf64_Sym wide[32] = { 0 };
	Elf32_Sym narrow[32] = { 0 };
	char names[1024] = "";
	size_t names_size = 1;
	uint32_t strings;

	assert(count < 32);
	for (size_t i = 0; i < count; i++) {
		const struct image_symbol *symbol = &symbols[i];

		wide[i + 1] = (Elf64_Sym){ (uint32_t)names_size, symbol->info,    0,
					   symbol->section,      symbol->address, symbol->size };
		narrow[i + 1] = (Elf32_Sym){ (uint32_t)names_size,
					     (uint32_t)symbol->address,
					     (uint32_t)symbol->size,
					     symbol->info,
					     0,
					     symbol->section };
		memcpy(names + names_size, symbol->name, strlen(symbol->name) + 1);
		names_size += strlen(symbol->name) + 1;
	}
	strings = image_add(image, is_dynamic ? ".dynstr" : ".strtab",
			    (Elf64_Shdr){ .sh_type = SHT_STRTAB }, names, names_size);
	return image_add(
		image, is_dynamic ? ".dynsym" : ".symtab",
		(Elf64_Shdr){ .sh_type = type,
			      .sh_link = strings,
			      .sh_entsize = image->narrow ? sizeof(Elf32_Sym) : sizeof(Elf64_Sym) },
		image->narrow ? (void *)narrow : (void *)wide,
		(count + 1) * (image->narrow ? sizeof(Elf32_Sym) : sizeof(Elf64_Sym)));
}

static inline void image_end_wide(struct elf_image *image, uint16_t names_index)
{
	Elf64_Phdr segments[] = {
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_X,
		  .p_offset = TEXT_OFFSET,
		  .p_vaddr = TEXT_ADDRESS,
		  .p_filesz = TEXT_SIZE,
		  .p_memsz = TEXT_SIZE },
		{ .p_type = PT_NOTE,
		  .p_flags = PF_R,
		  .p_offset = image->note_offset,
		  .p_filesz = image->note_size,
		  .p_align = 4 },
	};
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_phentsize = sizeof(segments[0]),
		.e_phnum = 2,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = (uint16_t)image->section_count,
		.e_shstrndx = names_index,
	};

	header.e_shoff =
		image_append(image, image->sections, image->section_count * sizeof(Elf64_Shdr));
	memcpy(image->bytes, &header, sizeof(header));
	memcpy(image->bytes + sizeof(header), segments, sizeof(segments));
}

static inline void image_end_narrow(struct elf_image *image, uint16_t names_index)
{
	Elf32_Phdr segments[] = {
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R | PF_X,
		  .p_offset = TEXT_OFFSET,
		  .p_vaddr = TEXT_ADDRESS,
		  .p_filesz = TEXT_SIZE,
		  .p_memsz = TEXT_SIZE },
		{ .p_type = PT_NOTE,
		  .p_flags = PF_R,
		  .p_offset = (uint32_t)image->note_offset,
		  .p_filesz = (uint32_t)image->note_size,
		  .p_align = 4 },
	};
	Elf32_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_phentsize = sizeof(segments[0]),
		.e_phnum = 2,
		.e_shentsize = sizeof(Elf32_Shdr),
		.e_shnum = (uint16_t)image->section_count,
		.e_shstrndx = names_index,
	};
	Elf32_Shdr sections[IMAGE_SECTIONS_MAX];

	for (size_t i = 0; i < image->section_count; i++) {
		const Elf64_Shdr *wide = &image->sections[i];

		sections[i] = (Elf32_Shdr){
			.sh_name = wide->sh_name,
			.sh_type = wide->sh_type,
			.sh_flags = (uint32_t)wide->sh_flags,
			.sh_addr = (uint32_t)wide->sh_addr,
			.sh_offset = (uint32_t)wide->sh_offset,
			.sh_size = (uint32_t)wide->sh_size,
			.sh_link = wide->sh_link,
			.sh_info = wide->sh_info,
			.sh_entsize = (uint32_t)wide->sh_entsize,
		};
	}
	header.e_shoff =
		(uint32_t)image_append(image, sections, image->section_count * sizeof(sections[0]));
	memcpy(image->bytes, &header, sizeof(header));
	memcpy(image->bytes + sizeof(header), segments, sizeof(segments));
}

static inline void image_end(struct elf_image *image)
{
	char names[sizeof(image->names)];
	uint32_t index;

	/* The section's own name is added while its bytes are copied: reserve it first. */
	memcpy(names, image->names, image->names_size);
	memcpy(names + image->names_size, ".shstrtab", sizeof(".shstrtab"));
	index = image_add(image, ".shstrtab", (Elf64_Shdr){ .sh_type = SHT_STRTAB }, names,
			  image->names_size + sizeof(".shstrtab"));
	if (image->narrow)
		image_end_narrow(image, (uint16_t)index);
	else
		image_end_wide(image, (uint16_t)index);
}

/* A file with these bytes, open for reading; the caller closes it. */
static inline int file_of(const void *bytes, size_t size)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert(fd >= 0);
	assert(pwrite(fd, bytes, size, 0) == (ssize_t)size);
	return fd;
}

#endif
