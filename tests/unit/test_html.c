/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tree.h"

static void the_page_holds_the_same_picture(void **state)
{
	struct picture picture = { .title = "<x>", .unit = "samples" };
	struct call_tree *tree = tree_of("a;b 1\n");
	char *svg = drawn(svg_write, tree, &picture);
	char *html = drawn(html_write, tree, &picture);

	(void)state;
	assert_contains(html, strstr(svg, "<svg "));
	assert_int_equal(strncmp(html, "<!DOCTYPE html>\n", 16), 0);
	assert_contains(html, "<title>&lt;x&gt;</title>");
	assert_lacks(html, "<?xml");
	assert_lacks(html, "<x>");
	free(svg);
	free(html);
	call_tree_free(tree);
}

static void several_pictures_are_one_page(void **state)
{
	struct picture first = { .title = "<x>", .unit = "samples" };
	struct picture second = { .title = "y", .unit = "microseconds" };
	struct call_tree *tree = tree_of("a;b 1\n"), *other = tree_of("c;d 2\n");
	const struct html_part parts[] = { { tree, &first }, { other, &second } };
	char *above = drawn(svg_write, tree, &first), *below = drawn(svg_write, other, &second);
	char *html = NULL;
	size_t length;
	FILE *out = open_memstream(&html, &length);

	(void)state;
	assert_non_null(out);
	assert_int_equal(html_write_parts(parts, 2, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_contains(html, "<title>&lt;x&gt;, y</title>");
	assert_contains(html, strstr(above, "<svg "));
	assert_contains(strstr(html, strstr(above, "<svg ")), strstr(below, "<svg "));
	assert_int_equal(count_of(html, "<html"), 1);
	assert_int_equal(count_of(html, "<svg "), 2);
	free(above);
	free(below);
	free(html);
	call_tree_free(tree);
	call_tree_free(other);
}

static void the_page_loads_nothing_and_runs_one_script(void **state)
{
	struct picture picture = { .unit = "samples" };
	struct call_tree *tree = tree_of("</script><script src=\"x\">;b 1\n");
	char *html = drawn(html_write, tree, &picture);

	(void)state;
	assert_int_equal(count_of(html, "<script"), 1);
	assert_lacks(html, "src=\"");
	assert_lacks(html, "<link");
	assert_lacks(html, "onload=");
	assert_lacks(html, "onclick=");
	free(html);
	call_tree_free(tree);
}

static void a_full_disk_is_noticed(void **state)
{
	(void)state;
	assert_full_disk_is_noticed(html_write);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_holds_the_same_picture),
		cmocka_unit_test(several_pictures_are_one_page),
		cmocka_unit_test(the_page_loads_nothing_and_runs_one_script),
		cmocka_unit_test(a_full_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
