/* SPDX-License-Identifier: Apache-2.0 */
/* One file with DWARF, mapped by libdw; where its code is, and what its units refer to elsewhere.
 */
#ifndef EPROF_SYMBOLIZE_DWARF_FILE_H
#define EPROF_SYMBOLIZE_DWARF_FILE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

#include "symbolize/dwarf_names.h"

struct elf_reader;

struct dwarf_section {
	const uint8_t *bytes; /* NULL: not there */
	size_t size;
};

struct dwarf_code {
	uint64_t low, high; /* [low, high) */
};

/* Of a file that libdw would open. */
enum dwarf_presence {
	DWARF_UNKNOWN,
	DWARF_ABSENT,
	DWARF_PRESENT,
	DWARF_DANGEROUS,
};

struct dwarf_file {
	int fd;
	uint64_t inflated_max; /* what compressed sections of one file may become */
	bool has_info, is_mapped, alternate_is_mapped;
	/* NULL without debug information. What it gives out is gone after dwarf_file_renew(). */
	Dwarf *dwarf;
	Elf *elf; /* has the sections: what points into these is gone after dwarf_file_reopen() */
	bool can_be_renewed; /* as far as its sections go */
	bool has_split;      /* libdw has opened files with split units */
	struct dwarf_section line, line_str, str;

	/* The executable sections, sorted; code_low is where the first one begins. */
	struct dwarf_code *code;
	size_t code_count;
	uint64_t code_low, code_high;

	int alternate_fd;
	Dwarf *alternate; /* of the dwz file; NULL: not given */

	enum dwarf_presence package; /* of split units: FILE.dwp */

	struct dwarf_stats *stats; /* borrowed */
};

/* Takes fd, also when it fails. On success *ret needs dwarf_file_done(). -errno as in the API. */
int dwarf_file_open(int fd, uint64_t inflated_max, struct dwarf_stats *stats,
		    struct dwarf_file *ret);
void dwarf_file_done(struct dwarf_file *file);

/* See dwarf_names_set_alternate(). */
int dwarf_file_set_alternate(struct dwarf_file *file, int fd);

/* Gives back all that libdw has allocated, by beginning anew. 0 or -errno: then dwarf is NULL. */
int dwarf_file_reopen(struct dwarf_file *file);

/*
 * Gives back what libdw has allocated for units and abbreviations; sections that were inflated stay
 * where they are. 0; -EOPNOTSUPP: nothing was done, as there is a dwz file, or split units, or what
 * would have to be inflated again; -errno: then dwarf is NULL.
 */
int dwarf_file_renew(struct dwarf_file *file);

/* Takes the file's pages out of our memory; they stay in the kernel's, and come back when read. */
void dwarf_file_rest(const struct dwarf_file *file);

/*
 * The code from low to high as bytes from code_low on. False when it is empty, or when no code of
 * the file begins there: linkers leave 0, 1, -1 or -2 in place of functions that they discard.
 */
bool dwarf_file_place(const struct dwarf_file *file, uint64_t low, uint64_t high, uint32_t *ret_low,
		      uint32_t *ret_high);

/* How many bytes there are from the unit's entry to the end of the unit. */
uint64_t dwarf_file_extent(Dwarf_Die *unit);

/* A section by its name, inflated; also .zdebug_NAME where .debug_NAME is asked for. */
struct dwarf_section dwarf_file_section(Dwarf *dwarf, const char *name);

/* -EFBIG when the compressed sections become larger than max together; -ENOEXEC, -EIO. */
int dwarf_file_check_inflated(struct elf_reader *reader, uint64_t max);

static inline void dwarf_refuse(const struct dwarf_file *file, enum dwarf_refusal why)
{
	file->stats->refused[why]++;
}

#endif
