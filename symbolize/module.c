/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/module.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The root of the process, and ours. */
#define ROOTS_MAX 2

int module_new(struct elf_file *file, const char *path, int root_fd, struct module **ret)
{
	struct module *module = calloc(1, sizeof(*module));
	char *copy = strdup(path), *slash;

	if (!module || !copy) {
		elf_file_free(file);
		free(module);
		free(copy);
		return -ENOMEM;
	}
	module->file = file;
	module->path = copy;
	slash = strrchr(copy, '/');
	module->name = slash && slash[1] ? slash + 1 : copy;
	module->root_fd = root_fd;
	module->dwarf_fd = -1;
	*ret = module;
	return 0;
}

void module_free(struct module *module)
{
	if (!module)
		return;
	elf_file_free(module->file);
	cleanup_fd(&module->dwarf_fd);
	hashmap_done(&module->known);
	free(module->known_frames);
	free(module->wanted);
	free(module->path);
	free(module);
}

/* Where to look for a module's files: its own root comes first. */
static struct debug_search search_of(const struct module *module,
				     const struct module_sources *sources, int roots[ROOTS_MAX])
{
	struct debug_search search = sources->search;
	size_t count = 0;

	if (module->root_fd >= 0)
		roots[count++] = module->root_fd;
	if (search.root_count)
		roots[count++] = search.roots[0];
	search.roots = roots;
	search.root_count = count;
	search.wants_dwarf = sources->dwarf.open != NULL;
	return search;
}

static void note_error(struct module *module, const char *error)
{
	if (!module->error)
		module->error = error;
}

/* What the names of the module take now is taken off the budget. */
static void count_symbols(struct module *module, struct symbol_budget *budget, int err)
{
	uint64_t bytes = elf_file_bytes(module->file);

	budget->bytes_left = budget->bytes_left + module->symbol_bytes - bytes;
	budget->refused += err == -EFBIG;
	module->symbol_bytes = bytes;
	note_error(module, elf_file_error(module->file));
}

static int add_symbols(struct module *module, struct symbol_budget *budget, int fd)
{
	/* They take the place of those that were added before. */
	uint64_t room = budget->bytes_left + elf_file_debug_bytes(module->file);
	int err = elf_file_add_debug(module->file, fd, room);

	count_symbols(module, budget, err);
	return err;
}

/* Takes the descriptor of what has been found. Finding nothing is no error. */
static int use_symbols(struct module *module, const struct module_sources *sources,
		       struct debug_files *files)
{
	struct debug_file *symbols = &files->symbols;
	bool is_own = symbols->kind == DEBUG_IN_FILE;
	int err = 0;

	if (symbols->fd < 0 || (is_own && !module->has_own_symbols))
		return 0;
	if (!is_own)
		err = add_symbols(module, sources->symbols, TAKE_FD(symbols->fd));
	if (!err)
		module->symbols_from = symbols->kind;
	return err;
}

/* The same of DWARF. */
static int use_dwarf(struct module *module, const struct module_sources *sources,
		     struct debug_files *files)
{
	const struct dwarf_lookup *dwarf = &sources->dwarf;
	CLEANUP(cleanup_fd) int copy = -1;
	int err;

