/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cursor over bytes in DWARF's encodings (DWARF 5, 7.6; LSB 5.0 Core, 10.5 for pointers in
 * .eh_frame). It never leaves its bytes: a read beyond them, or of a number that does not fit 64
 * bits, gives 0 and makes the reader "failed" for good, with nothing left to read. So a caller may
 * read several fields and check once. Little-endian, as every machine that we unwind is.
 */
#ifndef EPROF_SYMBOLIZE_DWARF_READER_H
#define EPROF_SYMBOLIZE_DWARF_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How a pointer is encoded: a format, what it is relative to, and whether it is indirect. */
#define DW_EH_PE_absptr   0x00
#define DW_EH_PE_uleb128  0x01
#define DW_EH_PE_udata2   0x02
#define DW_EH_PE_udata4   0x03
#define DW_EH_PE_udata8   0x04
#define DW_EH_PE_sleb128  0x09
#define DW_EH_PE_sdata2   0x0a
#define DW_EH_PE_sdata4   0x0b
#define DW_EH_PE_sdata8   0x0c
#define DW_EH_PE_pcrel    0x10
#define DW_EH_PE_textrel  0x20
#define DW_EH_PE_datarel  0x30
#define DW_EH_PE_funcrel  0x40
#define DW_EH_PE_aligned  0x50
#define DW_EH_PE_indirect 0x80
#define DW_EH_PE_omit     0xff

#define DW_EH_PE_FORMAT_MASK 0x0f
#define DW_EH_PE_BASE_MASK   0x70

struct dwarf_reader {
	const uint8_t *at, *end;
	/* Added to the address of a byte in our memory, this is its address in the program. */
	uint64_t bias;
	bool failed;
};

/* What pointers may be relative to, besides themselves. Absent ones make reading them fail. */
struct dwarf_bases {
	bool has_data, has_function;
	uint64_t data, function;
};

/* size bytes that the program sees at address. */
static inline struct dwarf_reader dwarf_reader_of(const uint8_t *bytes, size_t size,
						  uint64_t address)
{
	return (struct dwarf_reader){
		.at = bytes,
		.end = bytes + size,
		.bias = address - (uintptr_t)bytes,
	};
}

static inline size_t dwarf_left(const struct dwarf_reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

/* Where the program sees the next byte. */
static inline uint64_t dwarf_address(const struct dwarf_reader *reader)
{
	return (uintptr_t)reader->at + reader->bias;
}

static inline void dwarf_fail(struct dwarf_reader *reader)
{
	reader->at = reader->end;
	reader->failed = true;
}

/* The next size bytes, which are skipped; NULL when there are fewer. */
static inline const uint8_t *dwarf_bytes(struct dwarf_reader *reader, uint64_t size)
{
	const uint8_t *bytes = reader->at;

	if (size > dwarf_left(reader)) {
		dwarf_fail(reader);
		return NULL;
	}
	reader->at += size;
	return bytes;
}

static inline uint8_t dwarf_u8(struct dwarf_reader *reader)
{
	if (reader->at == reader->end) {
		dwarf_fail(reader);
		return 0;
	}
	return *reader->at++;
}

static inline uint16_t dwarf_u16(struct dwarf_reader *reader)
{
	const uint8_t *bytes = dwarf_bytes(reader, sizeof(uint16_t));
	uint16_t value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint32_t dwarf_u32(struct dwarf_reader *reader)
{
	const uint8_t *bytes = dwarf_bytes(reader, sizeof(uint32_t));
	uint32_t value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

static inline uint64_t dwarf_u64(struct dwarf_reader *reader)
{
	const uint8_t *bytes = dwarf_bytes(reader, sizeof(uint64_t));
	uint64_t value = 0;

	if (bytes)
		memcpy(&value, bytes, sizeof(value));
	return value;
}

/* The rest of a LEB128 number whose first byte, at reader->at, has the "more" bit. */
uint64_t dwarf_long_leb128(struct dwarf_reader *reader, bool is_signed);

static inline uint64_t dwarf_uleb128(struct dwarf_reader *reader)
{
	if (reader->at != reader->end && *reader->at < 0x80)
		return *reader->at++;
	return dwarf_long_leb128(reader, false);
}

static inline int64_t dwarf_sleb128(struct dwarf_reader *reader)
{
	/* Bit 6 is the sign: exclusive or and minus extend it. */
	if (reader->at != reader->end && *reader->at < 0x80)
		return (int64_t)(*reader->at++ ^ 0x40) - 0x40;
	return (int64_t)dwarf_long_leb128(reader, true);
}

/*
 * A pointer. Fails where it is omitted, where its value is in the program's memory (indirect, which
 * only personality routines and the like are), and where its base is not known.
 */
uint64_t dwarf_pointer(struct dwarf_reader *reader, uint8_t encoding,
		       const struct dwarf_bases *bases);

/* Skips a pointer, whatever it is relative to. */
void dwarf_skip_pointer(struct dwarf_reader *reader, uint8_t encoding);

#endif
