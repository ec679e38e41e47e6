/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/unwind_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbolize/cfi_program.h"
#include "symbolize/cfi_records.h"
#include "symbolize/elf_reader.h"
#include "symbolize/unwind_rows.h"

#define WORD_SIZE      sizeof(uint32_t)
#define WORDS_PER_PAGE (UNWIND_PAGE_SIZE / WORD_SIZE)
#define RULE_WORDS     (sizeof(struct unwind_rule) / WORD_SIZE)
#define BLOCK_WORDS    (sizeof(struct unwind_block) / WORD_SIZE)
_Static_assert(sizeof(struct unwind_row) == WORD_SIZE, "a row is a word of the image");

/* What is being compiled. */
struct compiler {
	struct cfi_records records;
	struct unwind_rows rows;
	uint32_t base; /* the first block, from the base of the code */
	struct unwind_table *table;
};

static const struct unwind_rule no_rule = { .cfa = CFA_NO_RULE };
static const struct unwind_rule unsupported_rule = { .cfa = CFA_UNSUPPORTED };
/* Neither of these is walked any further by its CFA: all of their kind are one rule. */
static const struct unwind_rule end_rule = { .cfa = CFA_REGISTER,
					     .cfa_register = UNWIND_RSP,
					     .ra_kind = RA_END };
static const struct unwind_rule signal_rule = { .cfa = CFA_REGISTER,
						.cfa_register = UNWIND_RSP,
						.ra_kind = RA_SIGNAL };

static void cleanup_elf_reader(struct elf_reader *reader)
{
	elf_reader_done(reader);
}

static void cleanup_compiler(struct compiler *compiler)
{
	cfi_records_done(&compiler->records);
	unwind_rows_done(&compiler->rows);
}

const char *unwind_unsupported_name(enum unwind_unsupported kind)
{
	static const char *const names[] = {
		[UNWIND_UNSUPPORTED_MALFORMED] = "malformed instructions",
		[UNWIND_UNSUPPORTED_CFA_EXPRESSION] = "CFA by another expression",
		[UNWIND_UNSUPPORTED_CFA_REGISTER] = "CFA from another register",
		[UNWIND_UNSUPPORTED_CFA_OFFSET] = "CFA too far from its register",
		[UNWIND_UNSUPPORTED_RETURN_ADDRESS] = "return address elsewhere",
		[UNWIND_UNSUPPORTED_STACK_POINTER] = "stack pointer other than the CFA",
		[UNWIND_UNSUPPORTED_FRAME_POINTER] = "frame pointer elsewhere",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == UNWIND_UNSUPPORTED_KINDS,
		       "each kind has a name");
	return names[kind];
}

static int put(struct compiler *compiler, uint64_t offset, const struct unwind_rule *rule)
{
	return unwind_rows_put(&compiler->rows, (uint32_t)offset - compiler->base, rule);
}

