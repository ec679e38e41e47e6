/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/drain.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ENTRIES 4096

/* Real maps, filled by us instead of by the sampling program. */
#define GENERATION 77

struct fixture {
	struct drain_maps maps; /* descriptors of -1: not allowed here */
	struct drain *drain;
	/* What came out: by tid, which the tests use as a number. */
	uint8_t seen[ENTRIES];
	size_t count;
	size_t fail_at; /* the handler fails after so many; 0: never */
};

static int make_map(uint32_t key_size, uint32_t value_size, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);

	return bpf_map_create(BPF_MAP_TYPE_HASH, "eprof_test", key_size, value_size, ENTRIES,
			      &options);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct drain_maps maps = { .counts_entries = ENTRIES, .stacks_entries = ENTRIES };

	*state = fixture;
	if (!fixture)
		return -1;
	for (int i = 0; i < HALVES; i++) {
		maps.counts[i] =
			make_map(sizeof(struct sample_key), sizeof(struct sample_value), 0);
		/* Without a seed of its own, where a key goes can be worked out. */
		maps.stacks[i] = make_map(8, sizeof(struct stack), BPF_F_ZERO_SEED);
	}
	fixture->maps = maps;
	return drain_new(&maps, &fixture->drain);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < HALVES; i++) {
		(void)close(fixture->maps.counts[i]);
		(void)close(fixture->maps.stacks[i]);
	}
	drain_free(fixture->drain);
	free(fixture);
	return 0;
}

static struct fixture *fixture_or_skip(void **state)
{
	struct fixture *fixture = *state;
	int fd = fixture->maps.counts[0];

	if (fd == -EPERM || fd == -EACCES || fd == -ENOSYS)
		skip();
	assert_true(fd >= 0);
	assert_true(fixture->maps.stacks[1] >= 0);
	return fixture;
}

/* One piece of a stack, whose addresses go up from first. */
static void put_piece(const struct fixture *fixture, uint32_t half, uint64_t id, uint32_t depth,
		      uint64_t first, uint64_t rest)
{
	struct stack stack = { .depth = depth, .rest = rest };

	for (uint32_t i = 0; i < depth && i < PIECE_FRAMES_MAX; i++)
		stack.pc[i] = first + i;
	assert_int_equal(bpf_map_update_elem(fixture->maps.stacks[half], &id, &stack, BPF_ANY), 0);
}

static void put_stack(const struct fixture *fixture, uint32_t half, uint64_t id, uint32_t depth)
{
	put_piece(fixture, half, id, depth, id * 1000, STACK_ID_NONE);
}

static void put_sample(const struct fixture *fixture, uint32_t half, const struct sample_key *key)
{
	struct sample_value value = { .count = key->tid + 1,
				      .first_ns = 5000 + key->tid,
				      .cgroup_id = 9000 + key->tid };

	assert_int_equal(bpf_map_update_elem(fixture->maps.counts[half], key, &value, BPF_ANY), 0);
}

static void check_stack(const uint64_t *stack, size_t depth, uint64_t id, size_t expected_depth)
{
	assert_int_equal(depth, expected_depth);
	for (size_t i = 0; i < depth; i++)
		assert_true(stack[i] == id * 1000 + i);
}

/* A sample_handler for samples whose tid says all: user stack 100 + tid, kernel stack 100. */
static int take(void *context, const struct sample *sample)
{
	struct fixture *fixture = context;
	uint32_t i = sample->tid;

	assert_in_range(i, 0, ENTRIES - 1);
	fixture->seen[i]++;
	assert_int_equal(sample->tgid, 7);
	assert_true(sample->count == i + 1 && sample->first_ns == 5000 + i);
	assert_true(sample->cgroup_id == 9000 + i && sample->generation == GENERATION);
	assert_string_equal(sample->process_name, "demo");
	assert_int_equal(sample->stop, STOP_COMPLETE);
	check_stack(sample->user, sample->user_depth, 100 + i, i % PIECE_FRAMES_MAX + 1);
	check_stack(sample->kernel, sample->kernel_depth, 100, 1);
	return ++fixture->count == fixture->fail_at ? -ECANCELED : 0;
}

static void fill(const struct fixture *fixture, uint32_t half, uint32_t count)
{
	struct sample_key key = { .generation = GENERATION,
				  .tgid = 7,
				  .process_name = "demo",
				  .stop = STOP_COMPLETE,
				  .kernel_stack = 100 };

	for (key.tid = 0; key.tid < count; key.tid++) {
		key.user_stack = 100 + key.tid;
		put_stack(fixture, half, key.user_stack, key.tid % PIECE_FRAMES_MAX + 1);
		put_sample(fixture, half, &key);
	}
}

static void check_empty(int fd)
{
	struct sample_key key;

	assert_int_equal(bpf_map_get_next_key(fd, NULL, &key), -ENOENT);
}

