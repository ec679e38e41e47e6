/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/dwarf_line_header.h"

#include <errno.h>

#include "base/array.h"

#define LENGTH_64BIT    0xffffffff
#define LENGTH_RESERVED 0xfffffff0

#define VERSION_MIN 2
#define VERSION_MAX 5

/* Directories and files of one table: those of large programs that are one unit have thousands. */
#define ENTRIES_MAX (1 << 20)

#define FORMATS_MAX 16

static uint64_t read_offset(struct dwarf_reader *reader, bool is_64bit)
{
	return is_64bit ? dwarf_u64(reader) : dwarf_u32(reader);
}

/* The next size bytes as a reader of their own. */
static struct dwarf_reader cut(struct dwarf_reader *reader, uint64_t size)
{
	const uint8_t *bytes = dwarf_bytes(reader, size);

	return bytes ? dwarf_reader_of(bytes, size, 0) : *reader;
}

bool dwarf_line_header_read(const struct dwarf_file *file, uint64_t offset,
			    struct dwarf_line_header *ret)
{
	struct dwarf_line_header header = { .operations_max = 1 };
	struct dwarf_reader reader;
	uint64_t length;

	if (offset >= file->line.size)
		return false;
	reader = dwarf_reader_of(file->line.bytes + offset, file->line.size - offset, 0);
	length = dwarf_u32(&reader);
	header.is_64bit = length == LENGTH_64BIT;
	if (header.is_64bit)
		length = dwarf_u64(&reader);
	else if (length >= LENGTH_RESERVED)
		return false;
	reader = cut(&reader, length);
	header.version = dwarf_u16(&reader);
	if (header.version < VERSION_MIN || header.version > VERSION_MAX)
		return false;
	if (header.version >= 5) {
		(void)dwarf_u8(&reader); /* size of addresses */
		(void)dwarf_u8(&reader); /* size of segment selectors */
	}
	length = read_offset(&reader, header.is_64bit);
	header.tables = cut(&reader, length);
	header.program = reader;
	header.instruction_size = dwarf_u8(&header.tables);
	if (header.version >= 4)
		header.operations_max = dwarf_u8(&header.tables);
	(void)dwarf_u8(&header.tables); /* whether rows are statements by default */
	header.line_base = (int8_t)dwarf_u8(&header.tables);
	header.line_range = dwarf_u8(&header.tables);
	header.opcode_base = dwarf_u8(&header.tables);
	if (!header.opcode_base || !header.line_range || !header.operations_max)
		return false;
	header.operand_counts = dwarf_bytes(&header.tables, header.opcode_base - 1);
	if (header.tables.failed || reader.failed)
		return false;
	*ret = header;
	return true;
}

const char *dwarf_line_string(struct dwarf_reader *reader)
{
	const char *string = (const char *)reader->at;
	const uint8_t *end = memchr(reader->at, 0, dwarf_left(reader));

	if (!end) {
		dwarf_fail(reader);
		return NULL;
	}
	reader->at = end + 1;
	return string;
}

static int add_directory(struct dwarf_lines *lines, const char *name)
{
	const char **directories = array_reserve(lines->directories, lines->directory_count,
						 &lines->directory_capacity, sizeof(*directories));

	if (!directories)
		return -ENOMEM;
	lines->directories = directories;
	if (lines->directory_count == ENTRIES_MAX)
		return -EFBIG;
	directories[lines->directory_count++] = name;
	return 0;
}

static int add_file(struct dwarf_lines *lines, const char *name, uint64_t directory)
{
	struct dwarf_line_file *files = array_reserve(lines->files, lines->file_count,
						      &lines->file_capacity, sizeof(*files));

	if (!files)
		return -ENOMEM;
	lines->files = files;
	if (lines->file_count == ENTRIES_MAX)
		return -EFBIG;
	files[lines->file_count++] = (struct dwarf_line_file){
		.name = name,
		.directory = directory > UINT32_MAX ? UINT32_MAX : (uint32_t)directory,
	};
	return 0;
}

int dwarf_line_header_add_file(struct dwarf_reader *reader, const char *name,
			       struct dwarf_lines *lines)
{
	uint64_t directory = dwarf_uleb128(reader);

