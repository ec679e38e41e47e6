/* SPDX-License-Identifier: Apache-2.0 */
/* Samples that wait for debug files. */
#include "agent/namer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOBODY 1000000001 /* above any pid_max */

/* Of one batch that is as large as a batch can get: addresses that nobody touches. */
#define LARGE_BYTES (100u << 20)

/*
 * The downloads, in place of the real ones: the linker takes these and leaves those in the library.
 * All of it is the namer's thread's, until that ends.
 */
static struct {
	const struct profile *profile;
	size_t takes_until_done; /* answers are under way until it was looked for them so often */
	size_t takes, finishes;
	uint64_t samples_at_finish, early_at_finish;
} fake;

bool debug_downloads_take(struct debug_downloads *downloads)
{
	(void)downloads;
	fake.takes++;
	return fake.takes == fake.takes_until_done;
}

bool debug_downloads_are_pending(const struct debug_downloads *downloads)
{
	(void)downloads;
	return fake.takes < fake.takes_until_done;
}

bool debug_downloads_finish(struct debug_downloads *downloads)
{
	(void)downloads;
	fake.finishes++;
	fake.samples_at_finish = fake.profile->samples;
	fake.early_at_finish = fake.profile->named_early;
	return true;
}

struct fixture {
	struct symbolizer *symbolizer;
	struct binaries *binaries;
	struct processes *processes;
	struct naming *naming;
	struct profile profile;
	struct namer *namer;
};

/* Answers are under way until it was looked for them so often. */
static void begin(struct fixture *fixture, size_t takes_until_done)
{
	const struct namer_parts parts = {
		.naming = fixture->naming,
		.processes = fixture->processes,
		.downloads = (struct debug_downloads *)fixture, /* the fakes do not look at it */
	};

	fake.profile = &fixture->profile;
	fake.takes_until_done = takes_until_done;
	assert_int_equal(namer_new(&parts, &fixture->profile, &fixture->namer), 0);
}

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){ 0 };
	assert_int_equal(symbolizer_new(&fixture.symbolizer), 0);
	assert_int_equal(binaries_new(fixture.symbolizer, NULL, &fixture.binaries), 0);
	assert_int_equal(processes_new(fixture.binaries, NULL, true, &fixture.processes), 0);
	assert_int_equal(naming_new(fixture.symbolizer, fixture.processes, &fixture.naming), 0);
	assert_int_equal(call_tree_new(&fixture.profile.tree), 0);
	fake = (__typeof__(fake)){ 0 };
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	namer_free(fixture->namer);
	call_tree_free(fixture->profile.tree);
	naming_free(fixture->naming);
	processes_free(fixture->processes);
	binaries_free(fixture->binaries);
	symbolizer_free(fixture->symbolizer);
	return 0;
}

/* A batch of one sample, count times, that holds this memory at least. */
static void hand_over(struct fixture *fixture, uint64_t count, size_t bytes)
{
	const uint64_t address = 4096;
	struct sample_batch *batch = calloc(1, sizeof(*batch));

	assert_non_null(batch);
	if (bytes) {
		batch->words = malloc(bytes);
		assert_non_null(batch->words);
		batch->word_capacity = bytes / sizeof(*batch->words);
	}
	assert_int_equal(sample_batch_add(batch, &(struct sample){ .id = 1,
								   .tgid = NOBODY,
								   .first_ns = 5,
								   .process_name = "x",
								   .thread_name = "",
								   .user = &address,
								   .user_depth = 1,
								   .stop = STOP_COMPLETE,
								   .count = count }),
			 0);
	assert_int_equal(namer_take(fixture->namer, batch), 0);
}

static void samples_wait_while_files_are_under_way(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SIZE_MAX);
	for (int i = 0; i < 10; i++)
		hand_over(fixture, 2, 0);
	assert_int_equal(namer_finish(fixture->namer), 0);
	assert_int_equal(fake.finishes, 1);
	assert_true(fake.samples_at_finish == 0);
	assert_true(fixture->profile.samples == 20);
	assert_true(fixture->profile.named_early == 0);
	assert_true(call_tree_node(fixture->profile.tree, 0)->total == 20);
}

static void samples_are_named_when_nothing_is_under_way(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, 0);
	for (int i = 0; i < 10; i++)
		hand_over(fixture, 2, 0);
	assert_int_equal(namer_finish(fixture->namer), 0);
	assert_true(fake.samples_at_finish == 20);
	assert_true(fixture->profile.samples == 20);
}

static void what_waited_is_named_when_the_last_file_has_come(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, 5);
	for (int i = 0; i < 10; i++)
		hand_over(fixture, 2, 0);
	assert_int_equal(namer_finish(fixture->namer), 0);
	assert_true(fake.samples_at_finish == 20);
	assert_true(fixture->profile.samples == 20);
}

static void the_oldest_do_not_wait_when_there_are_too_many(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SIZE_MAX);
	for (uint64_t i = 1; i <= 4; i++)
		hand_over(fixture, i, LARGE_BYTES);
	assert_int_equal(namer_finish(fixture->namer), 0);
	/* Two of them are less than 256 MiB. */
	assert_true(fake.samples_at_finish == 1 + 2);
	assert_true(fake.early_at_finish == 1 + 2);
	assert_true(fixture->profile.samples == 1 + 2 + 3 + 4);
	assert_true(fixture->profile.named_early == 1 + 2);
}

static void what_is_abandoned_is_not_waited_for(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SIZE_MAX);
	for (int i = 0; i < 10; i++)
		hand_over(fixture, 2, 0);
	namer_free(fixture->namer);
	fixture->namer = NULL;
	assert_int_equal(fake.finishes, 0);
	assert_true(fixture->profile.samples == 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(samples_wait_while_files_are_under_way),
		TEST(samples_are_named_when_nothing_is_under_way),
		TEST(what_waited_is_named_when_the_last_file_has_come),
		TEST(the_oldest_do_not_wait_when_there_are_too_many),
		TEST(what_is_abandoned_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
