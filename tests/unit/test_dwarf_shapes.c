/* SPDX-License-Identifier: Apache-2.0 */
/* What is in nobody's interest to write, but may be in a file: debug information by hand. */
#include "tests/unit/dwarf_program.h"

#include <sys/stat.h>

/* 256 bytes of code, and macros for entries of DWARF 4. Places are bytes of that code. */
static const char prelude[] =
	".text\n.globl code\ncode: .fill 256, 1, 0x90\n"
	".macro abbreviation number, tag, children\n"
	"	.uleb128 \\number, \\tag\n	.byte \\children\n.endm\n"
	".section .debug_abbrev\n"
	"abbreviation 1, 0x11, 1\n" /* unit with code: name, low, high */
	".byte 3,8, 0x11,1, 0x12,6, 0,0\n"
	"abbreviation 2, 0x11, 1\n" /* unit that does not say where */
	".byte 3,8, 0,0\n"
	"abbreviation 3, 0x2e, 1\n" /* function: name, low, high */
	".byte 3,8, 0x11,1, 0x12,6, 0,0\n"
	"abbreviation 4, 0x2e, 1\n" /* without a name */
	".byte 0x11,1, 0x12,6, 0,0\n"
	"abbreviation 5, 0x1d, 1\n" /* inlined: origin, low, high, file, line */
	".byte 0x31,0x13, 0x11,1, 0x12,6, 0x58,11, 0x59,11, 0,0\n"
	"abbreviation 6, 0x2e, 0\n" /* abstract: name */
	".byte 3,8, 0x20,11, 0,0\n"
	"abbreviation 7, 0x0b, 1\n" /* block */
	".byte 0,0\n"
	"abbreviation 8, 0x03, 0\n" /* entry point: name, low, high */
	".byte 3,8, 0x11,1, 0x12,6, 0,0\n"
	"abbreviation 9, 0x1d, 1\n" /* inlined: origin, ranges, line */
	".byte 0x31,0x13, 0x55,0x17, 0x59,11, 0,0\n"
	"abbreviation 10, 0x2e, 1\n" /* instance: origin, low, high */
	".byte 0x31,0x13, 0x11,1, 0x12,6, 0,0\n"
	"abbreviation 11, 0x39, 1\n" /* namespace */
	".byte 3,8, 0,0\n"
	"abbreviation 12, 0x13, 1\n" /* structure */
	".byte 3,8, 0,0\n"
	"abbreviation 13, 0x2e, 0\n" /* instance that has no code: origin */
	".byte 0x31,0x13, 0,0\n"
	".byte 0\n"
	".section .debug_info\n"
	".set units, 0\n"
	".macro unit low, high\n"
	"	.set units, units + 1\n	begin_unit %units\n"
	"	.byte 1\n	.asciz \"u\"\n	.quad code + \\low\n	.long \\high - "
	"\\low\n.endm\n"
	".macro open_unit\n"
	"	.set units, units + 1\n	begin_unit %units\n	.byte 2\n	.asciz "
	"\"u\"\n.endm\n"
	".altmacro\n"
	".macro begin_unit n\n"
	"unit\\n: .long end\\n - unit\\n - 4\n	.short 4\n	.long 0\n	.byte 8\n.endm\n"
	".macro end_unit\n	.byte 0\n	close_unit %units\n.endm\n"
	".macro close_unit n\nend\\n:\n.endm\n"
	".macro function name, low, high\n"
	"	.byte 3\n	.asciz \"\\name\"\n	.quad code + \\low\n	.long \\high - "
	"\\low\n.endm\n"
	".macro function_at name, low, size\n"
	"	.byte 3\n	.asciz \"\\name\"\n	.quad \\low\n	.long \\size\n.endm\n"
	".macro nameless low, high\n"
	"	.byte 4\n	.quad code + \\low\n	.long \\high - \\low\n.endm\n"
	".macro abstract label, name\n"
	"\\label: .byte 6\n	.asciz \"\\name\"\n	.byte 1\n.endm\n"
	".macro inlined origin, low, high, line\n"
	"	.byte 5\n	.long \\origin - unit1\n	.quad code + \\low\n"
	"	.long \\high - \\low\n	.byte 1, \\line\n.endm\n"
	".macro inlined_ranges origin, offset, line\n"
	"	.byte 9\n	.long \\origin - unit1\n	.long \\offset\n	.byte "
	"\\line\n.endm\n"
	".macro block\n	.byte 7\n.endm\n"
	".macro end\n	.byte 0\n.endm\n"
	".macro end_function\n	.byte 0\n.endm\n";

