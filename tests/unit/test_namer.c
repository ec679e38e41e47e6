/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/namer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOBODY 1000000001 /* above any pid_max */

struct fixture {
	struct symbolizer *symbolizer;
	struct binaries *binaries;
	struct processes *processes;
	struct naming *naming;
	struct profile profile;
	struct namer *namer;
	struct profile taken[8]; /* of windows that others followed */
	size_t taken_count;
};

static int take(void *context, struct profile *profile)
{
	struct fixture *fixture = context;

	fixture->taken[fixture->taken_count++] = *profile;
	*profile = (struct profile){ 0 };
	return 0;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int err;

	*state = fixture;
	if (!fixture)
		return -1;
	err = symbolizer_new(&fixture->symbolizer);
	if (!err)
		err = binaries_new(fixture->symbolizer, NULL, &fixture->binaries);
	if (!err)
		err = processes_new(fixture->binaries, NULL, true, &fixture->processes);
	if (!err)
		err = naming_new(fixture->symbolizer, fixture->processes, &fixture->naming);
	if (!err)
		err = call_tree_new(&fixture->profile.tree);
	if (!err)
		err = namer_new(&(struct namer_parts){ .naming = fixture->naming,
						       .processes = fixture->processes,
						       .take = take,
						       .context = fixture },
				&fixture->profile, &fixture->namer);
	return err;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	namer_free(fixture->namer);
	profile_done(&fixture->profile);
	for (size_t i = 0; i < fixture->taken_count; i++)
		profile_done(&fixture->taken[i]);
	naming_free(fixture->naming);
	processes_free(fixture->processes);
	binaries_free(fixture->binaries);
	symbolizer_free(fixture->symbolizer);
	free(fixture);
	return 0;
}

/* Depth addresses from first on, of which the first half is the user's. */
static void add(struct sample_batch *batch, const char *name, uint64_t first, size_t depth,
		uint64_t count)
{
	uint64_t addresses[64];
	struct sample sample = {
		.id = first + depth,
		.tgid = NOBODY,
		.first_ns = 5,
		.process_name = name,
		.thread_name = "",
		.user = addresses,
		.user_depth = depth / 2,
		.kernel = addresses + depth / 2,
		.kernel_depth = depth - depth / 2,
		.stop = count % 2 ? STOP_COMPLETE : STOP_NO_RULE,
		.count = count,
	};

	for (size_t i = 0; i < depth; i++)
		addresses[i] = first + i;
	assert_int_equal(sample_batch_add(batch, &sample), 0);
	memset(addresses, 0, sizeof(addresses));
}

static struct sample_batch *new_batch(void)
{
	struct sample_batch *batch = calloc(1, sizeof(*batch));

	assert_non_null(batch);
	return batch;
}

static void a_batch_keeps_what_the_drain_takes_back(void **state)
{
	struct sample_batch batch = { 0 };
	struct sample sample;
	char name[COMM_SIZE];

	(void)state;
	/* More than once the room that is made at first. */
	for (uint64_t i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "task %d", (int)i);
		add(&batch, name, 1000 * i, i % 64, i);
	}
	assert_int_equal(batch.count, 1000);
	assert_true(batch.total == 999 * 1000 / 2);
	for (uint64_t i = 0; i < 1000; i++) {
		sample_batch_read(&batch, i, &sample);
		(void)snprintf(name, sizeof(name), "task %d", (int)i);
		assert_string_equal(sample.process_name, name);
		assert_string_equal(sample.thread_name, "");
		assert_true(sample.count == i && sample.tgid == NOBODY);
		assert_int_equal(sample.user_depth + sample.kernel_depth, i % 64);
		for (uint64_t n = 0; n < sample.user_depth; n++)
			assert_true(sample.user[n] == 1000 * i + n);
		for (uint64_t n = 0; n < sample.kernel_depth; n++)
			assert_true(sample.kernel[n] == 1000 * i + sample.user_depth + n);
	}
	sample_batch_done(&batch);
}

