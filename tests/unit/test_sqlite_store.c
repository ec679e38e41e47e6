/* SPDX-License-Identifier: Apache-2.0 */
#include "web/sqlite_store.h"

#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/sqlite_fixture.h"

static void what_was_put_is_merged_to_the_unit(void **state)
{
	struct fixture *fixture = *state;
	struct store_profile other = profile_of("b", NOON + MINUTE);
	struct store_merged merged;

	assert_int_equal(put(fixture, "1", "redis;main;read_[k] 3\nredis;main 4\n", NULL), 0);
	assert_int_equal(put(fixture, "2", "redis;main;write_[k] 5\nredis;main 6\n", &other), 0);
	check_merged(fixture, &that_day, 2,
		     "redis;main 10\nredis;main;read_[k] 3\nredis;main;write_[k] 5\n");
	free(merged_text(fixture, &that_day, &merged));
	assert_int_equal(merged.from_s, NOON);
	assert_int_equal(merged.until_s, NOON + 2 * MINUTE);
	assert_string_equal(merged.unit, "nanoseconds");
}

static void a_profile_that_is_sent_twice_counts_once(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(put(fixture, "1", "a;b 3\n", NULL), 0);
	assert_int_equal(put(fixture, "1", "a;b 3\n", NULL), -EEXIST);
	check_merged(fixture, &that_day, 1, "a;b 3\n");
}

static void places_of_frames_are_kept(void **state)
{
	struct fixture *fixture = *state;
	struct call_tree *tree = new_tree(), *merged_tree = new_tree();
	struct store_profile profile = profile_of("a", NOON);
	struct store_merged merged;
	struct call_place place;

	assert_int_equal(call_tree_add(tree,
				       FRAMES({ .name = "main", .kind = FRAME_USER },
					      { .name = "f",
						.file = "src/f.c",
						.line = 12,
						.module = "libf.so",
						.kind = FRAME_INLINED }),
				       2, 9),
			 0);
	profile.id = "1";
	profile.tree = tree;
	assert_int_equal(store_put(fixture->store, &profile), 0);
	assert_int_equal(store_merge(fixture->store, &that_day, merged_tree, &merged), 0);
	assert_int_equal(call_tree_node_count(merged_tree), 3);
	assert_int_equal(call_tree_node(merged_tree, 2)->kind, FRAME_INLINED);
	place = call_tree_place(merged_tree, call_tree_node(merged_tree, 2)->place_id);
	assert_string_equal(call_tree_name(merged_tree, place.file_id), "src/f.c");
	assert_string_equal(call_tree_name(merged_tree, place.module_id), "libf.so");
	assert_int_equal(place.line, 12);
	call_tree_free(tree);
	call_tree_free(merged_tree);
}

static void a_selection_is_by_kind_time_and_labels(void **state)
{
	struct fixture *fixture = *state;
	const struct store_label team_x[] = { { "team", "x" } }, team_y[] = { { "team", "y" } };
	const struct store_label of_x[] = { { "host", "a" }, { "team", "x" } };
	const struct store_label of_both[] = { { "team", "x" }, { "team", "y" } };
	struct store_profile profile = profile_of("a", NOON);
	struct store_selector selector = that_day;

	profile.labels = team_x;
	profile.label_count = 1;
	assert_int_equal(put(fixture, "1", "x 1\n", &profile), 0);
	profile.labels = team_y;
	assert_int_equal(put(fixture, "2", "y 10\n", &profile), 0);
	profile.kind = "off-cpu";
	assert_int_equal(put(fixture, "3", "z 100\n", &profile), 0);
	selector.matchers = of_x;
	selector.matcher_count = 2;
	check_merged(fixture, &selector, 1, "x 1\n");
	selector.matchers = of_both;
	check_merged(fixture, &selector, 2, "x 1\ny 10\n");
	selector.matcher_count = 0;
	selector.kind = "off-cpu";
	check_merged(fixture, &selector, 1, "z 100\n");
	selector.from_s = NOON + MINUTE;
	check_merged(fixture, &selector, 0, "");
	selector.from_s = NOON + MINUTE - 1;
	check_merged(fixture, &selector, 1, "z 100\n");
}

