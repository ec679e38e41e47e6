/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

/* A file of a stranger: whatever is answered is well-formed, and the same when asked again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct dwarf_options options = {
		.bytes_max = size & 1 ? BYTES_SMALL : BYTES_MAX,
		.inflated_max = BYTES_MAX,
	};
	struct dwarf_frame first[FRAMES_MAX], again[FRAMES_MAX];
	struct dwarf_names *names;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (dwarf_names_open(fd, &options, &names) < 0)
		return 0;
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
	dwarf_names_free(names);
	return 0;
}
