/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One binary with all that names its code: its own symbols, those of a separate debug file, and
 * DWARF. Loaded when the first address is named. Who adds modules sets what is above is_loaded, and
 * leaves the rest to who names.
 */
#ifndef EPROF_SYMBOLIZE_MODULE_H
#define EPROF_SYMBOLIZE_MODULE_H

#include <stdbool.h>

#include "base/hashmap.h"
#include "symbolize/debug_source.h"
#include "symbolize/elf_file.h"
#include "symbolize/symbolize.h"

struct module {
	struct module *next; /* of all modules, for freeing */
	struct elf_file *file;
	char *path;
	const char *name; /* inside path */
	int root_fd;      /* of the process it was found in; borrowed; -1: ours */

	bool is_loaded;
	bool can_rest;   /* its file stays open */
	bool is_resting; /* its symbols have been given up, and are read again when needed */
	uint64_t used_s; /* when it was needed last, by the symbolizer's clock */
	struct module *next_loaded; /* of the loaded ones */
	const char *error;
	bool has_own_symbols; /* the file's own tables could be read */
	enum debug_source_kind symbols_from, dwarf_from;
	bool has_dwarf;
	uint32_t dwarf_file; /* as struct dwarf_lookup calls it */
	/* What DWARF refers to and was not found; size 0: nothing. A copy of the DWARF, to be
	 * handed over again with it; or -1. */
	struct build_id missing_alt;
	int dwarf_fd;
	uint64_t symbol_bytes; /* of the budget */
	struct hashmap known;  /* address -> where its frames are in known_frames */
	struct frame *known_frames;
	size_t known_count, known_capacity;
	uint64_t *wanted; /* DWARF_LOOKUP_MAX, or NULL: to be asked for with the next */
	size_t wanted_count;
	uint64_t frames, unnamed; /* asked for, and what had no name */
};

/*
 * What the symbols of all modules may take: the files are strangers', and each may claim millions.
 * All that a machine runs has a quarter of it.
 */
#define MODULE_SYMBOL_BYTES_MAX (UINT64_C(1) << 30)

struct symbol_budget {
	uint64_t bytes_left;
	uint64_t refused; /* tables that there was no room for */
};

/* What loading needs to know. */
struct module_sources {
	struct debug_search search;    /* without the module's own root */
	struct dwarf_lookup dwarf;     /* zero: none */
	missing_debug_handler missing; /* NULL: nobody is told */
	void *missing_context;
	struct symbol_budget *symbols;
	bool can_rest; /* what is loaded now: its file stays open for it */
};

/* Takes file, also when it fails. path is copied; root_fd is borrowed. 0 or -ENOMEM. */
int module_new(struct elf_file *file, const char *path, int root_fd, struct module **ret);
void module_free(struct module *module); /* NULL is fine */

/* Reads the symbols and finds the DWARF, once; what went wrong is in module->error. After
 * module_rest() the symbols are read again. */
void module_load(struct module *module, const struct module_sources *sources);

/* Gives up the memory of its symbols, unless it has some that would have to be sent for again:
 * then, or when it has given them up before, false. */
bool module_rest(struct module *module, const struct module_sources *sources);

/*
 * Adds the debug file of a loaded module's build; takes fd, also when it fails. 0, or -errno as
 * symbolizer_add_debug_file().
 */
int module_add_debug_file(struct module *module, const struct module_sources *sources, int fd);

/* The same for the file of missing_alt, with which all is asked for again; -ENOENT none is missing.
 */
int module_add_alt(struct module *module, const struct module_sources *sources, int fd);

/* The file of missing_alt will not come. */
void module_give_up_alt(struct module *module);

#endif
