/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses to chains of inlined functions with file and line, from the DWARF of one file (versions
 * 2 to 5; split, compressed, or with what it shares moved to a dwz file). libdw reads units,
 * entries and forms; what is looked up is our own: a unit is indexed when the first address falls
 * into it, and from then on an address is a few binary searches.
 *
 * Not thread-safe. Everything that the file controls has a limit here, but libdw works on mapped
 * files: who truncates a file while it is read makes the process die of SIGBUS, and libdw may have
 * errors of its own. So it belongs into a process that may die.
 */
#ifndef EPROF_SYMBOLIZE_DWARF_NAMES_H
#define EPROF_SYMBOLIZE_DWARF_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolize/symbolize.h"

struct dwarf_names;

struct dwarf_options {
	/* What indexes, names and libdw together may hold, about; 0: 256 MiB. Units that were not
	 * used for long are dropped for others; one that does not fit alone is refused. */
	uint64_t bytes_max;
	/* What compressed sections of one file may become; 0: 2 GiB. */
	uint64_t inflated_max;
};

/*
 * Strings are as in the file (linkage names are not demangled), and live until dwarf_names_free().
 */
struct dwarf_frame {
	/* Linkage name where there is one. NULL only in the last frame of an answer, when the file
	 * says where control is, but not in which function: then the symbol table has to tell. */
	const char *name;
	const char *file; /* with its directory; NULL unknown */
	/* Where control is in this function; 0 unknown. The innermost one's is from the line table,
	 * of the others it is where the one before was called. */
	uint32_t line;
	bool is_inlined; /* into the next one */
};

/* Why something has no names. Units, unless said otherwise. */
enum dwarf_refusal {
	DWARF_REFUSED_LARGE,     /* beyond a limit */
	DWARF_REFUSED_MALFORMED, /* contradicts itself; what was read before that is used */
	DWARF_REFUSED_SPLIT,     /* its .dwo file is missing */
	DWARF_REFUSED_PACKAGE,   /* its .dwp file needs libdw 0.191 */
	DWARF_REFUSED_ALTERNATE, /* names: in a dwz file that was not given */
	DWARF_REFUSED_DISCARDED, /* ranges: where the file has no code, as the linker leaves them */
	DWARF_REFUSALS,
};

struct dwarf_stats {
	uint64_t units;                            /* found, without those of types */
	uint64_t indexed;                          /* now */
	uint64_t indexings, evictions, reopenings; /* evictions: for want of room */
	uint64_t bytes;                            /* held now; libdw's part is estimated */
	uint64_t refused[DWARF_REFUSALS];
};

/*
 * Takes fd, also when it fails. Only the headers are read; debug information is mapped, and found
 * out about at the first look-up. options may be NULL. 0, or -errno: -ENOEXEC not a linked ELF file
 * of this byte order, or damaged; -EFBIG compressed sections beyond the limit; -ENOMEM, -EIO.
 */
int dwarf_names_open(int fd, const struct dwarf_options *options, struct dwarf_names **ret);
void dwarf_names_free(struct dwarf_names *names); /* NULL is fine */

/*
 * Hands over the dwz file that this one shares entries with; fd is taken, also on failure. Before
 * the first look-up, and once; names in it are missing otherwise. 0, or -errno: as
 * dwarf_names_open(), -EFBIG also for too many units, -ESTALE for another build id, -EINVAL when
 * there is none to set.
 */
int dwarf_names_set_alternate(struct dwarf_names *names, int fd);

/*
 * Who is at this address of the file: the innermost (inlined) function first, the real one last.
 * Returns how many frames were written: 1 to n, or 0 where nothing is known. Of a longer chain it
 * is the first n. For a return address, pass the one before.
 */
size_t dwarf_names_find(struct dwarf_names *names, uint64_t address, struct dwarf_frame *ret,
			size_t n);

/* For a pause: takes what can be read again out of memory. What was asked for is kept. */
void dwarf_names_rest(struct dwarf_names *names);

/*
 * For who goes on for months: drops the units that nobody has asked for since the call before. They
 * are indexed again when somebody does.
 */
void dwarf_names_forget(struct dwarf_names *names);

void dwarf_names_stats(const struct dwarf_names *names, struct dwarf_stats *ret);

#endif
