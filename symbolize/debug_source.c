/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/debug_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "symbolize/debug_sections.h"
#include "symbolize/mini_debug.h"
#include "symbolize/root_file.h"

#define BUILD_ID_PATH_SIZE (sizeof("/.build-id/ab/.debug") + 2 * BUILD_ID_SIZE_MAX)

/* One search under way. */
struct debug_hunt {
	const struct debug_search *search;
	const struct debug_module *module;
	struct debug_sections sections; /* of the module */
	struct debug_files files;
};

/* Whether a file that could be opened is the one that is meant. 0 or -errno. */
typedef int (*file_check)(struct debug_hunt *hunt, int fd);

const char *debug_source_name(enum debug_source_kind kind)
{
	static const char *const names[DEBUG_SOURCE_KINDS] = {
		[DEBUG_NONE] = "none",
		[DEBUG_IN_FILE] = "file",
		[DEBUG_SYMFS] = "symfs",
		[DEBUG_BUILD_ID] = "build_id",
		[DEBUG_LINK] = "debuglink",
		[DEBUG_MINI] = "minidebuginfo",
		[DEBUG_DEBUGINFOD] = "debuginfod",
		[DEBUG_ALT_LINK] = "debugaltlink",
	};

	return names[kind];
}

void debug_files_done(struct debug_files *files)
{
	cleanup_fd(&files->symbols.fd);
	cleanup_fd(&files->dwarf.fd);
	cleanup_fd(&files->alt.fd);
	files->symbols.fd = files->dwarf.fd = files->alt.fd = -1;
}

static void cleanup_hunt(struct debug_hunt *hunt)
{
	debug_files_done(&hunt->files);
}

static bool is_complete(const struct debug_hunt *hunt)
{
	return hunt->files.symbols.kind != DEBUG_NONE &&
	       (!hunt->search->wants_dwarf || hunt->files.dwarf.kind != DEBUG_NONE);
}

/* The i-th directory in which paths are looked up; -1 after the last one. */
static int root_at(const struct debug_search *search, size_t i)
{
	if (search->symfs >= 0 && i-- == 0)
		return search->symfs;
	return i < search->root_count ? search->roots[i] : -1;
}

static int check_build(int fd, const struct build_id *id)
{
	struct build_id found;
	int err = build_id_read(fd, &found);

	if (err < 0)
		return err == -ENOENT ? -ESTALE : err;
	return build_id_equal(&found, id) ? 0 : -ESTALE;
}

static int check_module_build(struct debug_hunt *hunt, int fd)
{
	int err = check_build(fd, hunt->module->build_id);

	if (err < 0)
		hunt->files.error = "a file under its build id is not of this build";
	return err;
}

static int check_alt_build(struct debug_hunt *hunt, int fd)
{
	int err = check_build(fd, &hunt->files.alt_id);

	if (err < 0)
		hunt->files.error = "the file in .gnu_debugaltlink is not of this build";
	return err;
}

/* Cheap checks first: whose directory it is may have put a large file there. */
static int compare_linked(const struct debug_hunt *hunt, int fd)
{
	const struct debug_sections *own = &hunt->sections;
	struct debug_sections sections;
	struct build_id id;
	uint32_t crc;
	int err;

	err = debug_sections_read(fd, &sections);
	if (err < 0)
		return err;
	if (sections.machine != own->machine || sections.is_64bit != own->is_64bit ||
	    !(sections.has_symtab || sections.has_dwarf))
		return -ESTALE;
	if (hunt->module->build_id->size && build_id_read(fd, &id) == 0 &&
	    !build_id_equal(&id, hunt->module->build_id))
		return -ESTALE;
	err = link_crcs_read(hunt->search->crcs, fd, &crc);
	if (err < 0)
		return err;
	return crc == own->link_crc ? 0 : -ESTALE;
}

static int check_linked(struct debug_hunt *hunt, int fd)
{
	int err = compare_linked(hunt, fd);

	if (err == -ENOSPC || err == -EFBIG)
		hunt->files.error = "the file in .gnu_debuglink is too large to be compared";
	else if (err < 0)
		hunt->files.error = "the file in .gnu_debuglink has another CRC or build id";
	return err;
}

static void keep(struct debug_hunt *hunt, int fd, enum debug_source_kind kind,
		 struct debug_file *file)
{
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (kept < 0) {
		hunt->files.error = "too many open files";
		return;
	}
	cleanup_fd(&file->fd);
	*file = (struct debug_file){ kind, kept };
}

/* Keeps of a file what has not been found before. */
static void take_from(struct debug_hunt *hunt, int fd, const struct debug_sections *sections,
		      enum debug_source_kind kind)
{
	struct debug_files *files = &hunt->files;

	if (sections->has_symtab && files->symbols.kind == DEBUG_NONE)
		keep(hunt, fd, kind, &files->symbols);
	if (!hunt->search->wants_dwarf || !sections->has_dwarf || files->dwarf.kind != DEBUG_NONE)
		return;
	keep(hunt, fd, kind, &files->dwarf);
	files->alt_id = sections->alt_id;
}

