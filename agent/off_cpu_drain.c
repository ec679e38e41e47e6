/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/off_cpu_parts.h"

/* Of stacks that are kept: a thread may be blocked in one for as long as the recording lasts. */
#define KNOWN_BYTES_MAX (256u << 20)
#define WAKERS_MAX      (1u << 20)

/* How often a stack is walked here: a table may take seconds, a mapping is told of at once. */
#define TABLE_WALKS_MAX   20
#define MAPPING_WALKS_MAX 5

void off_drain_done(struct off_drain *drain)
{
	map_batch_done(&drain->batch);
	stack_store_done(&drain->known);
	stack_store_done(&drain->older);
	hashmap_done(&drain->seeds);
	hashmap_done(&drain->older_seeds);
	hashmap_done(&drain->waker_numbers);
	free(drain->known_wakers);
}

bool off_drain_is_full(const struct off_drain *drain)
{
	/* Room is made by doubling. */
	return stack_store_bytes(&drain->known) > KNOWN_BYTES_MAX / 2;
}

void off_drain_forget(struct off_drain *drain)
{
	stack_store_done(&drain->older);
	hashmap_done(&drain->older_seeds);
	drain->older = drain->known;
	drain->older_seeds = drain->seeds;
	drain->known = (struct stack_store){ 0 };
	drain->seeds = (struct hashmap){ 0 };
}

/* What a row goes by stays known; before any of it is found, as what was found may move. */
static int keep_known(struct off_drain *drain, const struct sample_key *who)
{
	int err = stack_store_copy(&drain->known, &drain->older, who->user_stack);

	return err < 0 ? err : stack_store_copy(&drain->known, &drain->older, who->kernel_stack);
}

int off_drain_keep_stacks(struct off_drain *drain, const uint64_t *ids, const struct stack *stacks,
			  size_t count)
{
	bool is_full = off_drain_is_full(drain);

	for (size_t i = 0; i < count; i++) {
		int err = 0;

		if (!is_full)
			err = stack_store_add(&drain->known, ids[i], &stacks[i]);
		else
			drain->not_kept += !stack_store_has(&drain->known, ids[i]);
		if (err < 0)
			return err;
	}
	return 0;
}

static int keep_stacks(void *context, const void *keys, const void *values, uint32_t count)
{
	return off_drain_keep_stacks(context, keys, values, count);
}

