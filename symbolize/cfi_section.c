/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/cfi_section.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "symbolize/cfi_scan.h"
#include "symbolize/dwarf_reader.h"

/* .eh_frame_hdr up to the pointer to .eh_frame; LSB 5.0 Core, 10.6. */
#define EH_FRAME_HDR_VERSION  1
#define EH_FRAME_HDR_SIZE_MAX 16

void cfi_sections_done(struct cfi_sections *sections)
{
	for (size_t i = 0; i < sections->count; i++)
		free(sections->list[i].bytes);
	*sections = (struct cfi_sections){ 0 };
}

static uint64_t total_size(const struct cfi_sections *sections)
{
	uint64_t size = 0;

	for (size_t i = 0; i < sections->count; i++)
		size += sections->list[i].size;
	return size;
}

/* Adds size bytes of the file at offset, described by section. */
static int add_bytes(struct elf_reader *reader, struct cfi_sections *sections, uint64_t offset,
		     uint64_t size, struct cfi_section section)
{
	CLEANUP(cleanup_free) uint8_t *bytes = NULL;
	int err;

	if (!size || sections->count == CFI_SECTIONS_MAX)
		return 0;
	if (size > CFI_SECTION_SIZE_MAX || total_size(sections) > CFI_SECTION_SIZE_MAX - size)
		return elf_reader_fail(reader, -EFBIG, "too much call frame information");
	bytes = malloc(size);
	if (!bytes)
		return elf_reader_fail(reader, -ENOMEM, "out of memory");
	err = elf_reader_read(reader, offset, bytes, size);
	if (err < 0)
		return err;
	section.bytes = TAKE(bytes);
	section.size = size;
	sections->list[sections->count++] = section;
	return 0;
}

/*
 * Replaces the bytes of a section that begins with a compression header by what is in them: by none
 * where another algorithm has been used, which no compiler does unless it is told to.
 */
static int decompress(struct elf_reader *reader, struct cfi_section *section)
{
	CLEANUP(cleanup_free) uint8_t *bytes = NULL;
	Elf64_Chdr header;
	uLongf size;

	if (section->size < sizeof(header))
		return elf_reader_fail(reader, -ENOEXEC, "a compressed section is cut");
	memcpy(&header, section->bytes, sizeof(header));
	if (header.ch_type != ELFCOMPRESS_ZLIB) {
		section->size = 0;
		return 0;
	}
	if (header.ch_size > CFI_SECTION_SIZE_MAX)
		return elf_reader_fail(reader, -EFBIG, "too much call frame information");
	size = header.ch_size;
	bytes = malloc(size ? size : 1);
	if (!bytes)
		return elf_reader_fail(reader, -ENOMEM, "out of memory");
	if (uncompress(bytes, &size, section->bytes + sizeof(header),
		       section->size - sizeof(header)) != Z_OK ||
	    size != header.ch_size)
		return elf_reader_fail(reader, -ENOEXEC, "a compressed section is damaged");
	free(section->bytes);
	section->bytes = TAKE(bytes);
	section->size = size;
	return 0;
}

/*
 * What Go's compiler says in .debug_frame is for debuggers that know Go: functions that switch
 * stacks look as if they did not, and that rbp is saved is left out. But Go's code keeps frame
 * pointers.
 */
bool cfi_is_go(const struct elf_reader *reader)
{
	for (size_t i = 0; i < reader->section_count; i++) {
		const char *name = elf_reader_section_name(reader, &reader->sections[i]);

		if (strcmp(name, ".gopclntab") == 0 || strcmp(name, ".data.rel.ro.gopclntab") == 0)
			return true;
	}
	return false;
}

static int add_section(struct elf_reader *reader, const Elf64_Shdr *header,
		       struct cfi_sections *sections)
{
	const char *name = elf_reader_section_name(reader, header);
	struct cfi_section section = { .address = header->sh_addr, .is_size_known = true };
	size_t count = sections->count;
	int err;

	/* Its type is SHT_PROGBITS or, from some compilers, one of the processor's. */
	if (strcmp(name, ".debug_frame") == 0 && !cfi_is_go(reader))
		section.is_debug_frame = true;
	else if (strcmp(name, ".eh_frame") != 0 || !(header->sh_flags & SHF_ALLOC))
		return 0;
	/* In a separate debug file .eh_frame has no bytes. */
	if (header->sh_type == SHT_NOBITS)
		return 0;
	if (!elf_reader_has_bytes(reader, header))
		return elf_reader_fail(reader, -ENOEXEC, "a section is beyond the file");
	err = add_bytes(reader, sections, header->sh_offset, header->sh_size, section);
	if (err < 0 || count == sections->count || !(header->sh_flags & SHF_COMPRESSED))
		return err;
	return decompress(reader, &sections->list[count]);
}

