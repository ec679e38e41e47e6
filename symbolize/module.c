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

/* Takes the descriptors of what has been found. */
static void use_symbols(struct module *module, struct debug_files *files)
{
	module->symbols_from = files->symbols.kind;
	if (files->symbols.kind != DEBUG_IN_FILE && files->symbols.fd >= 0)
		(void)elf_file_add_debug(module->file, TAKE_FD(files->symbols.fd));
}

static void use_dwarf(struct module *module, const struct module_sources *sources,
		      struct debug_files *files)
{
	const struct dwarf_lookup *dwarf = &sources->dwarf;

	if (files->dwarf.fd < 0 || !dwarf->open)
		return;
	module->dwarf_from = files->dwarf.kind;
	if (files->alt_id.size && files->alt.fd < 0 && sources->missing) {
		module->missing_alt = files->alt_id;
		module->dwarf_fd = fcntl(files->dwarf.fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	}
	module->has_dwarf = dwarf->open(dwarf->context, TAKE_FD(files->dwarf.fd),
					TAKE_FD(files->alt.fd), &module->dwarf_file) == 0;
}

static void tell_missing_alt(const struct module *module, const struct module_sources *sources)
{
	if (module->missing_alt.size)
		sources->missing(sources->missing_context, &module->missing_alt);
}

static void tell_missing(const struct module *module, const struct module_sources *sources)
{
	const struct build_id *id = elf_file_build_id(module->file);
	bool lacks_symbols =
		module->symbols_from == DEBUG_NONE || module->symbols_from == DEBUG_MINI;
	bool lacks_dwarf = sources->dwarf.open && module->dwarf_from == DEBUG_NONE;

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

	if (debug_source_find(&search,
			      &(struct debug_module){ .fd = fd,
						      .path = module->path,
						      .build_id = elf_file_build_id(module->file) },
			      &files) < 0)
		return;
	use_symbols(module, &files);
	use_dwarf(module, sources, &files);
	debug_files_done(&files);
	tell_missing(module, sources);
}

void module_load(struct module *module, const struct module_sources *sources)
{
	CLEANUP(cleanup_fd) int fd = -1;

	if (module->is_loaded)
		return;
	module->is_loaded = true;
	fd = elf_file_dup_fd(module->file);
	/* What could be read is used even where something was wrong. */
	(void)elf_file_load(module->file);
	module->error = elf_file_error(module->file);
	if (fd >= 0 && !elf_file_is_rewritten(module->file))
		find_debug_files(module, sources, fd);
}

int module_add_debug_file(struct module *module, const struct module_sources *sources, int fd)
{
	int roots[ROOTS_MAX];
	struct debug_search search = search_of(module, sources, roots);
	struct debug_files files = { .symbols = { module->symbols_from, -1 },
				     .dwarf = { module->dwarf_from, -1 },
				     .alt = { DEBUG_NONE, -1 } };
	int err = debug_source_add_download(
		&search,
		&(struct debug_module){ .fd = -1,
					.path = module->path,
					.build_id = elf_file_build_id(module->file) },
		fd, &files);

	if (err < 0)
		return err;
	use_symbols(module, &files);
	if (files.dwarf.fd >= 0) {
		use_dwarf(module, sources, &files);
		tell_missing_alt(module, sources);
	}
	debug_files_done(&files);
	return 0;
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
