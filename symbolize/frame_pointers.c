/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/frame_pointers.h"

#include <string.h>

#include "base/cleanup.h"
#include "symbolize/elf_symbols.h"

/* Enough to tell, in a millisecond. */
#define FUNCTIONS_LOOKED_AT 512
/* Fewer say nothing: what every program is linked with has three or four. */
#define FUNCTIONS_MIN       6
/* Of those that tell, in percent, to speak of all. */
#define NEARLY_ALL          85
#define PROLOGUE_SIZE       16

/* System V ABI, AMD64 Supplement, 3.2.2, and what assemblers make of it. */
static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
#define PUSH_RBP 0x55
static const uint8_t mov_rsp_rbp[] = { 0x48, 0x89, 0xe5 };
static const uint8_t mov_rbp_rsp[] = { 0x48, 0x8b, 0xec }; /* the same, the other way to say it */

enum evidence { SAYS_NOTHING, SAYS_KEPT, SAYS_OMITTED };

/* What a call leaves between the stack pointer and the CFA. */
#define RETURN_ADDRESS_SIZE 8

/* Saves another register that belongs to the caller, or makes room. */
static bool makes_frame(const uint8_t *bytes)
{
	/* push rbx */
	if (bytes[0] == 0x53)
		return true;
	/* push r12 to r15 */
	if (bytes[0] == 0x41 && bytes[1] >= 0x54 && bytes[1] <= 0x57)
		return true;
	/* sub rsp, with one byte or four */
	return bytes[0] == 0x48 && (bytes[1] == 0x83 || bytes[1] == 0x81) && bytes[2] == 0xec;
}

static enum evidence read_prologue(const uint8_t bytes[PROLOGUE_SIZE])
{
	if (!memcmp(bytes, endbr64, sizeof(endbr64)))
		bytes += sizeof(endbr64);
	if (makes_frame(bytes))
		return SAYS_OMITTED;
	if (bytes[0] != PUSH_RBP)
		return SAYS_NOTHING;
	if (!memcmp(bytes + 1, mov_rsp_rbp, sizeof(mov_rsp_rbp)) ||
	    !memcmp(bytes + 1, mov_rbp_rsp, sizeof(mov_rbp_rsp)))
		return SAYS_KEPT;
	/* Saved to be used for something else; unless the move comes a bit later. */
	return makes_frame(bytes + 1) ? SAYS_OMITTED : SAYS_NOTHING;
}

/* The bytes at an address of the program; false when they are not in the file. */
static bool read_code(struct elf_reader *reader, uint64_t address, uint8_t ret[PROLOGUE_SIZE])
{
	for (size_t i = 0; i < reader->segment_count; i++) {
		const Elf64_Phdr *segment = &reader->segments[i];
		uint64_t at = address - segment->p_vaddr;

		if (segment->p_type != PT_LOAD || address < segment->p_vaddr ||
		    segment->p_filesz < PROLOGUE_SIZE || at > segment->p_filesz - PROLOGUE_SIZE ||
		    segment->p_offset > UINT64_MAX - at)
			continue;
		return elf_reader_read(reader, segment->p_offset + at, ret, PROLOGUE_SIZE) == 0;
	}
	return false;
}

static void add(struct frame_pointer_census *census, enum evidence evidence)
{
	census->kept += evidence == SAYS_KEPT;
	census->omitted += evidence == SAYS_OMITTED;
}

/* A frame that is found by rbp has it for a frame pointer; one that is found by rsp only, not. */
static enum evidence read_rules(const struct cfi_records *records,
				const struct cfi_function *function)
{
	const struct cfi_common_entry *entry = &records->commons[function->common];
	const struct cfi_section *section = &records->sections.list[entry->section];
	uint64_t base = records->code.base;
	bool has_frame = false;
	struct cfi_program program;

	if (entry->is_signal)
		return SAYS_NOTHING;
	cfi_program_init(&program, &entry->common,
			 dwarf_reader_of(section->bytes + function->program, function->program_size,
					 section->address + function->program),
			 base + function->entry, base + function->end);
	while (cfi_program_next(&program)) {
		const struct unwind_rule *rule = &program.state.rule;

		if (rule->cfa == CFA_PLT)
			return SAYS_NOTHING;
		if (rule->cfa != CFA_REGISTER)
			continue;
		if (rule->cfa_register == UNWIND_RBP)
			return SAYS_KEPT;
		has_frame = has_frame || rule->cfa_offset > RETURN_ADDRESS_SIZE;
	}
	return has_frame ? SAYS_OMITTED : SAYS_NOTHING;
}

static size_t step_of(size_t count)
{
	return 1 + count / FUNCTIONS_LOOKED_AT;
}

static void count_prologues(struct elf_reader *reader, struct frame_pointer_census *ret)
{
	CLEANUP(elf_symbols_done) struct elf_symbols symbols = { 0 };

	if (elf_symbols_read(reader, &symbols) < 0)
		return;
	for (size_t i = 0; i < symbols.count; i += step_of(symbols.count)) {
		uint8_t bytes[PROLOGUE_SIZE];

		if (read_code(reader, symbols.ranges[i].address, bytes))
			add(ret, read_prologue(bytes));
	}
}

void frame_pointers_count(struct elf_reader *reader, const struct cfi_records *records,
			  struct frame_pointer_census *ret)
{
	*ret = (struct frame_pointer_census){ 0 };
	if (reader->machine != EM_X86_64 || !reader->is_64bit)
		return;
	for (size_t i = 0; i < records->function_count; i += step_of(records->function_count))
		add(ret, read_rules(records, &records->functions[i]));
	if (!records->function_count)
		count_prologues(reader, ret);
}

enum frame_pointers frame_pointers_judge(const struct frame_pointer_census *census)
{
	uint64_t all = (uint64_t)census->kept + census->omitted;

	if (all < FUNCTIONS_MIN)
		return FRAME_POINTERS_UNKNOWN;
	if (census->kept * UINT64_C(100) >= all * NEARLY_ALL)
		return FRAME_POINTERS_KEPT;
	if (census->omitted * UINT64_C(100) >= all * NEARLY_ALL)
		return FRAME_POINTERS_OMITTED;
	return FRAME_POINTERS_MIXED;
}