static void days_are_files_that_go_as_a_whole(void **state)
{
	struct fixture *fixture = *state;
	struct store_profile late = profile_of("a", NOON + DAY), midnight = profile_of("a", NOON);
	struct store_selector all = that_day;
	char path[128];

	all.until_s += 2 * DAY;
	midnight.from_s = NOON + DAY / 2 - 30;
	midnight.until_s = midnight.from_s + MINUTE;
	assert_int_equal(put(fixture, "1", "a 1\n", NULL), 0);
	assert_int_equal(put(fixture, "2", "a 10\n", &late), 0);
	assert_int_equal(put(fixture, "3", "a 100\n", &midnight), 0);
	check_merged(fixture, &all, 3, "a 111\n");
	/* What overlaps belongs to both sides of midnight. */
	all.from_s = NOON + DAY / 2;
	check_merged(fixture, &all, 2, "a 110\n");
	assert_int_equal(store_delete_before(fixture->store, NOON + DAY), 0);
	check_merged(fixture, &all, 1, "a 10\n");
	(void)snprintf(path, sizeof(path), "%s/2026-01-02.db", fixture->directory);
	assert_int_equal(access(path, F_OK), -1);
}

static void what_was_kept_is_there_after_a_new_start(void **state)
{
	struct fixture *fixture = *state;
	struct store *second;

	assert_int_equal(put(fixture, "1", "a;b 3\n", NULL), 0);
	assert_int_equal(store_open_sqlite(fixture->directory, &second), -EBUSY);
	store_close(fixture->store);
	fixture->store = NULL;
	assert_int_equal(store_open_sqlite(fixture->directory, &fixture->store), 0);
	assert_int_equal(put(fixture, "1", "a;b 3\n", NULL), -EEXIST);
	assert_int_equal(put(fixture, "2", "a;b 4\n", NULL), 0);
	check_merged(fixture, &that_day, 2, "a;b 7\n");
}

static void a_time_series_has_sums_by_label_and_state(void **state)
{
	struct fixture *fixture = *state;
	struct store_profile profile = profile_of("a", NOON);
	struct store_selector selector = that_day;
	struct points points = { 0 };

	profile.kind = selector.kind = "off-cpu";
	assert_int_equal(
		put(fixture, "1", "a;f 1\na;f;[runqueue] 2\na;g;[uninterruptible];x 4\n", &profile),
		0);
	profile.host = "b";
	profile.from_s += 90;
	profile.until_s += 90;
	assert_int_equal(put(fixture, "2", "a;f 8\n", &profile), 0);
	assert_int_equal(
		store_series(fixture->store, &selector, MINUTE, "host", take_point, &points), 0);
	assert_string_equal(points.text, "0 a runqueue 2\n0 a sleep 1\n0 a uninterruptible 4\n"
					 "60 b sleep 4\n120 b sleep 4\n");
	points.text[0] = '\0';
	assert_int_equal(store_series(fixture->store, &selector, 3600, NULL, take_point, &points),
			 0);
	assert_string_equal(points.text, "0  runqueue 2\n0  sleep 9\n0  uninterruptible 4\n");
}

static int take_text(void *context, const char *text)
{
	struct points *points = context;

	append_text(points->text, sizeof(points->text), text);
	append_text(points->text, sizeof(points->text), " ");
	return 0;
}

static void labels_and_their_values_are_listed(void **state)
{
	struct fixture *fixture = *state;
	const struct store_label labels[] = { { "team", "x" }, { "zone", "1" } };
	struct store_profile profile = profile_of("b", NOON);
	struct store_selector selector = that_day;
	struct points points = { 0 };

	selector.kind = NULL;
	profile.labels = labels;
	profile.label_count = 2;
	assert_int_equal(put(fixture, "1", "a 1\n", NULL), 0);
	assert_int_equal(put(fixture, "2", "a 1\n", &profile), 0);
	assert_int_equal(store_values(fixture->store, &selector, NULL, take_text, &points), 0);
	assert_string_equal(points.text, "host service team zone ");
	points.text[0] = '\0';
	assert_int_equal(store_values(fixture->store, &selector, "host", take_text, &points), 0);
	assert_int_equal(store_values(fixture->store, &selector, "kind", take_text, &points), 0);
	assert_int_equal(store_values(fixture->store, &selector, "it's", take_text, &points), 0);
	assert_string_equal(points.text, "a b on-cpu ");
}

