/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of an ELF file, 32 or 64 bits wide, of this machine's byte order, all in 64-bit form.
 * Everything is copied by pread() in bounded pieces and checked before memory is allocated for it:
 * the file's owner may lie about sizes, and may rewrite or truncate the file while it is read
 * (which rules out mmap(), and libraries that size their tables by what the file claims).
 */
#ifndef EPROF_SYMBOLIZE_ELF_READER_H
#define EPROF_SYMBOLIZE_ELF_READER_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Linked files have some 40 sections and 15 segments; what exceeds this is no program. */
#define ELF_SECTIONS_MAX 4096
#define ELF_SEGMENTS_MAX 128

struct elf_reader {
	int fd; /* borrowed */
	uint64_t size;
	bool is_64bit;
	uint16_t machine;
	uint64_t entry; /* where the program, or the loader, begins; 0: nowhere */
	Elf64_Phdr *segments;
	size_t segment_count;
	Elf64_Shdr *sections; /* none before elf_reader_read_sections() */
	size_t section_count;
	char *section_names; /* 0-terminated */
	size_t section_names_size;
	const char *error; /* what was wrong last: static text, or NULL */

	/* Where the section headers are. */
	uint64_t section_offset;
	uint16_t section_header_count, section_names_index;
};

/*
 * Reads the file header and the segments. On success *ret needs elf_reader_done(). 0, or -errno:
 * -ENOEXEC not an ELF file of this byte order or one that contradicts itself, -ENOMEM, -EIO.
 */
int elf_reader_open(int fd, struct elf_reader *ret);
/* Reads the section headers and their names. A file without any is no error. */
int elf_reader_read_sections(struct elf_reader *reader);
/* Frees what elf_reader_read_sections() read; the segments stay. */
void elf_reader_drop_sections(struct elf_reader *reader);
void elf_reader_done(struct elf_reader *reader); /* the zero value is fine; fd stays open */

/* Copies size bytes at offset. -ENOEXEC when the file has fewer, -EIO when it cannot be read. */
int elf_reader_read(struct elf_reader *reader, uint64_t offset, void *ret, size_t size);

/* Name of a section, "" when it has none. */
const char *elf_reader_section_name(const struct elf_reader *reader, const Elf64_Shdr *section);

/* True when the section's bytes are all inside the file. */
bool elf_reader_has_bytes(const struct elf_reader *reader, const Elf64_Shdr *section);

/* Notes what was wrong (text is static) and returns err. Inline, so that analyzers see it fail. */
static inline int elf_reader_fail(struct elf_reader *reader, int err, const char *text)
{
	reader->error = text;
	return err;
}

#endif
