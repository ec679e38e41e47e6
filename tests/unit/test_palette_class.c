/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tree.h"

#include "flamegraph/palette.h"

static char letter_of(enum palette_name palette, enum frame_kind kind, const char *name)
{
	struct palette_frame frame = { .name = name, .kind = kind };

	return palette_letter(palette_class_of(palette, &frame).family);
}

static void every_palette_has_a_name(void **state)
{
	enum palette_name found;

	(void)state;
	for (int i = 0; i < PALETTE_NAME_COUNT; i++) {
		assert_non_null(palette_name_text(i));
		assert_int_equal(palette_from_name(palette_name_text(i), &found), 0);
		assert_int_equal(found, i);
	}
	assert_int_equal(palette_from_name("plaid", &found), -EINVAL);
	assert_int_equal(palette_from_name("", &found), -EINVAL);
}

static void without_a_choice_the_kind_decides(void **state)
{
	(void)state;
	assert_int_equal(letter_of(PALETTE_BY_KIND, FRAME_USER, "std::sort"), 'u');
	assert_int_equal(letter_of(PALETTE_BY_KIND, FRAME_KERNEL, "read"), 'k');
	assert_int_equal(letter_of(PALETTE_BY_KIND, FRAME_USER, "--"), 'n');
}

static void modules_have_hues_of_their_own(void **state)
{
	struct palette_frame frame = { .name = "f", .module = "foobar" };
	struct palette_frame other = { .name = "g", .module = "foobar" };
	struct palette_frame unknown = { .name = "f", .kind = FRAME_KERNEL };
	struct palette_class class = palette_class_of(PALETTE_BY_MODULE, &frame);

	(void)state;
	assert_int_equal(class.family, PALETTE_MODULE);
	assert_int_equal(class.shade, 0xbf9cf968 % PALETTE_MODULES);
	assert_int_equal(palette_class_of(PALETTE_BY_MODULE, &other).shade, class.shade);
	assert_int_equal(palette_class_of(PALETTE_BY_MODULE, &unknown).family, FRAME_KERNEL);
}

static void one_colour_is_that_of_all_but_separators(void **state)
{
	static const struct {
		enum palette_name palette;
		char letter;
	} cases[] = {
		{ PALETTE_ALL_HOT, 'u' },    { PALETTE_ALL_MEM, 'j' },
		{ PALETTE_ALL_IO, 'b' },     { PALETTE_ALL_WAKEUP, 'i' },
		{ PALETTE_ALL_RED, 'e' },    { PALETTE_ALL_GREEN, 'j' },
		{ PALETTE_ALL_BLUE, 'b' },   { PALETTE_ALL_AQUA, 'i' },
		{ PALETTE_ALL_YELLOW, 'y' }, { PALETTE_ALL_PURPLE, 'v' },
		{ PALETTE_ALL_ORANGE, 'k' },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(letter_of(cases[i].palette, FRAME_KERNEL, "x"), cases[i].letter);
		assert_int_equal(letter_of(cases[i].palette, FRAME_USER, "-"), 'n');
	}
}

static void java_is_told_from_what_it_runs_on(void **state)
{
	(void)state;
	assert_int_equal(letter_of(PALETTE_JAVA, FRAME_JIT, "x::y"), 'j');
	assert_int_equal(letter_of(PALETTE_JAVA, FRAME_INLINED, "java/lang/String"), 'i');
	assert_int_equal(letter_of(PALETTE_JAVA, FRAME_USER, "java/lang/String"), 'j');
	assert_int_equal(letter_of(PALETTE_JAVA, FRAME_USER, "Lorg/app/Main;"), 'j');
	assert_int_equal(letter_of(PALETTE_JAVA, FRAME_USER, "org.app.Main:::run"), 'j');
	assert_int_equal(letter_of(PALETTE_JAVA, FRAME_USER, "JavaThread::run"), 'y');
	assert_int_equal(letter_of(PALETTE_JAVA, FRAME_KERNEL, "vfs_read"), 'k');
	assert_int_equal(letter_of(PALETTE_JAVA, FRAME_USER, "start_thread"), 'e');
	assert_int_equal(letter_of(PALETTE_JAVA, FRAME_USER, "orgasn"), 'e');
}

