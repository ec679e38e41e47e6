/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/elf_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SECTION_NAMES_MAX (1 << 20)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_DATA ELFDATA2LSB
#else
#define NATIVE_DATA ELFDATA2MSB
#endif

int elf_reader_read(struct elf_reader *reader, uint64_t offset, void *ret, size_t size)
{
	size_t done = 0;

	if (offset > reader->size || size > reader->size - offset)
		return elf_reader_fail(reader, -ENOEXEC, "the file is shorter than it claims");
	while (done < size) {
		ssize_t n =
			pread(reader->fd, (char *)ret + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return elf_reader_fail(reader, -EIO, "the file cannot be read");
		if (n == 0)
			return elf_reader_fail(reader, -ENOEXEC, "the file became shorter");
		done += (size_t)n;
	}
	return 0;
}

bool elf_reader_has_bytes(const struct elf_reader *reader, const Elf64_Shdr *section)
{
	return section->sh_type != SHT_NOBITS && section->sh_offset <= reader->size &&
	       section->sh_size <= reader->size - section->sh_offset;
}

const char *elf_reader_section_name(const struct elf_reader *reader, const Elf64_Shdr *section)
{
	if (section->sh_name >= reader->section_names_size)
		return "";
	return reader->section_names + section->sh_name;
}

/* Reads a table of fixed-size entries into a new buffer. */
static int read_table(struct elf_reader *reader, uint64_t offset, size_t count, size_t entry_size,
		      void *ret_table)
{
	CLEANUP(cleanup_free) void *table = calloc(count, entry_size);
	int err;

	if (!table)
		return elf_reader_fail(reader, -ENOMEM, "out of memory");
	err = elf_reader_read(reader, offset, table, count * entry_size);
	if (err < 0)
		return err;
	*(void **)ret_table = TAKE(table);
	return 0;
}

static Elf64_Phdr widen_segment(const Elf32_Phdr *segment)
{
	return (Elf64_Phdr){
		.p_type = segment->p_type,
		.p_flags = segment->p_flags,
		.p_offset = segment->p_offset,
		.p_vaddr = segment->p_vaddr,
		.p_paddr = segment->p_paddr,
		.p_filesz = segment->p_filesz,
		.p_memsz = segment->p_memsz,
		.p_align = segment->p_align,
	};
}

static Elf64_Shdr widen_section(const Elf32_Shdr *section)
{
	return (Elf64_Shdr){
		.sh_name = section->sh_name,
		.sh_type = section->sh_type,
		.sh_flags = section->sh_flags,
		.sh_addr = section->sh_addr,
		.sh_offset = section->sh_offset,
		.sh_size = section->sh_size,
		.sh_link = section->sh_link,
		.sh_info = section->sh_info,
		.sh_addralign = section->sh_addralign,
		.sh_entsize = section->sh_entsize,
	};
}

static int read_segments(struct elf_reader *reader, uint64_t offset, size_t count)
{
	CLEANUP(cleanup_free) Elf32_Phdr *narrow = NULL;
	CLEANUP(cleanup_free) Elf64_Phdr *segments = NULL;
	int err;

	if (!count)
		return 0;
	if (count > ELF_SEGMENTS_MAX)
		return elf_reader_fail(reader, -ENOEXEC, "too many segments");
	if (reader->is_64bit) {
		err = read_table(reader, offset, count, sizeof(*segments), &segments);
		if (err < 0)
			return err;
	} else {
		err = read_table(reader, offset, count, sizeof(*narrow), &narrow);
		if (err < 0)
			return err;
		segments = calloc(count, sizeof(*segments));
		if (!segments)
			return elf_reader_fail(reader, -ENOMEM, "out of memory");
		for (size_t i = 0; i < count; i++)
			segments[i] = widen_segment(&narrow[i]);
	}
	reader->segments = TAKE(segments);
	reader->segment_count = count;
	return 0;
}

static int read_section_headers(struct elf_reader *reader)
{
	CLEANUP(cleanup_free) Elf32_Shdr *narrow = NULL;
	CLEANUP(cleanup_free) Elf64_Shdr *sections = NULL;
	size_t count = reader->section_header_count;
	int err;

	if (reader->is_64bit) {
		err = read_table(reader, reader->section_offset, count, sizeof(*sections),
				 &sections);
		if (err < 0)
			return err;
	} else {
		err = read_table(reader, reader->section_offset, count, sizeof(*narrow), &narrow);
		if (err < 0)
			return err;
		sections = calloc(count, sizeof(*sections));
		if (!sections)
			return elf_reader_fail(reader, -ENOMEM, "out of memory");
		for (size_t i = 0; i < count; i++)
			sections[i] = widen_section(&narrow[i]);
	}
	reader->sections = TAKE(sections);
	reader->section_count = count;
	return 0;
}

static int read_section_names(struct elf_reader *reader)
{
	CLEANUP(cleanup_free) char *names = NULL;
	const Elf64_Shdr *section;
	int err;

	if (reader->section_names_index >= reader->section_count)
		return 0;
	section = &reader->sections[reader->section_names_index];
	if (section->sh_type != SHT_STRTAB || section->sh_size > SECTION_NAMES_MAX)
		return 0;
	names = malloc(section->sh_size + 1);
	if (!names)
		return elf_reader_fail(reader, -ENOMEM, "out of memory");
	err = elf_reader_read(reader, section->sh_offset, names, section->sh_size);
	if (err < 0)
		return err;
	names[section->sh_size] = '\0';
	reader->section_names = TAKE(names);
	reader->section_names_size = section->sh_size;
	return 0;
}

int elf_reader_read_sections(struct elf_reader *reader)
{
	int err;

	if (reader->sections || !reader->section_offset)
		return 0;
	/* Zero with an offset is the escape for 65280 sections and more, which only .o files use.
	 */
	if (!reader->section_header_count || reader->section_header_count > ELF_SECTIONS_MAX)
		return elf_reader_fail(reader, -ENOEXEC, "too many sections");
	err = read_section_headers(reader);
	if (err < 0)
		return err;
	return read_section_names(reader);
}

static int check_ident(struct elf_reader *reader, const unsigned char *ident)
{
	if (memcmp(ident, ELFMAG, SELFMAG) != 0)
		return elf_reader_fail(reader, -ENOEXEC, "not an ELF file");
	if (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64)
		return elf_reader_fail(reader, -ENOEXEC, "neither 32 nor 64 bits wide");
	if (ident[EI_DATA] != NATIVE_DATA)
		return elf_reader_fail(reader, -ENOEXEC, "of another byte order");
	if (ident[EI_VERSION] != EV_CURRENT)
		return elf_reader_fail(reader, -ENOEXEC, "of an unknown ELF version");
	return 0;
}

static Elf64_Ehdr widen_header(const Elf32_Ehdr *header)
{
	return (Elf64_Ehdr){
		.e_type = header->e_type,
		.e_machine = header->e_machine,
		.e_entry = header->e_entry,
		.e_phoff = header->e_phoff,
		.e_shoff = header->e_shoff,
		.e_phentsize = header->e_phentsize,
		.e_phnum = header->e_phnum,
		.e_shentsize = header->e_shentsize,
		.e_shnum = header->e_shnum,
		.e_shstrndx = header->e_shstrndx,
	};
}

static int read_header(struct elf_reader *reader, Elf64_Ehdr *ret)
{
	unsigned char ident[EI_NIDENT];
	Elf32_Ehdr narrow;
	int err;

	if (reader->size < sizeof(ident))
		return elf_reader_fail(reader, -ENOEXEC, "not an ELF file");
	err = elf_reader_read(reader, 0, ident, sizeof(ident));
	if (err < 0)
		return err;
	err = check_ident(reader, ident);
	if (err < 0)
		return err;
	reader->is_64bit = ident[EI_CLASS] == ELFCLASS64;
	if (reader->is_64bit)
		return elf_reader_read(reader, 0, ret, sizeof(*ret));
	err = elf_reader_read(reader, 0, &narrow, sizeof(narrow));
	if (err < 0)
		return err;
	*ret = widen_header(&narrow);
	return 0;
}

static int check_header(struct elf_reader *reader, const Elf64_Ehdr *header)
{
	size_t segment_size = reader->is_64bit ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	size_t section_size = reader->is_64bit ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	bool needs_32bit = header->e_machine == EM_386 || header->e_machine == EM_ARM;

	if (header->e_machine == EM_NONE || (needs_32bit && reader->is_64bit))
		return elf_reader_fail(reader, -ENOEXEC, "for no known machine");
	if (header->e_phnum && header->e_phentsize != segment_size)
		return elf_reader_fail(reader, -ENOEXEC, "wrong size of segment headers");
	if (header->e_shnum && header->e_shentsize != section_size)
		return elf_reader_fail(reader, -ENOEXEC, "wrong size of section headers");
	return 0;
}

int elf_reader_open(int fd, struct elf_reader *ret)
{
	struct elf_reader reader = { .fd = fd };
	Elf64_Ehdr header = { 0 };
	struct stat status;
	int err;

	if (fstat(fd, &status) < 0)
		return -errno;
	/* Anything else may block, or has no size to check against. */
	if (!S_ISREG(status.st_mode))
		return -ENOEXEC;
	reader.size = (uint64_t)status.st_size;
	err = read_header(&reader, &header);
	if (err < 0)
		return err;
	err = check_header(&reader, &header);
	if (err < 0)
		return err;
	reader.machine = header.e_machine;
	reader.entry = header.e_entry;
	reader.section_offset = header.e_shoff;
	reader.section_header_count = header.e_shnum;
	reader.section_names_index = header.e_shstrndx;
	err = read_segments(&reader, header.e_phoff, header.e_phnum);
	if (err < 0)
		return err;
	*ret = reader;
	return 0;
}

void elf_reader_drop_sections(struct elf_reader *reader)
{
	free(reader->sections);
	free(reader->section_names);
	reader->sections = NULL;
	reader->section_count = 0;
	reader->section_names = NULL;
	reader->section_names_size = 0;
}

void elf_reader_done(struct elf_reader *reader)
{
	elf_reader_drop_sections(reader);
	free(reader->segments);
	*reader = (struct elf_reader){ .fd = -1 };
}
