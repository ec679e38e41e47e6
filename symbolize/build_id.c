/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The GNU build id: a note with owner "GNU", found through the PT_NOTE segments, or through the
 * note sections of files without segments.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "symbolize/elf_reader.h"
#include "symbolize/symbolize.h"

/* A build id is among the first notes; the rest of a longer segment is not read. */
#define NOTES_SIZE_MAX 16384
#define NOTES_ALIGN    4 /* unless a segment says otherwise */

static size_t round_up(size_t size, size_t align)
{
	return (size + align - 1) & ~(align - 1);
}

/* Walks size bytes of notes. Sizes inside are 32-bit, so sums of them fit a size_t. */
static bool find_in_notes(const char *notes, size_t size, size_t align, struct build_id *ret)
{
	size_t at = 0;

	while (size - at >= sizeof(Elf64_Nhdr)) {
		struct build_id id = { 0 };
		Elf64_Nhdr note;
		size_t name, desc;

		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		desc = round_up(name + note.n_namesz, align);
		if (desc > size || note.n_descsz > size - desc)
			return false;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    memcmp(notes + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0 &&
		    note.n_descsz > 0 && note.n_descsz <= BUILD_ID_SIZE_MAX) {
			id.size = (uint8_t)note.n_descsz;
			memcpy(id.bytes, notes + desc, note.n_descsz);
			*ret = id;
			return true;
		}
		at = round_up(desc + note.n_descsz, align);
		if (at > size)
			return false;
	}
	return false;
}

static int read_notes(struct elf_reader *reader, uint64_t offset, uint64_t size, uint64_t align,
		      struct build_id *ret)
{
	char notes[NOTES_SIZE_MAX];
	size_t length = size < sizeof(notes) ? (size_t)size : sizeof(notes);
	int err = elf_reader_read(reader, offset, notes, length);

	if (err < 0)
		return err;
	return find_in_notes(notes, length, align == 8 ? 8 : NOTES_ALIGN, ret) ? 0 : -ENOENT;
}

static int find_in_segments(struct elf_reader *reader, struct build_id *ret)
{
	for (size_t i = 0; i < reader->segment_count; i++) {
		const Elf64_Phdr *segment = &reader->segments[i];

		if (segment->p_type == PT_NOTE &&
		    read_notes(reader, segment->p_offset, segment->p_filesz, segment->p_align,
			       ret) == 0)
			return 0;
	}
	return -ENOENT;
}

static int find_in_sections(struct elf_reader *reader, struct build_id *ret)
{
	for (size_t i = 0; i < reader->section_count; i++) {
		const Elf64_Shdr *section = &reader->sections[i];

		if (section->sh_type == SHT_NOTE &&
		    read_notes(reader, section->sh_offset, section->sh_size, section->sh_addralign,
			       ret) == 0)
			return 0;
	}
	return -ENOENT;
}

int build_id_read(int fd, struct build_id *ret)
{
	CLEANUP(elf_reader_done) struct elf_reader reader = { .fd = -1 };
	int err = elf_reader_open(fd, &reader);

	if (err < 0)
		return err;
	if (find_in_segments(&reader, ret) == 0)
		return 0;
	err = elf_reader_read_sections(&reader);
	if (err < 0)
		return -ENOENT; /* its segments are fine, and none holds an id */
	return find_in_sections(&reader, ret);
}

int build_id_read_notes(int fd, struct build_id *ret)
{
	char notes[NOTES_SIZE_MAX];
	ssize_t length = pread(fd, notes, sizeof(notes), 0);

	if (length < 0)
		return -errno;
	return find_in_notes(notes, (size_t)length, NOTES_ALIGN, ret) ? 0 : -ENOENT;
}
