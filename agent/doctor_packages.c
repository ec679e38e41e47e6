/* SPDX-License-Identifier: Apache-2.0 */
/* The part of doctor_process.h that knows of packages. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "agent/doctor_process.h"
#include "base/cleanup.h"

#define LISTS_DIRECTORY "/var/lib/dpkg/info"
#define LIST_SUFFIX     ".list"
/* Large machines have 5,000 packages, and 30 MB of lists. */
#define LISTS_MAX       20000
#define LIST_BYTES_MAX  (UINT64_C(256) << 20)

static void cleanup_directory(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

/* /lib is a link to /usr/lib by now, and packages have files by either name. */
static const char *without_usr(const char *path)
{
	return strncmp(path, "/usr/", strlen("/usr/")) ? path : path + strlen("/usr");
}

static bool wants_package(const struct doctor_module *module)
{
	return !module->err && !module->is_late && !module->package[0] &&
	       module->own_symbols != SYMBOLS_ALL && module->dwarf_from == DEBUG_NONE;
}

void doctor_package_name(const char *package, char *ret, size_t size)
{
	int length = (int)strcspn(package, ":"); /* libc6:amd64 */

	/* It is older than the convention. */
	if (length == (int)strlen("libc6") && !strncmp(package, "libc6", (size_t)length))
		(void)snprintf(ret, size, "libc6-dbg");
	else
		(void)snprintf(ret, size, "%.*s-dbgsym", length, package);
}

static void take_line(const char *line, const char *package, struct doctor_module *modules,
		      size_t count)
{
	const char *path = without_usr(line);

	for (size_t i = 0; i < count; i++) {
		if (wants_package(&modules[i]) && !strcmp(without_usr(modules[i].path), path))
			doctor_package_name(package, modules[i].package,
					    sizeof(modules[i].package));
	}
}

/* The bytes that were read. */
static uint64_t read_list(const char *path, const char *package, struct doctor_module *modules,
			  size_t count)
{
	CLEANUP(cleanup_file) FILE *file = fopen(path, "re");
	char line[PATH_MAX];
	uint64_t bytes = 0;

	while (file && fgets(line, sizeof(line), file)) {
		size_t length = strlen(line);

		bytes += length;
		if (length && line[length - 1] == '\n')
			line[length - 1] = '\0';
		take_line(line, package, modules, count);
	}
	return bytes;
}

static bool wants_any(const struct doctor_module *modules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (wants_package(&modules[i]))
			return true;
	}
	return false;
}

/* Of "NAME.list"; false: it is something else. */
static bool package_of(const char *file, char *ret, size_t size)
{
	size_t length = strlen(file), suffix = strlen(LIST_SUFFIX);

	if (length <= suffix || length - suffix >= size ||
	    strcmp(file + length - suffix, LIST_SUFFIX) != 0)
		return false;
	(void)snprintf(ret, size, "%.*s", (int)(length - suffix), file);
	return true;
}

void doctor_packages_find(const char *root, struct doctor_module *modules, size_t count)
{
	char path[PATH_MAX], package[PACKAGE_NAME_MAX];
	CLEANUP(cleanup_directory) DIR *directory = NULL;
	const struct dirent *entry;
	uint64_t bytes = 0;
	int lists = 0;

	(void)snprintf(path, sizeof(path), "%s" LISTS_DIRECTORY, root);
	directory = opendir(path);
	if (!directory)
		return;
	while (wants_any(modules, count) && lists < LISTS_MAX && bytes < LIST_BYTES_MAX &&
	       (entry = readdir(directory))) {
		if (!package_of(entry->d_name, package, sizeof(package)))
			continue;
		(void)snprintf(path, sizeof(path), "%s" LISTS_DIRECTORY "/%s", root, entry->d_name);
		bytes += read_list(path, package, modules, count);
		lists++;
	}
}
