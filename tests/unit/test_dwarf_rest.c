/* SPDX-License-Identifier: Apache-2.0 */
/* After a pause, in which libdw is begun anew, names are what they would have been. */
#include "tests/unit/dwarf_program.h"

#define UNITS      40
#define UNIT_BYTES 16384 /* what is estimated of libdw for each */

static const char part_c[] = HERE_MACRO
	"static inline __attribute__((always_inline)) void inner@(void) { HERE(in_inner@); }\n"
	"void outer@(void) { inner@(); HERE(in_outer@); }\n";

/* False when this machine's compiler does not know the options, as it says itself. */
static bool build(struct dwarf_program *program, const char *options)
{
	program_write(program, "part.in", part_c);
	program_write(program, "main.c", "int main(void) { return 0; }\n");
	if (!program_try(program,
			 "for i in $(seq 0 %d); do sed s/@/$i/g part.in >part$i.c; done && "
			 "gcc -w -O2 %s part*.c main.c -o program",
			 UNITS - 1, options)) {
		print_message("left out: %s\n", options);
		return false;
	}
	program_open(program, "program");
	return true;
}

static void check(struct dwarf_program *program, const char *where, const char *expected)
{
	for (int i = 0; i < UNITS; i++) {
		char label[32], chain[128];

		(void)snprintf(label, sizeof(label), "in_%s%d", where, i);
		(void)snprintf(chain, sizeof(chain), expected, i, i, i, i);
		assert_string_equal(program_chain(program, "program", label), chain);
	}
}

/* By how much it makes what is held less. */
static uint64_t rest(struct dwarf_program *program)
{
	struct dwarf_stats before, after;

	dwarf_names_stats(program->names, &before);
	dwarf_names_rest(program->names);
	dwarf_names_stats(program->names, &after);
	assert_int_equal(after.indexed, before.indexed);
	assert_in_range(after.bytes, 0, before.bytes);
	return before.bytes - after.bytes;
}

static uint64_t check_rests(struct dwarf_program *program)
{
	uint64_t freed;

	/* A function whose name is read before, and one whose name is read behind it. */
	check(program, "outer", "outer%d part%d.c:3");
	freed = rest(program);
	check(program, "inner", "inner%d part%d.c:2 < outer%d part%d.c:3");
	(void)rest(program);
	(void)rest(program);
	check(program, "outer", "outer%d part%d.c:3");
	assert_int_equal(program_refused(program, DWARF_REFUSED_MALFORMED), 0);
	return freed;
}

static void names_are_the_same_after_a_rest(void **state)
{
	assert_true(build(*state, "-g"));
	assert_int_equal(check_rests(*state), UNITS * UNIT_BYTES);
}

static void sections_that_were_inflated_stay(void **state)
{
	assert_true(build(*state, "-g -gz"));
	assert_int_equal(check_rests(*state), UNITS * UNIT_BYTES);
}

static void what_libdw_would_inflate_twice_is_left_alone(void **state)
{
	if (build(*state, "-g -gz=zlib-gnu"))
		assert_int_equal(check_rests(*state), 0);
}

static void split_units_are_left_alone(void **state)
{
	assert_true(build(*state, "-g -gsplit-dwarf"));
	assert_int_equal(check_rests(*state), 0);
}

static void a_unit_is_indexed_after_a_rest(void **state)
{
	struct dwarf_program *program = *state;

	assert_true(build(program, "-g -gz"));
	for (int i = 0; i < UNITS; i++) {
		char label[32], chain[64];

		(void)snprintf(label, sizeof(label), "in_outer%d", UNITS - 1 - i);
		(void)snprintf(chain, sizeof(chain), "outer%d part%d.c:3", UNITS - 1 - i,
			       UNITS - 1 - i);
		assert_string_equal(program_chain(program, "program", label), chain);
		assert_int_equal(rest(program), UNIT_BYTES);
	}
}

static uint64_t indexed(const struct dwarf_program *program)
{
	struct dwarf_stats stats;

	dwarf_names_stats(program->names, &stats);
	return stats.indexed;
}

static uint64_t held(const struct dwarf_program *program)
{
	struct dwarf_stats stats;

	dwarf_names_stats(program->names, &stats);
	return stats.bytes;
}

static void check_forgetting(struct dwarf_program *program, const char *options)
{
	uint64_t before;

	if (!build(program, options))
		return;
	check(program, "inner", "inner%d part%d.c:2 < outer%d part%d.c:3");
	before = held(program);
	assert_int_equal(indexed(program), UNITS);
	dwarf_names_forget(program->names);
	dwarf_names_rest(program->names);
	assert_int_equal(indexed(program), UNITS);
	assert_string_equal(program_chain(program, "program", "in_outer7"), "outer7 part7.c:3");
	dwarf_names_forget(program->names);
	dwarf_names_rest(program->names);
	assert_int_equal(indexed(program), 1);
	check(program, "inner", "inner%d part%d.c:2 < outer%d part%d.c:3");
	/* What libdw has not given up it has not read twice either. */
	assert_in_range(held(program), 0, before);
	dwarf_names_forget(program->names);
	dwarf_names_forget(program->names);
	assert_int_equal(indexed(program), 0);
	check(program, "outer", "outer%d part%d.c:3");
	assert_int_equal(program_refused(program, DWARF_REFUSED_MALFORMED), 0);
}

static void units_nobody_asks_for_are_forgotten(void **state)
{
	check_forgetting(*state, "-g");
	check_forgetting(*state, "-g -gz");
	check_forgetting(*state, "-g -gz=zlib-gnu");
	check_forgetting(*state, "-g -gsplit-dwarf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PROGRAM(names_are_the_same_after_a_rest),
		WITH_PROGRAM(sections_that_were_inflated_stay),
		WITH_PROGRAM(what_libdw_would_inflate_twice_is_left_alone),
		WITH_PROGRAM(split_units_are_left_alone),
		WITH_PROGRAM(a_unit_is_indexed_after_a_rest),
		WITH_PROGRAM(units_nobody_asks_for_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
