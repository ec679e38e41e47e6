/* SPDX-License-Identifier: Apache-2.0 */
/* Any directories will do. */
#include "agent/cgroup_walk.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DEEP 100

struct fixture {
	char root[64];
	unsigned int seen;
	int fail_at;
	size_t longest;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)snprintf(f->root, sizeof(f->root), "/tmp/eprof-walk-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(nftw(f->root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(f);
	return 0;
}

static void make(const struct fixture *f, const char *path)
{
	char whole[4096];

	(void)snprintf(whole, sizeof(whole), "%s%s", f->root, path);
	assert_int_equal(mkdir(whole, 0700), 0);
}

static int take(void *context, uint64_t id, const char *path)
{
	struct fixture *f = context;
	char whole[8192];
	struct stat st;

	(void)snprintf(whole, sizeof(whole), "%s%s", f->root, path);
	assert_int_equal(stat(whole, &st), 0);
	assert_int_equal(id, st.st_ino);
	assert_true(S_ISDIR(st.st_mode));
	if (strlen(path) > f->longest)
		f->longest = strlen(path);
	return (int)++f->seen == f->fail_at ? -ECANCELED : 0;
}

static void every_directory_is_seen_once_with_its_number(void **state)
{
	struct fixture *f = *state;
	char path[4096];

	make(f, "/a");
	make(f, "/a/b");
	make(f, "/a/b/c");
	make(f, "/d");
	make(f, "/d/e\n\xff");
	(void)snprintf(path, sizeof(path), "%s/link", f->root);
	assert_int_equal(symlink("/", path), 0);
	assert_int_equal(cgroup_walk(f->root, take, f), 0);
	assert_int_equal(f->seen, 6);
}

static void deeper_ones_than_the_limit_are_left_out(void **state)
{
	struct fixture *f = *state;
	char path[2 * DEEP + 1] = "";

	for (size_t i = 0; i < DEEP; i++) {
		memcpy(path + 2 * i, "/x", sizeof("/x"));
		make(f, path);
	}
	assert_int_equal(cgroup_walk(f->root, take, f), 0);
	assert_int_equal(f->seen, CGROUP_WALK_DEPTH_MAX + 1);
	assert_int_equal(f->longest, 2 * CGROUP_WALK_DEPTH_MAX);
}

static void the_first_error_ends_it(void **state)
{
	struct fixture *f = *state;

	make(f, "/a");
	make(f, "/b");
	f->fail_at = 2;
	assert_int_equal(cgroup_walk(f->root, take, f), -ECANCELED);
	assert_int_equal(f->seen, 2);
	assert_int_equal(cgroup_walk("/nowhere/at/all", take, f), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_directory_is_seen_once_with_its_number),
		TEST(deeper_ones_than_the_limit_are_left_out),
		TEST(the_first_error_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
