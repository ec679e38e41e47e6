/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the functions of a binary keep frame pointers: by their call frame information, which
 * says what frames are found by, or, where there is none, guessed by how some of them begin. What a
 * compiler moves in front of that, and functions without a frame, say nothing either way.
 */
#ifndef EPROF_SYMBOLIZE_FRAME_POINTERS_H
#define EPROF_SYMBOLIZE_FRAME_POINTERS_H

#include <stdint.h>

#include "symbolize/cfi_records.h"

enum frame_pointers {
	FRAME_POINTERS_UNKNOWN, /* another machine, or too few functions that tell */
	FRAME_POINTERS_KEPT,
	FRAME_POINTERS_MIXED,
	FRAME_POINTERS_OMITTED,
};

struct frame_pointer_census {
	uint32_t kept, omitted; /* functions that have a frame, with the pointer and without */
};

/*
 * Looks at some functions, spread over all of the code; what cannot be read is none. records are
 * those of the binary, maybe none. x86-64 only.
 */
void frame_pointers_count(struct elf_reader *reader, const struct cfi_records *records,
			  struct frame_pointer_census *ret);
enum frame_pointers frame_pointers_judge(const struct frame_pointer_census *census);

#endif
