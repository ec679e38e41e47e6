/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/unwind_check.h"

#define CODE_SIZE 0x10000

/* The first byte says what the others are. */
enum form {
	FORM_EH_FRAME,
	FORM_DEBUG_FRAME,
	FORM_NO_SECTIONS, /* .eh_frame that is found by .eh_frame_hdr, or by looking for it */
	FORM_PROGRAMS,    /* instructions of functions, each behind its length */
	FORM_COMPRESSED,  /* .debug_frame */
	FORM_FILE,
	FORM_COUNT,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_programs(struct bytes *section, const uint8_t *data, size_t size)
{
	size_t common = cfi_put_usual_common(section);

	for (uint64_t i = 0; size; i++) {
		size_t length = data[0] < size - 1 ? data[0] : size - 1;

		cfi_put_function(section, common, i * 256 % CODE_SIZE, 256, data + 1, length);
		data += 1 + length;
		size -= 1 + length;
	}
}

static int open_file(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	return fd;
}

static int open_form(enum form form, const uint8_t *data, size_t size)
{
	struct cfi_image image = {
		.code_size = CODE_SIZE,
		.has_no_sections = form == FORM_NO_SECTIONS,
		.has_eh_frame_hdr = size & 1,
		.is_debug_compressed = form == FORM_COMPRESSED,
	};
	int fd;

	if (form == FORM_FILE)
		return open_file(data, size);
	if (form == FORM_PROGRAMS)
		put_programs(&image.eh_frame, data, size);
	else if (form == FORM_DEBUG_FRAME || form == FORM_COMPRESSED)
		bytes_put(&image.debug_frame, data, size);
	else
		bytes_put(&image.eh_frame, data, size);
	fd = cfi_image_open(&image);
	cfi_image_done(&image);
	return fd;
}

/* A binary of a stranger: its table is refused, or keeps every promise that is made of images. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unwind_table table;
	const char *error = NULL;
	int fd;

	if (!size)
		return 0;
	fd = open_form(data[0] % FORM_COUNT, data + 1, size - 1);
	if (unwind_table_build(fd, &table, &error) == 0) {
		uint64_t end = table.code_start + (uint64_t)table.block_count * UNWIND_BLOCK_SIZE;

		check_image(&table);
		for (uint64_t at = table.code_start - 1; at != end + 1; at += 1 + (end - at) / 512)
			if (!unwind_table_find(&table, at))
				abort();
		unwind_table_done(&table);
	} else if (!error) {
		abort();
	}
	(void)close(fd);
	return 0;
}
