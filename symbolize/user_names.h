/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of user code: debug information tells of inlined functions and lines, the symbol table of
 * functions. Each address of a module is looked up once.
 */
#ifndef EPROF_SYMBOLIZE_USER_NAMES_H
#define EPROF_SYMBOLIZE_USER_NAMES_H

#include "base/hashmap.h"
#include "symbolize/module.h"
#include "symbolize/string_pool.h"

/* The zero value is empty. */
struct user_names {
	size_t count;               /* frames that modules know, together */
	struct hashmap shown;       /* name in a file -> name to show: each is demangled once */
	struct string_pool strings; /* all that was handed out */
	uint64_t bytes_max;         /* of strings, which are never forgotten; 0: 256 MiB */
	uint64_t forgotten;         /* how often there were too many frames */
	uint64_t unkept;            /* names and paths that are missing for want of room */
};

/* What modules know has its strings: they are not asked any more. */
void user_names_done(struct user_names *names);

/* Gives up what is known of a module's addresses; what was handed out stays. */
void user_names_rest(struct user_names *names, struct module *module);

/* Notes what of a loaded module will be asked for: several are cheaper together. */
void user_names_want(struct module *module, uint64_t file_offset);

/*
 * The frames of an address of a loaded module, as symbolize_user() has them. file_offset is where
 * it is in the module's file. loaded: all modules that have been loaded, as they may have to
 * forget.
 */
size_t user_names_find(struct user_names *names, const struct dwarf_lookup *dwarf,
		       struct module *loaded, struct module *module, uint64_t file_offset,
		       struct frame *ret, size_t n);

#endif
