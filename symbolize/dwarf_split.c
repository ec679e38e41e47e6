/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdw finds the files, and opens what it finds. So we look there before: what is no regular file
 * might block for ever, and what inflates beyond our limit is not for libdw to allocate.
 */
#include "symbolize/dwarf_split.h"

#include <dwarf.h>
#include <elfutils/version.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "symbolize/elf_reader.h"

/* A table of files that is larger is none: libdw would make rows of it, some 50 bytes for each one.
 */
#define FILES_SIZE_MAX (16 << 20)

/* What libdw would find at this path, which is too long if length is PATH_MAX or more. */
static enum dwarf_presence probe(const struct dwarf_file *file, const char *path, int length)
{
	CLEANUP(elf_reader_done) struct elf_reader reader = { .fd = -1 };
	CLEANUP(cleanup_fd) int fd = -1;
	struct stat status;

	if (length >= PATH_MAX || stat(path, &status) < 0)
		return DWARF_ABSENT;
	if (!S_ISREG(status.st_mode))
		return DWARF_DANGEROUS;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return DWARF_ABSENT;
	if (elf_reader_open(fd, &reader) < 0 || elf_reader_read_sections(&reader) < 0 ||
	    dwarf_file_check_inflated(&reader, file->inflated_max) < 0)
		return DWARF_DANGEROUS;
	return DWARF_PRESENT;
}

/* The path of the file, as far as the system knows; "" else. */
static void read_own_path(const struct dwarf_file *file, char ret[PATH_MAX])
{
	char link[32];
	ssize_t size;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
	size = readlink(link, ret, PATH_MAX - 1);
	ret[size > 0 ? size : 0] = 0;
}

/* A unit's own file is in the directory of the file, or in that of the compilation. */
static enum dwarf_presence probe_unit(const struct dwarf_file *file, const char *own_path,
				      const char *directory, const char *name)
{
	const char *slash = strrchr(own_path, '/');
	int beside = slash ? (int)(slash + 1 - own_path) : 0;
	char path[PATH_MAX];
	enum dwarf_presence found;
	int length;

	if (name[0] == '/') {
		length = snprintf(path, sizeof(path), "%s", name);
		return probe(file, path, length);
	}
	length = snprintf(path, sizeof(path), "%.*s%s", beside, own_path, name);
	found = probe(file, path, length);
	if (found != DWARF_ABSENT || !directory)
		return found;
	if (directory[0] == '/')
		beside = 0;
	length = snprintf(path, sizeof(path), "%.*s%s/%s", beside, own_path, directory, name);
	return probe(file, path, length);
}

/* All units may be in one file, FILE.dwp, which libdw opens once. */
static enum dwarf_presence probe_package(struct dwarf_file *file, const char *own_path)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s.dwp", own_path);

	if (file->package == DWARF_UNKNOWN)
		file->package = probe(file, path, length);
	return file->package;
}

static const char *string_of(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;

	return dwarf_attr(die, name, &attribute) ? dwarf_formstring(&attribute) : NULL;
}

bool dwarf_split_find(struct dwarf_file *file, Dwarf_Die *skeleton, Dwarf_Die *ret)
{
	const char *name = string_of(skeleton, DW_AT_dwo_name);
	enum dwarf_presence unit, package;
	char own_path[PATH_MAX];
	Dwarf_Die split = { 0 };

	if (!name)
		name = string_of(skeleton, DW_AT_GNU_dwo_name);
	if (!name)
		return false;
	read_own_path(file, own_path);
	unit = probe_unit(file, own_path, string_of(skeleton, DW_AT_comp_dir), name);
	package = probe_package(file, own_path);
	if (unit == DWARF_DANGEROUS || package == DWARF_DANGEROUS) {
		dwarf_refuse(file, DWARF_REFUSED_MALFORMED);
		return false;
	}
	if (!_ELFUTILS_PREREQ(0, 191) && unit == DWARF_ABSENT && package == DWARF_PRESENT) {
		dwarf_refuse(file, DWARF_REFUSED_PACKAGE);
		return false;
	}
	if ((unit == DWARF_ABSENT && package == DWARF_ABSENT) ||
	    dwarf_cu_info(skeleton->cu, NULL, NULL, NULL, &split, NULL, NULL, NULL) < 0 ||
	    !split.cu) {
		dwarf_refuse(file, DWARF_REFUSED_SPLIT);
		return false;
	}
	file->has_split = true;
	*ret = split;
	return true;
}

int dwarf_split_files(Dwarf_Die *split, Dwarf_Files **ret_files, size_t *ret_count)
{
	struct dwarf_section section =
		dwarf_file_section(dwarf_cu_getdwarf(split->cu), ".debug_line.dwo");

	if (!section.bytes)
		return -ENOENT;
	if (section.size > FILES_SIZE_MAX)
		return -EFBIG;
	return dwarf_getsrcfiles(split, ret_files, ret_count) < 0 ? -EBADMSG : 0;
}
