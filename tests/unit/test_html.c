/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/html.h"

#include <unistd.h>

#include "tests/unit/tree.h"

#define HOSTILE "</script><script>x</script>]]>&\"'\x1b\xff\xed\xa0\x80</td></title>-->"

static const char *const time_names[] = { "on-CPU", "asleep" HOSTILE, "never", "run queue" };

/* Of everything something, and strings that want to get out of where they are. */
static struct html_page hostile_page(void)
{
	static const struct html_fact facts[] = { { "Target" HOSTILE, HOSTILE } };
	static const struct html_loss losses[] = { { HOSTILE, 1234567 } };
	static const struct html_ledger_row rows[] = {
		{ "busy", 12, 3, 4000000, { 1000000, 2000000, 0, 1000000 } },
		{ HOSTILE, 0, 1000, 7, { 0, 7 } },
		{ "nothing", 3, 1, 0, { 0 } },
	};

	return (struct html_page){
		.title = HOSTILE,
		.subtitle = HOSTILE,
		.facts = facts,
		.fact_count = 1,
		.tells_losses = true,
		.losses = losses,
		.loss_count = 1,
		.ledger = { .time_names = time_names,
			    .time_count = 4,
			    .rows = rows,
			    .row_count = 3,
			    .sum = { "All", 0, 1004, 4000007, { 1000000, 2000007, 0, 1000000 } } },
	};
}

/* The page with these pictures, as a string that the caller frees. */
static char *page_with(struct html_page page, const struct html_part *parts, size_t count)
{
	char *bytes = NULL;
	size_t length;
	FILE *out = open_memstream(&bytes, &length);

	page.parts = parts;
	page.part_count = count;
	assert_non_null(out);
	assert_int_equal(html_write_page(&page, out), 0);
	assert_int_equal(fclose(out), 0);
	return bytes;
}

static char *written(const struct html_page *page)
{
	struct picture picture = { .title = HOSTILE, .notes = HOSTILE, .unit = HOSTILE };
	struct call_tree *tree = tree_of("a;" HOSTILE " 1\n");
	char *html = page_with(*page, &(struct html_part){ tree, &picture }, 1);

	call_tree_free(tree);
	return html;
}

static void the_page_holds_the_same_picture(void **state)
{
	struct picture picture = { .title = "<x>", .unit = "samples" };
	struct call_tree *tree = tree_of("a;b 1\n");
	char *svg = drawn(svg_write, tree, &picture);
	char *html = drawn(html_write, tree, &picture);
	char *frames = strstr(svg, "<rect class=\"page\"");
	char *script = strstr(svg, "<script");

	(void)state;
	assert_non_null(frames);
	assert_non_null(script);
	*script = '\0';
	assert_contains(html, frames);
	assert_int_equal(strncmp(html, "<!DOCTYPE html>\n", 16), 0);
	assert_contains(html, "<title>&lt;x&gt;</title>");
	assert_lacks(html, "<?xml");
	assert_lacks(html, "<x>");
	free(svg);
	free(html);
	call_tree_free(tree);
}

static void several_pictures_have_one_style_sheet_and_share_their_scripts(void **state)
{
	struct picture first = { .title = "<x>", .unit = "samples" };
	struct picture second = { .title = "y", .unit = "microseconds" };
	struct call_tree *tree = tree_of("a;b 1\n"), *other = tree_of("c;d 2\n");
	const struct html_part parts[] = { { tree, &first }, { other, &second } };
	char *html = page_with((struct html_page){ 0 }, parts, 2);

	(void)state;
	assert_contains(html, "<title>&lt;x&gt;, y</title>");
	assert_int_equal(count_of(html, "<html"), 1);
	assert_int_equal(count_of(html, "<svg class=\"eprof\" xmlns"), 2);
	assert_int_equal(count_of(html, "<style"), 1);
	assert_int_equal(count_of(html, "<script"), 2);
	assert_true(strstr(html, "<script") > strstr(html, "</main>"));
	free(html);
	call_tree_free(tree);
	call_tree_free(other);
}

