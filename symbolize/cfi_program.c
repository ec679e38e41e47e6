/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/cfi_program.h"

#include "symbolize/cfi_expression.h"

/* DWARF 5, 7.24. The first three carry an operand in their lower six bits. */
#define DW_CFA_advance_loc                  0x40
#define DW_CFA_offset                       0x80
#define DW_CFA_restore                      0xc0
#define DW_CFA_OPERAND                      0x3f
#define DW_CFA_nop                          0x00
#define DW_CFA_set_loc                      0x01
#define DW_CFA_advance_loc1                 0x02
#define DW_CFA_advance_loc2                 0x03
#define DW_CFA_advance_loc4                 0x04
#define DW_CFA_offset_extended              0x05
#define DW_CFA_restore_extended             0x06
#define DW_CFA_undefined                    0x07
#define DW_CFA_same_value                   0x08
#define DW_CFA_register                     0x09
#define DW_CFA_remember_state               0x0a
#define DW_CFA_restore_state                0x0b
#define DW_CFA_def_cfa                      0x0c
#define DW_CFA_def_cfa_register             0x0d
#define DW_CFA_def_cfa_offset               0x0e
#define DW_CFA_def_cfa_expression           0x0f
#define DW_CFA_expression                   0x10
#define DW_CFA_offset_extended_sf           0x11
#define DW_CFA_def_cfa_sf                   0x12
#define DW_CFA_def_cfa_offset_sf            0x13
#define DW_CFA_val_offset                   0x14
#define DW_CFA_val_offset_sf                0x15
#define DW_CFA_val_expression               0x16
#define DW_CFA_MIPS_advance_loc8            0x1d
#define DW_CFA_GNU_args_size                0x2e
#define DW_CFA_GNU_negative_offset_extended 0x2f

#define BIT(kind) (1u << UNWIND_UNSUPPORTED_##kind)
#define CFA_BITS  (BIT(CFA_EXPRESSION) | BIT(CFA_REGISTER) | BIT(CFA_OFFSET))

/* Where a program says that the caller's value of a register is. */
enum place {
	PLACE_AT_CFA,    /* in memory, value bytes from the CFA */
	PLACE_CFA_PLUS,  /* it is the CFA plus value */
	PLACE_REGISTER,  /* in register number value */
	PLACE_SAME,      /* not changed */
	PLACE_UNDEFINED, /* lost */
	PLACE_OTHER,     /* an expression */
};

static bool fits_s16(int64_t value)
{
	return value == (int16_t)value;
}

static bool fits_s32(int64_t value)
{
	return value == (int32_t)value;
}

static void set_bit(struct cfi_state *state, uint32_t bit, bool is_set)
{
	state->unsupported = is_set ? state->unsupported | bit : state->unsupported & ~bit;
}

static void set_return_address(struct cfi_state *state, enum place place, int64_t value)
{
	bool is_supported = false;

	state->rule.ra_kind = RA_AT_CFA;
	state->rule.ra = 0;
	if (place == PLACE_AT_CFA && fits_s16(value)) {
		state->rule.ra = (int16_t)value;
		is_supported = true;
	} else if (place == PLACE_REGISTER && value < UNWIND_REGISTERS) {
		state->rule.ra_kind = RA_REGISTER;
		state->rule.ra = (int16_t)value;
		is_supported = true;
	} else if (place == PLACE_UNDEFINED) {
		state->rule.ra_kind = RA_END;
		is_supported = true;
	}
	set_bit(state, BIT(RETURN_ADDRESS), !is_supported);
}

static void set_rbp(struct cfi_state *state, enum unwind_rbp kind, int64_t offset)
{
	state->rule.rbp_kind = (uint8_t)kind;
	state->rule.rbp_offset = (int16_t)offset;
	set_bit(state, BIT(FRAME_POINTER), false);
}