static const Elf64_Phdr *find_segment(const struct elf_reader *reader, uint32_t type)
{
	for (size_t i = 0; i < reader->segment_count; i++)
		if (reader->segments[i].p_type == type)
			return &reader->segments[i];
	return NULL;
}

/* The bytes of the file from address to the end of its segment; false when there are none. */
static bool find_bytes(const struct elf_reader *reader, uint64_t address, uint64_t *ret_offset,
		       uint64_t *ret_size)
{
	for (size_t i = 0; i < reader->segment_count; i++) {
		const Elf64_Phdr *segment = &reader->segments[i];
		uint64_t at = address - segment->p_vaddr;

		if (segment->p_type != PT_LOAD || address < segment->p_vaddr ||
		    at >= segment->p_filesz || segment->p_offset > reader->size ||
		    segment->p_filesz > reader->size - segment->p_offset)
			continue;
		*ret_offset = segment->p_offset + at;
		*ret_size = segment->p_filesz - at;
		return true;
	}
	return false;
}

/* The address of .eh_frame as .eh_frame_hdr has it; false when there is none. */
static bool read_eh_frame_hdr(struct elf_reader *reader, uint64_t *ret_address)
{
	const Elf64_Phdr *segment = find_segment(reader, PT_GNU_EH_FRAME);
	uint8_t bytes[EH_FRAME_HDR_SIZE_MAX];
	struct dwarf_reader header;
	struct dwarf_bases bases;
	uint8_t version, encoding;

	if (!segment)
		return false;
	if (elf_reader_read(reader, segment->p_offset, bytes, sizeof(bytes)) < 0)
		return false;
	header = dwarf_reader_of(bytes, sizeof(bytes), segment->p_vaddr);
	bases = (struct dwarf_bases){ .has_data = true, .data = segment->p_vaddr };
	version = dwarf_u8(&header);
	encoding = dwarf_u8(&header);
	/* The encodings of the search table, which we do without. */
	(void)dwarf_u16(&header);
	*ret_address = dwarf_pointer(&header, encoding, &bases);
	return version == EH_FRAME_HDR_VERSION && !header.failed;
}

/* .eh_frame of a file whose section headers do not tell. */
static int add_unnamed(struct elf_reader *reader, struct cfi_sections *sections)
{
	struct cfi_section section = { 0 };
	uint64_t offset, size;
	int err;

	if (!read_eh_frame_hdr(reader, &section.address) ||
	    !find_bytes(reader, section.address, &offset, &size)) {
		err = cfi_scan(reader, &section.address);
		if (err < 0)
			return err == -ENOENT ? 0 : err;
		if (!find_bytes(reader, section.address, &offset, &size))
			return 0;
	}
	if (size > CFI_SECTION_SIZE_MAX - total_size(sections))
		size = CFI_SECTION_SIZE_MAX - total_size(sections);
	return add_bytes(reader, sections, offset, size, section);
}

static bool has_eh_frame(const struct cfi_sections *sections)
{
	for (size_t i = 0; i < sections->count; i++)
		if (!sections->list[i].is_debug_frame)
			return true;
	return false;
}

int cfi_sections_read(struct elf_reader *reader, struct cfi_sections *ret)
{
	CLEANUP(cfi_sections_done) struct cfi_sections sections = { 0 };
	int err;

	/* Nobody needs section headers to run: broken ones are as good as none. */
	err = elf_reader_read_sections(reader);
	if (err < 0 && err != -ENOEXEC)
		return err;
	for (size_t i = 0; i < reader->section_count; i++) {
		err = add_section(reader, &reader->sections[i], &sections);
		if (err < 0)
			return err;
	}
	/* A linker may have put .eh_frame into another section, and .debug_frame has not all of it.
	 */
	if (!has_eh_frame(&sections)) {
		err = add_unnamed(reader, &sections);
		if (err < 0)
			return err;
	}
	*ret = sections;
	sections = (struct cfi_sections){ 0 };
	return 0;
}
