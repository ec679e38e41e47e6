/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hashmap.h"
#include "symbolize/elf_symbols.h"
#include "symbolize/file_change.h"

/* _start does little more than call: it is 38 bytes in programs, and less in loaders. */
#define ENTRY_SIZE 64

struct elf_file {
	int fd;                   /* -1 after loading, unless it can rest */
	struct stat opened;       /* what it was then */
	bool is_rewritten;        /* since; known after loading */
	struct elf_reader reader; /* its segments stay */
	struct build_id build_id;
	struct elf_symbols symbols;
	struct elf_symbols debug_symbols; /* of a separate file */
	const char *error;
};

static void cleanup_elf_file(struct elf_file **file)
{
	elf_file_free(*file);
}

void elf_file_free(struct elf_file *file)
{
	if (!file)
		return;
	cleanup_fd(&file->fd);
	elf_reader_done(&file->reader);
	elf_symbols_done(&file->symbols);
	elf_symbols_done(&file->debug_symbols);
	free(file);
}

int elf_file_open(int fd, struct elf_file **ret)
{
	CLEANUP(cleanup_fd) int owned_fd = fd;
	CLEANUP(cleanup_elf_file) struct elf_file *file = calloc(1, sizeof(*file));
	int err;

	if (!file)
		return -ENOMEM;
	file->fd = TAKE_FD(owned_fd);
	if (fstat(file->fd, &file->opened) < 0)
		return -errno;
	err = elf_reader_open(file->fd, &file->reader);
	if (err < 0)
		return err;
	err = build_id_read(file->fd, &file->build_id);
	if (err < 0 && err != -ENOENT)
		return err;
	*ret = TAKE(file);
	return 0;
}

const struct build_id *elf_file_build_id(const struct elf_file *file)
{
	return &file->build_id;
}

const struct stat *elf_file_status(const struct elf_file *file)
{
	return &file->opened;
}

/* Its times and what is not loaded of it may change: with the same build id it is the same code. */
static bool is_rewritten(const struct elf_file *file)
{
	const struct build_id *opened = &file->build_id;
	struct build_id now;

	if (file_is_as_before(file->fd, &file->opened))
		return false;
	return !opened->size || build_id_read(file->fd, &now) < 0 || !build_id_equal(&now, opened);
}

static void note_error(struct elf_file *file, const char *error)
{
	if (!file->error)
		file->error = error;
}

static int read_symbols(struct elf_file *file, struct elf_reader *reader, uint64_t bytes_max,
			struct elf_symbols *ret)
{
	struct elf_symbols symbols;
	int err = elf_symbols_read(reader, &symbols);

	note_error(file, reader->error);
	if (err < 0)
		return err;
	if (elf_symbols_bytes(&symbols) > bytes_max) {
		note_error(file, "no room for its symbols beside those of other files");
		elf_symbols_done(&symbols);
		return -EFBIG;
	}
	*ret = symbols;
	return 0;
}

int elf_file_load(struct elf_file *file, uint64_t bytes_max, bool can_rest)
{
	struct elf_reader *reader = &file->reader;
	int err = read_symbols(file, reader, bytes_max, &file->symbols);

	if (is_rewritten(file)) {
		elf_symbols_done(&file->symbols);
		file->symbols = (struct elf_symbols){ 0 };
		file->is_rewritten = true;
		file->error = err < 0 ? file->error : "it was written to after it had been mapped";
		err = err < 0 ? err : -ESTALE;
	}
	elf_reader_drop_sections(reader);
	if (can_rest)
		return err;
	cleanup_fd(&file->fd);
	file->fd = -1;
	reader->fd = -1;
	return err;
}

void elf_file_rest(struct elf_file *file)
{
	elf_symbols_done(&file->symbols);
	elf_symbols_done(&file->debug_symbols);
	file->symbols = file->debug_symbols = (struct elf_symbols){ 0 };
}

bool elf_file_is_rewritten(const struct elf_file *file)
{
	return file->is_rewritten;
}

int elf_file_add_debug(struct elf_file *file, int fd, uint64_t bytes_max)
{
	CLEANUP(cleanup_fd) int owned_fd = fd;
	struct elf_symbols symbols = { 0 };
	struct elf_reader reader;
	int err = elf_reader_open(owned_fd, &reader);

	if (err < 0) {
		note_error(file, "its debug file cannot be read");
		return err;
	}
	/* Its segments and sections have the addresses of the file it was split from. */
	err = read_symbols(file, &reader, bytes_max, &symbols);
	/* Its table is all that it was for. */
	if (!err && reader.error && !symbols.count)
		err = -ENOEXEC;
	elf_reader_done(&reader);
	if (err < 0) {
		elf_symbols_done(&symbols);
		return err;
	}
	elf_symbols_done(&file->debug_symbols);
	file->debug_symbols = symbols;
	return 0;
}

uint64_t elf_file_debug_bytes(const struct elf_file *file)
{
	return elf_symbols_bytes(&file->debug_symbols);
}