static void the_page_loads_nothing_and_has_no_code_in_attributes(void **state)
{
	struct html_page page = hostile_page();
	char *html = written(&page);

	(void)state;
	assert_int_equal(count_of(html, "<script"), 2);
	assert_int_equal(count_of(html, "</script"), 2);
	assert_lacks(html, " src=\"");
	assert_lacks(html, " href=\"");
	assert_lacks(html, "<link");
	assert_lacks(html, " style=\"");
	assert_lacks(html, " onload=");
	assert_lacks(html, " onclick=");
	free(html);
}

/* As XML: skipped where there is no xmllint. */
static void the_page_is_well_formed_whatever_its_strings_are(void **state)
{
	struct html_page page = hostile_page();
	char *html = written(&page);
	FILE *lint;

	(void)state;
	if (system("command -v xmllint >/dev/null") != 0) {
		free(html);
		skip();
	}
	lint = popen("xmllint --noout --nonet -", "w");
	assert_non_null(lint);
	assert_int_equal(fwrite(html, 1, strlen(html), lint), strlen(html));
	assert_int_equal(pclose(lint), 0);
	free(html);
}

static void the_same_page_is_the_same_bytes(void **state)
{
	struct html_page page = hostile_page();
	char *first = written(&page), *second = written(&page);

	(void)state;
	assert_string_equal(first, second);
	free(first);
	free(second);
}

static void what_is_known_is_told(void **state)
{
	struct html_page page = hostile_page();
	char *html = written(&page);

	(void)state;
	assert_contains(html, "<h1>&lt;/script&gt;");
	assert_contains(html, "<dt>Target&lt;/script&gt;");
	assert_contains(html, "<td>1,234,567</td>");
	assert_contains(html, "<th scope=\"row\">busy</th><td>12</td><td>3</td><td>4.00 s</td>"
			      "<td>1.00 s</td><td>2.00 s</td><td>1.00 s</td>");
	assert_contains(html, "<th scope=\"row\">All</th><td></td><td>1,004</td>");
	free(html);
}

static void bars_have_the_shares_of_their_row(void **state)
{
	struct html_page page = hostile_page();
	char *html = written(&page);

	(void)state;
	assert_contains(html,
			"<rect class=\"time0\" x=\"0\" width=\"250\" height=\"10\"/>"
			"<rect class=\"time1\" x=\"250\" width=\"500\" height=\"10\"/>"
			"<rect class=\"time3\" x=\"750\" width=\"250\" height=\"10\"/></svg>");
	free(html);
}

static void times_that_nobody_had_have_no_column(void **state)
{
	struct html_page page = hostile_page();
	char *html = written(&page);

	(void)state;
	*strstr(html, "</main>") = '\0';
	assert_lacks(strstr(html, "<main>"), "never");
	assert_contains(strstr(html, "<main>"), "run queue</th>");
	free(html);
}

static void without_losses_nothing_was_lost(void **state)
{
	struct html_page page = hostile_page();
	char *html;

	(void)state;
	page.loss_count = 0;
	html = written(&page);
	assert_contains(html, "<p>Nothing was lost.</p>");
	assert_lacks(html, "<table class=\"losses\">");
	free(html);
}

static void what_is_not_known_has_no_place(void **state)
{
	struct html_page page = { 0 };
	char *html = written(&page);

	(void)state;
	assert_lacks(html, "<header>");
	assert_lacks(html, "<section class=\"summary\"");
	assert_lacks(html, "Nothing was lost");
	free(html);
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
		cmocka_unit_test(several_pictures_have_one_style_sheet_and_share_their_scripts),
		cmocka_unit_test(the_page_loads_nothing_and_has_no_code_in_attributes),
		cmocka_unit_test(the_page_is_well_formed_whatever_its_strings_are),
		cmocka_unit_test(the_same_page_is_the_same_bytes),
		cmocka_unit_test(what_is_known_is_told),
		cmocka_unit_test(bars_have_the_shares_of_their_row),
		cmocka_unit_test(times_that_nobody_had_have_no_column),
		cmocka_unit_test(without_losses_nothing_was_lost),
		cmocka_unit_test(what_is_not_known_has_no_place),
		cmocka_unit_test(a_full_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