static int keep_waker(struct off_drain *drain, uint64_t id, const struct sample_key *waker)
{
	uint64_t known;

	if (hashmap_get(&drain->waker_numbers, id, &known))
		return 0;
	if (drain->waker_count == WAKERS_MAX) {
		drain->not_kept++;
		return 0;
	}
	if (drain->waker_count == drain->waker_capacity) {
		size_t capacity = drain->waker_capacity ? 2 * drain->waker_capacity : 64;
		struct sample_key *grown = realloc(drain->known_wakers, capacity * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		drain->known_wakers = grown;
		drain->waker_capacity = capacity;
	}
	drain->known_wakers[drain->waker_count] = *waker;
	return hashmap_put(&drain->waker_numbers, id, drain->waker_count++);
}

int off_drain_keep_wakers(struct off_drain *drain, const uint64_t *ids,
			  const struct sample_key *wakers, size_t count)
{
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = keep_waker(drain, ids[i], &wakers[i]);
	return err;
}

static int keep_wakers(void *context, const void *keys, const void *values, uint32_t count)
{
	return off_drain_keep_wakers(context, keys, values, count);
}

/* In one word: why the best walk of it ended, and how many there were. */
struct seed {
	enum stop_reason stop;
	uint32_t walks;
};

static bool find_seed(struct off_drain *drain, uint64_t id, struct seed *ret)
{
	uint64_t word;

	if (!hashmap_get(&drain->seeds, id, &word)) {
		if (!hashmap_get(&drain->older_seeds, id, &word))
			return false;
		(void)hashmap_put(&drain->seeds, id, word);
	}
	*ret = (struct seed){ .stop = (enum stop_reason)(uint32_t)word,
			      .walks = (uint32_t)(word >> 32) };
	return true;
}

static int put_seed(struct off_drain *drain, uint64_t id, const struct seed *seed)
{
	return hashmap_put(&drain->seeds, id, (uint64_t)seed->walks << 32 | (uint32_t)seed->stop);
}

static void find_user_stack(struct off_drain *drain, uint64_t id, struct sample *sample)
{
	struct seed seed;

	sample->user = stack_store_find(&drain->known, id, drain->user, &sample->user_depth);
	if (find_seed(drain, id, &seed))
		sample->stop = seed.stop;
	/* Its pieces found no room here. */
	else if (id != STACK_ID_NONE && !sample->user_depth)
		sample->stop = STOP_STACK_LOST;
}

/* The kernel leaves the scheduler's own functions out where it walks a thread that sleeps. */
static size_t without_scheduler(const struct off_drain *drain, const uint64_t *addresses,
				size_t depth, uint64_t *room)
{
	size_t kept = 0;

	for (size_t i = 0; i < depth; i++) {
		if (addresses[i] < drain->sched_start || addresses[i] >= drain->sched_end)
			room[kept++] = addresses[i];
	}
	return kept;
}

static void find_kernel_stack(struct off_drain *drain, uint64_t id, struct sample *sample)
{
	sample->kernel = stack_store_find(&drain->known, id, drain->kernel, &sample->kernel_depth);
	sample->kernel_stack_lost = id != STACK_ID_NONE && !sample->kernel_depth;
	if (!drain->sched_end || !sample->kernel_depth)
		return;
	sample->kernel_depth =
		without_scheduler(drain, sample->kernel, sample->kernel_depth, drain->kernel);
	sample->kernel = drain->kernel;
}

/* NULL: nobody was noted, or who it was is not known here. */
static const struct sample_key *find_waker(const struct off_drain *drain, uint64_t id)
{
	uint64_t number;

	if (id == STACK_ID_NONE || !hashmap_get(&drain->waker_numbers, id, &number))
		return NULL;
	return &drain->known_wakers[number];
}

static void describe_waker(struct off_drain *drain, const struct sample_key *who, struct waker *ret)
{
	*ret = (struct waker){ .process_name = who->is_idle ? "swapper" : who->process_name,
			       .tgid = who->tgid,
			       .stop = who->stop < STOP_REASON_COUNT ? who->stop
								     : STOP_UNREADABLE };
	ret->user = stack_store_find(&drain->known, who->user_stack, drain->waker_user,
				     &ret->user_depth);
	if (who->user_stack != STACK_ID_NONE && !ret->user_depth)
		ret->stop = STOP_STACK_LOST;
	ret->kernel = stack_store_find(&drain->known, who->kernel_stack, drain->waker_kernel,
				       &ret->kernel_depth);
}

struct row_context {
	struct off_drain *drain;
	sample_handler handler;
	void *context;
};

static int hand_out_state(const struct row_context *row, struct sample *sample,
			  enum off_state state, uint64_t ns)
{
	if (!ns)
		return 0;
	sample->state = state;
	sample->count = ns;
	return row->handler(row->context, sample);
}

static int hand_out(const struct row_context *row, const struct off_count *count)
{
	const struct sample_key *who = &count->key.who;
	uint64_t id = hash_bytes(&count->key, sizeof(count->key));
	enum off_state state =
		count->key.state < OFF_STATE_COUNT ? (enum off_state)count->key.state : OFF_OTHER;
	struct sample sample = {
		.generation = who->generation,
		.tgid = who->tgid,
		.tid = who->tid,
		.first_ns = count->first_ns,
		.cgroup_id = count->cgroup_id,
		.process_name = who->process_name,
		.thread_name = who->thread_name,
		.stop = who->stop < STOP_REASON_COUNT ? who->stop : STOP_UNREADABLE,
		.is_off_cpu = true,
	};
	const struct sample_key *waking = find_waker(row->drain, count->key.waker);
	struct waker waker;
	int err = keep_known(row->drain, who);

	if (!err && waking)
		err = keep_known(row->drain, waking);
	if (err < 0)
		return err;
	find_user_stack(row->drain, who->user_stack, &sample);
	find_kernel_stack(row->drain, who->kernel_stack, &sample);
	if (waking) {
		describe_waker(row->drain, waking, &waker);
		sample.waker = &waker;
	}
	sample.id = id;
	err = hand_out_state(row, &sample, state, count->blocked_ns);
	if (err < 0)
		return err;
	sample.id = hash_u64(id);
	return hand_out_state(row, &sample, OFF_RUNQUEUE, count->runqueue_ns);
}

int off_drain_hand_out(struct off_drain *drain, const struct off_count *count,
		       sample_handler handler, void *context)
{
	return hand_out(&(struct row_context){ drain, handler, context }, count);
}

static int hand_out_batch(void *context, const void *keys, const void *values, uint32_t count)
{
	const struct off_count *counts = values;

	(void)keys;
	for (uint32_t i = 0; i < count; i++) {
		int err = hand_out(context, &counts[i]);

		if (err < 0)
			return err;
	}
	return 0;
}

int off_drain_half(struct off_drain *drain, uint32_t half, sample_handler handler, void *context)
{
	struct row_context row = { drain, handler, context };
	/* Stacks first: those of a row were there before it was, and are not in a half. */
	int err = map_batch_empty(&drain->batch, &drain->stacks, keep_stacks, drain);

	if (!err && drain->wakers.fd >= 0)
		err = map_batch_empty(&drain->batch, &drain->wakers, keep_wakers, drain);
	if (!err)
		err = map_batch_empty(&drain->batch, &drain->counts[half], hand_out_batch, &row);
	if (err < 0)
		return err;
	return map_batch_empty(&drain->batch, &drain->lost[half], hand_out_batch, &row);
}

static bool may_improve(const struct seed *seed)
{
	if (seed->stop == STOP_NO_TABLE_YET)
		return seed->walks < TABLE_WALKS_MAX;
	return seed->stop == STOP_NO_MAPPING && seed->walks < MAPPING_WALKS_MAX;
}

bool off_drain_has_seed(struct off_drain *drain, uint64_t id)
{
	struct seed seed;

	return find_seed(drain, id, &seed);
}

bool off_drain_wants_walk(struct off_drain *drain, uint64_t id)
{
	struct seed seed;

	return !find_seed(drain, id, &seed) || may_improve(&seed);
}

/*
 * Cut as the kernel half cuts them: from the outermost frame on. Outer pieces have ids by their
 * number, so that those of the next walk take their places.
 */
static int keep_walked(struct off_drain *drain, uint64_t id, const uint64_t *addresses,
		       size_t depth)
{
	uint64_t rest = STACK_ID_NONE;
	int err = 0;

	for (uint64_t number = 1; !err && depth > PIECE_FRAMES_MAX; number++) {
		struct stack piece = { .depth = PIECE_FRAMES_MAX, .rest = rest };

		depth -= PIECE_FRAMES_MAX;
		memcpy(piece.pc, addresses + depth, sizeof(piece.pc));
		rest = hash_u64(hash_u64(id) + number);
		err = stack_store_replace(&drain->known, rest, &piece);
	}
	if (!err) {
		struct stack piece = { .depth = (uint32_t)depth, .rest = rest };

		memcpy(piece.pc, addresses, depth * sizeof(*addresses));
		err = stack_store_replace(&drain->known, id, &piece);
	}
	return err;
}

int off_drain_seed(struct off_drain *drain, uint64_t id, const uint64_t *addresses, size_t depth,
		   enum stop_reason stop)
{
	struct seed before, seed = { .stop = stop, .walks = 1 };
	bool is_better = true;
	size_t before_depth;
	int err;

	assert(depth <= USER_FRAMES_MAX);
	if (find_seed(drain, id, &before)) {
		seed.walks = before.walks + 1;
		err = stack_store_copy(&drain->known, &drain->older, id);
		if (err < 0)
			return err;
		(void)stack_store_find(&drain->known, id, drain->user, &before_depth);
		/* A table may have been dropped meanwhile. */
		is_better = !may_improve(&seed) || depth >= before_depth;
		if (!is_better)
			seed.stop = before.stop;
	}
	err = is_better ? keep_walked(drain, id, addresses, depth) : 0;
	return err < 0 ? err : put_seed(drain, id, &seed);
}
