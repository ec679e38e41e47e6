/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "symbolize/symbolize.h"

static void check(const char *mangled, const char *expected)
{
	char *name = demangle(mangled);

	assert_non_null(name);
	assert_string_equal(name, expected);
	free(name);
}

static void cxx_names_keep_their_parameters(void **state)
{
	(void)state;
	check("_Z3fooi", "foo(int)");
	check("_ZN2ns5ClassC1Ev", "ns::Class::Class()");
	check("_ZNSt6vectorIiSaIiEE9push_backEOi",
	      "std::vector<int, std::allocator<int> >::push_back(int&&)");
	check("_ZNK1A3getEv", "A::get() const");
	check("_Z3foov.cold", "foo() [clone .cold]");
}

static void rust_names_lose_their_hash(void **state)
{
	(void)state;
	check("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write");
	check("_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar"
	      "17h930b740aa94f1d3aE",
	      "<Test + 'static as foo::Bar<Test>>::bar");
	check("_RNvC6_123foo3bar", "123foo::bar");
	check("_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar");
	check("_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y",
	      "utf8_idents::\u10e1\u10d0\u10ed\u10db\u10d4\u10da\u10d0\u10d3_"
	      "\u10d2\u10d4\u10db\u10e0\u10d8\u10d4\u10da\u10d8_"
	      "\u10e1\u10d0\u10d3\u10d8\u10da\u10d8");
}

static void empty_parts_of_names_are_fine(void **state)
{
	char *name = demangle("_RNqCs4fqI2P2rA04_05utk8_identsu30____7hkackf2ecea1cbdathfdh9hlq6y");

	(void)state;
	assert_true(!name || *name);
	free(name);
	check("_RNvC0_3bar", "::bar");
}

static void versions_go_and_plt_stays(void **state)
{
	(void)state;
	check("_Z3foov@@LIB_1.0", "foo()");
	check("_Z3foov@LIB_1.0", "foo()");
	check("_Z3foov@plt", "foo()@plt");
}

static void plain_names_are_not_touched(void **state)
{
	static const char *const names[] = { "",    "main", "_start", "_Z",     "_Zqqqq",      "_R",
					     "_ZN", "i",    "Z3foov", "_ZN17h", "runtime.main" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_null(demangle(names[i]));
}

/* prefix, then `pattern` count times, then suffix. */
static char *repeat(const char *prefix, const char *pattern, size_t count, const char *suffix)
{
	size_t size = strlen(prefix) + count * strlen(pattern) + strlen(suffix) + 1;
	char *name = malloc(size);
	size_t at = strlen(prefix);

	assert_non_null(name);
	strcpy(name, prefix);
	for (size_t i = 0; i < count; i++, at += strlen(pattern))
		strcpy(name + at, pattern);
	strcpy(name + at, suffix);
	return name;
}

static void check_refused(char *name)
{
	assert_null(demangle(name));
	free(name);
}

static void pathological_names_are_refused(void **state)
{
	(void)state;
	check_refused(repeat("_Z3foo", "P", 16000, "i"));
	check_refused(repeat("_Z3foo", "N", 2000, "1aE"));
	check_refused(repeat("_Z1fI", "1AI", 2000, "i"));
	check_refused(repeat("_Z3foo", "i", 20000, ""));
	check_refused(repeat("_RNvC1a", "Nt", 8000, "1b"));
}

/* f(A, pair<A, A>, pair<that, that>, ...): each step doubles the text. */
static char *make_doubling_name(size_t steps)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char *name = malloc(64 + steps * 16);
	size_t at = (size_t)sprintf(name, "_Z1f1A1pIS_S_E");

	/* Substitutions: S_ is A, S0_ the template p, S1_ its first instance. */
	for (size_t i = 0; i < steps; i++)
		at += (size_t)sprintf(name + at, "S0_IS%c_S%c_E", digits[i + 1], digits[i + 1]);
	return name;
}

static void names_that_explode_are_cut_short(void **state)
{
	char *name = make_doubling_name(4), *demangled = demangle(name);

	(void)state;
	assert_non_null(demangled);
	assert_true(strlen(demangled) > 200);
	free(demangled);
	free(name);
	check_refused(make_doubling_name(30)); /* 2^30 times "A" */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cxx_names_keep_their_parameters),
		cmocka_unit_test(rust_names_lose_their_hash),
		cmocka_unit_test(empty_parts_of_names_are_fine),
		cmocka_unit_test(versions_go_and_plt_stays),
		cmocka_unit_test(plain_names_are_not_touched),
		cmocka_unit_test(pathological_names_are_refused),
		cmocka_unit_test(names_that_explode_are_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
