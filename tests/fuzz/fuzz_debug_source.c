/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbolize/debug_sections.h"
#include "symbolize/debug_source.h"
#include "symbolize/mini_debug.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	return fd;
}

/* What is read is within its limits, and text ends. */
static void check_sections(int fd)
{
	struct debug_sections sections;

	if (debug_sections_read(fd, &sections) < 0)
		return;
	if (strnlen(sections.link_name, sizeof(sections.link_name)) == sizeof(sections.link_name) ||
	    strnlen(sections.alt_path, sizeof(sections.alt_path)) == sizeof(sections.alt_path) ||
	    strchr(sections.link_name, '/') || sections.alt_id.size > BUILD_ID_SIZE_MAX)
		abort();
}

/* A stranger's program, in whose root directory there is nothing of what is looked for. */
static void check_find(int fd, int root)
{
	struct link_crcs crcs;
	const struct debug_search search = { -1, &root, 1, "/usr/lib/debug", true, &crcs };
	struct build_id id = { 0 };
	struct stat status = { 0 };
	struct debug_module module = { fd, "/opt/app/program", &id, &status };
	struct debug_files files;
	int err;

	(void)build_id_read(fd, &id);
	link_crcs_init(&crcs, 1 << 20);
	err = debug_source_find(&search, &module, &files);
	link_crcs_done(&crcs);
	if (err < 0)
		return;
	if ((files.symbols.kind == DEBUG_NONE) != (files.symbols.fd < 0) ||
	    (files.dwarf.kind == DEBUG_NONE) != (files.dwarf.fd < 0) ||
	    (files.alt.kind == DEBUG_NONE) != (files.alt.fd < 0))
		abort();
	debug_files_done(&files);
}

/* A debug file that a server sent, for a program that has nothing. */
static void check_download(int fd, int root)
{
	const struct debug_search search = { -1, &root, 1, "/usr/lib/debug", true, NULL };
	struct debug_files files = { .symbols.fd = -1, .dwarf.fd = -1, .alt.fd = -1 };
	struct build_id id = { 0 };
	struct stat status = { 0 };
	struct debug_module module = { fd, NULL, &id, &status };

	if (build_id_read(fd, &id) < 0)
		return;
	(void)debug_source_add_download(&search, &module, dup(fd), &files);
	(void)debug_source_add_alt(dup(fd), &files);
	debug_files_done(&files);
}

/* An ELF file of a stranger; and the same bytes as what is in its .gnu_debugdata. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = file_of(data, size), root = open("/proc/sys", O_PATH | O_CLOEXEC), mini;

	check_sections(fd);
	check_find(fd, root);
	check_download(fd, root);
	if (mini_debug_open(fd, 0, size, &mini) == 0)
		(void)close(mini);
	if (root >= 0)
		(void)close(root);
	(void)close(fd);
	return 0;
}