	(void)dwarf_uleb128(reader); /* when it was changed */
	(void)dwarf_uleb128(reader); /* its size */
	return reader->failed ? -EBADMSG : add_file(lines, name, directory);
}

/* Versions 2 to 4: strings up to an empty one. Number 0 is the compilation's directory. */
static int read_old_tables(struct dwarf_reader *reader, struct dwarf_lines *lines)
{
	const char *name = NULL;
	int err = add_directory(lines, NULL);

	while (!err && (name = dwarf_line_string(reader)) && *name)
		err = add_directory(lines, name);
	while (!err && (name = dwarf_line_string(reader)) && *name)
		err = dwarf_line_header_add_file(reader, name, lines);
	if (err < 0)
		return err;
	return name ? 0 : -EBADMSG;
}

static const char *string_at(struct dwarf_section section, uint64_t offset)
{
	struct dwarf_reader reader;

	if (offset >= section.size)
		return NULL;
	reader = dwarf_reader_of(section.bytes + offset, section.size - offset, 0);
	return dwarf_line_string(&reader);
}

struct entry {
	const char *string; /* NULL: none, or in a section that is missing */
	uint64_t number;
};

/* One value of an entry, whatever it is about. */
static struct entry read_value(const struct dwarf_file *file, struct dwarf_line_header *header,
			       uint64_t form)
{
	struct dwarf_reader *reader = &header->tables;
	struct entry entry = { 0 };

	switch (form) {
	case DW_FORM_string:
		entry.string = dwarf_line_string(reader);
		break;
	case DW_FORM_line_strp:
		entry.string = string_at(file->line_str, read_offset(reader, header->is_64bit));
		break;
	case DW_FORM_strp:
		entry.string = string_at(file->str, read_offset(reader, header->is_64bit));
		break;
	case DW_FORM_strp_sup:
		(void)read_offset(reader, header->is_64bit);
		break;
	case DW_FORM_udata:
		entry.number = dwarf_uleb128(reader);
		break;
	case DW_FORM_data1:
		entry.number = dwarf_u8(reader);
		break;
	case DW_FORM_data2:
		entry.number = dwarf_u16(reader);
		break;
	case DW_FORM_data4:
		entry.number = dwarf_u32(reader);
		break;
	case DW_FORM_data8:
		entry.number = dwarf_u64(reader);
		break;
	case DW_FORM_data16:
		(void)dwarf_bytes(reader, 16);
		break;
	case DW_FORM_block:
		(void)dwarf_bytes(reader, dwarf_uleb128(reader));
		break;
	default:
		dwarf_fail(reader);
	}
	return entry;
}

/* Version 5: a list of what an entry consists of, and then the entries. */
static int read_entries(const struct dwarf_file *file, struct dwarf_line_header *header,
			bool is_files, struct dwarf_lines *lines)
{
	struct dwarf_reader *reader = &header->tables;
	uint64_t contents[FORMATS_MAX], forms[FORMATS_MAX], count;
	uint8_t format_count = dwarf_u8(reader);
	int err = 0;

	if (format_count > FORMATS_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < format_count; i++) {
		contents[i] = dwarf_uleb128(reader);
		forms[i] = dwarf_uleb128(reader);
	}
	count = dwarf_uleb128(reader);
	/* Entries may be empty: it takes more than the end of the bytes to end this. */
	if (count > ENTRIES_MAX || (count && !format_count))
		return -EBADMSG;
	for (uint64_t i = 0; i < count && !err; i++) {
		const char *path = NULL;
		uint64_t directory = 0;

		for (size_t j = 0; j < format_count; j++) {
			struct entry entry = read_value(file, header, forms[j]);

			if (contents[j] == DW_LNCT_path)
				path = entry.string;
			else if (contents[j] == DW_LNCT_directory_index)
				directory = entry.number;
		}
		if (reader->failed)
			return -EBADMSG;
		err = is_files ? add_file(lines, path, directory) : add_directory(lines, path);
	}
	return reader->failed ? -EBADMSG : err;
}

int dwarf_line_header_tables(const struct dwarf_file *file, struct dwarf_line_header *header,
			     struct dwarf_lines *lines)
{
	int err;

	lines->version = header->version;
	if (header->version < 5)
		return read_old_tables(&header->tables, lines);
	err = read_entries(file, header, false, lines);
	return err < 0 ? err : read_entries(file, header, true, lines);
}