static void javascript_is_told_from_what_it_runs_on(void **state)
{
	(void)state;
	assert_int_equal(letter_of(PALETTE_JS, FRAME_JIT, "/srv/app.js:1"), 'j');
	assert_int_equal(letter_of(PALETTE_JS, FRAME_JIT, "Builtin:Add"), 'i');
	assert_int_equal(letter_of(PALETTE_JS, FRAME_USER, "v8::Call"), 'y');
	assert_int_equal(letter_of(PALETTE_JS, FRAME_USER, "f /srv/app.js:1"), 'j');
	assert_int_equal(letter_of(PALETTE_JS, FRAME_USER, "a.js/b"), 'e');
	assert_int_equal(letter_of(PALETTE_JS, FRAME_USER, "Stub:Call"), 'i');
	assert_int_equal(letter_of(PALETTE_JS, FRAME_USER, " "), 'j');
	assert_int_equal(letter_of(PALETTE_JS, FRAME_KERNEL, "vfs_read"), 'k');
	assert_int_equal(letter_of(PALETTE_JS, FRAME_USER, "main"), 'e');
}

static void perl_is_told_from_what_it_runs_on(void **state)
{
	(void)state;
	assert_int_equal(letter_of(PALETTE_PERL, FRAME_USER, "Perl_pp_add"), 'j');
	assert_int_equal(letter_of(PALETTE_PERL, FRAME_USER, "x.pl"), 'j');
	assert_int_equal(letter_of(PALETTE_PERL, FRAME_USER, "a::b"), 'y');
	assert_int_equal(letter_of(PALETTE_PERL, FRAME_KERNEL, "vfs_read"), 'k');
	assert_int_equal(letter_of(PALETTE_PERL, FRAME_USER, "main"), 'e');
}

static void wakers_are_told_from_sleepers(void **state)
{
	struct palette_frame frame = { .name = "f" };

	(void)state;
	assert_int_equal(palette_class_of(PALETTE_CHAIN, &frame).family, PALETTE_BLUE);
	frame.is_waker = true;
	assert_int_equal(palette_class_of(PALETTE_CHAIN, &frame).family, FRAME_INLINED);
}

static void check_change(uint64_t before, uint64_t after, uint32_t family, uint32_t shade)
{
	struct palette_class class = palette_change(before, after);

	assert_int_equal(class.family, family);
	assert_int_equal(class.shade, shade);
}

static void changes_are_tenths_of_the_larger_side(void **state)
{
	(void)state;
	check_change(7, 7, PALETTE_SAME, 0);
	check_change(0, 0, PALETTE_SAME, 0);
	check_change(0, 1, PALETTE_NEW, 0);
	check_change(1, 0, PALETTE_REMOVED, 0);
	check_change(100, 101, PALETTE_MORE, 0);
	check_change(101, 100, PALETTE_LESS, 0);
	check_change(90, 100, PALETTE_MORE, 1);
	check_change(100, 50, PALETTE_LESS, 5);
	check_change(1, UINT64_MAX, PALETTE_MORE, 9);
	check_change(UINT64_MAX, 1, PALETTE_LESS, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_palette_has_a_name),
		cmocka_unit_test(without_a_choice_the_kind_decides),
		cmocka_unit_test(modules_have_hues_of_their_own),
		cmocka_unit_test(one_colour_is_that_of_all_but_separators),
		cmocka_unit_test(java_is_told_from_what_it_runs_on),
		cmocka_unit_test(javascript_is_told_from_what_it_runs_on),
		cmocka_unit_test(perl_is_told_from_what_it_runs_on),
		cmocka_unit_test(wakers_are_told_from_sleepers),
		cmocka_unit_test(changes_are_tenths_of_the_larger_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
