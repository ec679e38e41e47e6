/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/dwarf_reader.h"

#define POINTER_SIZE 8

uint64_t dwarf_long_leb128(struct dwarf_reader *reader, bool is_signed)
{
	uint64_t value = 0;
	unsigned int shift = 0;
	uint8_t byte, unused;

	do {
		byte = dwarf_u8(reader);
		if (reader->failed)
			return 0;
		if (shift < 63) {
			value |= (uint64_t)(byte & 0x7f) << shift;
		} else if (shift == 63) {
			/* One bit is left; the others of this byte have to be copies of the sign.
			 */
			unused = byte & 0x7f;
			value |= (uint64_t)byte << shift;
			if (unused != 0 && unused != (is_signed ? 0x7f : 1))
				dwarf_fail(reader);
		} else {
			dwarf_fail(reader);
		}
		shift += 7;
	} while (byte & 0x80 && !reader->failed);
	if (reader->failed)
		return 0;
	if (is_signed && byte & 0x40 && shift < 64)
		value |= UINT64_MAX << shift;
	return value;
}

static uint64_t read_format(struct dwarf_reader *reader, uint8_t format)
{
	switch (format) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return dwarf_u64(reader);
	case DW_EH_PE_uleb128:
		return dwarf_uleb128(reader);
	case DW_EH_PE_sleb128:
		return (uint64_t)dwarf_sleb128(reader);
	case DW_EH_PE_udata2:
		return dwarf_u16(reader);
	case DW_EH_PE_sdata2:
		return (uint64_t)(int64_t)(int16_t)dwarf_u16(reader);
	case DW_EH_PE_udata4:
		return dwarf_u32(reader);
	case DW_EH_PE_sdata4:
		return (uint64_t)(int64_t)(int32_t)dwarf_u32(reader);
	default:
		dwarf_fail(reader);
		return 0;
	}
}

/* The number at the next address that is a multiple of its size: always a plain address. */
static uint64_t read_aligned(struct dwarf_reader *reader)
{
	(void)dwarf_bytes(reader, -dwarf_address(reader) % POINTER_SIZE);
	return dwarf_u64(reader);
}

uint64_t dwarf_pointer(struct dwarf_reader *reader, uint8_t encoding,
		       const struct dwarf_bases *bases)
{
	uint64_t own_address = dwarf_address(reader), base = 0, value;
	bool is_known = true;

	if (encoding & DW_EH_PE_indirect) {
		dwarf_fail(reader);
		return 0;
	}
	if (encoding == DW_EH_PE_aligned)
		return read_aligned(reader);
	switch (encoding & DW_EH_PE_BASE_MASK) {
	case DW_EH_PE_absptr:
		break;
	case DW_EH_PE_pcrel:
		base = own_address;
		break;
	case DW_EH_PE_datarel:
		base = bases->data;
		is_known = bases->has_data;
		break;
	case DW_EH_PE_funcrel:
		base = bases->function;
		is_known = bases->has_function;
		break;
	default:
		is_known = false;
	}
	value = read_format(reader, encoding & DW_EH_PE_FORMAT_MASK);
	if (!is_known)
		dwarf_fail(reader);
	return reader->failed ? 0 : base + value;
}

void dwarf_skip_pointer(struct dwarf_reader *reader, uint8_t encoding)
{
	if (encoding == DW_EH_PE_omit)
		return;
	if ((encoding & DW_EH_PE_BASE_MASK) == DW_EH_PE_aligned)
		(void)read_aligned(reader);
	else
		(void)read_format(reader, encoding & DW_EH_PE_FORMAT_MASK);
}
