/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/debug_sections.h"

#include <string.h>

#include "base/cleanup.h"
#include "symbolize/elf_reader.h"

#define CRC_ALIGN 4

/* Copies a section of at most size bytes; false when it has more, or cannot be read. */
static bool read_section(struct elf_reader *reader, const Elf64_Shdr *section, void *ret,
			 size_t size)
{
	return section->sh_size <= size &&
	       elf_reader_read(reader, section->sh_offset, ret, section->sh_size) == 0;
}

/* A name that leads elsewhere than into the directory it is looked for in is none. */
static bool is_file_name(const char *name)
{
	return name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* A name, zeros up to a multiple of four, and a CRC in the byte order of the file. */
static void read_link(struct elf_reader *reader, const Elf64_Shdr *section,
		      struct debug_sections *ret)
{
	char bytes[sizeof(ret->link_name) + CRC_ALIGN + sizeof(ret->link_crc)];
	size_t length, crc_at;

	if (!read_section(reader, section, bytes, sizeof(bytes)))
		return;
	length = strnlen(bytes, section->sh_size);
	crc_at = (length + CRC_ALIGN) & ~(size_t)(CRC_ALIGN - 1);
	if (length >= sizeof(ret->link_name) || crc_at + sizeof(ret->link_crc) > section->sh_size ||
	    !is_file_name(bytes))
		return;
	memcpy(ret->link_name, bytes, length + 1);
	memcpy(&ret->link_crc, bytes + crc_at, sizeof(ret->link_crc));
}

/* A path, a zero, and the build id of the file there. */
static void read_alt_link(struct elf_reader *reader, const Elf64_Shdr *section,
			  struct debug_sections *ret)
{
	char bytes[sizeof(ret->alt_path) + BUILD_ID_SIZE_MAX];
	size_t length, id_size;

	if (!read_section(reader, section, bytes, sizeof(bytes)))
		return;
	length = strnlen(bytes, section->sh_size);
	if (!length || length >= sizeof(ret->alt_path) || length == section->sh_size)
		return;
	id_size = section->sh_size - length - 1;
	if (!id_size || id_size > BUILD_ID_SIZE_MAX)
		return;
	memcpy(ret->alt_path, bytes, length + 1);
	ret->alt_id.size = (uint8_t)id_size;
	memcpy(ret->alt_id.bytes, bytes + length + 1, id_size);
}

static void read_named(struct elf_reader *reader, const Elf64_Shdr *section, const char *name,
		       struct debug_sections *ret)
{
	if (strcmp(name, ".debug_info") == 0 || strcmp(name, ".zdebug_info") == 0)
		ret->has_dwarf = true;
	if (strcmp(name, ".gnu_debuglink") == 0)
		read_link(reader, section, ret);
	if (strcmp(name, ".gnu_debugaltlink") == 0)
		read_alt_link(reader, section, ret);
	if (strcmp(name, ".gnu_debugdata") == 0) {
		ret->mini_offset = section->sh_offset;
		ret->mini_size = section->sh_size;
	}
}

int debug_sections_read(int fd, struct debug_sections *ret)
{
	CLEANUP(elf_reader_done) struct elf_reader reader = { .fd = -1 };
	int err = elf_reader_open(fd, &reader);

	if (err < 0)
		return err;
	err = elf_reader_read_sections(&reader);
	if (err < 0)
		return err;
	*ret = (struct debug_sections){ .machine = reader.machine, .is_64bit = reader.is_64bit };
	for (size_t i = 0; i < reader.section_count; i++) {
		const Elf64_Shdr *section = &reader.sections[i];

		/* A debug file has the headers of what stayed in the program, and no bytes. */
		if (!section->sh_size || !elf_reader_has_bytes(&reader, section))
			continue;
		if (section->sh_type == SHT_SYMTAB)
			ret->has_symtab = true;
		else
			read_named(&reader, section, elf_reader_section_name(&reader, section),
				   ret);
	}
	return 0;
}