uint64_t elf_file_bytes(const struct elf_file *file)
{
	return elf_symbols_bytes(&file->symbols) + elf_file_debug_bytes(file);
}

const char *elf_file_error(const struct elf_file *file)
{
	return file->error;
}

/* Finds the segment that maps file_offset; code is looked for in executable ones first. */
static bool find_address(const struct elf_reader *reader, uint64_t file_offset, bool executable,
			 uint64_t *ret_address)
{
	for (size_t i = 0; i < reader->segment_count; i++) {
		const Elf64_Phdr *segment = &reader->segments[i];

		if (segment->p_type != PT_LOAD || !!(segment->p_flags & PF_X) != executable)
			continue;
		if (file_offset < segment->p_offset ||
		    file_offset - segment->p_offset >= segment->p_filesz)
			continue;
		*ret_address = segment->p_vaddr + (file_offset - segment->p_offset);
		return true;
	}
	return false;
}

uint64_t elf_file_address(const struct elf_file *file, uint64_t file_offset)
{
	uint64_t address;

	if (find_address(&file->reader, file_offset, true, &address) ||
	    find_address(&file->reader, file_offset, false, &address))
		return address;
	return file_offset;
}

uint64_t elf_file_mapped_address(const struct elf_file *file, uint64_t file_offset, uint64_t size)
{
	const struct elf_reader *reader = &file->reader;

	for (size_t i = 0; i < reader->segment_count; i++) {
		const Elf64_Phdr *segment = &reader->segments[i];

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
			continue;
		if (segment->p_offset < file_offset + size &&
		    file_offset < segment->p_offset + segment->p_filesz)
			return segment->p_vaddr + (file_offset - segment->p_offset);
	}
	return elf_file_address(file, file_offset);
}

bool elf_file_is_entry(const struct elf_file *file, uint64_t file_offset)
{
	uint64_t entry = file->reader.entry, address = elf_file_address(file, file_offset);

	return entry && address >= entry && address - entry < ENTRY_SIZE;
}

/* The next executable segment from *index on; NULL: there is none. */
static const Elf64_Phdr *next_code(const struct elf_reader *reader, size_t *index)
{
	while (*index < reader->segment_count) {
		const Elf64_Phdr *segment = &reader->segments[(*index)++];

		if (segment->p_type == PT_LOAD && segment->p_flags & PF_X)
			return segment;
	}
	return NULL;
}

static bool has_same_code(const struct elf_reader *a, const struct elf_reader *b)
{
	size_t a_index = 0, b_index = 0;

	for (;;) {
		const Elf64_Phdr *a_code = next_code(a, &a_index), *b_code = next_code(b, &b_index);

		if (!a_code || !b_code)
			return a_code == b_code;
		if (a_code->p_offset != b_code->p_offset || a_code->p_vaddr != b_code->p_vaddr ||
		    a_code->p_filesz != b_code->p_filesz)
			return false;
	}
}

bool elf_file_is_copy(const struct elf_file *a, const struct elf_file *b)
{
	return build_id_equal(&a->build_id, &b->build_id) && a->opened.st_uid == b->opened.st_uid &&
	       a->reader.size == b->reader.size && has_same_code(&a->reader, &b->reader);
}

uint64_t elf_file_hash(const struct elf_file *file, uint64_t seed)
{
	uint64_t hash = hash_bytes_seeded(seed, file->build_id.bytes, file->build_id.size);
	const Elf64_Phdr *code;
	size_t index = 0;

	hash = hash_u64(hash + file->opened.st_uid);
	hash = hash_u64(hash + file->reader.size);
	while ((code = next_code(&file->reader, &index)) != NULL)
		hash = hash_u64(hash_u64(hash_u64(hash + code->p_offset) + code->p_vaddr) +
				code->p_filesz);
	return hash;
}

int elf_file_dup_fd(const struct elf_file *file)
{
	int fd = file->fd < 0 ? -1 : fcntl(file->fd, F_DUPFD_CLOEXEC, 3);

	if (fd >= 0)
		return fd;
	return file->fd < 0 ? -EBADF : -errno;
}

/*
 * Of two symbols that cover the address, the one that begins last has it, as in one table: what
 * .dynsym exports without a size reaches over static functions, which only the debug file knows,
 * and PLT stubs and what a small debug file leaves out only the file itself has.
 */
const char *elf_file_find(const struct elf_file *file, uint64_t file_offset)
{
	const struct elf_symbols *own = &file->symbols, *debug = &file->debug_symbols;
	uint64_t address = elf_file_address(file, file_offset);
	const struct symbol_range *in_own, *in_debug;

	in_own = symbol_range_find(own->ranges, own->count, address);
	in_debug = symbol_range_find(debug->ranges, debug->count, address);
	if (in_debug && (!in_own || in_debug->address >= in_own->address))
		return debug->names + in_debug->name;
	return in_own ? own->names + in_own->name : NULL;
}
