/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tree.h"

#include "flamegraph/svg.h"

static uint32_t family_named(const struct call_tree *tree, const uint8_t *families,
			     const char *name)
{
	for (uint32_t i = 1; i < call_tree_node_count(tree); i++) {
		if (strcmp(call_tree_name(tree, call_tree_node(tree, i)->name_id), name) == 0)
			return families[i];
	}
	fail_msg("there is no '%s'", name);
	return 0;
}

static void palettes_by_kind_and_module_need_none(void **state)
{
	struct call_tree *tree = tree_of("a 1\n");
	uint8_t none;
	uint8_t *families = &none;

	(void)state;
	assert_int_equal(svg_families_make(tree, PALETTE_BY_KIND, &families), 0);
	assert_null(families);
	families = &none;
	assert_int_equal(svg_families_make(tree, PALETTE_BY_MODULE, &families), 0);
	assert_null(families);
	call_tree_free(tree);
}

static void names_decide_in_the_palettes_of_languages(void **state)
{
	struct call_tree *tree = tree_of("java;java/lang/Thread;JavaThread::run;clone 1\n");
	uint8_t *families = NULL;

	(void)state;
	assert_int_equal(svg_families_make(tree, PALETTE_JAVA, &families), 0);
	assert_int_equal(family_named(tree, families, "JavaThread::run"), PALETTE_YELLOW);
	assert_int_equal(family_named(tree, families, "clone"), PALETTE_RED);
	free(families);
	call_tree_free(tree);
}

static void what_lies_above_a_separator_is_the_wakers(void **state)
{
	struct call_tree *tree = tree_of("p;sleep;--;wake;irq 1\np;sleep;other 1\n");
	uint8_t *families = NULL;

	(void)state;
	assert_int_equal(svg_families_make(tree, PALETTE_CHAIN, &families), 0);
	assert_int_equal(family_named(tree, families, "sleep"), PALETTE_BLUE);
	assert_int_equal(family_named(tree, families, "other"), PALETTE_BLUE);
	assert_int_equal(family_named(tree, families, "--"), FRAME_NOTE);
	assert_int_equal(family_named(tree, families, "wake"), FRAME_INLINED);
	assert_int_equal(family_named(tree, families, "irq"), FRAME_INLINED);
	free(families);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(palettes_by_kind_and_module_need_none),
		cmocka_unit_test(names_decide_in_the_palettes_of_languages),
		cmocka_unit_test(what_lies_above_a_separator_is_the_wakers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
