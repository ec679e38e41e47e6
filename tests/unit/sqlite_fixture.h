/* SPDX-License-Identifier: Apache-2.0 */
/* A store of SQLite files in a folder of its own, and what tests put into it and read. */
#ifndef EPROF_TESTS_UNIT_SQLITE_FIXTURE_H
#define EPROF_TESTS_UNIT_SQLITE_FIXTURE_H

#include <ftw.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/tree.h"
#include "web/sqlite_store.h"

#define NOON   UINT64_C(1767355200) /* 2026-01-02 12:00 UTC */
#define MINUTE 60
#define DAY    UINT64_C(86400)

struct fixture {
	char directory[64];
	struct store *store;
};

static inline int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture)
		return -1;
	(void)strcpy(fixture->directory, "/tmp/eprof-store-XXXXXX");
	return mkdtemp(fixture->directory) ? store_open_sqlite(fixture->directory, &fixture->store)
					   : -1;
}

static inline int remove_entry(const char *path, const struct stat *status, int type,
			       struct FTW *ftw)
{
	(void)status;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;
	int err;

	store_close(fixture->store);
	err = nftw(fixture->directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(fixture);
	return err;
}

/* Of redis on host a, for the minute from NOON on; folded is in nanoseconds. */
static inline int put(struct fixture *fixture, const char *id, const char *folded,
		      const struct store_profile *other)
{
	struct call_tree *tree = tree_of(folded);
	struct store_profile profile = { .service = "redis",
					 .host = "a",
					 .kind = "on-cpu",
					 .unit = "nanoseconds",
					 .from_s = NOON,
					 .until_s = NOON + MINUTE };
	int err;

	if (other)
		profile = *other;
	profile.id = id;
	profile.tree = tree;
	err = store_put(fixture->store, &profile);
	call_tree_free(tree);
	return err;
}

static inline struct store_profile profile_of(const char *host, uint64_t from_s)
{
	return (struct store_profile){ .service = "redis",
				       .host = host,
				       .kind = "on-cpu",
				       .unit = "nanoseconds",
				       .from_s = from_s,
				       .until_s = from_s + MINUTE };
}

/* The folded text of what is merged, which the caller frees. */
static inline char *merged_text(struct fixture *fixture, const struct store_selector *selector,
				struct store_merged *merged)
{
	struct call_tree *tree = new_tree();
	char *bytes = NULL;
	size_t length;
	FILE *out = open_memstream(&bytes, &length);

	assert_non_null(out);
	assert_int_equal(store_merge(fixture->store, selector, tree, merged), 0);
	assert_int_equal(call_tree_sort(tree), 0);
	call_tree_check(tree);
	assert_int_equal(folded_write(tree, out), 0);
	assert_int_equal(fclose(out), 0);
	call_tree_free(tree);
	return bytes;
}

static const struct store_selector that_day = {
	.kind = "on-cpu",
	.from_s = NOON - DAY / 2,
	.until_s = NOON + DAY / 2,
};

static inline void check_merged(struct fixture *fixture, const struct store_selector *selector,
				uint64_t profiles, const char *folded)
{
	struct store_merged merged;
	CLEANUP(cleanup_free) char *text = merged_text(fixture, selector, &merged);

	assert_int_equal(merged.profiles, profiles);
	assert_string_equal(text, folded);
}

struct points {
	char text[1024];
};

static inline int take_point(void *context, const struct store_point *point)
{
	struct points *points = context;
	char line[128];

	(void)snprintf(line, sizeof(line), "%d %s %s %d\n", (int)(point->at_s - NOON), point->value,
		       point->state, (int)point->count);
	append_text(points->text, sizeof(points->text), line);
	return 0;
}

static inline int take_count(void *context, const struct store_point *point)
{
	struct points *points = context;
	char text[64];

	(void)snprintf(text, sizeof(text), "%s %" PRIu64 " ", point->value, point->count);
	append_text(points->text, sizeof(points->text), text);
	return 0;
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
