/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/dwarf_lines.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "symbolize/dwarf_line_header.h"

/* How far back a sequence is looked for that others overlap. */
#define OVERLAPPING_MAX 16

/* The machine whose program makes the rows: its registers, and the sequence that is being made. */
struct machine {
	const struct dwarf_file *file;
	const struct dwarf_line_header *header;
	struct dwarf_lines *lines;
	uint64_t bytes_max;
	uint64_t address, line, file_number;
	uint64_t operation;
	bool is_begun, is_alive; /* a sequence; one of code that the file has */
	uint32_t low, last;
	size_t first_row;
};

static void reset(struct machine *machine)
{
	machine->address = 0;
	machine->operation = 0;
	machine->line = 1;
	machine->file_number = 1;
	machine->is_begun = machine->is_alive = false;
	machine->first_row = machine->lines->row_count;
}

static void advance(struct machine *machine, uint64_t operations)
{
	const struct dwarf_line_header *header = machine->header;

	if (header->operations_max > 1) {
		operations += machine->operation;
		machine->operation = operations % header->operations_max;
		operations /= header->operations_max;
	}
	machine->address += operations * header->instruction_size;
}

/* The sequence is over at high, or nothing is known from there on. */
static int end_sequence(struct machine *machine, uint32_t high)
{
	struct dwarf_lines *lines = machine->lines;
	struct dwarf_line_sequence *sequences;
	bool is_empty = !machine->is_alive || high <= machine->low;

	machine->is_alive = false;
	if (is_empty) {
		lines->row_count = machine->first_row;
		return 0;
	}
	sequences = array_reserve(lines->sequences, lines->sequence_count,
				  &lines->sequence_capacity, sizeof(*sequences));
	if (!sequences)
		return -ENOMEM;
	lines->sequences = sequences;
	sequences[lines->sequence_count++] = (struct dwarf_line_sequence){
		.low = machine->low,
		.high = high,
		.first_row = (uint32_t)machine->first_row,
		.row_count = (uint32_t)(lines->row_count - machine->first_row),
	};
	machine->first_row = lines->row_count;
	return 0;
}

/* Appends a row, unless it says what the one before does; of several for one place it is the last.
 */