static void set_frame_pointer(struct cfi_state *state, enum place place, int64_t value)
{
	if (place == PLACE_AT_CFA && fits_s16(value)) {
		set_rbp(state, RBP_AT_CFA, value);
	} else if (place == PLACE_CFA_PLUS && fits_s16(value)) {
		set_rbp(state, RBP_CFA_PLUS, value);
	} else if (place == PLACE_SAME || (place == PLACE_REGISTER && value == UNWIND_RBP)) {
		set_rbp(state, RBP_SAME, 0);
	} else if (place == PLACE_REGISTER && value < UNWIND_REGISTERS) {
		set_rbp(state, RBP_REGISTER, value);
	} else {
		set_rbp(state, RBP_UNDEFINED, 0);
		set_bit(state, BIT(FRAME_POINTER), place != PLACE_UNDEFINED);
	}
}

/* It is needed so rarely that a place which does not fit costs nothing worth a count. */
static void set_rbx(struct cfi_state *state, enum place place, int64_t value)
{
	bool is_saved =
		place == PLACE_AT_CFA && fits_s16(value) && value != 0 && value != UNWIND_RBX_LOST;

	if (is_saved)
		state->rule.rbx_offset = (int16_t)value;
	else
		state->rule.rbx_offset = place == PLACE_SAME ? 0 : UNWIND_RBX_LOST;
}

static void set_column(struct cfi_state *state, uint64_t column, enum place place, int64_t value)
{
	if (column == UNWIND_RBP)
		set_frame_pointer(state, place, value);
	else if (column == UNWIND_RBX)
		set_rbx(state, place, value);
	else if (column == CFI_RETURN_ADDRESS)
		set_return_address(state, place, value);
	else if (column == UNWIND_RSP)
		set_bit(state, BIT(STACK_POINTER), place != PLACE_CFA_PLUS || value != 0);
}

static void restore_column(struct cfi_state *state, const struct cfi_state *initial,
			   uint64_t column)
{
	uint32_t bit = 0;

	if (column == UNWIND_RBP) {
		bit = BIT(FRAME_POINTER);
		state->rule.rbp_kind = initial->rule.rbp_kind;
		state->rule.rbp_offset = initial->rule.rbp_offset;
	} else if (column == UNWIND_RBX) {
		state->rule.rbx_offset = initial->rule.rbx_offset;
	} else if (column == CFI_RETURN_ADDRESS) {
		bit = BIT(RETURN_ADDRESS);
		state->rule.ra_kind = initial->rule.ra_kind;
		state->rule.ra = initial->rule.ra;
	} else if (column == UNWIND_RSP) {
		bit = BIT(STACK_POINTER);
	}
	set_bit(state, bit, initial->unsupported & bit);
}

static void set_cfa_register(struct cfi_state *state, uint64_t number)
{
	/* Only a sum has a register that can be replaced. */
	if (state->rule.cfa != CFA_REGISTER) {
		set_bit(state, BIT(CFA_EXPRESSION), true);
		return;
	}
	set_bit(state, BIT(CFA_REGISTER), number >= UNWIND_REGISTERS);
	state->rule.cfa_register = number < UNWIND_REGISTERS ? (uint8_t)number : 0;
}

static void set_cfa_offset(struct cfi_state *state, int64_t offset)
{
	if (state->rule.cfa != CFA_REGISTER) {
		set_bit(state, BIT(CFA_EXPRESSION), true);
		return;
	}
	set_bit(state, BIT(CFA_OFFSET), !fits_s32(offset));
	state->rule.cfa_offset = fits_s32(offset) ? (int32_t)offset : 0;
}

static void set_cfa(struct cfi_state *state, uint64_t number, int64_t offset)
{
	set_bit(state, CFA_BITS, false);
	state->rule.cfa = CFA_REGISTER;
	state->rule.cfa_add = 0;
	set_cfa_register(state, number);
	set_cfa_offset(state, offset);
}

static void set_cfa_expression(struct cfi_state *state, struct dwarf_reader *reader)
{
	uint64_t size = dwarf_uleb128(reader);
	const uint8_t *bytes = dwarf_bytes(reader, size);

	if (!bytes)
		return;
	set_bit(state, CFA_BITS, false);
	if (!cfi_expression_cfa(bytes, size, &state->rule)) {
		state->rule.cfa = CFA_UNSUPPORTED;
		set_bit(state, BIT(CFA_EXPRESSION), true);
	}
}