static void build(struct dwarf_program *program, const char *text)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/shape.s", program->directory);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fprintf(file, "%s%s", prelude, text) > 0);
	assert_int_equal(fclose(file), 0);
	program_run(program, "gcc -nostdlib -static -Wl,-e,code shape.s -o shape");
	program_open(program, "shape");
}

static const char *at(struct dwarf_program *program, uint64_t place)
{
	return program_chain_at(program, program_address(program, "shape", "code") + place);
}

static void blocks_are_no_frames(void **state)
{
	build(*state,
	      "unit 0, 256\n"
	      "abstract a, a\nabstract b, b\n"
	      "function outer, 16, 64\n"
	      "block\nblock\ninlined a, 32, 48, 7\nblock\ninlined b, 32, 40, 8\nend\nend\nend\n"
	      "end\nend\ninlined b, 48, 50, 9\nend\nend_function\n"
	      "function next, 64, 65\nend_function\n"
	      "end_unit\n");
	assert_string_equal(at(*state, 15), "");
	assert_string_equal(at(*state, 16), "outer ?:0");
	assert_string_equal(at(*state, 32), "b ?:0 < a ?:8 < outer ?:7");
	assert_string_equal(at(*state, 39), "b ?:0 < a ?:8 < outer ?:7");
	assert_string_equal(at(*state, 40), "a ?:0 < outer ?:7");
	assert_string_equal(at(*state, 47), "a ?:0 < outer ?:7");
	assert_string_equal(at(*state, 48), "b ?:0 < outer ?:9");
	assert_string_equal(at(*state, 63), "outer ?:0");
	assert_string_equal(at(*state, 64), "next ?:0");
	assert_string_equal(at(*state, 65), "");
}

static void a_function_without_a_name_leaves_it_to_the_symbols(void **state)
{
	build(*state, "unit 0, 256\nabstract a, a\n"
		      "nameless 0, 32\ninlined a, 8, 16, 3\nend\nend_function\nend_unit\n");
	assert_string_equal(at(*state, 0), "? ?:0");
	assert_string_equal(at(*state, 8), "a ?:0 < ? ?:3");
}

static void what_is_inlined_without_a_name_is_a_part_of_its_caller(void **state)
{
	build(*state, "unit 0, 256\nabstract a, a\n"
		      "function outer, 0, 64\n"
		      "inlined unit1 + 1000000, 8, 32, 5\ninlined a, 16, 24, 6\nend\nend\n"
		      "end_function\nend_unit\n");
	assert_string_equal(at(*state, 8), "outer ?:5");
	assert_string_equal(at(*state, 16), "a ?:0 < outer ?:5");
	assert_string_equal(at(*state, 32), "outer ?:0");
}

static void the_smaller_one_has_what_two_functions_claim(void **state)
{
	build(*state,
	      "unit 0, 256\nabstract a, a\n"
	      "function small, 32, 48\nend_function\n"
	      "function large, 0, 128\ninlined a, 0, 128, 1\nend\nend_function\n"
	      "function other, 40, 60\nend_function\n"
	      "function twin, 100, 110\nend_function\nfunction twin2, 100, 110\nend_function\n"
	      "end_unit\n");
	assert_string_equal(at(*state, 31), "a ?:0 < large ?:1");
	assert_string_equal(at(*state, 32), "small ?:0");
	assert_string_equal(at(*state, 47), "small ?:0");
	assert_string_equal(at(*state, 48), "other ?:0");
	assert_string_equal(at(*state, 60), "a ?:0 < large ?:1");
	assert_string_equal(at(*state, 100), "twin2 ?:0");
}

static void an_inlined_function_that_fills_its_caller_is_inside(void **state)
{
	build(*state, "unit 0, 256\nabstract a, a\nabstract b, b\n"
		      "function outer, 0, 16\ninlined a, 0, 16, 1\ninlined b, 0, 16, 2\nend\nend\n"
		      "end_function\nend_unit\n");
	assert_string_equal(at(*state, 0), "b ?:0 < a ?:2 < outer ?:1");
	assert_string_equal(at(*state, 15), "b ?:0 < a ?:2 < outer ?:1");
	assert_string_equal(at(*state, 16), "");
}