static int add_row(struct machine *machine, uint32_t place)
{
	struct dwarf_lines *lines = machine->lines;
	struct dwarf_line_row *rows = lines->rows, *last = NULL;
	struct dwarf_line_row row = {
		.start = place,
		.line = machine->line > UINT32_MAX ? 0 : (uint32_t)machine->line,
		.file = machine->file_number > UINT32_MAX ? UINT32_MAX
							  : (uint32_t)machine->file_number,
	};

	if (lines->row_count > machine->first_row && rows[lines->row_count - 1].start == place)
		lines->row_count--;
	if (lines->row_count > machine->first_row)
		last = &rows[lines->row_count - 1];
	if (last && last->line == row.line && last->file == row.file)
		return 0;
	if (dwarf_lines_bytes(lines) > machine->bytes_max || lines->row_count >= UINT32_MAX)
		return -EFBIG;
	rows = array_reserve(rows, lines->row_count, &lines->row_capacity, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	lines->rows = rows;
	rows[lines->row_count++] = row;
	return 0;
}

static int emit(struct machine *machine)
{
	uint32_t place, unused;
	int err;

	/* A sequence that begins where no code is was discarded, however far it reaches. */
	if (machine->is_begun && !machine->is_alive)
		return 0;
	if (!machine->is_begun) {
		machine->is_begun = true;
		machine->is_alive = dwarf_file_place(machine->file, machine->address,
						     machine->address + 1, &machine->low, &unused);
		if (!machine->is_alive)
			return 0;
		machine->last = machine->low;
	}
	if (machine->address < machine->file->code_low ||
	    machine->address >= machine->file->code_high)
		return end_sequence(machine, machine->last);
	place = (uint32_t)(machine->address - machine->file->code_low);
	if (place < machine->last) {
		/* Sequences only ever go forward: what comes now is another one. */
		err = end_sequence(machine, machine->last);
		if (err < 0)
			return err;
		machine->is_alive = true;
		machine->low = place;
	}
	machine->last = place;
	return add_row(machine, place);
}

static int finish_sequence(struct machine *machine)
{
	const struct dwarf_file *file = machine->file;
	uint64_t end = machine->address < file->code_high ? machine->address : file->code_high;
	int err =
		end_sequence(machine, end > file->code_low ? (uint32_t)(end - file->code_low) : 0);

	reset(machine);
	return err;
}

static int run_extended(struct machine *machine, struct dwarf_reader *program)
{
	uint64_t length = dwarf_uleb128(program);
	const uint8_t *bytes = dwarf_bytes(program, length);
	struct dwarf_reader operands;
	const char *name;

	if (!bytes || !length)
		return -EBADMSG;
	operands = dwarf_reader_of(bytes, length, 0);
	switch (dwarf_u8(&operands)) {
	case DW_LNE_end_sequence:
		return finish_sequence(machine);
	case DW_LNE_set_address:
		if (dwarf_left(&operands) == sizeof(uint64_t))
			machine->address = dwarf_u64(&operands);
		else
			machine->address = dwarf_u32(&operands);
		machine->operation = 0;
		break;
	case DW_LNE_define_file:
		name = dwarf_line_string(&operands);
		if (!name)
			return -EBADMSG;
		if (dwarf_lines_bytes(machine->lines) > machine->bytes_max)
			return -EFBIG;
		return dwarf_line_header_add_file(&operands, name, machine->lines);
	}
	return operands.failed ? -EBADMSG : 0;
}

static int run_standard(struct machine *machine, struct dwarf_reader *program, uint8_t opcode)
{
	const struct dwarf_line_header *header = machine->header;

	switch (opcode) {
	case DW_LNS_copy:
		return emit(machine);
	case DW_LNS_advance_pc:
		advance(machine, dwarf_uleb128(program));
		break;
	case DW_LNS_advance_line:
		machine->line += (uint64_t)dwarf_sleb128(program);
		break;
	case DW_LNS_set_file:
		machine->file_number = dwarf_uleb128(program);
		break;
	case DW_LNS_const_add_pc:
		advance(machine, (uint8_t)(255 - header->opcode_base) / header->line_range);
		break;
	case DW_LNS_fixed_advance_pc:
		machine->address += dwarf_u16(program);
		machine->operation = 0;
		break;
	default:
		for (size_t i = 0; i < header->operand_counts[opcode - 1]; i++)
			(void)dwarf_uleb128(program);
	}
	return 0;
}

static int run(struct machine *machine)
{
	const struct dwarf_line_header *header = machine->header;
	struct dwarf_reader program = header->program;
	int err = 0;

	reset(machine);
	while (!err && dwarf_left(&program)) {
		uint8_t opcode = dwarf_u8(&program);

		if (opcode >= header->opcode_base) {
			uint8_t special = (uint8_t)(opcode - header->opcode_base);

			advance(machine, special / header->line_range);
			machine->line += (uint64_t)(int64_t)(header->line_base +
							     special % header->line_range);
			err = emit(machine);
		} else if (opcode) {
			err = run_standard(machine, &program, opcode);
		} else {
			err = run_extended(machine, &program);
		}
	}
	if (!err && program.failed)
		err = -EBADMSG;
	/* What has no end has none. */
	machine->lines->row_count = machine->first_row;
	return err;
}

static int compare_sequences(const void *a, const void *b)
{
	const struct dwarf_line_sequence *left = a, *right = b;

	if (left->low != right->low)
		return left->low < right->low ? -1 : 1;
	return (left->first_row > right->first_row) - (left->first_row < right->first_row);
}

static void cleanup_lines(struct dwarf_lines *lines)
{
	dwarf_lines_done(lines);
}

int dwarf_lines_read(const struct dwarf_file *file, uint64_t offset, uint64_t bytes_max,
		     struct dwarf_lines *ret)
{
	CLEANUP(cleanup_lines) struct dwarf_lines lines = { 0 };
	struct dwarf_line_header header;
	struct machine machine = {
		.file = file,
		.header = &header,
		.lines = &lines,
		.bytes_max = bytes_max,
	};
	int err;

	if (!dwarf_line_header_read(file, offset, &header))
		return -EBADMSG;
	err = dwarf_line_header_tables(file, &header, &lines);
	if (!err)
		err = run(&machine);
	if (err == -EBADMSG)
		dwarf_refuse(file, DWARF_REFUSED_MALFORMED);
	else if (err < 0)
		return err;
	if (lines.sequence_count)
		qsort(lines.sequences, lines.sequence_count, sizeof(*lines.sequences),
		      compare_sequences);
	lines.rows = array_trim(lines.rows, lines.row_count, sizeof(*lines.rows));
	lines.row_capacity = lines.row_count;
	*ret = lines;
	lines = (struct dwarf_lines){ 0 };
	return 0;
}

void dwarf_lines_done(struct dwarf_lines *lines)
{
	free(lines->rows);
	free(lines->sequences);
	free(lines->files);
	free(lines->directories);
	*lines = (struct dwarf_lines){ 0 };
}

bool dwarf_lines_is_empty(const struct dwarf_file *file, uint64_t offset)
{
	struct dwarf_line_header header;

	return dwarf_line_header_read(file, offset, &header) && !dwarf_left(&header.program);
}

static const struct dwarf_line_row *find_row(const struct dwarf_line_row *rows, size_t count,
					     uint32_t place)
{
	while (count > 1) {
		size_t half = count / 2;

		rows = rows[half].start <= place ? rows + half : rows;
		count -= half;
	}
	return rows;
}

const struct dwarf_line_row *dwarf_lines_find(const struct dwarf_lines *lines, uint32_t place)
{
	const struct dwarf_line_sequence *first = lines->sequences, *end;
	size_t low = 0, high = lines->sequence_count;

	if (!high)
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (first[middle].low <= place)
			low = middle + 1;
		else
			high = middle;
	}
	end = first + low;
	if (low > OVERLAPPING_MAX)
		first = end - OVERLAPPING_MAX;
	while (end > first) {
		end--;
		if (place < end->high)
			return find_row(lines->rows + end->first_row, end->row_count, place);
	}
	return NULL;
}

struct dwarf_line_file *dwarf_lines_file(const struct dwarf_lines *lines, uint32_t number)
{
	/* Up to version 4, files are counted from 1, and 0 means none. */
	if (lines->version < 5 && number-- == 0)
		return NULL;
	if (number >= lines->file_count || !lines->files[number].name ||
	    !*lines->files[number].name)
		return NULL;
	return &lines->files[number];
}

bool dwarf_lines_path(const struct dwarf_lines *lines, const struct dwarf_line_file *line_file,
		      const char *directory, char *ret, size_t size)
{
	const char *inner = NULL, *outer = directory ? directory : "";
	bool has_inner, has_outer;

	if (line_file->directory < lines->directory_count)
		inner = lines->directories[line_file->directory];
	if (line_file->name[0] == '/' || !inner)
		inner = "";
	if (line_file->name[0] == '/' || inner[0] == '/')
		outer = "";
	/* In version 5, number 0 is the directory of the compilation itself. */
	if (strcmp(inner, outer) == 0)
		inner = "";
	has_inner = *inner;
	has_outer = *outer;
	return snprintf(ret, size, "%s%s%s%s%s", outer, has_outer ? "/" : "", inner,
			has_inner ? "/" : "", line_file->name) < (int)size;
}
