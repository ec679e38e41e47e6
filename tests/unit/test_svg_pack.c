/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tree.h"

#include "base/cleanup.h"
#include "flamegraph/svg.h"

static int write_pack(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	int err = svg_put_pack(tree, NULL, out);

	(void)picture;
	return err < 0 ? err : fflush(out);
}

/* All text of the elements of a class, which the caller frees. */
static char *text_of(const char *pack, const char *class)
{
	char start[64];
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	(void)snprintf(start, sizeof(start), "<metadata class=\"%s\">", class);
	for (const char *at = strstr(pack, start); at; at = strstr(at, start)) {
		const char *end = strstr(at, "</metadata>");

		assert_non_null(end);
		at += strlen(start);
		fwrite(at, 1, (size_t)(end - at), out);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

/* The numbers of a class, by the description in svg_pack.c. */
static void assert_numbers(const char *pack, const char *class, const uint64_t *expected, size_t n)
{
	CLEANUP(cleanup_free) char *text = text_of(pack, class);
	const char *at = text;

	for (size_t i = 0; i < n; i++) {
		uint64_t value = 0, digit = 32;

		for (unsigned shift = 0; digit >= 32; shift += 5) {
			digit = (uint64_t)(*at++ - 63);
			assert_in_range(digit, 0, 63);
			value |= (digit & 31) << shift;
		}
		assert_int_equal(value, expected[i]);
	}
	assert_int_equal(*at, '\0');
}

#define NUMBERS(pack, class, ...)                                                                  \
	assert_numbers(pack, class, (const uint64_t[]){ __VA_ARGS__ },                             \
		       sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

/* "a" is most nodes, so it is label 0; the others are as many, and in the order of their names. */
static void a_tree_is_packed_as_described(void **state)
{
	struct call_tree *tree = tree_of("a;b_[k] 7\na;c 1000\na;d;a 3\n");
	char *pack = drawn(write_pack, tree, NULL);
	char *strings = text_of(pack, "strings");

	(void)state;
	assert_string_equal(strings, "a\nb\nc\nd\n");
	NUMBERS(pack, "labels", 0, 'u', 0, 1, 'k', 0, 2, 'u', 0, 3, 'u', 0);
	NUMBERS(pack, "nodes", 0,        /* the root's self count */
		0 << 2,                  /* a */
		1 << 2 | 2, 7,           /* b */
		2 << 2 | 2 | 1, 1, 1000, /* c */
		3 << 2 | 1, 1,           /* d */
		0 << 2 | 2, 3);          /* a */
	assert_lacks(pack, "class=\"before\"");
	free(strings);
	free(pack);
	call_tree_free(tree);
}

static void places_are_kept_once_each(void **state)
{
	struct call_tree *tree = new_tree();
	struct frame main_frame = { .name = "main", .file = "m.c", .line = 7, .module = "prog" };
	struct frame other = { .name = "other", .module = "prog" };
	char *pack, *strings;

	(void)state;
	assert_int_equal(call_tree_add(tree, FRAMES(main_frame, main_frame), 2, 1), 0);
	assert_int_equal(call_tree_add(tree, FRAMES(other), 1, 1), 0);
	assert_int_equal(call_tree_sort(tree), 0);
	pack = drawn(write_pack, tree, NULL);
	strings = text_of(pack, "strings");
	assert_string_equal(strings, "main\nother\nprog\nm.c\n");
	NUMBERS(pack, "places", 2 + 1, 3 + 1, 7, 2 + 1, 0, 0);
	NUMBERS(pack, "labels", 0, 'u', 1, 1, 'u', 2);
	free(strings);
	free(pack);
	call_tree_free(tree);
}

static void counts_before_have_a_number_for_each_node(void **state)
{
	struct call_tree *tree = new_tree();
	uint32_t node;
	char *pack;

	(void)state;
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = "a" }), 1, 5), 0);
	assert_int_equal(call_tree_reach(tree, FRAMES({ .name = "gone" }), 1, &node), 0);
	assert_int_equal(call_tree_count_before(tree, node, 40), 0);
	assert_int_equal(call_tree_sort(tree), 0);
	pack = drawn(write_pack, tree, NULL);
	NUMBERS(pack, "nodes", 0, 0 << 2 | 2, 5, 1 << 2 | 1, 1);
	NUMBERS(pack, "before", 0, 0, 40);
	free(pack);
	call_tree_free(tree);
}

static void the_order_of_the_input_does_not_matter(void **state)
{
	struct call_tree *one = tree_of("b;c 2\na;c 1\na;b_[k] 1\n");
	struct call_tree *other = tree_of("a;b_[k] 1\na;c 1\nb;c 2\n");
	char *pack = drawn(write_pack, one, NULL);
	char *other_pack = drawn(write_pack, other, NULL);

	(void)state;
	assert_string_equal(pack, other_pack);
	free(pack);
	free(other_pack);
	call_tree_free(one);
	call_tree_free(other);
}

#define NAME_SIZE 4096
#define NAMES     3000

static void pieces_stay_below_what_xml_readers_take(void **state)
{
	struct call_tree *tree = new_tree();
	char *name = malloc(NAME_SIZE);
	char *pack;

	(void)state;
	assert_non_null(name);
	for (int i = 0; i < NAMES; i++) {
		memset(name, 'x', NAME_SIZE - 1);
		name[NAME_SIZE - 1] = '\0';
		/* The first digits make the names distinct. */
		name[snprintf(name, NAME_SIZE, "%d", i)] = 'x';
		assert_int_equal(call_tree_add(tree, FRAMES({ .name = name }), 1, 1), 0);
	}
	pack = drawn(write_pack, tree, NULL);
	/* 12 MB of names, in elements of 4 MiB. */
	assert_int_equal(count_of(pack, "<metadata class=\"strings\">"), 3);
	free(pack);
	free(name);
	call_tree_free(tree);
}

/* Each of its characters becomes six. */
static void a_long_name_is_in_several_pieces(void **state)
{
	struct call_tree *tree = long_name_tree('"', NAMES * NAME_SIZE / 6);
	char *pack = drawn(write_pack, tree, NULL);
	CLEANUP(cleanup_free) char *text = text_of(pack, "strings");

	(void)state;
	assert_int_equal(count_of(pack, "<metadata class=\"strings\">"), 4);
	assert_int_equal(strlen(text), NAMES * NAME_SIZE / 6 * strlen("&quot;") + 1);
	free(pack);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_is_packed_as_described),
		cmocka_unit_test(places_are_kept_once_each),
		cmocka_unit_test(counts_before_have_a_number_for_each_node),
		cmocka_unit_test(the_order_of_the_input_does_not_matter),
		cmocka_unit_test(pieces_stay_below_what_xml_readers_take),
		cmocka_unit_test(a_long_name_is_in_several_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