/* Whether what the file says may be shown wherever the module is: see the header. */
static bool is_trusted(const struct debug_hunt *hunt, int root, int fd)
{
	const struct stat *module = hunt->module->status;
	struct stat status;

	if (root == hunt->search->symfs)
		return true;
	if (fstat(fd, &status) < 0 || (status.st_mode & ~module->st_mode & S_IWOTH))
		return false;
	return status.st_uid == 0 || status.st_uid == module->st_uid || status.st_uid == geteuid();
}

/* Opens a path in one root; -1 unless it is what is meant. */
static int open_checked(struct debug_hunt *hunt, int root, const char *path, file_check check)
{
	CLEANUP(cleanup_fd) int fd = -1;

	if (root_file_open(root, path, &fd) < 0)
		return -1;
	if (!is_trusted(hunt, root, fd)) {
		hunt->files.error = "a debug file is neither root's nor of the binary's owner";
		return -1;
	}
	return check(hunt, fd) == 0 ? TAKE_FD(fd) : -1;
}

/* Takes what a path has that is missing, in one root. */
static void try_in_root(struct debug_hunt *hunt, int root, const char *path, file_check check,
			enum debug_source_kind kind)
{
	CLEANUP(cleanup_fd) int fd = open_checked(hunt, root, path, check);
	struct debug_sections sections;

	if (fd >= 0 && debug_sections_read(fd, &sections) == 0)
		take_from(hunt, fd, &sections, kind);
}

static void try_path(struct debug_hunt *hunt, const char *path, file_check check,
		     enum debug_source_kind kind)
{
	for (size_t i = 0; !is_complete(hunt); i++) {
		int root = root_at(hunt->search, i);

		if (root < 0)
			return;
		try_in_root(hunt, root, path, check, kind);
	}
}

static bool has_path(const struct debug_module *module)
{
	return module->path && module->path[0] == '/' && strlen(module->path) < PATH_MAX;
}

static void find_in_symfs(struct debug_hunt *hunt)
{
	const struct debug_search *search = hunt->search;

	if (search->symfs < 0 || !has_path(hunt->module) || !hunt->module->build_id->size)
		return;
	try_in_root(hunt, search->symfs, hunt->module->path, check_module_build, DEBUG_SYMFS);
}

/* The layout that gdb documents under "Separate Debug Files". */
static void build_id_path(char *ret, size_t size, const struct build_id *id)
{
	char hex[2 * BUILD_ID_SIZE_MAX + 1] = "";

	for (size_t i = 0; i < id->size; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", id->bytes[i]);
	(void)snprintf(ret, size, "/.build-id/%.2s/%s.debug", hex, hex + 2);
}

static void find_by_build_id(struct debug_hunt *hunt)
{
	char name[BUILD_ID_PATH_SIZE], path[PATH_MAX];

	/* The first byte names a directory, so that one alone names no file. */
	if (hunt->module->build_id->size < 2)
		return;
	build_id_path(name, sizeof(name), hunt->module->build_id);
	if (snprintf(path, sizeof(path), "%s%s", hunt->search->debug_directory, name) <
	    (int)sizeof(path))
		try_path(hunt, path, check_module_build, DEBUG_BUILD_ID);
}

static void find_by_link(struct debug_hunt *hunt)
{
	const char *name = hunt->sections.link_name, *path = hunt->module->path;
	/* What comes before the directory of the file, and after it. */
	const char *const places[][2] = {
		{ "", "" },
		{ "", "/.debug" },
		{ hunt->search->debug_directory, "" },
	};

	if (!name[0] || !has_path(hunt->module))
		return;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !is_complete(hunt); i++) {
		char candidate[PATH_MAX];

		if (snprintf(candidate, sizeof(candidate), "%s%.*s%s/%s", places[i][0],
			     (int)(strrchr(path, '/') - path), path, places[i][1],
			     name) < (int)sizeof(candidate))
			try_path(hunt, candidate, check_linked, DEBUG_LINK);
	}
}

static void find_mini(struct debug_hunt *hunt)
{
	const struct debug_sections *own = &hunt->sections;
	CLEANUP(cleanup_fd) int fd = -1;
	struct debug_sections sections;

	if (!own->mini_size || hunt->files.symbols.kind != DEBUG_NONE)
		return;
	if (mini_debug_open(hunt->module->fd, own->mini_offset, own->mini_size, &fd) < 0 ||
	    debug_sections_read(fd, &sections) < 0 || sections.machine != own->machine ||
	    sections.is_64bit != own->is_64bit) {
		hunt->files.error = ".gnu_debugdata is damaged or too large";
		return;
	}
	sections.has_dwarf = false;
	take_from(hunt, fd, &sections, DEBUG_MINI);
}

static bool try_alt(struct debug_hunt *hunt, const char *path, enum debug_source_kind kind)
{
	for (size_t i = 0;; i++) {
		int root = root_at(hunt->search, i), fd;

		if (root < 0)
			return false;
		fd = open_checked(hunt, root, path, check_alt_build);
		if (fd < 0)
			continue;
		hunt->files.alt = (struct debug_file){ kind, fd };
		return true;
	}
}

