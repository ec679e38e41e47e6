/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where one binary's debug information is. Looked for in this order; the first place that has
 * .symtab gives the symbols, the first one that has .debug_info the DWARF:
 *
 *   1. --symfs: the same path below a directory that the user names, of the same build;
 *   2. the file itself;
 *   3. DEBUG/.build-id/AB/CDEF.debug, of the same build;
 *   4. the name in .gnu_debuglink: beside the file, in .debug/ beside it, in DEBUG/DIR/. Its CRC
 *      must be right, and its build id the same where both files have one;
 *   5. .gnu_debugdata (symbols only);
 *   6. debuginfod: not asked here, but debug_source_add_download() takes what it has sent.
 *
 * 3 comes before 4 because a build id is 160 bits that the linker made of the contents, and a CRC
 * 32 bits, for which the whole file has to be read. 6 comes last because it takes seconds; its
 * symbols replace those of 5, which lack what has no code. DEBUG is a directory such as
 * /usr/lib/debug, and every path is tried in one root directory after the other: a container has
 * its own.
 *
 * DWARF may refer to a file that several programs share (.gnu_debugaltlink, made by dwz). It is
 * looked for by its path, by the path's end below DEBUG/.dwz/ and by build id, which must be right.
 *
 * What is found names the code of all processes that have mapped the binary, and anybody can make a
 * mount namespace with our /usr in it, and with a /usr/lib/debug, or a directory around a bind
 * mount of the binary, of their own; build ids are public, and a CRC is soon made up. So in every
 * root, ours included, only files of root, of the binary's owner and of our own user are taken, and
 * none that everybody may write to, unless everybody may write to the binary: stat(2) tells owners
 * as our user namespace sees them, and in theirs nobody can make files of our root. Who is root in
 * a container without a user namespace is trusted. What is below symfs was chosen by the user.
 */
#ifndef EPROF_SYMBOLIZE_DEBUG_SOURCE_H
#define EPROF_SYMBOLIZE_DEBUG_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "symbolize/link_crc.h"
#include "symbolize/symbolize.h"

enum debug_source_kind {
	DEBUG_NONE,
	DEBUG_IN_FILE,
	DEBUG_SYMFS,
	DEBUG_BUILD_ID,
	DEBUG_LINK,
	DEBUG_MINI,
	DEBUG_DEBUGINFOD,
	DEBUG_ALT_LINK, /* by the path in .gnu_debugaltlink; only of debug_files.alt */
	DEBUG_SOURCE_KINDS
};

/* How statistics call it: "none", "file", "symfs", "build_id", ... Static text. */
const char *debug_source_name(enum debug_source_kind kind);

/* Where to look; all of it borrowed. Descriptors of directories: O_PATH suffices. */
struct debug_search {
	int symfs;        /* -1: none. For debug files it is the first of the roots */
	const int *roots; /* such as a process's root, then our own; the first ones are preferred */
	size_t root_count;
	const char *debug_directory; /* "/usr/lib/debug", in each root */
	bool wants_dwarf;            /* otherwise only symbols are looked for */
	struct link_crcs *crcs;
};

/* Whose debug information; all of it borrowed. */
struct debug_module {
	int fd; /* open for reading; its offset stays */
	/* As the process sees it, without " (deleted)". NULL or not absolute: not in a directory.
	 */
	const char *path;
	const struct build_id *build_id;
	const struct stat *status; /* of the file: whose it is */
};

struct debug_file {
	enum debug_source_kind kind;
	int fd; /* the caller's, also with DEBUG_IN_FILE; -1 with DEBUG_NONE */
};

struct debug_files {
	struct debug_file symbols; /* has .symtab */
	struct debug_file dwarf;   /* has .debug_info */
	struct debug_file alt;     /* what dwarf refers to */
	struct build_id
		alt_id; /* size 0: dwarf refers to nothing. alt may be DEBUG_NONE all the same */
	/* What was wrong with one that was not taken: static text, or NULL. */
	const char *error;
};

/*
 * Finding nothing is no error. On success *ret needs debug_files_done(). -errno when the module
 * itself cannot be read, as elf_reader_open() (symbolize/elf_reader.h) has them.
 */
int debug_source_find(const struct debug_search *search, const struct debug_module *module,
		      struct debug_files *ret);

/*
 * Adds the debug file that debuginfod sent for module; takes fd, also when it fails. 0; -ESTALE it
 * is another build's; -ENODATA it has nothing that files lacks; -errno when it cannot be read.
 */
int debug_source_add_download(const struct debug_search *search, const struct debug_module *module,
			      int fd, struct debug_files *files);

/* The same for the file of files->alt_id. -ESTALE, -errno. */
int debug_source_add_alt(int fd, struct debug_files *files);

/* Closes what is there. A caller that keeps a descriptor sets it to -1, and leaves its kind. */
void debug_files_done(struct debug_files *files);

#endif
