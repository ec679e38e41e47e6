/* SPDX-License-Identifier: Apache-2.0 */
/* Units in files of their own: which file is which, and how often they are opened. */
#include "tests/unit/dwarf_program.h"

#include <sys/inotify.h>

#define UNITS 12

static const char part_h[] = HERE_MACRO "static inline __attribute__((always_inline)) void "
					"part(void) { HERE(in_part); }\n";
static const char chain_c[] = "#include \"part.h\"\n"
			      "__attribute__((noinline)) void outer(void) {\n"
			      "	part(); }\n"
			      "int main(void) { outer(); return 0; }\n";

static void compile(struct dwarf_program *program, const char *command)
{
	program_write(program, "part.h", part_h);
	program_write(program, "chain.c", chain_c);
	program_run(program, "%s -w -O2 -gsplit-dwarf chain.c -o chain", command);
}

static void calls_in_split_units_have_the_file_of_the_caller(void **state)
{
	static const char *const compilers[] = { "gcc -gdwarf-5", "gcc -gdwarf-4",
						 "clang -gdwarf-5", "clang -gdwarf-4" };
	struct dwarf_program *program = *state;

	for (size_t i = 0; i < sizeof(compilers) / sizeof(*compilers); i++) {
		if (!program_has(i < 2 ? "gcc" : "clang"))
			continue;
		compile(program, compilers[i]);
		program_open(program, "chain");
		assert_string_equal(program_chain(program, "chain", "in_part"),
				    "part part.h:2 < outer chain.c:3");
		program_run(program, "rm *.dwo");
	}
}

/* The numbers of the lines mean other files. */
static void calls_have_no_file_where_those_of_the_split_unit_cannot_be_used(void **state)
{
	struct dwarf_program *program = *state;

	compile(program, "gcc -gdwarf-5");
	program_run(program, "cp chain.dwo whole; readelf -SW whole | grep -q line.dwo;"
			     "head -c 100 /dev/zero | tr '\\0' x >junk;"
			     "objcopy --update-section .debug_line.dwo=junk whole chain.dwo");
	program_open(program, "chain");
	assert_string_equal(program_chain(program, "chain", "in_part"),
			    "part part.h:2 < outer ?:3");
	assert_int_equal(program_refused(program, DWARF_REFUSED_MALFORMED), 1);

	program_run(program, "head -c 17M /dev/zero >large;"
			     "objcopy --update-section .debug_line.dwo=large whole chain.dwo");
	program_open(program, "chain");
	assert_string_equal(program_chain(program, "chain", "in_part"),
			    "part part.h:2 < outer ?:3");
	assert_int_equal(program_refused(program, DWARF_REFUSED_LARGE), 1);
}

static size_t count_events(int watch)
{
	_Alignas(struct inotify_event) char bytes[4096];
	ssize_t size, at = 0;
	size_t count = 0;

	while ((size = read(watch, bytes, sizeof(bytes))) > 0) {
		for (at = 0; at < size; count++)
			at += (ssize_t)(sizeof(struct inotify_event) +
					((struct inotify_event *)(void *)(bytes + at))->len);
	}
	return count;
}

static void a_package_is_looked_at_once(void **state)
{
	struct dwarf_program *program = *state;
	int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char path[128];
	size_t opened = 0;

	program_write(program, "part.c", "void NAME(void) { __asm__ volatile(\"nop\"); }\n");
	program_write(program, "main.c", "int main(void) { return 0; }\n");
	program_run(
		program,
		"for i in $(seq %d); do gcc -O1 -g -gsplit-dwarf -DNAME=f$i -c part.c "
		"-o part$i.o; done; gcc main.c part*.o -o parts; rm *.dwo; echo text >parts.dwp",
		UNITS);
	(void)snprintf(path, sizeof(path), "%s/parts.dwp", program->directory);
	assert_true(inotify_add_watch(watch, path, IN_OPEN) >= 0);
	program_open(program, "parts");
	for (int i = 1; i <= UNITS; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "f%d", i);
		assert_string_equal(program_chain(program, "parts", name), "? part.c:1");
		/* At once: those that are alike become one. */
		opened += count_events(watch);
	}
	/* No unit is read while what libdw would open instead is no package. */
	assert_int_equal(program_refused(program, DWARF_REFUSED_MALFORMED), UNITS);
	assert_int_equal(opened, 1);
	(void)close(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PROGRAM(calls_in_split_units_have_the_file_of_the_caller),
		WITH_PROGRAM(calls_have_no_file_where_those_of_the_split_unit_cannot_be_used),
		WITH_PROGRAM(a_package_is_looked_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