static void units_are_not_mixed(void **state)
{
	struct fixture *fixture = *state;
	struct store_profile profile = profile_of("a", NOON);
	struct call_tree *tree = new_tree();
	struct store_merged merged;

	profile.unit = "bytes";
	assert_int_equal(put(fixture, "1", "a 1\n", NULL), 0);
	assert_int_equal(put(fixture, "2", "a 1\n", &profile), 0);
	assert_int_equal(store_merge(fixture->store, &that_day, tree, &merged), -EMEDIUMTYPE);
	call_tree_free(tree);
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct fixture *fixture = *state;
	const struct store_label unsorted[] = { { "b", "1" }, { "a", "1" } };
	struct store_profile profile = profile_of("a", NOON);
	char long_id[STORE_ID_MAX + 2];

	memset(long_id, 'x', sizeof(long_id));
	long_id[STORE_ID_MAX + 1] = '\0';
	assert_int_equal(put(fixture, long_id, "a 1\n", NULL), -E2BIG);
	assert_int_equal(put(fixture, "", "a 1\n", NULL), -EINVAL);
	assert_int_equal(put(fixture, "\xff", "a 1\n", NULL), -EINVAL);
	profile.labels = unsorted;
	profile.label_count = 2;
	assert_int_equal(put(fixture, "1", "a 1\n", &profile), -EINVAL);
	profile = profile_of("a", NOON);
	profile.until_s = profile.from_s;
	assert_int_equal(put(fixture, "1", "a 1\n", &profile), -EINVAL);
	profile.until_s = profile.from_s + 2 * DAY;
	assert_int_equal(put(fixture, "1", "a 1\n", &profile), -E2BIG);
	assert_int_equal(put(fixture, "1", "a 9223372036854775808\n", NULL), -E2BIG);
	assert_int_equal(put(fixture, "1", "a 1\n", NULL), 0);
}

#define WRITERS 4
#define WRITES  50

struct writer {
	struct fixture *fixture;
	int number;
};

static void *write_many(void *context)
{
	const struct writer *writer = context;

	for (int i = 0; i < WRITES; i++) {
		struct store_profile profile =
			profile_of(writer->number % 2 ? "a" : "b", NOON + (uint64_t)i * 3600);
		char id[64], folded[128];

		(void)snprintf(id, sizeof(id), "%d-%d", writer->number, i);
		(void)snprintf(folded, sizeof(folded), "a;f%d 1\na;g%d;h 2\n", i, writer->number);
		assert_int_equal(put(writer->fixture, id, folded, &profile), 0);
	}
	return NULL;
}

static void many_write_at_once_and_nothing_is_lost(void **state)
{
	struct fixture *fixture = *state;
	struct store_selector all = that_day;
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	struct call_tree *tree = new_tree();
	struct store_merged merged;

	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ fixture, i };
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	all.until_s += 7 * DAY;
	assert_int_equal(store_merge(fixture->store, &all, tree, &merged), 0);
	assert_int_equal(merged.profiles, WRITERS * WRITES);
	assert_int_equal(call_tree_node(tree, 0)->total, 3 * WRITERS * WRITES);
	call_tree_free(tree);
}

static sqlite3 *open_day(const struct fixture *fixture)
{
	sqlite3 *database;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/2026-01-02.db", fixture->directory);
	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	return database;
}

static void a_newer_file_is_not_touched(void **state)
{
	struct fixture *fixture = *state;
	sqlite3 *database = open_day(fixture);

	assert_int_equal(sqlite3_exec(database, "PRAGMA user_version = 1000", NULL, NULL, NULL), 0);
	(void)sqlite3_close(database);
	assert_int_equal(put(fixture, "1", "a 1\n", NULL), -EPROTO);
}

static void a_broken_file_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct call_tree *tree = new_tree();
	struct store_merged merged;
	sqlite3 *database;

	assert_int_equal(put(fixture, "1", "a;b 1\n", NULL), 0);
	database = open_day(fixture);
	assert_int_equal(sqlite3_exec(database, "UPDATE node SET parent = 17", NULL, NULL, NULL),
			 0);
	assert_int_equal(store_merge(fixture->store, &that_day, tree, &merged), -EUCLEAN);
	assert_int_equal(
		sqlite3_exec(database, "UPDATE window SET samples = x'ff'", NULL, NULL, NULL), 0);
	assert_int_equal(store_merge(fixture->store, &that_day, tree, &merged), -EUCLEAN);
	(void)sqlite3_close(database);
	call_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(what_was_put_is_merged_to_the_unit),
		WITH_STORE(a_profile_that_is_sent_twice_counts_once),
		WITH_STORE(places_of_frames_are_kept),
		WITH_STORE(a_selection_is_by_kind_time_and_labels),
		WITH_STORE(days_are_files_that_go_as_a_whole),
		WITH_STORE(what_was_kept_is_there_after_a_new_start),
		WITH_STORE(a_time_series_has_sums_by_label_and_state),
		WITH_STORE(labels_and_their_values_are_listed),
		WITH_STORE(units_are_not_mixed),
		WITH_STORE(what_makes_no_sense_is_refused),
		WITH_STORE(many_write_at_once_and_nothing_is_lost),
		WITH_STORE(a_newer_file_is_not_touched),
		WITH_STORE(a_broken_file_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