static void broken_ranges_of_what_is_inlined_take_nothing(void **state)
{
	build(*state, "unit 0, 256\nabstract a, a\nabstract b, b\n"
		      "function outer, 0, 64\n"
		      "inlined_ranges a, 99999, 4\ninlined b, 8, 16, 5\nend\nend\n"
		      "inlined a, 20, 20, 6\nend\n"
		      "inlined a, 30, 22, 6\nend\n"
		      "end_function\nend_unit\n");
	assert_string_equal(at(*state, 4), "outer ?:0");
	/* What was inlined into it is where it says. */
	assert_string_equal(at(*state, 8), "b ?:0 < a ?:5 < outer ?:4");
	assert_string_equal(at(*state, 20), "outer ?:0");
	assert_string_equal(at(*state, 25), "outer ?:0");
	assert_true(program_refused(*state, DWARF_REFUSED_MALFORMED) > 0);
}

static void what_is_inlined_into_nothing_is_nobodys(void **state)
{
	build(*state, "unit 0, 256\nabstract a, a\n"
		      "inlined a, 0, 16, 1\nend\n"
		      "block\ninlined a, 16, 32, 1\nend\nend\nend_unit\n");
	assert_string_equal(at(*state, 0), "");
	assert_string_equal(at(*state, 16), "");
}

static void what_the_linker_has_discarded_is_nowhere(void **state)
{
	build(*state, "unit 0, 256\n"
		      "function real, 0, 256\nend_function\n"
		      "function_at zero, 0, 0x7fffffff\nend_function\n"
		      "function_at one, 1, 0x7fffffff\nend_function\n"
		      "function_at minus_one, -1, 0x7fffffff\nend_function\n"
		      "function_at minus_two, -2, 0x7fffffff\nend_function\n"
		      "end_unit\n");
	assert_string_equal(at(*state, 0), "real ?:0");
	assert_string_equal(at(*state, 255), "real ?:0");
	assert_string_equal(at(*state, 256), "");
	assert_string_equal(program_chain_at(*state, 0), "");
	assert_string_equal(program_chain_at(*state, UINT64_MAX), "");
	/* Those at the very end wrap around: they are no ranges at all. */
	assert_int_equal(program_refused(*state, DWARF_REFUSED_DISCARDED), 2);
}

static void a_unit_without_ranges_has_those_of_its_functions(void **state)
{
	build(*state, "unit 0, 16\nfunction first, 0, 16\nend_function\nend_unit\n"
		      "open_unit\nfunction second, 64, 80\nend_function\n"
		      "function third, 32, 40\nend_function\nend_unit\n"
		      "open_unit\nend_unit\n");
	assert_string_equal(at(*state, 64), "second ?:0");
	assert_string_equal(at(*state, 0), "first ?:0");
	assert_string_equal(at(*state, 39), "third ?:0");
	assert_string_equal(at(*state, 40), "");
}

static void of_two_units_the_smaller_one_has_the_code(void **state)
{
	build(*state, "unit 0, 256\nfunction wide, 0, 256\nend_function\nend_unit\n"
		      "unit 64, 80\nfunction narrow, 64, 80\nend_function\nend_unit\n"
		      "unit 0, 200\nfunction middle, 0, 200\nend_function\nend_unit\n");
	assert_string_equal(at(*state, 0), "middle ?:0");
	assert_string_equal(at(*state, 64), "narrow ?:0");
	assert_string_equal(at(*state, 80), "middle ?:0");
	assert_string_equal(at(*state, 200), "wide ?:0");
}

static void functions_are_found_in_scopes_and_entry_points_are_none(void **state)
{
	build(*state, "unit 0, 256\n"
		      ".byte 11\n.asciz \"space\"\n.byte 12\n.asciz \"Thing\"\n"
		      "function method, 0, 16\n"
		      ".byte 8\n.asciz \"entry\"\n.quad code + 8\n.long 4\n"
		      "end_function\nend\nend\n"
		      "function after, 16, 32\nend_function\nend_unit\n");
	assert_string_equal(at(*state, 0), "method ?:0");
	assert_string_equal(at(*state, 8), "method ?:0");
	assert_string_equal(at(*state, 16), "after ?:0");
}

static void origins_are_followed_across_units_and_not_in_circles(void **state)
{
	build(*state, "unit 0, 256\nabstract named, named\n"
		      "via: .byte 13\n.long named - unit1\n"
		      ".byte 10\n.long via - unit1\n.quad code\n.long 16\nend\n"
		      "circle: .byte 10\n.long circle - unit1\n.quad code + 16\n.long 16\nend\n"
		      "end_unit\n");
	assert_string_equal(at(*state, 0), "named ?:0");
	assert_string_equal(at(*state, 16), "? ?:0");
}

