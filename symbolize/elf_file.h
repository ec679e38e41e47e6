/* SPDX-License-Identifier: Apache-2.0 */
/* One ELF binary: its build id, where its segments are loaded from, and its functions' names. */
#ifndef EPROF_SYMBOLIZE_ELF_FILE_H
#define EPROF_SYMBOLIZE_ELF_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "symbolize/symbolize.h"

struct elf_file;

/*
 * Takes fd, also when it fails. Reads headers and the build id; the descriptor stays open until
 * elf_file_load(), or as long as the file does. 0, or -errno: -ENOEXEC not an ELF file of this byte order, or one that
 * contradicts itself; -ENOMEM, -EIO.
 */
int elf_file_open(int fd, struct elf_file **ret);
void elf_file_free(struct elf_file *file); /* NULL is fine */

const struct build_id *elf_file_build_id(const struct elf_file *file);
const struct stat *elf_file_status(const struct elf_file *file); /* when it was opened */

/*
 * Reads the symbols, of which it keeps bytes_max bytes at most, and closes the descriptor unless
 * elf_file_rest() is to be possible; once, and again after each of those. 0, or -errno: then there are no names. -EFBIG: they are more, or beyond another limit. -ESTALE: the
 * file was written to since it was opened, and is of another build now.
 */
int elf_file_load(struct elf_file *file, uint64_t bytes_max, bool can_rest);

/* Gives back what the names take, until they are loaded again. */
void elf_file_rest(struct elf_file *file);
bool elf_file_is_rewritten(const struct elf_file *file); /* that, or cut off */

/*
 * Adds the names of a separate debug file of the same build, in place of one that was added before;
 * takes fd, also when it fails. 0, or -errno: then the names stay what they were. -EFBIG: those of
 * the debug file take more than bytes_max, or are beyond another limit.
 */
int elf_file_add_debug(struct elf_file *file, int fd, uint64_t bytes_max);

/* What the names take, of memory; those of the debug file with them. */
uint64_t elf_file_bytes(const struct elf_file *file);
uint64_t elf_file_debug_bytes(const struct elf_file *file);

/*
 * What was wrong first while loading or adding a debug file, possibly with one of several tables
 * only: static text, or NULL.
 */
const char *elf_file_error(const struct elf_file *file);

/* The address that file_offset is linked at; file_offset itself where no segment holds it. */
uint64_t elf_file_address(const struct elf_file *file, uint64_t file_offset);

/*
 * Where file_offset would be linked, going by the executable segment that overlaps the size bytes
 * from there on: a mapping begins at a page, which may be before its segment.
 */
uint64_t elf_file_mapped_address(const struct elf_file *file, uint64_t file_offset, uint64_t size);

/* Whether file_offset lies in what runs first of a program or of its loader, named or not. */
bool elf_file_is_entry(const struct elf_file *file, uint64_t file_offset);

/*
 * Whether both have the same build id, and nothing speaks against their being the same build:
 * anybody can put the id of a well-known library into a file of their own. Its owner, its size and
 * its code's place tell.
 */
bool elf_file_is_copy(const struct elf_file *a, const struct elf_file *b);
/* Equal for copies. seed: as hash_seed() gives one. */
uint64_t elf_file_hash(const struct elf_file *file, uint64_t seed);

/* A copy of the descriptor, the caller's to close; -EBADF when it has been closed, or -errno. */
int elf_file_dup_fd(const struct elf_file *file);

/* The name of the function that covers this offset of the file, as in its symbol table; or NULL. */
const char *elf_file_find(const struct elf_file *file, uint64_t file_offset);

#endif
