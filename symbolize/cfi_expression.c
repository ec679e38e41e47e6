/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/cfi_expression.h"

#include "symbolize/dwarf_reader.h"

/* DWARF 5, 7.7.1. The number of a register or a literal is added to the first of its kind. */
#define DW_OP_deref       0x06
#define DW_OP_and         0x1a
#define DW_OP_mul         0x1e
#define DW_OP_plus        0x22
#define DW_OP_plus_uconst 0x23
#define DW_OP_shl         0x24
#define DW_OP_ge          0x2a
#define DW_OP_lit0        0x30
#define DW_OP_lit31       0x4f
#define DW_OP_breg0       0x70
#define DW_OP_breg16      0x80

/* A PLT stub, and what ld and lld say about it: where it has pushed, the CFA is 8 bytes further. */
#define STUB_SIZE       16
#define INDEXED_SIZE    8
#define STUB_PUSH_SHIFT 3 /* 1 << 3: what a push moves rsp by */

static bool fits_s32(int64_t value)
{
	return value == (int32_t)value;
}

/* breg R, N for one of the general registers. */
static bool read_sum(struct dwarf_reader *reader, uint8_t *ret_register, int64_t *ret_offset)
{
	uint8_t number = (uint8_t)(dwarf_u8(reader) - DW_OP_breg0);
	int64_t offset = dwarf_sleb128(reader);

	if (reader->failed || number >= UNWIND_REGISTERS || !fits_s32(offset))
		return false;
	*ret_register = number;
	*ret_offset = offset;
	return true;
}

bool cfi_expression_sum(const uint8_t *bytes, size_t size, uint8_t *ret_register,
			int32_t *ret_offset)
{
	struct dwarf_reader reader = dwarf_reader_of(bytes, size, 0);
	uint8_t number;
	int64_t offset;

	if (!read_sum(&reader, &number, &offset) || dwarf_left(&reader))
		return false;
	*ret_register = number;
	*ret_offset = (int32_t)offset;
	return true;
}

/* rsp + N + ((rip & 15) >= K) * 8, after its first operation. */
static bool read_stub(struct dwarf_reader *reader, uint8_t *ret_threshold)
{
	bool is_masked = dwarf_u8(reader) == DW_OP_breg16 && dwarf_sleb128(reader) == 0 &&
			 dwarf_u8(reader) == DW_OP_lit0 + STUB_SIZE - 1 &&
			 dwarf_u8(reader) == DW_OP_and;
	uint8_t literal = dwarf_u8(reader);

	if (!is_masked || literal < DW_OP_lit0 || literal > DW_OP_lit31)
		return false;
	if (dwarf_u8(reader) != DW_OP_ge || dwarf_u8(reader) != DW_OP_lit0 + STUB_PUSH_SHIFT ||
	    dwarf_u8(reader) != DW_OP_shl || dwarf_u8(reader) != DW_OP_plus)
		return false;
	*ret_threshold = literal - DW_OP_lit0;
	return !reader->failed && !dwarf_left(reader);
}

/* [plus_uconst M] and nothing else. */
static bool read_constant(struct dwarf_reader *reader, int64_t *ret_constant)
{
	uint64_t constant = 0;

	if (dwarf_left(reader)) {
		if (dwarf_u8(reader) != DW_OP_plus_uconst)
			return false;
		constant = dwarf_uleb128(reader);
	}
	if (reader->failed || dwarf_left(reader) || constant > INT32_MAX)
		return false;
	*ret_constant = (int64_t)constant;
	return true;
}

/* + 8 * index, deref, [plus_uconst M]: OpenSSL's Montgomery multiplication keeps rsp in an array.
 */
static bool read_indexed(const struct dwarf_reader *from, uint8_t *number, int64_t *ret_constant)
{
	struct dwarf_reader reader = *from;
	int64_t offset, constant;
	uint8_t index;

	if (!read_sum(&reader, &index, &offset) || offset != 0 || index >= UNWIND_REGISTERS ||
	    dwarf_u8(&reader) != DW_OP_lit0 + INDEXED_SIZE || dwarf_u8(&reader) != DW_OP_mul ||
	    dwarf_u8(&reader) != DW_OP_plus || dwarf_u8(&reader) != DW_OP_deref)
		return false;
	if (!read_constant(&reader, &constant) || constant > INT16_MAX)
		return false;
	*number |= (uint8_t)(index << 4);
	*ret_constant = constant;
	return true;
}

bool cfi_expression_cfa(const uint8_t *bytes, size_t size, struct unwind_rule *rule)
{
	struct dwarf_reader reader = dwarf_reader_of(bytes, size, 0);
	struct dwarf_reader rest;
	int64_t offset, constant;
	uint8_t number, threshold;

	if (!read_sum(&reader, &number, &offset))
		return false;
	rest = reader;
	if (number == UNWIND_RSP && read_stub(&rest, &threshold)) {
		rule->cfa = CFA_PLT;
		rule->cfa_add = threshold;
	} else if (read_indexed(&reader, &number, &constant)) {
		rule->cfa = CFA_INDEXED;
		rule->cfa_add = (int16_t)constant;
	} else if (dwarf_left(&reader) && *reader.at == DW_OP_deref) {
		reader.at++;
		if (!read_constant(&reader, &constant) || constant > INT16_MAX)
			return false;
		rule->cfa = CFA_DEREF;
		rule->cfa_add = (int16_t)constant;
	} else {
		if (!read_constant(&reader, &constant) || !fits_s32(offset + constant))
			return false;
		offset += constant;
		rule->cfa = CFA_REGISTER;
		rule->cfa_add = 0;
	}
	rule->cfa_register = number;
	rule->cfa_offset = (int32_t)offset;
	return true;
}
