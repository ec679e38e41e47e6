/* SPDX-License-Identifier: Apache-2.0 */
/* With debug information that is made up by the tests. */
#include "symbolize/user_names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "symbolize/dwarf_names.h"
#include "tests/unit/elf_image.h"

/* So deep that a few thousand addresses are more than is kept. */
#define DEEPEST 100

/* What debug information says of all addresses, and how often it was asked. */
struct fake_dwarf {
	struct dwarf_frame frames[DEEPEST];
	size_t count;
	int err;
	bool is_silent; /* no answer comes */
	size_t calls, addresses;
	bool is_unsorted; /* it was asked in another order than that of addresses */
};

struct fixture {
	struct user_names names;
	struct module *module;
	struct fake_dwarf dwarf;
	struct dwarf_lookup lookup;
	struct frame frames[8];
};

static int find_in_fake(void *context, uint32_t file, const uint64_t *addresses, size_t n,
			dwarf_answer answer, void *answer_context)
{
	struct fake_dwarf *dwarf = context;

	assert_int_equal(file, 7);
	assert_in_range(n, 1, DWARF_LOOKUP_MAX);
	dwarf->calls++;
	dwarf->addresses += n;
	for (size_t i = 0; i < n && !dwarf->is_silent; i++) {
		char name[32];
		struct dwarf_frame frames[DEEPEST];

		dwarf->is_unsorted |= i > 0 && addresses[i - 1] >= addresses[i];

		/* Strings live until the call returns. */
		memcpy(frames, dwarf->frames, sizeof(frames));
		(void)snprintf(name, sizeof(name), "at_%x", (unsigned int)addresses[i]);
		if (dwarf->count)
			frames[0].name = name;
		answer(answer_context, i, frames, dwarf->count);
		memset(name, 'x', sizeof(name) - 1);
	}
	return dwarf->err;
}

/* A function at the beginning of the code, with the name of C++ that says "outer(int)". */
static struct module *new_module(void)
{
	const struct image_symbol symbol = { "_Z5outeri", TEXT_ADDRESS, 16, FUNCTION(STB_GLOBAL),
					     TEXT_SECTION };
	struct elf_image image;
	struct elf_file *file;
	struct module *module;

	image_begin(&image, false);
	image_add_symbols(&image, SHT_SYMTAB, &symbol, 1);
	image_end(&image);
	assert_int_equal(elf_file_open(file_of(image.bytes, image.size), &file), 0);
	assert_int_equal(elf_file_load(file, UINT64_MAX, false), 0);
	assert_int_equal(module_new(file, "/usr/lib/libx.so", -1, &module), 0);
	module->is_loaded = module->has_dwarf = true;
	module->dwarf_file = 7;
	return module;
}

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ .module = new_module() };
	fixture.lookup = (struct dwarf_lookup){ .find = find_in_fake, .context = &fixture.dwarf };
	fixture.dwarf.frames[0] =
		(struct dwarf_frame){ .file = "/src/x.h", .line = 5, .is_inlined = true };
	fixture.dwarf.frames[1] =
		(struct dwarf_frame){ .name = "dwarf_outer", .file = "/src/x.c", .line = 9 };
	fixture.dwarf.count = 2;
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	user_names_done(&fixture->names);
	module_free(fixture->module);
	return 0;
}

static size_t find(struct fixture *fixture, uint64_t offset, size_t n)
{
	memset(fixture->frames, 0, sizeof(fixture->frames));
	return user_names_find(&fixture->names, &fixture->lookup, fixture->module, fixture->module,
			       offset, fixture->frames, n);
}

static void assert_frame(const struct frame *frame, const char *name, enum frame_kind kind,
			 const char *file, uint32_t line)
{
	assert_string_equal(frame->name, name);
	assert_string_equal(frame->module, "libx.so");
	assert_int_equal(frame->kind, kind);
	if (file)
		assert_string_equal(frame->file, file);
	else
		assert_null(frame->file);
	assert_int_equal(frame->line, line);
}

static void functions_have_the_name_of_the_symbol_table(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(find(fixture, TEXT_OFFSET + 1, 8), 2);
	assert_frame(&fixture->frames[0], "at_401201", FRAME_INLINED, "/src/x.h", 5);
	assert_frame(&fixture->frames[1], "outer(int)", FRAME_USER, "/src/x.c", 9);
	/* Where there is none, debug information has one. */
	assert_int_equal(find(fixture, TEXT_OFFSET + 16, 8), 2);
	assert_frame(&fixture->frames[1], "dwarf_outer", FRAME_USER, "/src/x.c", 9);
}

static void an_address_is_asked_for_once(void **state)
{
	struct fixture *fixture = *state;
	const char *name;

	assert_int_equal(find(fixture, TEXT_OFFSET, 8), 2);
	name = fixture->frames[0].name;
	assert_int_equal(find(fixture, TEXT_OFFSET, 8), 2);
	assert_ptr_equal(fixture->frames[0].name, name);
	assert_int_equal(fixture->dwarf.calls, 1);
	/* Nor is one that has none. */
	fixture->dwarf.count = 0;
	assert_int_equal(find(fixture, TEXT_OFFSET + 1, 8), 1);
	assert_int_equal(find(fixture, TEXT_OFFSET + 1, 8), 1);
	assert_int_equal(fixture->dwarf.calls, 2);
}