/* The caller's value is in memory, where the expression says. */
static void set_column_expression(struct cfi_state *state, struct dwarf_reader *reader)
{
	uint64_t column = dwarf_uleb128(reader);
	uint64_t size = dwarf_uleb128(reader);
	const uint8_t *bytes = dwarf_bytes(reader, size);
	uint8_t number;
	int32_t offset;

	if (!bytes)
		return;
	if (column == UNWIND_RBP && cfi_expression_sum(bytes, size, &number, &offset) &&
	    fits_s16(offset) && (number == UNWIND_RBP || number == UNWIND_RSP))
		set_rbp(state, number == UNWIND_RBP ? RBP_AT_RBP : RBP_AT_RSP, offset);
	else
		set_column(state, column, PLACE_OTHER, 0);
}

/* What is beyond an int64_t is beyond all that fits a rule, too. */
static int64_t clamp(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* An operand in units of the data alignment factor. */
static int64_t scale(struct cfi_program *program, int64_t factored)
{
	int64_t value;

	if (__builtin_mul_overflow(factored, program->common->data_factor, &value)) {
		dwarf_fail(&program->reader);
		return 0;
	}
	return value;
}

static int64_t read_scaled(struct cfi_program *program)
{
	return scale(program, clamp(dwarf_uleb128(&program->reader)));
}

static int64_t read_scaled_signed(struct cfi_program *program)
{
	return scale(program, dwarf_sleb128(&program->reader));
}

static void save_state(struct cfi_program *program)
{
	if (program->saved_count == CFI_SAVED_STATES_MAX)
		dwarf_fail(&program->reader);
	else
		program->saved[program->saved_count++] = program->state;
}

static void restore_state(struct cfi_program *program)
{
	if (!program->saved_count)
		dwarf_fail(&program->reader);
	else
		program->state = program->saved[--program->saved_count];
}

/* Instructions that say where one register is. */
static void run_column(struct cfi_program *program, uint8_t opcode)
{
	struct dwarf_reader *reader = &program->reader;
	struct cfi_state *state = &program->state;
	uint64_t column = dwarf_uleb128(reader);

	switch (opcode) {
	case DW_CFA_offset_extended:
		set_column(state, column, PLACE_AT_CFA, read_scaled(program));
		break;
	case DW_CFA_offset_extended_sf:
		set_column(state, column, PLACE_AT_CFA, read_scaled_signed(program));
		break;
	case DW_CFA_GNU_negative_offset_extended:
		set_column(state, column, PLACE_AT_CFA,
			   scale(program, -clamp(dwarf_uleb128(reader))));
		break;
	case DW_CFA_val_offset:
		set_column(state, column, PLACE_CFA_PLUS, read_scaled(program));
		break;
	case DW_CFA_val_offset_sf:
		set_column(state, column, PLACE_CFA_PLUS, read_scaled_signed(program));
		break;
	case DW_CFA_register:
		set_column(state, column, PLACE_REGISTER, clamp(dwarf_uleb128(reader)));
		break;
	case DW_CFA_same_value:
		set_column(state, column, PLACE_SAME, 0);
		break;
	case DW_CFA_undefined:
		set_column(state, column, PLACE_UNDEFINED, 0);
		break;
	case DW_CFA_restore_extended:
		restore_column(state, &program->common->initial, column);
		break;
	case DW_CFA_val_expression:
		(void)dwarf_bytes(reader, dwarf_uleb128(reader));
		set_column(state, column, PLACE_OTHER, 0);
		break;
	default:
		dwarf_fail(reader);
	}
}

/* Everything that neither moves the location nor has its operand in the opcode. */
static void run(struct cfi_program *program, uint8_t opcode)
{
	struct dwarf_reader *reader = &program->reader;
	struct cfi_state *state = &program->state;
	uint64_t number;

	switch (opcode) {
	case DW_CFA_nop:
		break;
	case DW_CFA_def_cfa_offset:
		set_cfa_offset(state, clamp(dwarf_uleb128(reader)));
		break;
	case DW_CFA_def_cfa_offset_sf:
		set_cfa_offset(state, read_scaled_signed(program));
		break;
	case DW_CFA_def_cfa_register:
		set_cfa_register(state, dwarf_uleb128(reader));
		break;
	case DW_CFA_def_cfa:
		number = dwarf_uleb128(reader);
		set_cfa(state, number, clamp(dwarf_uleb128(reader)));
		break;
	case DW_CFA_def_cfa_sf:
		number = dwarf_uleb128(reader);
		set_cfa(state, number, read_scaled_signed(program));
		break;
	case DW_CFA_def_cfa_expression:
		set_cfa_expression(state, reader);
		break;
	case DW_CFA_expression:
		set_column_expression(state, reader);
		break;
	case DW_CFA_remember_state:
		save_state(program);
		break;
	case DW_CFA_restore_state:
		restore_state(program);
		break;
	case DW_CFA_GNU_args_size:
		(void)dwarf_uleb128(reader);
		break;
	default:
		run_column(program, opcode);
	}
}

/* The bytes from the location to where the instruction goes; 0 for those that stay. */
static uint64_t read_distance(struct cfi_program *program, uint8_t opcode)
{
	struct dwarf_reader *reader = &program->reader;
	uint64_t units, distance;

	switch (opcode) {
	case DW_CFA_set_loc:
		distance =
			dwarf_pointer(reader, program->common->pointer_encoding, &program->bases) -
			program->location;
		/* Backwards is a long way round. */
		if (distance > INT64_MAX)
			dwarf_fail(reader);
		return reader->failed ? 0 : distance;
	case DW_CFA_advance_loc1:
		units = dwarf_u8(reader);
		break;
	case DW_CFA_advance_loc2:
		units = dwarf_u16(reader);
		break;
	case DW_CFA_advance_loc4:
		units = dwarf_u32(reader);
		break;
	case DW_CFA_MIPS_advance_loc8:
		units = dwarf_u64(reader);
		break;
	default:
		units = opcode & DW_CFA_OPERAND;
	}
	if (__builtin_mul_overflow(units, program->common->code_factor, &distance))
		return UINT64_MAX;
	return distance;
}

static bool is_advance(uint8_t opcode)
{
	return (opcode & ~DW_CFA_OPERAND) == DW_CFA_advance_loc ||
	       (opcode >= DW_CFA_set_loc && opcode <= DW_CFA_advance_loc4) ||
	       opcode == DW_CFA_MIPS_advance_loc8;
}

bool cfi_program_next(struct cfi_program *program)
{
	struct dwarf_reader *reader = &program->reader;
	uint64_t distance = 0;

	if (program->is_done)
		return false;
	while (!distance && dwarf_left(reader)) {
		uint8_t opcode = *reader->at++;
		uint8_t operand = opcode & DW_CFA_OPERAND;

		if (is_advance(opcode))
			distance = read_distance(program, opcode);
		else if ((opcode & ~DW_CFA_OPERAND) == DW_CFA_offset)
			set_column(&program->state, operand, PLACE_AT_CFA, read_scaled(program));
		else if ((opcode & ~DW_CFA_OPERAND) == DW_CFA_restore)
			restore_column(&program->state, &program->common->initial, operand);
		else
			run(program, opcode);
	}
	if (reader->failed) {
		program->is_malformed = true;
		program->is_done = true;
		return false;
	}
	program->row = program->location;
	if (!distance || distance >= program->end - program->location)
		program->is_done = true;
	else
		program->location += distance;
	return true;
}

void cfi_program_init(struct cfi_program *program, const struct cfi_common *common,
		      struct dwarf_reader instructions, uint64_t start, uint64_t end)
{
	program->state = common->initial;
	program->location = start;
	program->end = end;
	program->is_done = start >= end;
	program->is_malformed = false;
	program->common = common;
	program->reader = instructions;
	program->bases = (struct dwarf_bases){ .has_function = true, .function = start };
	program->saved_count = 0;
}

bool cfi_common_init(struct cfi_common *common, struct dwarf_reader instructions)
{
	struct cfi_program program;

	/* Before the first instruction, only rsp and rbp have a place. */
	common->initial =
		(struct cfi_state){ .unsupported = BIT(CFA_REGISTER) | BIT(RETURN_ADDRESS) };
	cfi_program_init(&program, common, instructions, 0, UINT64_MAX);
	if (!cfi_program_next(&program) || program.location != 0 || dwarf_left(&program.reader))
		return false;
	common->initial = program.state;
	return true;
}
