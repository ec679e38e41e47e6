/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/tree.h"

#include "flamegraph/palette.h"
#include "flamegraph/svg.h"

static int write_pack(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	int err = svg_put_pack(tree, NULL, out);

	(void)picture;
	return err < 0 ? err : fflush(out);
}

/* The numbers of the packed nodes, by the description in svg_pack.c. */
static uint64_t next_number(const char **text)
{
	uint64_t value = 0;

	for (unsigned shift = 0;; shift += 5) {
		uint64_t digit = (uint64_t)(*(*text)++ - 63);

		assert_in_range(digit, 0, 63);
		value |= (digit & 31) << shift;
		if (digit < 32)
			return value;
	}
}

static void a_tree_is_packed_as_described(void **state)
{
	struct call_tree *tree = tree_of("a;b_[k] 7\na;c 1000\na;d;a 3\n");
	char *pack = drawn(write_pack, tree, NULL);
	const char *nodes = strstr(pack, "<metadata class=\"nodes\">");
	char expected[64];

	(void)state;
	assert_non_null(nodes);
	(void)snprintf(expected, sizeof(expected), "u%ua\nk%ub\nu%uc\nu%ud\n</metadata>",
		       palette_shade_of(FRAME_USER, "a"), palette_shade_of(FRAME_USER, "b"),
		       palette_shade_of(FRAME_USER, "c"), palette_shade_of(FRAME_USER, "d"));
	assert_contains(pack, expected);

	nodes += strlen("<metadata class=\"nodes\">");
	assert_int_equal(next_number(&nodes), 0 << 2);     /* a */
	assert_int_equal(next_number(&nodes), 1 << 2 | 2); /* b */
	assert_int_equal(next_number(&nodes), 7);
	assert_int_equal(next_number(&nodes), 2 << 2 | 2 | 1); /* c */
	assert_int_equal(next_number(&nodes), 1);
	assert_int_equal(next_number(&nodes), 1000);
	assert_int_equal(next_number(&nodes), 3 << 2 | 1); /* d */
	assert_int_equal(next_number(&nodes), 1);
	assert_int_equal(next_number(&nodes), 0 << 2 | 2); /* a */
	assert_int_equal(next_number(&nodes), 3);
	assert_memory_equal(nodes, "</metadata>", 11);
	free(pack);
	call_tree_free(tree);
}

static void pieces_stay_below_what_xml_readers_take(void **state)
{
	struct call_tree *tree = new_tree();
	char name[1024];
	char *pack;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 3000; i++) {
		/* The first digits make the names distinct. */
		name[0] = (char)('0' + i / 1000);
		name[1] = (char)('0' + i / 100 % 10);
		name[2] = (char)('0' + i / 10 % 10);
		name[3] = (char)('0' + i % 10);
		assert_int_equal(call_tree_add(tree, FRAMES({ .name = name }), 1, 1), 0);
	}
	pack = drawn(write_pack, tree, NULL);
	assert_int_equal(count_of(pack, "<metadata class=\"labels\">"), 3);
	assert_int_equal(count_of(pack, "\n"), 3000 + 3 + 1);
	free(pack);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_is_packed_as_described),
		cmocka_unit_test(pieces_stay_below_what_xml_readers_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
