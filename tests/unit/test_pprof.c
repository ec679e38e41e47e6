/* SPDX-License-Identifier: Apache-2.0 */
#include <zlib.h>

#include "profile.pb-c.h"
#include "tests/unit/tree.h"

typedef Perftools__Profiles__Profile Profile;

#define DEEP         20000
#define UNPACKED_MAX ((size_t)4 << 20)

static const struct pprof_info on_cpu = {
	.sample_type = "samples",
	.value_type = "cpu",
	.time_ns = 1700000000000000000u,
	.duration_ns = 30000000000u,
	.period_ns = 10101010,
	.comment = "eprof",
};

static const struct pprof_info off_cpu = { .sample_type = "events", .value_type = "off_cpu" };

/* The file's bytes, which the caller frees. */
static char *written(const struct call_tree *tree, const struct pprof_info *info,
		     size_t *ret_length)
{
	char *bytes = NULL;
	FILE *out = open_memstream(&bytes, ret_length);

	assert_non_null(out);
	assert_int_equal(pprof_write(tree, info, out), 0);
	assert_int_equal(fclose(out), 0);
	return bytes;
}

/* The message in the file, which the caller frees. */
static Profile *profile_of(const struct call_tree *tree, const struct pprof_info *info)
{
	size_t length;
	char *bytes = written(tree, info, &length);
	uint8_t *unpacked = malloc(UNPACKED_MAX);
	z_stream zlib = { .next_in = (Bytef *)bytes, .avail_in = (uInt)length };
	Profile *profile;

	assert_non_null(unpacked);
	zlib.next_out = unpacked;
	zlib.avail_out = UNPACKED_MAX;
	assert_int_equal(inflateInit2(&zlib, 15 + 16), Z_OK);
	assert_int_equal(inflate(&zlib, Z_FINISH), Z_STREAM_END);
	assert_int_equal(zlib.avail_in, 0);
	profile = perftools__profiles__profile__unpack(NULL, zlib.total_out, unpacked);
	assert_non_null(profile);
	(void)inflateEnd(&zlib);
	free(unpacked);
	free(bytes);
	return profile;
}

static const char *location_name(const Profile *profile, uint64_t id)
{
	for (size_t i = 0; i < profile->n_location; i++) {
		uint64_t function_id;

		if (profile->location[i]->id != id)
			continue;
		assert_int_equal(profile->location[i]->n_line, 1);
		function_id = profile->location[i]->line[0]->function_id;
		for (size_t k = 0; k < profile->n_function; k++) {
			if (profile->function[k]->id == function_id)
				return profile->string_table[profile->function[k]->name];
		}
	}
	fail_msg("no location %lu", (unsigned long)id);
	return NULL;
}