static void what_rests_is_asked_for_again(void **state)
{
	struct fixture *fixture = *state;
	struct frame before;

	assert_int_equal(find(fixture, TEXT_OFFSET, 8), 2);
	assert_int_equal(fixture->names.count, 2);
	before = fixture->frames[1];
	user_names_want(fixture->module, TEXT_OFFSET);
	user_names_want(fixture->module, TEXT_OFFSET + 1);
	user_names_want(fixture->module, TEXT_OFFSET + 2);
	user_names_rest(&fixture->names, fixture->module);
	assert_int_equal(fixture->names.count, 0);
	assert_null(fixture->module->known_frames);
	/* Nothing is wanted any more, and what was handed out has its name still. */
	assert_string_equal(before.name, "outer(int)");
	assert_int_equal(find(fixture, TEXT_OFFSET + 1, 8), 2);
	assert_int_equal(fixture->dwarf.addresses, 2);
	assert_int_equal(find(fixture, TEXT_OFFSET, 8), 2);
	assert_ptr_equal(fixture->frames[1].name, before.name);
	assert_int_equal(fixture->dwarf.addresses, 3);
	assert_int_equal(fixture->names.count, 4);
}

static void what_is_wanted_is_asked_for_together(void **state)
{
	struct fixture *fixture = *state;

	for (uint64_t i = 0; i < 1000; i++)
		user_names_want(fixture->module, TEXT_OFFSET + i % 100);
	assert_int_equal(fixture->dwarf.calls, 0);
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(find(fixture, TEXT_OFFSET + i, 8), 2);
	assert_int_equal(fixture->dwarf.calls, 1);
	assert_int_equal(fixture->dwarf.addresses, 100);
	/* What is known is not wanted again. */
	user_names_want(fixture->module, TEXT_OFFSET);
	assert_int_equal(find(fixture, TEXT_OFFSET + 100, 8), 2);
	assert_int_equal(fixture->dwarf.addresses, 101);
}

static void what_is_wanted_is_asked_for_in_order(void **state)
{
	struct fixture *fixture = *state;

	for (uint64_t i = 0; i < 100; i++)
		user_names_want(fixture->module, TEXT_OFFSET + i * 37 % 100);
	assert_int_equal(find(fixture, TEXT_OFFSET + 5, 8), 2);
	assert_string_equal(fixture->frames[0].name, "at_401205");
	assert_int_equal(fixture->dwarf.addresses, 100);
	assert_false(fixture->dwarf.is_unsorted);
}

static void more_can_be_wanted_than_is_asked_for_together(void **state)
{
	struct fixture *fixture = *state;

	for (uint64_t i = 0; i < 2 * DWARF_LOOKUP_MAX; i++)
		user_names_want(fixture->module, TEXT_OFFSET + i);
	for (uint64_t i = 0; i < 2 * DWARF_LOOKUP_MAX; i++)
		assert_int_equal(find(fixture, TEXT_OFFSET + i, 8), 2);
	assert_int_equal(fixture->dwarf.addresses, 2 * DWARF_LOOKUP_MAX);
}

static void the_function_itself_stays_where_there_is_little_room(void **state)
{
	struct fixture *fixture = *state;

	fixture->dwarf.frames[1].is_inlined = true;
	fixture->dwarf.frames[2] = (struct dwarf_frame){ .name = "dwarf_outer", .line = 3 };
	fixture->dwarf.count = 3;
	assert_int_equal(find(fixture, TEXT_OFFSET, 2), 2);
	assert_string_equal(fixture->frames[0].name, "at_401200");
	assert_string_equal(fixture->frames[1].name, "outer(int)");
	assert_int_equal(find(fixture, TEXT_OFFSET, 1), 1);
	assert_frame(&fixture->frames[0], "outer(int)", FRAME_USER, NULL, 0);
	assert_int_equal(find(fixture, TEXT_OFFSET, 0), 0);
	assert_int_equal(find(fixture, TEXT_OFFSET, 3), 3);
	assert_string_equal(fixture->frames[1].name, "dwarf_outer");
}

/* Only the symbol table can tell who is at the end of it. */
static void a_chain_that_was_cut_ends_in_the_function(void **state)
{
	struct fixture *fixture = *state;

	fixture->dwarf.frames[1].is_inlined = true;
	assert_int_equal(find(fixture, TEXT_OFFSET, 8), 2);
	assert_frame(&fixture->frames[1], "outer(int)", FRAME_USER, NULL, 0);
	assert_int_equal(find(fixture, TEXT_OFFSET + 16, 8), 1);
	assert_frame(&fixture->frames[0], "at_401210", FRAME_INLINED, "/src/x.h", 5);
}

