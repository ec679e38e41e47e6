/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbolize/dwarf_names.h"

/* Where the linker puts the code of the first inputs, and how much is asked about. */
#define CODE        0x400000
#define CODE_SIZE   0x2000
#define STEP        13
#define FRAMES_MAX  32
#define BYTES_MAX   (4 << 20)
#define BYTES_SMALL (64 << 10)

/* Files that have names: split units are looked for beside the file they were split from. */
static struct {
	char directory[32], first[64], second[64];
} paths;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void remove_files(void)
{
	(void)unlink(paths.first);
	(void)unlink(paths.second);
	(void)rmdir(paths.directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	(void)snprintf(paths.directory, sizeof(paths.directory), "/tmp/eprof-fuzz-XXXXXX");
	if (!mkdtemp(paths.directory))
		abort();
	(void)snprintf(paths.first, sizeof(paths.first), "%s/first", paths.directory);
	(void)snprintf(paths.second, sizeof(paths.second), "%s/second.dwo", paths.directory);
	return atexit(remove_files);
}

/* A file, with a name or (NULL) without. */
static int open_file(const char *path, const uint8_t *data, size_t size)
{
	int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
		      : memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	return fd;
}

/* How much of the input is the second file: what its last four bytes say; 0: there is none. */
static size_t second_size(const uint8_t *data, size_t size)
{
	uint32_t said;

	if (size < sizeof(said))
		return 0;
	memcpy(&said, data + size - sizeof(said), sizeof(said));
	return said <= size - sizeof(said) ? said : 0;
}

static void check(const struct dwarf_frame *frames, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (frames[i].name ? !*frames[i].name : frames[i].is_inlined)
			abort();
		if (frames[i].file && !*frames[i].file)
			abort();
		/* The last one is real, unless there was no room for it. */
		if (i + 1 < count ? !frames[i].is_inlined
				  : frames[i].is_inlined && count < FRAMES_MAX)
			abort();
	}
}

static void ask(struct dwarf_names *names)
{
	struct dwarf_frame first[FRAMES_MAX], again[FRAMES_MAX];

	for (uint64_t address = CODE; address < CODE + CODE_SIZE; address += STEP) {
		size_t count = dwarf_names_find(names, address, first, FRAMES_MAX);

		check(first, count);
		if (dwarf_names_find(names, address, again, FRAMES_MAX) != count)
			abort();
		for (size_t i = 0; i < count; i++)
			if (first[i].name != again[i].name || first[i].line != again[i].line)
				abort();
	}
	(void)dwarf_names_find(names, 0, first, FRAMES_MAX);
	(void)dwarf_names_find(names, UINT64_MAX, first, FRAMES_MAX);
}

/*
 * A file of a stranger: whatever is answered is well-formed, and the same when asked again. A
 * second file may follow: what dwz has moved, if its build id is the one that the first one wants,
 * and second.dwo beside it.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dwarf_options options = {
		.bytes_max = size & 1 ? BYTES_SMALL : BYTES_MAX,
		.inflated_max = BYTES_MAX,
	};
	size_t second = second_size(data, size), first = size;
	struct dwarf_names *names;
	int fd;

	if (second)
		first = size - sizeof(uint32_t) - second;
	fd = open_file(second ? paths.first : NULL, data, first);
	if (dwarf_names_open(fd, &options, &names) < 0)
		return 0;
	if (second)
		(void)dwarf_names_set_alternate(names,
						open_file(paths.second, data + first, second));
	ask(names);
	dwarf_names_free(names);
	return 0;
}