	if (files->dwarf.fd < 0 || !dwarf->open)
		return 0;
	if (files->alt_id.size && files->alt.fd < 0 && sources->missing)
		copy = fcntl(files->dwarf.fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	err = dwarf->open(dwarf->context, TAKE_FD(files->dwarf.fd), TAKE_FD(files->alt.fd),
			  &module->dwarf_file);
	if (err < 0) {
		note_error(module, "its debug information cannot be read");
		return err;
	}
	module->has_dwarf = true;
	module->dwarf_from = files->dwarf.kind;
	if (copy >= 0) {
		module->missing_alt = files->alt_id;
		module->dwarf_fd = TAKE_FD(copy);
	}
	return 0;
}

static void tell_missing_alt(const struct module *module, const struct module_sources *sources)
{
	if (module->missing_alt.size)
		sources->missing(sources->missing_context, &module->missing_alt);
}

/* has_dwarf: some was found. Where it cannot be read, that of a server could not, either. */
static void tell_missing(const struct module *module, const struct module_sources *sources,
			 bool has_dwarf)
{
	const struct build_id *id = elf_file_build_id(module->file);
	bool lacks_symbols =
		module->symbols_from == DEBUG_NONE || module->symbols_from == DEBUG_MINI;
	bool lacks_dwarf = sources->dwarf.open && !has_dwarf;

	if (!sources->missing)
		return;
	if (id->size && (lacks_symbols || lacks_dwarf))
		sources->missing(sources->missing_context, id);
	tell_missing_alt(module, sources);
}

/* fd is of the file itself, whose own symbols have been read. */
static void find_debug_files(struct module *module, const struct module_sources *sources, int fd)
{
	int roots[ROOTS_MAX];
	struct debug_search search = search_of(module, sources, roots);
	struct debug_files files;
	bool has_dwarf;

	if (debug_source_find(&search,
			      &(struct debug_module){ .fd = fd,
						      .path = module->path,
						      .build_id = elf_file_build_id(module->file),
						      .status = elf_file_status(module->file) },
			      &files) < 0)
		return;
	has_dwarf = files.dwarf.fd >= 0;
	(void)use_symbols(module, sources, &files);
	(void)use_dwarf(module, sources, &files);
	note_error(module, files.error);
	debug_files_done(&files);
	tell_missing(module, sources, has_dwarf);
}

void module_load(struct module *module, const struct module_sources *sources)
{
	struct symbol_budget *budget = sources->symbols;
	struct module_sources again = *sources;
	CLEANUP(cleanup_fd) int fd = -1;
	int err;

	if (module->is_loaded && !module->is_resting)
		return;
	/* What it has of DWARF stays, and what is missing has been told. */
	if (module->is_resting) {
		again.dwarf = (struct dwarf_lookup){ 0 };
		again.missing = NULL;
		sources = &again;
	}
	module->can_rest = sources->can_rest;
	module->is_loaded = true;
	module->is_resting = false;
	fd = elf_file_dup_fd(module->file);
	/* What could be read is used even where something was wrong. */
	err = elf_file_load(module->file, budget->bytes_left, sources->can_rest);
	module->has_own_symbols = err == 0;
	count_symbols(module, budget, err);
	if (fd >= 0 && !elf_file_is_rewritten(module->file))
		find_debug_files(module, sources, fd);
}

bool module_rest(struct module *module, const struct module_sources *sources)
{
	if (!module->can_rest || !module->is_loaded || module->is_resting ||
	    module->symbols_from == DEBUG_DEBUGINFOD || module->missing_alt.size)
		return false;
	elf_file_rest(module->file);
	count_symbols(module, sources->symbols, 0);
	module->is_resting = true;
	return true;
}

int module_add_debug_file(struct module *module, const struct module_sources *sources, int fd)
{
	int roots[ROOTS_MAX];
	struct debug_search search = search_of(module, sources, roots);
	struct debug_files files = { .symbols = { module->symbols_from, -1 },
				     .dwarf = { module->dwarf_from, -1 },
				     .alt = { DEBUG_NONE, -1 } };
	bool has_dwarf;
	int err = debug_source_add_download(
		&search,
		&(struct debug_module){ .fd = -1,
					.path = module->path,
					.build_id = elf_file_build_id(module->file),
					.status = elf_file_status(module->file) },
		fd, &files);

	if (err < 0)
		return err;
	has_dwarf = files.dwarf.fd >= 0;
	err = use_symbols(module, sources, &files);
	if (has_dwarf) {
		int dwarf_err = use_dwarf(module, sources, &files);

		/* One of the two is worth having. */
		err = err < 0 ? dwarf_err : 0;
		tell_missing_alt(module, sources);
	}
	debug_files_done(&files);
	return err;
}

void module_give_up_alt(struct module *module)
{
	module->missing_alt = (struct build_id){ 0 };
	cleanup_fd(&module->dwarf_fd);
	module->dwarf_fd = -1;
}

int module_add_alt(struct module *module, const struct module_sources *sources, int fd)
{
	struct debug_files files = {
		.symbols.fd = -1, .dwarf.fd = -1, .alt.fd = -1, .alt_id = module->missing_alt
	};
	uint32_t number;
	int err;

	if (!module->missing_alt.size || module->dwarf_fd < 0 || !module->has_dwarf) {
		cleanup_fd(&fd);
		return -ENOENT;
	}
	err = debug_source_add_alt(fd, &files);
	if (err < 0)
		return err;
	module->missing_alt = (struct build_id){ 0 };
	err = sources->dwarf.open(sources->dwarf.context, TAKE_FD(module->dwarf_fd),
				  TAKE_FD(files.alt.fd), &number);
	if (err < 0)
		return err;
	module->dwarf_file = number;
	/* Names were missing. */
	hashmap_clear(&module->known);
	return 0;
}