static void a_function_without_a_name_is_no_frame(void **state)
{
	struct fixture *fixture = *state;

	fixture->dwarf.frames[1].name = NULL;
	assert_int_equal(find(fixture, TEXT_OFFSET, 8), 2);
	assert_frame(&fixture->frames[1], "outer(int)", FRAME_USER, "/src/x.c", 9);
	assert_int_equal(find(fixture, TEXT_OFFSET + 16, 8), 1);
	fixture->dwarf.count = 0;
	assert_int_equal(find(fixture, TEXT_OFFSET + 17, 8), 0);
}

static void names_are_right_after_others_were_forgotten(void **state)
{
	struct fixture *fixture = *state;
	char expected[32];

	for (size_t i = 1; i < DEEPEST; i++)
		fixture->dwarf.frames[i] = (struct dwarf_frame){ .name = "x", .is_inlined = true };
	fixture->dwarf.frames[DEEPEST - 1].is_inlined = false;
	fixture->dwarf.count = DEEPEST;
	/* Outside of the segments addresses are offsets. */
	for (uint64_t i = 0x10000; fixture->names.forgotten < 2; i++) {
		assert_int_equal(find(fixture, i, 2), 2);
		(void)snprintf(expected, sizeof(expected), "at_%x", (unsigned int)i);
		assert_string_equal(fixture->frames[0].name, expected);
	}
	/* Their memory is gone, too: the newest one's is what there is. */
	assert_int_equal(fixture->module->known_count, DEEPEST);
	assert_in_range(fixture->module->known_capacity, DEEPEST, 2 * DEEPEST);
	assert_int_equal(find(fixture, 0x10000, 2), 2);
	assert_string_equal(fixture->frames[0].name, "at_10000");
}

static void without_an_answer_there_is_the_symbol_table(void **state)
{
	struct fixture *fixture = *state;

	fixture->dwarf.is_silent = true;
	assert_int_equal(find(fixture, TEXT_OFFSET, 8), 1);
	assert_frame(&fixture->frames[0], "outer(int)", FRAME_USER, NULL, 0);
	assert_int_equal(find(fixture, TEXT_OFFSET + 16, 8), 0);
}

static void a_file_that_goes_bad_is_not_asked_again(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(find(fixture, TEXT_OFFSET, 8), 2);
	fixture->dwarf.err = -EPIPE;
	fixture->dwarf.is_silent = true;
	assert_int_equal(find(fixture, TEXT_OFFSET + 1, 8), 1);
	assert_string_equal(fixture->frames[0].name, "outer(int)");
	assert_int_equal(find(fixture, TEXT_OFFSET + 2, 8), 1);
	assert_int_equal(fixture->dwarf.calls, 2);
	user_names_want(fixture->module, TEXT_OFFSET + 3);
	assert_int_equal(fixture->module->wanted_count, 0);
	/* What it has said stays. */
	assert_int_equal(find(fixture, TEXT_OFFSET, 8), 2);
}

/* Whoever makes up names without end gets no more than that; what is known stays. */
static void beyond_their_limit_names_are_left_out_and_counted(void **state)
{
	struct fixture *fixture = *state;
	uint64_t offset = 0x10000;

	fixture->names.bytes_max = 20000;
	assert_int_equal(find(fixture, TEXT_OFFSET, 8), 2);
	assert_int_equal(fixture->names.unkept, 0);
	while (!fixture->names.unkept)
		(void)find(fixture, offset++, 8);
	assert_in_range(fixture->names.strings.bytes, 10000, 20000);
	assert_in_range(offset - 0x10000, 10, 1000);
	/* The inlined function has no name: so the chain is not shown, but the one of the symbol.
	 */
	assert_int_equal(find(fixture, TEXT_OFFSET + 1, 8), 1);
	assert_frame(&fixture->frames[0], "outer(int)", FRAME_USER, NULL, 0);
	assert_int_equal(find(fixture, offset + 1, 8), 0);
	assert_true(fixture->names.unkept >= 3);
	assert_int_equal(find(fixture, TEXT_OFFSET, 8), 2);
	assert_frame(&fixture->frames[0], "at_401200", FRAME_INLINED, "/src/x.h", 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(functions_have_the_name_of_the_symbol_table),
		TEST(an_address_is_asked_for_once),
		TEST(what_rests_is_asked_for_again),
		TEST(what_is_wanted_is_asked_for_together),
		TEST(what_is_wanted_is_asked_for_in_order),
		TEST(more_can_be_wanted_than_is_asked_for_together),
		TEST(the_function_itself_stays_where_there_is_little_room),
		TEST(a_chain_that_was_cut_ends_in_the_function),
		TEST(a_function_without_a_name_is_no_frame),
		TEST(names_are_right_after_others_were_forgotten),
		TEST(without_an_answer_there_is_the_symbol_table),
		TEST(a_file_that_goes_bad_is_not_asked_again),
		TEST(beyond_their_limit_names_are_left_out_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