/* The rule for a state of the program; what is not supported is counted. */
static const struct unwind_rule *rule_of(struct compiler *compiler, const struct cfi_state *state)
{
	if (state->rule.ra_kind == RA_END)
		return &end_rule;
	if (!state->unsupported)
		return &state->rule;
	compiler->table->unsupported[__builtin_ctz(state->unsupported)]++;
	/* Frames are found without it, until one needs it. */
	if (state->unsupported == 1u << UNWIND_UNSUPPORTED_FRAME_POINTER)
		return &state->rule;
	return &unsupported_rule;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Compiles one function up to end: its own, or where the next one begins. */
static int compile_function(struct compiler *compiler, const struct cfi_function *function,
			    uint32_t end)
{
	const struct cfi_common_entry *entry = &compiler->records.commons[function->common];
	const struct cfi_section *section = &compiler->records.sections.list[entry->section];
	uint64_t base = compiler->records.code.base;
	struct unwind_table *table = compiler->table;
	struct cfi_program program;
	int err;

	table->function_count++;
	if (entry->is_signal) {
		table->read_row_count++;
		return put(compiler, function->start, &signal_rule);
	}
	cfi_program_init(&program, &entry->common,
			 dwarf_reader_of(section->bytes + function->program, function->program_size,
					 section->address + function->program),
			 base + function->entry, base + end);
	while (cfi_program_next(&program)) {
		/* Another entry is right up to start. */
		if (!program.is_done && program.location <= base + function->start)
			continue;
		table->read_row_count++;
		err = put(compiler, later(program.row - base, function->start),
			  rule_of(compiler, &program.state));
		if (err < 0)
			return err;
	}
	if (!program.is_malformed)
		return 0;
	table->read_row_count++;
	table->unsupported[UNWIND_UNSUPPORTED_MALFORMED]++;
	return put(compiler, later(program.location - base, function->start), &unsupported_rule);
}

static int compile_functions(struct compiler *compiler)
{
	const struct cfi_function *functions = compiler->records.functions;
	size_t count = compiler->records.function_count;

	for (size_t i = 0; i < count; i++) {
		const struct cfi_function *function = &functions[i];
		uint32_t next = i + 1 < count ? functions[i + 1].start : UINT32_MAX;
		uint32_t end = function->end < next ? function->end : next;
		int err = compile_function(compiler, function, end);

		if (err < 0)
			return err;
		/* A function in assembly may be as small as what others are aligned with. */
		if (next > end) {
			err = put(compiler, end, &no_rule);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

/* Where the next words go, when they have to be in one page. */
static size_t place(size_t at, size_t count)
{
	size_t left = WORDS_PER_PAGE - at % WORDS_PER_PAGE;

	return count <= left ? at : at + left;
}

static int make_image(const struct unwind_rows *rows, struct unwind_table *table)
{
	size_t first_block = rows->rule_count * RULE_WORDS;
	size_t at = first_block + rows->block_count * BLOCK_WORDS;
	struct unwind_block *blocks;

	for (size_t i = 0; i < rows->block_count; i++)
		at = place(at, rows->blocks[i].row_count) + rows->blocks[i].row_count;
	if (at > UINT32_MAX)
		return -EFBIG;
	table->words = calloc(at, WORD_SIZE);
	if (!table->words)
		return -ENOMEM;
	table->word_count = at;
	table->rule_count = (uint32_t)rows->rule_count;
	table->first_block = (uint32_t)first_block;
	table->block_count = (uint32_t)rows->block_count;
	table->row_count = (uint32_t)rows->row_count;
	memcpy(table->words, rows->rules, rows->rule_count * sizeof(*rows->rules));
	at = first_block + rows->block_count * BLOCK_WORDS;
	blocks = (struct unwind_block *)(table->words + first_block);
	for (size_t i = 0; i < rows->block_count; i++) {
		struct unwind_block block = rows->blocks[i];
		const struct unwind_row *first = rows->rows + block.first_row;

		at = place(at, block.row_count);
		block.first_row = (uint32_t)at;
		blocks[i] = block;
		memcpy(table->words + at, first, block.row_count * sizeof(*first));
		at += block.row_count;
	}
	return 0;
}

static int compile(struct compiler *compiler)
{
	const struct cfi_records *records = &compiler->records;
	const struct cfi_function *functions = records->functions;
	uint32_t end = 0;
	int err;

	for (size_t i = 0; i < records->function_count; i++)
		end = functions[i].end > end ? functions[i].end : end;
	compiler->base = functions[0].start & ~(UNWIND_BLOCK_SIZE - 1);
	compiler->table->code_start = records->code.base + compiler->base;
	compiler->table->skipped_count = records->skipped_count;
	err = unwind_rows_init(&compiler->rows, end - compiler->base + 1);
	if (err < 0)
		return err;
	err = compile_functions(compiler);
	if (err < 0)
		return err;
	unwind_rows_end(&compiler->rows);
	return make_image(&compiler->rows, compiler->table);
}

int unwind_table_build(int fd, struct unwind_table *ret, const char **ret_error)
{
	CLEANUP(cleanup_elf_reader) struct elf_reader reader = { .fd = -1 };
	CLEANUP(unwind_table_done) struct unwind_table table = { 0 };
	CLEANUP(cleanup_compiler) struct compiler compiler = { .table = &table };
	int err;

	err = elf_reader_open(fd, &reader);
	if (err < 0) {
		*ret_error = "not an ELF file, or one that contradicts itself";
		return err;
	}
	if (reader.machine != EM_X86_64 || !reader.is_64bit) {
		*ret_error = "for another machine";
		return -ENOTSUP;
	}
	err = cfi_records_read(&reader, &compiler.records);
	if (err < 0) {
		*ret_error = reader.error ? reader.error : "cannot be read";
		return err;
	}
	err = compile(&compiler);
	if (err < 0) {
		*ret_error = err == -ENOMEM ? "out of memory" : "too many rows or rules";
		return err;
	}
	*ret = table;
	table = (struct unwind_table){ 0 };
	return 0;
}

void unwind_table_done(struct unwind_table *table)
{
	free(table->words);
	*table = (struct unwind_table){ 0 };
}

/* True when count words at a place of the image are in it, and in one page. */
static bool is_in_page(const struct unwind_table *table, size_t at, size_t count)
{
	return at <= table->word_count && count <= table->word_count - at && place(at, count) == at;
}

const struct unwind_rule *unwind_table_find(const struct unwind_table *table, uint64_t address)
{
	uint64_t offset = address - table->code_start;
	uint64_t number = offset >> UNWIND_BLOCK_SHIFT;
	uint16_t in_block = offset & (UNWIND_BLOCK_SIZE - 1), rule = 0;
	const struct unwind_block *block;
	const struct unwind_row *rows;
	size_t at;

	if (address >= table->code_start && number < table->block_count) {
		at = table->first_block + number * BLOCK_WORDS;
		if (!is_in_page(table, at, BLOCK_WORDS))
			return NULL;
		block = (const struct unwind_block *)(table->words + at);
		if (!is_in_page(table, block->first_row, block->row_count))
			return NULL;
		rows = (const struct unwind_row *)(table->words + block->first_row);
		rule = block->rule;
		for (size_t i = 0; i < block->row_count && rows[i].offset <= in_block; i++)
			rule = rows[i].rule;
	}
	at = rule * RULE_WORDS;
	if (rule >= table->rule_count || !is_in_page(table, at, RULE_WORDS))
		return NULL;
	return (const struct unwind_rule *)(table->words + at);
}