static void more_than_a_batch_comes_out_once(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);

	fill(fixture, 0, 3000);
	assert_int_equal(drain_half(fixture->drain, 0, take, fixture), 0);
	assert_int_equal(fixture->count, 3000);
	for (size_t i = 0; i < 3000; i++)
		assert_int_equal(fixture->seen[i], 1);
	check_empty(fixture->maps.counts[0]);
	check_empty(fixture->maps.stacks[0]);
	assert_true(drain_distinct_stacks(fixture->drain) == 3000);
	assert_int_equal(drain_half(fixture->drain, 0, take, fixture), 0);
	assert_int_equal(fixture->count, 3000);
}

static void a_full_map_comes_out_whole(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);

	fill(fixture, 1, ENTRIES);
	assert_int_equal(drain_half(fixture->drain, 1, take, fixture), 0);
	assert_int_equal(fixture->count, ENTRIES);
	check_empty(fixture->maps.counts[1]);
	check_empty(fixture->maps.stacks[1]);
}

static void the_other_half_is_left_alone(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);

	fill(fixture, 0, 10);
	assert_int_equal(drain_half(fixture->drain, 1, take, fixture), 0);
	assert_int_equal(fixture->count, 0);
	assert_int_equal(drain_half(fixture->drain, 0, take, fixture), 0);
	assert_int_equal(fixture->count, 10);
	fill(fixture, 1, 20); /* ten of them are known */
	assert_int_equal(drain_half(fixture->drain, 1, take, fixture), 0);
	assert_int_equal(fixture->count, 30);
	assert_true(drain_distinct_stacks(fixture->drain) == 20);
	drain_forget_stacks(fixture->drain);
	assert_true(drain_distinct_stacks(fixture->drain) == 0);
	fill(fixture, 0, 10);
	assert_int_equal(drain_half(fixture->drain, 0, take, fixture), 0);
	assert_true(drain_distinct_stacks(fixture->drain) == 10);
}

static uint32_t rotate(uint32_t word, int bits)
{
	return word << bits | word >> (32 - bits);
}

/* The bucket of a 64-bit key in a hash map without a seed: Bob Jenkins' lookup3 over two words. */
static uint32_t bucket_of(uint64_t key)
{
	uint32_t a = 0xdeadbeef + 8, b = a, c = a;

	a += (uint32_t)key;
	b += (uint32_t)(key >> 32);
	c = (c ^ b) - rotate(b, 14);
	a = (a ^ c) - rotate(c, 11);
	b = (b ^ a) - rotate(a, 25);
	c = (c ^ b) - rotate(b, 16);
	a = (a ^ c) - rotate(c, 4);
	b = (b ^ a) - rotate(a, 14);
	c = (c ^ b) - rotate(b, 24);
	return c & (ENTRIES - 1);
}

/* The kernel gives nothing of a bucket that has more entries than there is room for. */
static void a_bucket_larger_than_a_batch_comes_out(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct stack *stacks = calloc(400, sizeof(*stacks));
	uint64_t ids[400], id = 1000, position;
	uint32_t count = 400;

	assert_non_null(stacks);
	for (size_t found = 0; found < 600; id++) {
		if (bucket_of(id) != 5)
			continue;
		put_stack(fixture, 0, id, 3);
		found++;
	}
	/* If this kernel hashes otherwise, the test would show nothing. */
	if (bpf_map_lookup_batch(fixture->maps.stacks[0], NULL, &position, ids, stacks, &count,
				 NULL) != -ENOSPC) {
		free(stacks);
		skip();
	}
	free(stacks);
	fill(fixture, 0, 300);
	assert_int_equal(drain_half(fixture->drain, 0, take, fixture), 0);
	assert_int_equal(fixture->count, 300);
	assert_true(drain_distinct_stacks(fixture->drain) == 900);
	check_empty(fixture->maps.stacks[0]);
	check_empty(fixture->maps.counts[0]);
}

/* A sample_handler: a copy of the only one. */
static int copy(void *context, const struct sample *sample)
{
	*(struct sample *)context = *sample;
	return 0;
}

static void put_deep_sample(const struct fixture *fixture, uint64_t user_stack)
{
	struct sample_key key = { .user_stack = user_stack, .stop = STOP_COMPLETE };

	put_sample(fixture, 0, &key);
}

static void a_deep_stack_is_put_together_of_its_pieces(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	const uint32_t last = PIECES_MAX - 1;
	struct sample sample = { 0 };

	put_piece(fixture, 0, 700 + last, 3, 1000 + last * PIECE_FRAMES_MAX, STACK_ID_NONE);
	for (uint32_t i = 0; i < last; i++)
		put_piece(fixture, 0, 700 + i, PIECE_FRAMES_MAX, 1000 + i * PIECE_FRAMES_MAX,
			  701 + i);
	put_deep_sample(fixture, 700);
	assert_int_equal(drain_half(fixture->drain, 0, copy, &sample), 0);
	check_stack(sample.user, sample.user_depth, 1, last * PIECE_FRAMES_MAX + 3);
	/* And the deepest there is. */
	for (uint32_t i = 0; i < PIECES_MAX; i++)
		put_piece(fixture, 0, 700 + i, PIECE_FRAMES_MAX, 1000 + i * PIECE_FRAMES_MAX,
			  i < last ? 701 + i : STACK_ID_NONE);
	put_deep_sample(fixture, 700);
	assert_int_equal(drain_half(fixture->drain, 0, copy, &sample), 0);
	check_stack(sample.user, sample.user_depth, 1, USER_FRAMES_MAX);
}

