/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/pprof_profile.h"

#define DEEP 20000

static struct call_tree *tree_of_stack(const struct frame *frames, size_t n)
{
	struct call_tree *tree = new_tree();

	assert_int_equal(call_tree_add(tree, frames, n, 1), 0);
	assert_int_equal(call_tree_sort(tree), 0);
	return tree;
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

static void frames_have_their_file_line_and_module(void **state)
{
	struct call_tree *tree = tree_of_stack(
		FRAMES({ "p", .kind = FRAME_PROCESS }, { "main", "/s/a.c", "prog", 3, FRAME_USER },
		       { "f", "/s/a.c", "lib.so", 0, FRAME_USER }, { "g", .module = "lib.so" },
		       { "read", NULL, "nvme", 0, FRAME_KERNEL }),
		5);
	Profile *profile = profile_of(tree, &on_cpu);

	(void)state;
	assert_int_equal(profile->sample[0]->n_location_id, 5);
	check_location(profile, 0, 0, "read :0 in [kernel.kallsyms]");
	check_location(profile, 0, 1, "g :0 in lib.so");
	check_location(profile, 0, 2, "f /s/a.c:0 in lib.so");
	check_location(profile, 0, 3, "main /s/a.c:3 in prog");
	check_location(profile, 0, 4, "p :0 in [process]");
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

static void a_mapping_says_what_its_frames_have(void **state)
{
	struct call_tree *tree = tree_of_stack(
		FRAMES({ .name = "p", .kind = FRAME_PROCESS }, { .name = "unknown" },
		       { "a", "a.c", "lines.so", 3, FRAME_USER },
		       { "b", "b.c", "inlined.so", 3, FRAME_USER },
		       { "c", "c.c", "inlined.so", 3, FRAME_INLINED },
		       { "d", "d.c", "files.so", 0, FRAME_USER }, { "e", .module = "bare.so" },
		       { "f", NULL, NULL, 0, FRAME_KERNEL }),
		8);
	static const struct {
		const char *name;
		bool files, lines, inlined;
	} expected[] = {
		{ "[user]", false, false, false },    { "lines.so", true, true, false },
		{ "inlined.so", true, true, true },   { "files.so", true, false, false },
		{ "bare.so", false, false, false },   { "[kernel.kallsyms]", false, false, false },
		{ "[process]", false, false, false },
	};
	Profile *profile = profile_of(tree, &on_cpu);

	(void)state;
	assert_int_equal(profile->n_mapping, sizeof(expected) / sizeof(*expected));
	for (size_t i = 0; i < profile->n_mapping; i++) {
		const Perftools__Profiles__Mapping *mapping = mapping_of(profile, expected[i].name);

		assert_true(mapping->has_functions);
		assert_int_equal(mapping->has_filenames, expected[i].files);
		assert_int_equal(mapping->has_line_numbers, expected[i].lines);
		assert_int_equal(mapping->has_inline_frames, expected[i].inlined);
	}
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

static void what_is_inlined_is_at_the_address_of_its_caller(void **state)
{
	struct call_tree *tree = tree_of_stack(FRAMES({ .name = "p", .kind = FRAME_PROCESS },
						      { "main", "a.c", "prog", 3, FRAME_USER },
						      { "twice", "h.h", "prog", 4, FRAME_INLINED },
						      { "once", "h.h", NULL, 5, FRAME_INLINED },
						      { "leaf", "a.c", "prog", 6, FRAME_USER },
						      { "deep", "h.h", "other", 7, FRAME_INLINED }),
					       6);
	Profile *profile = profile_of(tree, &on_cpu);

	(void)state;
	assert_int_equal(profile->sample[0]->n_location_id, 3);
	check_location(profile, 0, 0, "deep h.h:7 < leaf a.c:6 in prog");
	check_location(profile, 0, 1, "once h.h:5 < twice h.h:4 < main a.c:3 in prog");
	check_location(profile, 0, 2, "p :0 in [process]");
	assert_int_equal(profile->n_location, 3); /* what is in no sample is not written */
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

/* main at one address has nothing inlined, at another it has. */
static void a_function_is_inlined_at_some_addresses_only(void **state)
{
	struct call_tree *tree = tree_of("p;main 1\n"
					 "p;main;f_[i] 2\n"
					 "p;main;f_[i];g 3\n"
					 "p;main;g 4\n");
	Profile *profile = profile_of(tree, &on_cpu);

	(void)state;
	assert_int_equal(profile->n_sample, 4);
	check_location(profile, 0, 0, "main :0 in [user]");
	check_location(profile, 1, 0, "f :0 < main :0 in [user]");
	check_location(profile, 2, 0, "g :0 in [user]");
	check_location(profile, 2, 1, "f :0 < main :0 in [user]");
	check_location(profile, 3, 0, "g :0 in [user]");
	check_location(profile, 3, 1, "main :0 in [user]");
	assert_int_equal(profile->sample[2]->n_location_id, 3);
	assert_int_equal(profile->n_location, 4);
	assert_int_equal(profile->n_function, 4);
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

static void nothing_is_inlined_into_a_process_or_a_note(void **state)
{
	struct call_tree *tree = tree_of_stack(FRAMES({ .name = "p", .kind = FRAME_PROCESS },
						      { .name = "f", .kind = FRAME_INLINED },
						      { .name = "[n]", .kind = FRAME_NOTE },
						      { .name = "g", .kind = FRAME_INLINED },
						      { .name = "h", .kind = FRAME_INLINED }),
					       5);
	struct call_tree *bare = tree_of("f_[i] 1\n");
	Profile *profile = profile_of(tree, &on_cpu);

	(void)state;
	assert_int_equal(profile->sample[0]->n_location_id, 4);
	check_location(profile, 0, 0, "h :0 < g :0 in [inlined]");
	check_location(profile, 0, 1, "[n] :0 in [note]");
	check_location(profile, 0, 2, "f :0 in [inlined]");
	perftools__profiles__profile__free_unpacked(profile, NULL);
	profile = profile_of(bare, &on_cpu);
	assert_int_equal(profile->sample[0]->n_location_id, 1);
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(bare);
	call_tree_free(tree);
}

/* Tools take the first for the program itself. */
static void binaries_are_the_first_mappings(void **state)
{
	struct call_tree *tree = tree_of_stack(
		FRAMES({ .name = "p", .kind = FRAME_PROCESS }, { .name = "f" },
		       { .name = "j", .kind = FRAME_JIT }, { .name = "main", .module = "prog" }),
		4);
	Profile *profile = profile_of(tree, &on_cpu);

	(void)state;
	assert_int_equal(profile->n_mapping, 4);
	assert_string_equal(profile->string_table[profile->mapping[0]->filename], "prog");
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

static void mappings_have_the_build_ids_that_are_known(void **state)
{
	static const struct pprof_module modules[] = { { "other.so", "00" },
						       { "prog", "0123abcd" },
						       { "[kernel.kallsyms]", "feed" } };
	struct pprof_info info = on_cpu;
	struct call_tree *tree = tree_of_stack(FRAMES({ .name = "main", .module = "prog" },
						      { .name = "f", .module = "lib.so" },
						      { .name = "k", .kind = FRAME_KERNEL }),
					       3);
	Profile *profile;

	(void)state;
	info.modules = modules;
	info.module_count = 3;
	profile = profile_of(tree, &info);
	assert_int_equal(profile->n_mapping, 3);
	assert_string_equal(profile->string_table[mapping_of(profile, "prog")->build_id],
			    "0123abcd");
	assert_string_equal(profile->string_table[mapping_of(profile, "lib.so")->build_id], "");
	assert_string_equal(
		profile->string_table[mapping_of(profile, "[kernel.kallsyms]")->build_id], "feed");
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

/* Two lines of one function are two locations of it; two files are two functions. */
static void each_thing_is_written_once(void **state)
{
	struct call_tree *tree = new_tree();
	Profile *profile;

	(void)state;
	for (uint32_t line = 1; line <= 20; line++) {
		assert_int_equal(call_tree_add(tree,
					       FRAMES({ "main", "a.c", "prog", 1, FRAME_USER },
						      { "f", line % 2 ? "a.c" : "b.c", "prog",
							line % 4, FRAME_USER },
						      { "f", "a.c", "prog", 1, FRAME_USER }),
					       3, 1),
				 0);
	}
	assert_int_equal(call_tree_sort(tree), 0);
	profile = profile_of(tree, &on_cpu);
	assert_int_equal(profile->n_location, 5);
	assert_int_equal(profile->n_function, 3);
	assert_int_equal(profile->n_mapping, 1);
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

static void values_that_do_not_fit_are_refused(void **state)
{
	static const char *const texts[] = { "p 18446744073709551615\n",
					     /* Their time does not, or their sum. */
					     "p 922337203685477581\n",
					     "p 9223372036854775807\nq 1\n" };
	char *bytes = NULL;
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct call_tree *tree = tree_of(texts[i]);
		FILE *out = open_memstream(&bytes, &length);

		assert_non_null(out);
		assert_int_equal(pprof_write(tree, &on_cpu, out), -EOVERFLOW);
		assert_int_equal(fclose(out), 0);
		free(bytes);
		call_tree_free(tree);
	}
}

static void what_is_neither_samples_nor_time_has_its_own_unit(void **state)
{
	static const struct pprof_info info = {
		.sample_type = "", .value_type = "alloc_space", .value_unit = "bytes", .unit_ns = 1
	};
	struct call_tree *tree = tree_of("p;main 1500\n");
	Profile *profile = profile_of(tree, &info);
	char **strings = profile->string_table;

	(void)state;
	assert_int_equal(profile->n_sample_type, 1);
	assert_string_equal(strings[profile->sample_type[0]->type], "alloc_space");
	assert_string_equal(strings[profile->sample_type[0]->unit], "bytes");
	assert_int_equal(profile->sample[0]->value[0], 1500);
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

/* Thirds: what one leaves over goes to the next. */
static void decimals_become_whole_numbers_whose_sum_is_right(void **state)
{
	struct call_tree *tree = tree_of("a 0.4\nb 0.4\nc 0.4\nd 2.75\ne 0.05\n");
	Profile *profile = profile_of(tree, &on_cpu);
	static const int64_t samples[] = { 0, 0, 1, 2, 1 };
	int64_t time = 0;

	(void)state;
	assert_int_equal(profile->n_sample, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(profile->sample[i]->value[0], samples[i]);
		time += profile->sample[i]->value[1];
	}
	assert_int_equal(profile->sample[0]->value[1], 4040404);
	assert_int_equal(time, 4 * 10101010);
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

/* main calls f, and does something itself before and after that. */
static void gaps_of_a_flame_chart_are_time_of_their_caller(void **state)
{
	struct call_tree *tree = new_tree();
	const struct frame frames[] = { { .name = "main" }, { .name = "f" } };
	Profile *profile;

	(void)state;
	call_tree_keep_time(tree);
	assert_int_equal(call_tree_add(tree, frames, 1, 1), 0);
	assert_int_equal(call_tree_add(tree, frames, 2, 2), 0);
	assert_int_equal(call_tree_add(tree, frames, 1, 4), 0);
	assert_int_equal(call_tree_sort(tree), 0);
	profile = profile_of(tree, &on_cpu);
	assert_int_equal(profile->n_sample, 3);
	assert_int_equal(profile->sample[0]->value[0], 1);
	assert_string_equal(location_name(profile, profile->sample[0]->location_id[0]), "main");
	assert_int_equal(profile->sample[1]->value[0], 2);
	assert_string_equal(location_name(profile, profile->sample[1]->location_id[0]), "f");
	assert_int_equal(profile->sample[2]->value[0], 4);
	assert_int_equal(profile->sample[2]->n_location_id, 1);
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
		cmocka_unit_test(frames_have_their_file_line_and_module),
		cmocka_unit_test(a_mapping_says_what_its_frames_have),
		cmocka_unit_test(what_is_inlined_is_at_the_address_of_its_caller),
		cmocka_unit_test(a_function_is_inlined_at_some_addresses_only),
		cmocka_unit_test(nothing_is_inlined_into_a_process_or_a_note),
		cmocka_unit_test(binaries_are_the_first_mappings),
		cmocka_unit_test(mappings_have_the_build_ids_that_are_known),
		cmocka_unit_test(each_thing_is_written_once),
		cmocka_unit_test(off_cpu_counts_are_time_only),
		cmocka_unit_test(values_that_do_not_fit_are_refused),
		cmocka_unit_test(what_is_neither_samples_nor_time_has_its_own_unit),
		cmocka_unit_test(decimals_become_whole_numbers_whose_sum_is_right),
		cmocka_unit_test(gaps_of_a_flame_chart_are_time_of_their_caller),
		cmocka_unit_test(strings_are_utf8),
		cmocka_unit_test(deep_stacks_are_whole),
		cmocka_unit_test(the_same_tree_is_the_same_bytes),
		cmocka_unit_test(a_full_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
