/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of samples, as other tools read them. */
#include "tests/unit/pprof_profile.h"

typedef Perftools__Profiles__Label Label;

static struct call_tree *tree_of_stack(const struct frame *frames, size_t n)
{
	struct call_tree *tree = new_tree();

	assert_int_equal(call_tree_add(tree, frames, n, 1), 0);
	assert_int_equal(call_tree_sort(tree), 0);
	return tree;
}

/* All of the first sample: "thread_id=7 state=sleep". */
static void check_labels(const struct call_tree *tree, const char *state, const char *expected)
{
	struct pprof_info info = off_cpu;
	char text[512] = "";
	size_t length = 0;
	Profile *profile;

	info.state = state;
	profile = profile_of(tree, &info);
	for (size_t i = 0; i < profile->sample[0]->n_label; i++) {
		const Label *label = profile->sample[0]->label[i];

		length +=
			(size_t)snprintf(text + length, sizeof(text) - length,
					 "%s%s=", i ? " " : "", profile->string_table[label->key]);
		length += label->str ? (size_t)snprintf(text + length, sizeof(text) - length, "%s",
							profile->string_table[label->str])
				     : (size_t)snprintf(text + length, sizeof(text) - length, "%ld",
							(long)label->num);
	}
	assert_string_equal(text, expected);
	perftools__profiles__profile__free_unpacked(profile, NULL);
}

static void check_stack(const struct frame *frames, size_t n, const char *state,
			const char *expected)
{
	struct call_tree *tree = tree_of_stack(frames, n);

	check_labels(tree, state, expected);
	call_tree_free(tree);
}

static void a_thread_is_the_second_frame(void **state)
{
	(void)state;
	check_stack(FRAMES({ .name = "redis", .kind = FRAME_PROCESS },
			   { .name = "bio-worker-4711", .kind = FRAME_PROCESS },
			   { .name = "main" }),
		    3, NULL, "thread_id=4711 thread_name=bio-worker");
	check_stack(FRAMES({ .name = "redis", .kind = FRAME_PROCESS },
			   { .name = "a-4294967295", .kind = FRAME_PROCESS }),
		    2, NULL, "thread_id=4294967295 thread_name=a");
}

static void what_looks_like_a_thread_only_is_none(void **state)
{
	static const char *const names[] = { "worker",     "worker-",
					     "worker-12x", "worker-4294967296",
					     "worker- 5",  "worker-99999999999999999999" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		check_stack(FRAMES({ .name = "redis", .kind = FRAME_PROCESS },
				   { .name = names[i], .kind = FRAME_PROCESS }),
			    2, NULL, "");
	check_stack(FRAMES({ .name = "redis-7", .kind = FRAME_PROCESS }, { .name = "f-5" },
			   { .name = "waker-9", .kind = FRAME_PROCESS }),
		    3, NULL, "");
}

static void a_note_says_the_state(void **state)
{
	static const struct {
		const char *note, *expected;
	} states[] = {
		{ "[runqueue]", "state=runqueue" },
		{ "[uninterruptible]", "state=uninterruptible" },
		{ "[stopped]", "state=stopped" },
		{ "[other state]", "state=other" },
		{ "[stack: too deep]", "state=sleep" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		check_stack(FRAMES({ .name = "redis", .kind = FRAME_PROCESS }, { .name = "main" },
				   { .name = states[i].note, .kind = FRAME_NOTE }),
			    3, "sleep", states[i].expected);
	check_stack(FRAMES({ .name = "[runqueue]" }), 1, NULL, ""); /* a function's name */
}

/* Who woke the thread up stands behind it. */
static void a_state_is_found_before_the_waker(void **state)
{
	(void)state;
	check_stack(FRAMES({ .name = "redis", .kind = FRAME_PROCESS },
			   { .name = "redis-3", .kind = FRAME_PROCESS }, { .name = "main" },
			   { .name = "[uninterruptible]", .kind = FRAME_NOTE },
			   { .name = "--", .kind = FRAME_NOTE }, { .name = "wake" },
			   { .name = "other", .kind = FRAME_PROCESS }),
		    7, "sleep", "thread_id=3 thread_name=redis state=uninterruptible");
}

/* A label does not replace its frame. */
static void frames_stay(void **state)
{
	struct call_tree *tree = tree_of_stack(FRAMES({ .name = "redis", .kind = FRAME_PROCESS },
						      { .name = "bio-5", .kind = FRAME_PROCESS },
						      { .name = "[runqueue]", .kind = FRAME_NOTE }),
					       3);
	Profile *profile = profile_of(tree, &off_cpu);

	(void)state;
	assert_int_equal(profile->sample[0]->n_label, 3);
	assert_int_equal(profile->sample[0]->n_location_id, 3);
	check_location(profile, 0, 0, "[runqueue] :0 in [note]");
	check_location(profile, 0, 1, "bio-5 :0 in [process]");
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

static void without_labels_there_are_no_texts_of_them(void **state)
{
	struct call_tree *tree = tree_of("p;main 3\n");
	Profile *profile = profile_of(tree, &on_cpu);

	(void)state;
	assert_int_equal(profile->sample[0]->n_label, 0);
	for (size_t i = 0; i < profile->n_string_table; i++)
		assert_string_not_equal(profile->string_table[i], "state");
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

/* Each part has texts of its own. */
static void labels_of_two_trees_are_each_their_own(void **state)
{
	struct call_tree *tree = tree_of_stack(FRAMES({ .name = "p", .kind = FRAME_PROCESS },
						      { .name = "t-5", .kind = FRAME_PROCESS }),
					       2);
	struct pprof_info second = off_cpu;
	const struct pprof_part parts[] = { { tree, &on_cpu }, { tree, &second } };
	char *bytes = NULL;
	size_t length;
	FILE *out = open_memstream(&bytes, &length);
	Profile *profile;

	(void)state;
	second.state = "sleep";
	assert_non_null(out);
	assert_int_equal(pprof_write_parts(parts, 2, out), 0);
	assert_int_equal(fclose(out), 0);
	profile = unpack(bytes, length);
	assert_int_equal(profile->sample[0]->n_label, 2);
	assert_int_equal(profile->sample[1]->n_label, 3);
	for (size_t i = 0; i < 2; i++) {
		const Label *const *labels = (const Label *const *)profile->sample[i]->label;

		assert_string_equal(profile->string_table[labels[1]->str], "t");
	}
	assert_string_equal(profile->string_table[profile->sample[1]->label[2]->key], "state");
	assert_string_equal(profile->string_table[profile->sample[1]->label[2]->str], "sleep");
	perftools__profiles__profile__free_unpacked(profile, NULL);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_is_the_second_frame),
		cmocka_unit_test(what_looks_like_a_thread_only_is_none),
		cmocka_unit_test(a_note_says_the_state),
		cmocka_unit_test(a_state_is_found_before_the_waker),
		cmocka_unit_test(frames_stay),
		cmocka_unit_test(without_labels_there_are_no_texts_of_them),
		cmocka_unit_test(labels_of_two_trees_are_each_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