static void both_stacks_of_a_sample_may_be_deep(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct sample_key key = { .user_stack = 700, .kernel_stack = 800, .stop = STOP_COMPLETE };
	struct sample sample = { 0 };

	put_piece(fixture, 0, 700, 2, 1000, 701);
	put_piece(fixture, 0, 701, PIECE_FRAMES_MAX, 1002, STACK_ID_NONE);
	put_piece(fixture, 0, 800, 5, 5000, 801);
	put_piece(fixture, 0, 801, PIECE_FRAMES_MAX, 5005, STACK_ID_NONE);
	put_sample(fixture, 0, &key);
	assert_int_equal(drain_half(fixture->drain, 0, copy, &sample), 0);
	check_stack(sample.user, sample.user_depth, 1, PIECE_FRAMES_MAX + 2);
	check_stack(sample.kernel, sample.kernel_depth, 5, PIECE_FRAMES_MAX + 5);
}

/* No id is the same twice but by the rarest chance, which must not be the end of us. */
static void pieces_that_make_no_stack_end_it(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct sample sample = { 0 };

	put_piece(fixture, 0, 700, PIECE_FRAMES_MAX, 1000, 12345);
	put_deep_sample(fixture, 700);
	assert_int_equal(drain_half(fixture->drain, 0, copy, &sample), 0);
	assert_true(sample.user_depth == 0 && sample.stop == STOP_STACK_LOST);
	put_piece(fixture, 0, 700, 30, 1000, 700);
	put_deep_sample(fixture, 700);
	assert_int_equal(drain_half(fixture->drain, 0, copy, &sample), 0);
	assert_int_equal(sample.user_depth, USER_FRAMES_MAX / 30 * 30);
}

static void lost_and_missing_stacks_are_empty(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);
	struct sample_key key = { .user_stack = STACK_ID_LOST,
				  .kernel_stack = STACK_ID_NONE,
				  .stop = STOP_STACK_LOST };
	struct sample sample = { 0 };

	put_sample(fixture, 0, &key);
	assert_int_equal(drain_half(fixture->drain, 0, copy, &sample), 0);
	assert_true(sample.count == 1 && sample.stop == STOP_STACK_LOST);
	assert_true(!sample.user_depth && !sample.kernel_depth && !sample.kernel_stack_lost);
	key = (struct sample_key){ .user_stack = STACK_ID_NONE,
				   .kernel_stack = STACK_ID_LOST,
				   .stop = STOP_REASON_COUNT,
				   .is_idle = 1 };
	put_sample(fixture, 0, &key);
	assert_int_equal(drain_half(fixture->drain, 0, copy, &sample), 0);
	assert_true(!sample.user_depth && !sample.kernel_depth);
	assert_true(sample.kernel_stack_lost && sample.is_idle);
	assert_int_equal(sample.stop, STOP_UNREADABLE); /* a reason that we do not know */
}

static void the_first_error_of_a_handler_ends_it(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);

	fill(fixture, 0, 50);
	fixture->fail_at = 7;
	assert_int_equal(drain_half(fixture->drain, 0, take, fixture), -ECANCELED);
	assert_int_equal(fixture->count, 7);
}

static void a_stack_deeper_than_any_is_refused(void **state)
{
	struct fixture *fixture = fixture_or_skip(state);

	put_stack(fixture, 0, 100, PIECE_FRAMES_MAX + 1);
	assert_int_equal(drain_half(fixture->drain, 0, take, fixture), -EPROTO);
	assert_int_equal(fixture->count, 0);
}

static void what_is_no_map_is_an_error(void **state)
{
	struct drain_maps maps = {
		.counts = { -1, -1 }, .stacks = { -1, -1 }, .counts_entries = 1, .stacks_entries = 1
	};
	struct drain *drain;
	struct sample sample;

	(void)state;
	assert_int_equal(drain_new(&maps, &drain), 0);
	assert_true(drain_half(drain, 0, copy, &sample) < 0);
	drain_free(drain);
	drain_free(NULL);
}

#define WITH_MAPS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_MAPS(more_than_a_batch_comes_out_once),
		WITH_MAPS(a_full_map_comes_out_whole),
		WITH_MAPS(the_other_half_is_left_alone),
		WITH_MAPS(a_bucket_larger_than_a_batch_comes_out),
		WITH_MAPS(a_deep_stack_is_put_together_of_its_pieces),
		WITH_MAPS(both_stacks_of_a_sample_may_be_deep),
		WITH_MAPS(pieces_that_make_no_stack_end_it),
		WITH_MAPS(lost_and_missing_stacks_are_empty),
		WITH_MAPS(the_first_error_of_a_handler_ends_it),
		WITH_MAPS(a_stack_deeper_than_any_is_refused),
		cmocka_unit_test(what_is_no_map_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