static void what_comes_before_the_damage_is_known(void **state)
{
	build(*state, "unit 0, 256\nfunction sound, 0, 16\nend_function\n"
		      ".byte 99\n"
		      "function behind, 32, 48\nend_function\nend_unit\n");
	assert_string_equal(at(*state, 0), "sound ?:0");
	assert_string_equal(at(*state, 32), "");
	assert_int_equal(program_refused(*state, DWARF_REFUSED_MALFORMED), 1);

	/* Without the null entries at the end, and with a unit that claims to be longer. */
	build(*state, "unit1: .long 0x7fff\n.short 4\n.long 0\n.byte 8\n"
		      ".byte 1\n.asciz \"u\"\n.quad code\n.long 256\n"
		      "function only, 0, 16\n");
	assert_string_equal(at(*state, 0), "only ?:0");
}

static void units_behind_a_damaged_one_are_missed_and_that_is_counted(void **state)
{
	build(*state, "unit 0, 256\nfunction sound, 0, 16\nend_function\nend_unit\n"
		      ".long 0xfffffff1\n.zero 16\n");
	assert_string_equal(at(*state, 0), "sound ?:0");
	assert_int_equal(program_refused(*state, DWARF_REFUSED_MALFORMED), 1);
}

static void levels_without_end_end(void **state)
{
	build(*state, "unit 0, 256\nfunction sound, 0, 16\nend_function\n"
		      ".rept 100000\nblock\n.endr\n"
		      ".rept 100000\nend\n.endr\nend_unit\n");
	assert_string_equal(at(*state, 0), "sound ?:0");
	assert_int_equal(program_refused(*state, DWARF_REFUSED_MALFORMED), 1);
}

#define UNITS 24

static void libdw_begins_anew_within_the_budget(void **state)
{
	static const char source[] = HERE_MACRO
		"static inline __attribute__((always_inline)) void LABEL(void) { HERE2(LABEL); }\n"
		"void NAME(void) { LABEL(); }\n";
	/* Enough for a few units. */
	struct dwarf_options options = { .bytes_max = 200000 };
	struct dwarf_program *program = *state;
	const char *first = NULL;
	struct dwarf_frame frame;
	struct dwarf_stats stats;

	program_write(program, "part.c", source);
	program_run(
		program,
		"for i in $(seq %d); do gcc -O2 -g -DNAME=f$i -DLABEL=in_$i '-DHERE2(x)=HERE(x)' "
		"-DHERE_ -c part.c -o part$i.o || exit 1; done;"
		"echo 'int main(void) { return 0; }' >main.c; gcc main.c part*.o -o parts",
		UNITS);
	program_open_with(program, "parts", &options);
	for (int i = 0; i < 4 * UNITS; i++) {
		char label[32], expected[64];

		(void)snprintf(label, sizeof(label), "f%d", i % UNITS + 1);
		(void)snprintf(expected, sizeof(expected), "in_%d part.c:2 < f%d part.c:3",
			       i % UNITS + 1, i % UNITS + 1);
		assert_string_equal(program_chain(program, "parts", label), expected);
		if (!i) {
			(void)dwarf_names_find(program->names,
					       program_address(program, "parts", label), &frame, 1);
			first = frame.name;
		}
	}
	dwarf_names_stats(program->names, &stats);
	assert_true(stats.reopenings > 0);
	assert_true(stats.indexed < UNITS);
	assert_true(stats.bytes <= options.bytes_max);
	assert_int_equal(stats.units, UNITS);
	/* What was answered lives on, and is the same string when it is answered again. */
	assert_string_equal(first, "in_1");
	(void)dwarf_names_find(program->names, program_address(program, "parts", "f1"), &frame, 1);
	assert_ptr_equal(frame.name, first);
}

static void units_come_and_go_within_the_budget(void **state)
{
	/* Enough for two of three units. */
	struct dwarf_options options = { .bytes_max = 170000 };
	struct dwarf_program *program = *state;
	struct dwarf_stats stats;

	build(program, ".macro many name, low\nunit \\low, \\low + 16\n"
		       ".rept 2000\nfunction \\name, \\low, \\low + 16\nend_function\n.endr\n"
		       "end_unit\n.endm\nmany a, 0\nmany b, 16\nmany c, 32\n");
	program_open_with(program, "shape", &options);
	assert_string_equal(at(program, 0), "a ?:0");
	assert_string_equal(at(program, 16), "b ?:0");
	assert_string_equal(at(program, 1), "a ?:0");
	dwarf_names_stats(program->names, &stats);
	assert_int_equal(stats.evictions, 0);
	/* b was not used for longest. */
	assert_string_equal(at(program, 32), "c ?:0");
	assert_string_equal(at(program, 2), "a ?:0");
	dwarf_names_stats(program->names, &stats);
	assert_int_equal(stats.evictions, 1);
	assert_int_equal(stats.indexings, 3);
	assert_string_equal(at(program, 17), "b ?:0");
	dwarf_names_stats(program->names, &stats);
	assert_int_equal(stats.indexings, 4);
	assert_int_equal(stats.reopenings, 0);
}

