/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/frame_pointers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BASE      0x401000
#define AT        512 /* code, in the file */
#define NAMES_AT  1536
#define TABLE_AT  2048
#define SPACING   32
#define FUNCTIONS 16

/* How functions begin; the rest is zeros. */
#define KEEPS   "\x55\x48\x89\xe5"
#define ENDBR   "\xf3\x0f\x1e\xfa"
#define MICRO   "\x55\x48\x8b\xec"         /* push rbp; mov rbp, rsp as other assemblers say it */
#define PUSHES  "\x41\x57\x41\x56\x55\x53" /* push r15, ... */
#define ROOM    "\x48\x83\xec\x18"         /* sub rsp, 24 */
#define REUSES  "\x55\x53\x48\x89\xfb"     /* push rbp; push rbx; mov rbx, rdi */
#define LEAF    "\x8d\x47\x01\xc3"         /* lea eax, [rdi + 1]; ret */
#define UNCLEAR "\x55\x48\x89\xfd"         /* push rbp; mov rbp, rdi */

static void put(FILE *file, long at, const void *bytes, size_t size)
{
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	assert_int_equal(fwrite(bytes, size, 1, file), 1);
}

/* A binary without call frame information, whose functions all begin with the same bytes. */
static struct frame_pointer_census count_of(const char *prologue, uint16_t machine)
{
	static char names[] = "\0.text\0.symtab\0.strtab";
	static char symbol_names[] = "\0f";
	Elf64_Sym symbols[FUNCTIONS + 1] = { { 0 } };
	Elf64_Phdr segment = {
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_offset = AT,
		.p_vaddr = BASE,
		.p_filesz = FUNCTIONS * SPACING,
		.p_memsz = FUNCTIONS * SPACING,
	};
	Elf64_Shdr sections[] = {
		{ 0 },
		{ .sh_name = 1,
		  .sh_type = SHT_PROGBITS,
		  .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
		  .sh_addr = BASE,
		  .sh_offset = AT,
		  .sh_size = FUNCTIONS * SPACING },
		{ .sh_name = 7,
		  .sh_type = SHT_SYMTAB,
		  .sh_offset = TABLE_AT,
		  .sh_size = sizeof(symbols),
		  .sh_entsize = sizeof(symbols[0]),
		  .sh_link = 3 },
		{ .sh_name = 15,
		  .sh_type = SHT_STRTAB,
		  .sh_offset = NAMES_AT,
		  .sh_size = sizeof(symbol_names) },
	};
	struct elf_reader reader = {
		.size = TABLE_AT + sizeof(symbols),
		.is_64bit = true,
		.machine = machine,
		.segments = &segment,
		.segment_count = 1,
		.sections = sections,
		.section_count = sizeof(sections) / sizeof(sections[0]),
		.section_names = names,
		.section_names_size = sizeof(names),
	};
	struct cfi_records records = { 0 };
	struct frame_pointer_census census;
	FILE *file = tmpfile();

	assert_non_null(file);
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		char bytes[SPACING] = { 0 };

		memcpy(bytes, prologue, strlen(prologue));
		put(file, AT + i * SPACING, bytes, sizeof(bytes));
		symbols[i + 1] = (Elf64_Sym){
			.st_name = 1,
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			.st_shndx = 1,
			.st_value = BASE + i * SPACING,
			.st_size = SPACING,
		};
	}
	put(file, NAMES_AT, symbol_names, sizeof(symbol_names));
	put(file, TABLE_AT, symbols, sizeof(symbols));
	assert_int_equal(fflush(file), 0);
	reader.fd = fileno(file);
	frame_pointers_count(&reader, &records, &census);
	(void)fclose(file);
	return census;
}

static void prologues_tell_where_there_are_no_rules(void **state)
{
	static const struct {
		const char *bytes;
		uint32_t kept, omitted;
	} cases[] = {
		{ KEEPS, FUNCTIONS, 0 },
		{ ENDBR KEEPS, FUNCTIONS, 0 },
		{ MICRO, FUNCTIONS, 0 },
		{ PUSHES, 0, FUNCTIONS },
		{ ENDBR PUSHES, 0, FUNCTIONS },
		{ ROOM, 0, FUNCTIONS },
		{ REUSES, 0, FUNCTIONS },
		{ LEAF, 0, 0 },
		{ UNCLEAR, 0, 0 },
		{ "", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct frame_pointer_census census = count_of(cases[i].bytes, EM_X86_64);

		assert_int_equal(census.kept, cases[i].kept);
		assert_int_equal(census.omitted, cases[i].omitted);
	}
	assert_int_equal(count_of(KEEPS, EM_AARCH64).kept, 0);
}

/* The same instructions (DWARF 5, 6.4.2) for each of six functions. */
static struct frame_pointer_census rules_of(const char *instructions, size_t size)
{
	struct cfi_common_entry common = {
		.common = { .code_factor = 1,
			    .data_factor = -8,
			    .initial.rule = { .cfa = CFA_REGISTER,
					      .cfa_register = UNWIND_RSP,
					      .cfa_offset = 8 } },
	};
	struct cfi_function functions[6];
	struct elf_reader reader = { .fd = -1, .is_64bit = true, .machine = EM_X86_64 };
	struct cfi_records records = {
		.code = { .base = BASE },
		.sections = { .list = { { .bytes = (uint8_t *)(uintptr_t)instructions,
					  .size = size } },
			      .count = 1 },
		.commons = &common,
		.common_count = 1,
		.functions = functions,
		.function_count = sizeof(functions) / sizeof(functions[0]),
	};
	struct frame_pointer_census census;

	for (uint32_t i = 0; i < records.function_count; i++)
		functions[i] = (struct cfi_function){
			.start = i * SPACING,
			.end = (i + 1) * SPACING,
			.entry = i * SPACING,
			.program_size = (uint32_t)size,
		};
	frame_pointers_count(&reader, &records, &census);
	return census;
}

#define RULES(text) rules_of(text, sizeof(text) - 1)

static void rules_tell_wherever_the_frame_is_made(void **state)
{
	(void)state;
	/* advance 1; CFA offset 16; advance 3; CFA register rbp */
	assert_int_equal(RULES("\x41\x0e\x10\x43\x0d\x06").kept, 6);
	/* advance 9; CFA offset 16 */
	assert_int_equal(RULES("\x49\x0e\x10").omitted, 6);
	/* none: a leaf */
	assert_int_equal(RULES("\x41").kept + RULES("\x41").omitted, 0);
}

static enum frame_pointers judge(uint32_t kept, uint32_t omitted)
{
	return frame_pointers_judge(
		&(struct frame_pointer_census){ .kept = kept, .omitted = omitted });
}

static void few_functions_say_nothing(void **state)
{
	(void)state;
	assert_int_equal(judge(0, 0), FRAME_POINTERS_UNKNOWN);
	assert_int_equal(judge(5, 0), FRAME_POINTERS_UNKNOWN);
	assert_int_equal(judge(6, 0), FRAME_POINTERS_KEPT);
	assert_int_equal(judge(0, 6), FRAME_POINTERS_OMITTED);
	assert_int_equal(judge(90, 10), FRAME_POINTERS_KEPT);
	assert_int_equal(judge(10, 90), FRAME_POINTERS_OMITTED);
	assert_int_equal(judge(50, 50), FRAME_POINTERS_MIXED);
	assert_int_equal(judge(UINT32_MAX, UINT32_MAX), FRAME_POINTERS_MIXED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prologues_tell_where_there_are_no_rules),
		cmocka_unit_test(rules_tell_wherever_the_frame_is_made),
		cmocka_unit_test(few_functions_say_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
