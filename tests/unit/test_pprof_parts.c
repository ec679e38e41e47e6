/* SPDX-License-Identifier: Apache-2.0 */
/* pprof.c, where several trees are one profile. */
#include "tests/unit/pprof_profile.h"

/* The profile of two trees, which the caller frees. */
static Profile *profile_of_both(const struct call_tree *first, const struct call_tree *second,
				const struct pprof_info *second_info)
{
	const struct pprof_part parts[] = { { first, &on_cpu }, { second, second_info } };
	char *bytes = NULL;
	size_t length;
	FILE *out = open_memstream(&bytes, &length);

	assert_non_null(out);
	assert_int_equal(pprof_write_parts(parts, 2, out), 0);
	assert_int_equal(fclose(out), 0);
	return unpack(bytes, length);
}

static void two_trees_are_one_profile_with_values_of_their_own(void **state)
{
	static const struct pprof_info nanoseconds = { .sample_type = "intervals",
						       .value_type = "off_cpu",
						       .unit_ns = 1,
						       .comment = "asleep" };
	struct call_tree *on = tree_of("p;main;run 3\n");
	struct call_tree *off = tree_of("p;main;read_[k] 1234567\np;nap 5\n");
	Profile *profile = profile_of_both(on, off, &nanoseconds);
	char **strings = profile->string_table;

	(void)state;
	assert_int_equal(profile->n_sample_type, 3);
	assert_string_equal(strings[profile->sample_type[0]->type], "samples");
	assert_string_equal(strings[profile->sample_type[1]->type], "cpu");
	assert_string_equal(strings[profile->sample_type[2]->type], "off_cpu");
	assert_string_equal(strings[profile->sample_type[2]->unit], "nanoseconds");
	assert_string_equal(strings[profile->default_sample_type], "cpu");
	assert_string_equal(strings[profile->period_type->type], "cpu");
	assert_int_equal(profile->n_comment, 2);
	assert_string_equal(strings[profile->comment[0]], "eprof");
	assert_string_equal(strings[profile->comment[1]], "asleep");
	assert_int_equal(profile->n_sample, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(profile->sample[i]->n_value, 3);
	assert_int_equal(profile->sample[0]->value[0], 3);
	assert_int_equal(profile->sample[0]->value[1], 30303030);
	assert_int_equal(profile->sample[0]->value[2], 0);
	assert_int_equal(profile->sample[1]->value[0], 0);
	assert_int_equal(profile->sample[1]->value[1], 0);
	assert_int_equal(profile->sample[1]->value[2], 1234567);
	assert_int_equal(profile->sample[2]->value[2], 5);
	check_location(profile, 0, 0, "run :0 in [user]");
	check_location(profile, 1, 0, "read :0 in [kernel.kallsyms]");
	check_location(profile, 1, 1, "main :0 in [user]");
	check_location(profile, 1, 2, "p :0 in [user]");
	check_location(profile, 2, 0, "nap :0 in [user]");
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(on);
	call_tree_free(off);
}

/* What numbers things must be unique in the whole file. */
static void ids_of_two_trees_are_never_the_same(void **state)
{
	struct call_tree *on = tree_of("p;main;run 3\n"), *off = tree_of("p;main;run 1\nq;x 2\n");
	Profile *profile = profile_of_both(on, off, &off_cpu);

	(void)state;
	for (size_t i = 0; i < profile->n_location; i++)
		assert_ptr_equal(location_of(profile, profile->location[i]->id),
				 profile->location[i]);
	for (size_t i = 0; i < profile->n_function; i++)
		assert_ptr_equal(function_of(profile, profile->function[i]->id),
				 profile->function[i]);
	for (size_t i = 0; i < profile->n_mapping; i++)
		assert_int_equal(profile->mapping[i]->id, i + 1);
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(on);
	call_tree_free(off);
}

static void a_full_disk_is_noticed(void **state)
{
	struct call_tree *tree = tree_of("a;b 1\n");
	const struct pprof_part parts[] = { { tree, &on_cpu }, { tree, &off_cpu } };
	FILE *out = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(out);
	assert_int_equal(pprof_write_parts(parts, 2, out), -EIO);
	(void)fclose(out);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_trees_are_one_profile_with_values_of_their_own),
		cmocka_unit_test(ids_of_two_trees_are_never_the_same),
		cmocka_unit_test(a_full_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