static void on_cpu_counts_are_samples_and_time(void **state)
{
	struct call_tree *tree = tree_of("p;main;read_[k] 3\np;main 1\n");
	Profile *profile = profile_of(tree, &on_cpu);
	char **strings = profile->string_table;

	(void)state;
	assert_string_equal(strings[0], "");
	assert_int_equal(profile->n_sample_type, 2);
	assert_string_equal(strings[profile->sample_type[0]->type], "samples");
	assert_string_equal(strings[profile->sample_type[0]->unit], "count");
	assert_string_equal(strings[profile->sample_type[1]->type], "cpu");
	assert_string_equal(strings[profile->sample_type[1]->unit], "nanoseconds");
	assert_string_equal(strings[profile->period_type->type], "cpu");
	assert_string_equal(strings[profile->default_sample_type], "cpu");
	assert_string_equal(strings[profile->comment[0]], "eprof");
	assert_int_equal(profile->period, 10101010);
	assert_int_equal(profile->time_nanos, 1700000000000000000u);
	assert_int_equal(profile->duration_nanos, 30000000000u);

	assert_int_equal(profile->n_sample, 2);
	assert_int_equal(profile->sample[1]->n_value, 2);
	assert_int_equal(profile->sample[1]->value[0], 3);
	assert_int_equal(profile->sample[1]->value[1], 30303030);
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

static void the_leaf_comes_first_and_kernel_frames_have_their_mapping(void **state)
{
	struct call_tree *tree = tree_of("p;main;read_[k] 3\n");
	Profile *profile = profile_of(tree, &on_cpu);
	const uint64_t *ids = profile->sample[0]->location_id;
	uint64_t kernel_mapping = 0;

	(void)state;
	assert_int_equal(profile->sample[0]->n_location_id, 3);
	assert_string_equal(location_name(profile, ids[0]), "read");
	assert_string_equal(location_name(profile, ids[1]), "main");
	assert_string_equal(location_name(profile, ids[2]), "p");
	for (size_t i = 0; i < profile->n_mapping; i++) {
		if (strcmp(profile->string_table[profile->mapping[i]->filename],
			   "[kernel.kallsyms]") == 0)
			kernel_mapping = profile->mapping[i]->id;
	}
	assert_int_not_equal(kernel_mapping, 0);
	for (size_t i = 0; i < profile->n_location; i++) {
		bool is_kernel = profile->location[i]->id == ids[0];

		assert_int_equal(profile->location[i]->mapping_id == kernel_mapping, is_kernel);
	}
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

static void off_cpu_counts_are_time_only(void **state)
{
	struct call_tree *tree = tree_of("p;wait 1500\n");
	Profile *profile = profile_of(tree, &off_cpu);

	(void)state;
	assert_int_equal(profile->n_sample_type, 1);
	assert_string_equal(profile->string_table[profile->sample_type[0]->type], "off_cpu");
	assert_null(profile->period_type);
	assert_int_equal(profile->period, 0);
	assert_int_equal(profile->n_comment, 0);
	assert_int_equal(profile->sample[0]->n_value, 1);
	assert_int_equal(profile->sample[0]->value[0], 1500000);
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

static void values_that_do_not_fit_stop_at_the_largest(void **state)
{
	struct call_tree *tree = tree_of("p 18446744073709551615\n");
	Profile *profile = profile_of(tree, &on_cpu);

	(void)state;
	assert_int_equal(profile->sample[0]->value[0], INT64_MAX);
	assert_int_equal(profile->sample[0]->value[1], INT64_MAX);
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

static void strings_are_utf8(void **state)
{
	struct call_tree *tree = tree_of("\xff\x1b 1\n");
	Profile *profile = profile_of(tree, &on_cpu);

	(void)state;
	assert_string_equal(location_name(profile, profile->sample[0]->location_id[0]),
			    "\xef\xbf\xbd\xef\xbf\xbd");
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

static void deep_stacks_are_whole(void **state)
{
	struct call_tree *tree = chain_tree(DEEP);
	Profile *profile = profile_of(tree, &on_cpu);

	(void)state;
	assert_int_equal(profile->sample[0]->n_location_id, DEEP);
	assert_int_equal(profile->n_location, 1);
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

static void the_same_tree_is_the_same_bytes(void **state)
{
	struct call_tree *tree = tree_of("a;b 1\nc 2\n");
	struct call_tree *other = tree_of("c 2\na;b 1\n");
	size_t first_length, second_length;
	char *first = written(tree, &on_cpu, &first_length);
	char *second = written(other, &on_cpu, &second_length);

	(void)state;
	assert_int_equal(first_length, second_length);
	assert_memory_equal(first, second, first_length);
	assert_memory_equal(first + 4, "\0\0\0\0", 4); /* gzip's time */
	free(first);
	free(second);
	call_tree_free(tree);
	call_tree_free(other);
}

static int write_on_cpu(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	(void)picture;
	return pprof_write(tree, &on_cpu, out);
}

static void a_full_disk_is_noticed(void **state)
{
	(void)state;
	assert_full_disk_is_noticed(write_on_cpu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_cpu_counts_are_samples_and_time),
		cmocka_unit_test(the_leaf_comes_first_and_kernel_frames_have_their_mapping),
		cmocka_unit_test(off_cpu_counts_are_time_only),
		cmocka_unit_test(values_that_do_not_fit_stop_at_the_largest),
		cmocka_unit_test(strings_are_utf8),
		cmocka_unit_test(deep_stacks_are_whole),
		cmocka_unit_test(the_same_tree_is_the_same_bytes),
		cmocka_unit_test(a_full_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