/*
 * A path in .gnu_debugaltlink as it is, or from the directory that the file it is in really is in;
 * -ENOENT when that is nowhere. That directory is a guess for files of other mount namespaces, but
 * what is found there is checked.
 */
static int alt_link_path(int dwarf_fd, const char *link, char *ret, size_t size)
{
	char self[64], real[PATH_MAX];
	ssize_t length;

	if (link[0] == '/')
		return snprintf(ret, size, "%s", link) < (int)size ? 0 : -ENAMETOOLONG;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", dwarf_fd);
	length = readlink(self, real, sizeof(real));
	while (length > 0 && real[length - 1] != '/')
		length--;
	if (length <= 0 || real[0] != '/')
		return -ENOENT;
	return snprintf(ret, size, "%.*s%s", (int)length, real, link) < (int)size ? 0
										  : -ENAMETOOLONG;
}

/* What a path has below the directory in which distributions collect what dwz made. */
static const char *below_dwz(const char *link)
{
	static const char directory[] = "/.dwz/";
	const char *below = strstr(link, directory), *slash = strrchr(link, '/');

	if (below)
		return below + sizeof(directory) - 1;
	return slash ? slash + 1 : link;
}

static void find_alt(struct debug_hunt *hunt)
{
	const struct build_id *id = &hunt->files.alt_id;
	const char *directory = hunt->search->debug_directory;
	char name[BUILD_ID_PATH_SIZE], path[PATH_MAX];
	struct debug_sections sections;
	const char *link = sections.alt_path;
	int fd = hunt->files.dwarf.fd;

	if (!id->size || hunt->files.alt.kind != DEBUG_NONE ||
	    debug_sections_read(fd, &sections) < 0)
		return;
	if (alt_link_path(fd, link, path, sizeof(path)) == 0 && try_alt(hunt, path, DEBUG_ALT_LINK))
		return;
	if (snprintf(path, sizeof(path), "%s/.dwz/%s", directory, below_dwz(link)) <
		    (int)sizeof(path) &&
	    try_alt(hunt, path, DEBUG_ALT_LINK))
		return;
	if (id->size < 2)
		return;
	build_id_path(name, sizeof(name), id);
	if (snprintf(path, sizeof(path), "%s%s", directory, name) < (int)sizeof(path))
		(void)try_alt(hunt, path, DEBUG_BUILD_ID);
}

int debug_source_find(const struct debug_search *search, const struct debug_module *module,
		      struct debug_files *ret)
{
	CLEANUP(cleanup_hunt)
	struct debug_hunt hunt = {
		.search = search,
		.module = module,
		.files = { .symbols.fd = -1, .dwarf.fd = -1, .alt.fd = -1 },
	};
	int err = debug_sections_read(module->fd, &hunt.sections);

	if (err < 0)
		return err;
	find_in_symfs(&hunt);
	take_from(&hunt, module->fd, &hunt.sections, DEBUG_IN_FILE);
	if (!is_complete(&hunt))
		find_by_build_id(&hunt);
	if (!is_complete(&hunt))
		find_by_link(&hunt);
	find_mini(&hunt);
	find_alt(&hunt);
	*ret = hunt.files;
	hunt.files = (struct debug_files){ .symbols.fd = -1, .dwarf.fd = -1, .alt.fd = -1 };
	return 0;
}

int debug_source_add_download(const struct debug_search *search, const struct debug_module *module,
			      int fd, struct debug_files *files)
{
	CLEANUP(cleanup_fd) int owned_fd = fd;
	struct debug_hunt hunt = { .search = search, .module = module };
	struct debug_sections sections;
	bool wants_symbols = files->symbols.kind == DEBUG_NONE || files->symbols.kind == DEBUG_MINI;
	bool wants_dwarf = search->wants_dwarf && files->dwarf.kind == DEBUG_NONE;
	int err = check_build(owned_fd, module->build_id);

	if (err < 0)
		return err;
	err = debug_sections_read(owned_fd, &sections);
	if (err < 0)
		return err;
	if (!(wants_symbols && sections.has_symtab) && !(wants_dwarf && sections.has_dwarf))
		return -ENODATA;
	hunt.files = *files;
	if (wants_symbols && sections.has_symtab)
		hunt.files.symbols.kind = DEBUG_NONE;
	take_from(&hunt, owned_fd, &sections, DEBUG_DEBUGINFOD);
	if (hunt.files.symbols.kind == DEBUG_NONE)
		hunt.files.symbols.kind = files->symbols.kind;
	find_alt(&hunt);
	*files = hunt.files;
	return 0;
}

int debug_source_add_alt(int fd, struct debug_files *files)
{
	CLEANUP(cleanup_fd) int owned_fd = fd;
	int err = check_build(owned_fd, &files->alt_id);

	if (err < 0)
		return err;
	cleanup_fd(&files->alt.fd);
	files->alt = (struct debug_file){ DEBUG_DEBUGINFOD, TAKE_FD(owned_fd) };
	return 0;
}
