/* SPDX-License-Identifier: Apache-2.0 */
/* What compilers, linkers and dwz write. */
#include "tests/unit/dwarf_program.h"

#include <sys/stat.h>

static const char chain_c[] = HERE_MACRO
	"#define INLINE static inline __attribute__((always_inline))\n"
	"INLINE void innermost(void) { HERE(in_innermost); }\n"
	"INLINE void in_the_middle(void) { { int x; innermost(); } HERE(in_middle); }\n"
	"__attribute__((noinline)) void outermost(void) { HERE(in_outermost); in_the_middle(); }\n"
	"int main(void) { outermost(); return 0; }\n";

static void check_chain(struct dwarf_program *program, const char *name)
{
	assert_string_equal(program_chain(program, name, "in_innermost"),
			    "innermost chain.c:3 < in_the_middle chain.c:4 < outermost chain.c:5");
	assert_string_equal(program_chain(program, name, "in_middle"),
			    "in_the_middle chain.c:4 < outermost chain.c:5");
	assert_string_equal(program_chain(program, name, "in_outermost"), "outermost chain.c:5");
}

static void check_compiled(struct dwarf_program *program, const char *command)
{
	program_write(program, "chain.c", chain_c);
	/* What this machine's compiler does not know it says itself. */
	if (!program_try(program, "%s -w chain.c -o chain", command)) {
		print_message("left out: %s\n", command);
		return;
	}
	print_message("%s\n", command);
	program_open(program, "chain");
	check_chain(program, "chain");
	assert_int_equal(program_refused(program, DWARF_REFUSED_MALFORMED), 0);
	assert_int_equal(program_refused(program, DWARF_REFUSED_SPLIT), 0);
}

