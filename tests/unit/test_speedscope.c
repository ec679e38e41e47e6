/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tree.h"

#define DEEP 20000

static void a_tree_is_one_sampled_profile(void **state)
{
	struct picture picture = { .title = "t \"1\"", .unit = "microseconds" };
	struct call_tree *tree = tree_of("a;b_[k] 5\na 2\n");
	char *json = drawn(speedscope_write, tree, &picture);

	(void)state;
	assert_string_equal(json,
			    "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
			    "\"exporter\":\"eprof\",\n\"name\":\"t \\\"1\\\"\",\n"
			    "\"activeProfileIndex\":0,\n"
			    "\"shared\":{\"frames\":[\n{\"name\":\"a\"},\n"
			    "{\"name\":\"b\",\"file\":\"[kernel]\"}\n]},\n"
			    "\"profiles\":[{\"type\":\"sampled\",\"name\":\"t \\\"1\\\"\","
			    "\"unit\":\"microseconds\",\"startValue\":0,\"endValue\":7,\n"
			    "\"samples\":[\n[0],\n[0,1]\n],\n\"weights\":[2,5]\n}]}\n");
	free(json);
	call_tree_free(tree);
}

static void strings_stay_strings(void **state)
{
	struct picture picture = { .unit = "samples" };
	struct call_tree *tree = tree_of("\"\\\x1b;\xff</script> 1\n");
	char *json = drawn(speedscope_write, tree, &picture);

	(void)state;
	assert_contains(json, "{\"name\":\"\\\"\\\\\xef\xbf\xbd\"}");
	assert_contains(json, "{\"name\":\"\xef\xbf\xbd</script>\"}");
	assert_contains(json, "\"unit\":\"none\"");
	free(json);
	call_tree_free(tree);
}

static void units_that_the_format_knows_are_told(void **state)
{
	static const char *const units[] = { "bytes", "nanoseconds", "seconds" };
	struct call_tree *tree = tree_of("a 1\n");

	(void)state;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		struct picture picture = { .unit = units[i] };
		char *json = drawn(speedscope_write, tree, &picture);
		char wanted[64];

		(void)snprintf(wanted, sizeof(wanted), "\"unit\":\"%s\"", units[i]);
		assert_contains(json, wanted);
		free(json);
	}
	call_tree_free(tree);
}

static void an_empty_tree_is_an_empty_profile(void **state)
{
	struct picture picture = { .unit = "samples" };
	struct call_tree *tree = tree_of("#\n");
	char *json = drawn(speedscope_write, tree, &picture);

	(void)state;
	assert_contains(json, "\"endValue\":0,\n\"samples\":[\n],\n\"weights\":[]\n}]}\n");
	free(json);
	call_tree_free(tree);
}

static void deep_stacks_are_whole(void **state)
{
	struct picture picture = { .unit = "samples" };
	struct call_tree *tree = chain_tree(DEEP);
	char *json = drawn(speedscope_write, tree, &picture);

	(void)state;
	assert_int_equal(count_of(strstr(json, "\"samples\""), "0,"), DEEP - 1);
	free(json);
	call_tree_free(tree);
}

static void a_full_disk_is_noticed(void **state)
{
	(void)state;
	assert_full_disk_is_noticed(speedscope_write);
}

static void a_gap_of_a_flame_chart_is_time_of_its_caller(void **state)
{
	struct picture picture = { .unit = "samples" };
	struct call_tree *tree = new_tree();
	char *json;

	(void)state;
	call_tree_keep_time(tree);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }, { .name = "b" }), 2, 2), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }), 1, 3), 0);
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }, { .name = "c" }), 2, 4), 0);
	assert_int_equal(call_tree_sort(tree), 0);
	json = drawn(speedscope_write, tree, &picture);
	assert_contains(json, "[\n{\"name\":\"a\"},\n{\"name\":\"b\"},\n{\"name\":\"c\"}\n]");
	assert_contains(json, "\"samples\":[\n[0,1],\n[0],\n[0,2]\n],\n\"weights\":[2,3,4]\n");
	free(json);
	call_tree_free(tree);
}

static void decimals_are_those_of_the_counts(void **state)
{
	struct picture picture = { .unit = "samples" };
	struct call_tree *tree = tree_of("a;b 1000.25\na 2\n");
	char *json = drawn(speedscope_write, tree, &picture);

	(void)state;
	assert_contains(json, "\"endValue\":1002.25,\n");
	assert_contains(json, "\"weights\":[2,1000.25]\n");
	free(json);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_is_one_sampled_profile),
		cmocka_unit_test(strings_stay_strings),
		cmocka_unit_test(units_that_the_format_knows_are_told),
		cmocka_unit_test(an_empty_tree_is_an_empty_profile),
		cmocka_unit_test(deep_stacks_are_whole),
		cmocka_unit_test(a_full_disk_is_noticed),
		cmocka_unit_test(a_gap_of_a_flame_chart_is_time_of_its_caller),
		cmocka_unit_test(decimals_are_those_of_the_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
