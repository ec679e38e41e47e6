/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of .eh_frame and .debug_frame: which function has which program of call frame
 * instructions. Where both tell of the same code, .eh_frame is right. Records are taken one after
 * the other as their lengths say, so none is read twice, and an entry may only refer to a common
 * entry before it.
 */
#ifndef EPROF_SYMBOLIZE_CFI_RECORDS_H
#define EPROF_SYMBOLIZE_CFI_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolize/cfi_program.h"
#include "symbolize/cfi_section.h"
#include "symbolize/code_ranges.h"
#include "symbolize/elf_reader.h"

/* A common information entry. */
struct cfi_common_entry {
	uint64_t offset; /* in its section */
	bool is_usable;
	bool is_signal; /* of frames that a signal has interrupted */
	bool has_augmentation_data;
	uint8_t section; /* which has it, and the programs that refer to it */
	struct cfi_common common;
};

/* A frame description entry whose function exists. */
struct cfi_function {
	uint32_t start, end;            /* from the base of the code; start < end */
	uint32_t entry;                 /* where the instructions begin; at most start */
	uint32_t program, program_size; /* where the section has its instructions */
	uint32_t common;                /* index */
};

struct cfi_records {
	struct code_ranges code;
	struct cfi_sections sections;
	struct cfi_common_entry *commons;
	size_t common_count, common_capacity;
	/* By start, of which no two are equal: the first of a section, and of .debug_frame only
	 * what is left between those of .eh_frame. */
	struct cfi_function *functions;
	size_t function_count, function_capacity;
	uint64_t skipped_count; /* entries that could not be read, or refer to such a common one */
};

/*
 * Reads all records of a binary. On success *ret needs cfi_records_done(). 0, or -errno with
 * reader->error set: -ENODATA no code or no records for it, -ENOEXEC when lengths make no sense,
 * -EFBIG, -ENOMEM, -EIO.
 */
int cfi_records_read(struct elf_reader *reader, struct cfi_records *ret);
void cfi_records_done(struct cfi_records *records); /* the zero value is fine */

#endif