static void inlined_chains_are_found_in_every_version(void **state)
{
	static const char *const commands[] = {
		"gcc -O2 -gdwarf-2",
		"gcc -O0 -gdwarf-3",
		"gcc -O2 -gdwarf-4",
		"gcc -O2 -gdwarf-5",
		"gcc -O0 -gdwarf-5",
		"gcc -O2 -g3",
		"gcc -O2 -g -gdwarf64",
		"clang -O2 -gdwarf-2",
		"clang -O0 -gdwarf-4",
		"clang -O2 -gdwarf-4",
		"clang -O2 -gdwarf-5",
		"clang -O2 -gdwarf64 -gdwarf-5",
		"gcc -O2 -g -m32 -nostdlib -static -Wl,-e,main",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		check_compiled(*state, commands[i]);
}

static void inlined_chains_are_found_however_it_is_linked(void **state)
{
	static const char *const commands[] = {
		"gcc -O2 -g -gz",
		"gcc -O2 -g -gz=zlib-gnu",
		"clang -O2 -g -gz",
		"gcc -O2 -g -flto",
		"clang -O2 -g -flto -fuse-ld=lld",
		"gcc -O2 -g -ffunction-sections -Wl,--gc-sections",
		"clang -O2 -g -ffunction-sections -Wl,--gc-sections -fuse-ld=lld",
		"gcc -O2 -g -no-pie",
		"gcc -O2 -g -fdebug-types-section",
		"gcc -O2 -gdwarf-4 -fdebug-types-section",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		check_compiled(*state, commands[i]);
}

static void inlined_chains_are_found_in_split_units(void **state)
{
	static const char *const commands[] = {
		"gcc -O2 -gdwarf-5 -gsplit-dwarf",
		"gcc -O2 -gdwarf-4 -gsplit-dwarf",
		"clang -O2 -gdwarf-5 -gsplit-dwarf",
		"clang -O2 -gdwarf-4 -gsplit-dwarf",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		check_compiled(*state, commands[i]);
}

static void without_its_split_unit_a_place_has_a_line_and_no_name(void **state)
{
	struct dwarf_program *program = *state;

	program_write(program, "chain.c", chain_c);
	program_run(program, "gcc -w -O2 -g -gsplit-dwarf chain.c -o chain && rm *.dwo");
	program_open(program, "chain");
	assert_string_equal(program_chain(program, "chain", "in_innermost"), "? chain.c:3");
	assert_string_equal(program_chain(program, "chain", "in_middle"), "? chain.c:4");
	assert_int_equal(program_refused(program, DWARF_REFUSED_SPLIT), 1);
}

static void a_split_unit_that_could_block_is_not_opened(void **state)
{
	struct dwarf_program *program = *state;

	program_write(program, "chain.c", chain_c);
	program_run(program, "gcc -w -O2 -g -gsplit-dwarf chain.c -o chain &&"
			     " for f in *.dwo; do rm $f && mkfifo $f; done");
	program_open(program, "chain");
	assert_string_equal(program_chain(program, "chain", "in_innermost"), "? chain.c:3");
	assert_int_equal(program_refused(program, DWARF_REFUSED_MALFORMED), 1);
}

static void a_package_of_split_units_is_read_or_counted(void **state)
{
	struct dwarf_program *program = *state;

	if (!program_has("dwp"))
		skip();
	program_write(program, "chain.c", chain_c);
	program_run(program, "gcc -w -O2 -gdwarf-4 -gsplit-dwarf chain.c -o chain &&"
			     " dwp -e chain && rm *.dwo");
	program_open(program, "chain");
	if (strcmp(program_chain(program, "chain", "in_innermost"), "? chain.c:3") == 0)
		assert_int_equal(program_refused(program, DWARF_REFUSED_PACKAGE), 1);
	else
		check_chain(program, "chain");
}

static int open_shared(struct dwarf_program *program, const char *name)
{
	return dwarf_names_set_alternate(program->names, program_fd(program, name));
}

static void names_that_dwz_has_moved_are_found_in_its_file(void **state)
{
	struct dwarf_program *program = *state;

	if (!program_has("dwz"))
		skip();
	program_write(program, "chain.c", chain_c);
	program_run(program, "gcc -w -O2 -g chain.c -o chain && cp chain other &&"
			     " dwz -m shared -M shared chain other");
	program_open(program, "chain");
	/* Without the file, inlined functions are a part of their caller. */
	assert_null(strstr(program_chain(program, "chain", "in_innermost"), "innermost chain"));
	assert_true(program_refused(program, DWARF_REFUSED_ALTERNATE) > 0);

	program_open(program, "chain");
	assert_int_equal(open_shared(program, "other"), -ESTALE);
	assert_int_equal(open_shared(program, "shared"), 0);
	check_chain(program, "chain");
	dwarf_names_rest(program->names);
	check_chain(program, "chain");
	assert_int_equal(program_refused(program, DWARF_REFUSED_ALTERNATE), 0);
	assert_int_equal(open_shared(program, "shared"), -EINVAL);
}

static void a_function_in_two_pieces_is_one(void **state)
{
	static const char source[] =
		HERE_MACRO "__attribute__((noinline)) void rare(int x) { if (x == 42) throw 1; }\n"
			   "__attribute__((noinline)) int work(int x)\n"
			   "{\n"
			   "	try { rare(x); } catch (int) {\n"
			   "		HERE(in_cold); return 0;\n"
			   "	}\n"
			   "	HERE(in_hot); return x + 1;\n"
			   "}\n"
			   "int main(int argc, char **argv) { return work(argc); }\n";
	struct dwarf_program *program = *state;

	program_write(program, "pieces.cpp", source);
	program_run(program, "g++ -w -O2 -g pieces.cpp -o pieces");
	/* That it is in pieces. */
	assert_true(program_address(program, "pieces", "in_cold") >=
		    program_address(program, "pieces", "_Z4worki.cold"));
	program_open(program, "pieces");
	assert_string_equal(program_chain(program, "pieces", "in_hot"), "_Z4worki pieces.cpp:8");
	assert_string_equal(program_chain(program, "pieces", "in_cold"), "_Z4worki pieces.cpp:6");
}

static void what_one_file_inlines_from_another_is_found(void **state)
{
	static const char one[] = HERE_MACRO "__attribute__((always_inline)) inline void "
					     "elsewhere(void) { HERE(in_elsewhere); }\n"
					     "void elsewhere(void);\n";
	static const char two[] = "void elsewhere(void);\n"
				  "__attribute__((noinline)) void caller(void) { elsewhere(); }\n"
				  "int main(void) { caller(); return 0; }\n";
	struct dwarf_program *program = *state;

	program_write(program, "one.c", one);
	program_write(program, "two.c", two);
	program_run(program,
		    "gcc -w -O2 -g -flto one.c two.c -o both -Wl,--allow-multiple-definition");
	program_open(program, "both");
	assert_string_equal(program_chain(program, "both", "in_elsewhere"),
			    "elsewhere one.c:2 < caller two.c:2");
}

static void a_nested_function_is_not_inlined_into_its_parent(void **state)
{
	static const char source[] =
		HERE_MACRO "int apply(int (*f)(int), int x) { return f(x); }\n"
			   "__attribute__((noinline)) int parent(int x)\n"
			   "{\n"
			   "	__attribute__((noinline)) int nested(int y) { HERE(in_nested); "
			   "return x + y; }\n"
			   "	HERE(in_parent); return nested(x);\n"
			   "}\n"
			   "int main(int argc, char **argv) { return parent(argc); }\n";
	struct dwarf_program *program = *state;

	program_write(program, "nested.c", source);
	program_run(program, "gcc -w -O1 -g nested.c -o nested");
	program_open(program, "nested");
	assert_string_equal(program_chain(program, "nested", "in_nested"), "nested nested.c:5");
	assert_string_equal(program_chain(program, "nested", "in_parent"), "parent nested.c:6");
}

static void names_of_cpp_are_those_of_the_linker(void **state)
{
	static const char source[] = HERE_MACRO
		"namespace space { struct Thing {\n"
		"	Thing(); void work();\n"
		"	__attribute__((always_inline)) void inlined() { HERE(in_method); } };\n"
		"	__attribute__((noinline)) void hidden() { HERE(in_hidden); } }\n"
		"__attribute__((noinline)) space::Thing::Thing() { work(); }\n"
		"__attribute__((noinline)) void space::Thing::work() { inlined(); hidden(); }\n"
		"template <int N> __attribute__((noinline)) int power(int x) { HERE(in_template); "
		"return x * N; }\n"
		"int main() {\n"
		"	space::Thing thing; thing.work();\n"
		"	return power<3>(2); }\n";
	static const char *const compilers[] = { "g++ -O1 -g", "clang++ -O1 -g",
						 "g++ -O1 -gdwarf-4 -fdebug-types-section" };
	struct dwarf_program *program = *state;

	program_write(program, "names.cpp", source);
	for (size_t i = 0; i < sizeof(compilers) / sizeof(*compilers); i++) {
		program_run(program, "%s -w names.cpp -o names", compilers[i]);
		program_open(program, "names");
		assert_string_equal(program_chain(program, "names", "in_method"),
				    "_ZN5space5Thing7inlinedEv names.cpp:4 < "
				    "_ZN5space5Thing4workEv names.cpp:7");
		assert_string_equal(program_chain(program, "names", "in_hidden"),
				    "_ZN5space6hiddenEv names.cpp:5");
		assert_string_equal(program_chain(program, "names", "_ZN5space5ThingC2Ev"),
				    "_ZN5space5ThingC2Ev names.cpp:6");
		assert_string_equal(program_chain(program, "names", "in_template"),
				    "_Z5powerILi3EEii names.cpp:8");
	}
}

static void names_are_found_in_modules(void **state)
{
	static const char fortran[] = "module deep\n"
				      "contains\n"
				      "  subroutine work(x)\n"
				      "    integer :: x\n"
				      "    x = x + 1\n"
				      "  end subroutine\n"
				      "end module\n"
				      "program main\n"
				      "  use deep\n"
				      "  integer :: x = 1\n"
				      "  call work(x)\n"
				      "end program\n";
	static const char rust[] =
		"mod deep { pub mod deeper {\n"
		"    #[inline(always)] pub fn inner() { unsafe { core::arch::asm!(\".globl "
		"in_inner\", \"in_inner: nop\") } }\n"
		"    #[no_mangle] #[inline(never)] pub extern \"C\" fn caller() { inner() }\n"
		"} }\n"
		"fn main() { deep::deeper::caller() }\n";
	struct dwarf_program *program = *state;
	const char *chain;

	program_write(program, "module.f90", fortran);
	program_write(program, "module.rs", rust);
	if (program_has("gfortran")) {
		program_run(program, "gfortran -O0 -g module.f90 -o module");
		program_open(program, "module");
		chain = program_chain(program, "module", "__deep_MOD_work");
		assert_string_equal(chain, "__deep_MOD_work module.f90:3");
	}
	if (program_try(program, "rustc -O -g module.rs -o module")) {
		program_open(program, "module");
		chain = program_chain(program, "module", "in_inner");
		assert_non_null(strstr(chain, "deeper"));
		assert_non_null(strstr(chain, " module.rs:2 < caller module.rs:3"));
	}
}

static void what_a_linker_discards_does_not_hide_code(void **state)
{
	/* It would reach from 0 over all the code there is. */
	static const char source[] =
		HERE_MACRO "void discarded(void) { __asm__ volatile(\".skip 1000000\"); }\n"
			   "void discarded2(void) { __asm__ volatile(\".skip 1000000\"); }\n"
			   "__attribute__((noinline)) void kept(void) { HERE(in_kept); }\n"
			   "int main(void) { kept(); return 0; }\n";
	static const char *const linkers[] = { "bfd", "gold", "lld" };
	struct dwarf_program *program = *state;

	program_write(program, "some.c", source);
	for (int version = 4; version <= 5; version++) {
		for (size_t i = 0; i < sizeof(linkers) / sizeof(*linkers); i++) {
			if (!program_try(program,
					 "gcc -w -O1 -gdwarf-%d -ffunction-sections some.c "
					 "-Wl,--gc-sections -fuse-ld=%s -o some",
					 version, linkers[i]))
				continue;
			program_open(program, "some");
			assert_string_equal(program_chain(program, "some", "in_kept"),
					    "kept some.c:4");
			assert_string_equal(program_chain(program, "some", "main"),
					    "main some.c:5");
			/* Code of the C library, without debug information. */
			assert_string_equal(program_chain(program, "some", "_start"), "");
			assert_string_equal(program_chain(program, "some", "_init"), "");
		}
	}
}

static void an_assembler_function_has_a_line(void **state)
{
	static const char source[] = ".globl bare\n"
				     ".text\n"
				     "bare:\n"
				     "	nop\n"
				     "	.globl in_bare\n"
				     "in_bare:\n"
				     "	nop\n"
				     "	ret\n";
	static const char with_main[] = "void bare(void); int main(void) { bare(); return 0; }\n";
	struct dwarf_program *program = *state;

	program_write(program, "bare.s", source);
	program_write(program, "main.c", with_main);
	program_run(program, "gcc -g bare.s main.c -o bare");
	program_open(program, "bare");
	assert_string_equal(program_chain(program, "bare", "in_bare"), "? bare.s:7");
	assert_string_equal(program_chain(program, "bare", "main"), "main main.c:1");
}

static void paths_are_joined_with_their_directories(void **state)
{
	struct dwarf_program *program = *state;
	struct dwarf_frame frame;

	for (int version = 4; version <= 5; version++) {
		char expected[256];

		program_run(program, "mkdir -p sub/include");
		program_write(program, "sub/chain.c",
			      "#include \"include/part.h\"\nint main(void) { part(); "
			      "HERE(in_main); return 0; }\n");
		program_write(program, "sub/include/part.h",
			      HERE_MACRO "static inline __attribute__((always_inline)) void "
					 "part(void) { HERE(in_part); }\n");
		program_run(program, "cd sub && gcc -O2 -gdwarf-%d chain.c -o ../chain", version);
		program_open(program, "chain");
		assert_int_equal(dwarf_names_find(program->names,
						  program_address(program, "chain", "in_part"),
						  &frame, 1),
				 1);
		/* One frame was asked for: the innermost. */
		assert_string_equal(frame.name, "part");
		assert_true(frame.is_inlined);
		(void)snprintf(expected, sizeof(expected), "%s/sub/include/part.h",
			       program->directory);
		assert_string_equal(frame.file, expected);
		assert_int_equal(dwarf_names_find(program->names,
						  program_address(program, "chain", "in_main"),
						  &frame, 1),
				 1);
		(void)snprintf(expected, sizeof(expected), "%s/sub/chain.c", program->directory);
		assert_string_equal(frame.file, expected);
	}
}

static void a_relative_directory_is_joined_once(void **state)
{
	struct dwarf_program *program = *state;
	struct dwarf_frame frame;

	program_write(program, "chain.c", chain_c);
	for (int version = 4; version <= 5; version++) {
		program_run(program,
			    "gcc -w -O2 -gdwarf-%d -ffile-prefix-map=$PWD=./there chain.c -o chain",
			    version);
		program_open(program, "chain");
		assert_true(dwarf_names_find(program->names,
					     program_address(program, "chain", "in_outermost"),
					     &frame, 1));
		assert_string_equal(frame.file, "./there/chain.c");
	}
}

static void what_has_no_debug_information_finds_nothing(void **state)
{
	struct dwarf_program *program = *state;
	struct dwarf_options options = { .inflated_max = 100 };

	program_write(program, "chain.c", chain_c);
	program_run(program, "gcc -w -O2 chain.c -o chain && gcc -w -O2 -g -c chain.c -o chain.o &&"
			     " gcc -w -O2 -g -gz chain.c -o compressed");
	program_open(program, "chain");
	assert_string_equal(program_chain(program, "chain", "main"), "");
	assert_int_equal(dwarf_names_set_alternate(program->names, program_fd(program, "chain")),
			 -EINVAL);
	program_close(program);
	assert_int_equal(dwarf_names_open(program_fd(program, "chain.o"), NULL, &program->names),
			 -ENOEXEC);
	assert_int_equal(dwarf_names_open(program_fd(program, "chain.c"), NULL, &program->names),
			 -ENOEXEC);
	assert_int_equal(
		dwarf_names_open(program_fd(program, "compressed"), &options, &program->names),
		-EFBIG);
	assert_int_equal(dwarf_names_open(program_fd(program, "compressed"), NULL, &program->names),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PROGRAM(inlined_chains_are_found_in_every_version),
		WITH_PROGRAM(inlined_chains_are_found_however_it_is_linked),
		WITH_PROGRAM(inlined_chains_are_found_in_split_units),
		WITH_PROGRAM(without_its_split_unit_a_place_has_a_line_and_no_name),
		WITH_PROGRAM(a_split_unit_that_could_block_is_not_opened),
		WITH_PROGRAM(a_package_of_split_units_is_read_or_counted),
		WITH_PROGRAM(names_that_dwz_has_moved_are_found_in_its_file),
		WITH_PROGRAM(a_function_in_two_pieces_is_one),
		WITH_PROGRAM(what_one_file_inlines_from_another_is_found),
		WITH_PROGRAM(a_nested_function_is_not_inlined_into_its_parent),
		WITH_PROGRAM(names_of_cpp_are_those_of_the_linker),
		WITH_PROGRAM(names_are_found_in_modules),
		WITH_PROGRAM(what_a_linker_discards_does_not_hide_code),
		WITH_PROGRAM(an_assembler_function_has_a_line),
		WITH_PROGRAM(paths_are_joined_with_their_directories),
		WITH_PROGRAM(a_relative_directory_is_joined_once),
		WITH_PROGRAM(what_has_no_debug_information_finds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