static void all_batches_are_in_the_profile_at_the_end(void **state)
{
	struct fixture *fixture = *state;
	const struct profile *profile = &fixture->profile;

	/* More than may wait. */
	for (int i = 0; i < 2 * NAMER_WAITING_MAX; i++) {
		struct sample_batch *batch = new_batch();

		add(batch, "one", 4096, 8, 3);
		add(batch, "two", 8192, 10, 2);
		assert_int_equal(namer_take(fixture->namer, batch), 0);
	}
	assert_int_equal(namer_finish(fixture->namer), 0);
	assert_true(profile->samples == 5 * 2 * NAMER_WAITING_MAX);
	assert_true(profile->stops[STOP_COMPLETE] == 3 * 2 * NAMER_WAITING_MAX);
	assert_true(profile->complete_samples == 3 * 2 * NAMER_WAITING_MAX);
	assert_true(call_tree_node(profile->tree, 0)->total == profile->samples);
	assert_int_equal(namer_finish(fixture->namer), 0);
}

static void what_waits_can_be_left_unnamed(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < NAMER_WAITING_MAX; i++) {
		struct sample_batch *batch = new_batch();

		add(batch, "one", 4096, 8, 1);
		assert_int_equal(namer_take(fixture->namer, batch), 0);
	}
}

static void the_error_that_ended_it_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct sample_batch *batch = new_batch();
	int err = 0;

	/* Together, more than can be counted. */
	add(batch, "one", 4096, 8, UINT64_MAX);
	add(batch, "two", 8192, 8, UINT64_MAX);
	assert_int_equal(namer_take(fixture->namer, batch), 0);
	for (int i = 0; !err && i < 10 * NAMER_WAITING_MAX; i++)
		err = namer_take(fixture->namer, new_batch());
	assert_int_equal(err, -EOVERFLOW);
	assert_int_equal(namer_finish(fixture->namer), -EOVERFLOW);
}

/* Both know the same stack, in trees of their own. */
static void a_turn_ends_one_profile_and_begins_the_next(void **state)
{
	struct fixture *fixture = *state;

	for (uint64_t window = 0; window < 3; window++) {
		struct sample_batch *batch = new_batch();
		struct namer_turn turn = { .seconds = (double)window, .sample_hz = 99 };

		add(batch, "one", 4096, 8, 10 + window);
		add(batch, "two", 8192, 10, 1);
		assert_int_equal(namer_take(fixture->namer, batch), 0);
		if (window == 2)
			break;
		turn.counters[COUNTER_IDLE] = window + 7;
		assert_int_equal(call_tree_new(&turn.next.tree), 0);
		assert_int_equal(ledger_new(&turn.ledger), 0);
		assert_int_equal(namer_turn(fixture->namer, &turn), 0);
	}
	assert_int_equal(namer_finish(fixture->namer), 0);
	assert_int_equal(fixture->taken_count, 2);
	for (uint64_t window = 0; window < 2; window++) {
		const struct profile *profile = &fixture->taken[window];

		assert_true(profile->samples == 11 + window);
		assert_true(call_tree_node(profile->tree, 0)->total == 11 + window);
		assert_true(profile->seconds == (double)window);
		assert_true(profile->name_seconds > 0);
		assert_true(profile->counters[COUNTER_IDLE] == window + 7);
		assert_non_null(profile->ledger);
		call_tree_check(profile->tree);
	}
	assert_true(fixture->profile.samples == 13);
	assert_true(fixture->profile.name_seconds > 0);
	assert_null(fixture->profile.ledger);
}

static void turns_that_wait_can_be_left(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 4; i++) {
		struct namer_turn turn = { 0 };

		assert_int_equal(call_tree_new(&turn.next.tree), 0);
		assert_int_equal(namer_turn(fixture->namer, &turn), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_keeps_what_the_drain_takes_back),
		cmocka_unit_test_setup_teardown(all_batches_are_in_the_profile_at_the_end, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_waits_can_be_left_unnamed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_error_that_ended_it_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_turn_ends_one_profile_and_begins_the_next, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(turns_that_wait_can_be_left, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