/* What is evicted is read again, and its names are those that are known. */
static void names_are_had_however_often_their_unit_comes_and_goes(void **state)
{
	enum { LENGTH = 500, ROUNDS = 200 };
	struct dwarf_options options = { .bytes_max = 60000 };
	struct dwarf_program *program = *state;
	char text[4096], name[LENGTH + 1];
	struct dwarf_stats stats;
	uint64_t code;

	memset(name, 'n', LENGTH);
	name[LENGTH] = 0;
	(void)snprintf(text, sizeof(text),
		       ".macro many letter, low\nunit \\low, \\low + 16\n"
		       ".rept 600\nfunction f, \\low, \\low + 16\nend_function\n.endr\n"
		       "function \\letter&%s, \\low, \\low + 16\nend_function\n"
		       "end_unit\n.endm\nmany a, 0\nmany b, 16\nmany c, 32\n",
		       name);
	build(program, text);
	program_open_with(program, "shape", &options);
	code = program_address(program, "shape", "code");
	for (uint64_t i = 0; i < ROUNDS; i++) {
		for (uint64_t unit = 0; unit < 3; unit++) {
			const char *chain = program_chain_at(program, code + 16 * unit + i % 16);

			assert_int_equal(chain[0], 'a' + (int)unit);
			assert_int_equal(strlen(chain), 1 + LENGTH + strlen(" ?:0"));
		}
	}
	dwarf_names_stats(program->names, &stats);
	assert_true(stats.indexings > 2 * ROUNDS);
	assert_int_equal(stats.refused[DWARF_REFUSED_LARGE], 0);
	assert_true(stats.bytes <= options.bytes_max);
}

static void what_does_not_fit_the_budget_is_refused(void **state)
{
	struct dwarf_options options = { .bytes_max = 3000 };
	struct dwarf_program *program = *state;

	build(program, "unit 0, 256\n.set n, 0\n.rept 250\nfunction f, n, n + 1\nend_function\n"
		       ".set n, n + 1\n.endr\nend_unit\n");
	program_open_with(program, "shape", &options);
	assert_string_equal(at(program, 0), "");
	assert_string_equal(at(program, 1), "");
	assert_int_equal(program_refused(program, DWARF_REFUSED_LARGE), 1);
	program_open(program, "shape");
	assert_string_equal(at(program, 249), "f ?:0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PROGRAM(blocks_are_no_frames),
		WITH_PROGRAM(a_function_without_a_name_leaves_it_to_the_symbols),
		WITH_PROGRAM(what_is_inlined_without_a_name_is_a_part_of_its_caller),
		WITH_PROGRAM(the_smaller_one_has_what_two_functions_claim),
		WITH_PROGRAM(an_inlined_function_that_fills_its_caller_is_inside),
		WITH_PROGRAM(broken_ranges_of_what_is_inlined_take_nothing),
		WITH_PROGRAM(what_is_inlined_into_nothing_is_nobodys),
		WITH_PROGRAM(what_the_linker_has_discarded_is_nowhere),
		WITH_PROGRAM(a_unit_without_ranges_has_those_of_its_functions),
		WITH_PROGRAM(of_two_units_the_smaller_one_has_the_code),
		WITH_PROGRAM(functions_are_found_in_scopes_and_entry_points_are_none),
		WITH_PROGRAM(origins_are_followed_across_units_and_not_in_circles),
		WITH_PROGRAM(what_comes_before_the_damage_is_known),
		WITH_PROGRAM(units_behind_a_damaged_one_are_missed_and_that_is_counted),
		WITH_PROGRAM(levels_without_end_end),
		WITH_PROGRAM(libdw_begins_anew_within_the_budget),
		WITH_PROGRAM(units_come_and_go_within_the_budget),
		WITH_PROGRAM(names_are_had_however_often_their_unit_comes_and_goes),
		WITH_PROGRAM(what_does_not_fit_the_budget_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
