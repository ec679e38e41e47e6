/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of agent/off_cpu*.c share. */
#ifndef EPROF_AGENT_OFF_CPU_PARTS_H
#define EPROF_AGENT_OFF_CPU_PARTS_H

#include "agent/map_batch.h"
#include "agent/off_cpu.h"
#include "agent/stack_store.h"

/* What has been read of the kernel's maps, and outlives the drain that read it. */
struct off_drain {
	struct map_shape counts[HALVES];
	struct map_shape lost[HALVES]; /* counts without stacks */
	struct map_shape stacks;
	struct map_shape wakers;         /* fd -1: they are not asked for */
	uint64_t sched_start, sched_end; /* kernel code to be left out of stacks; 0: none */
	struct map_batch batch;
	/* What has been told of, or asked for, since off_drain_forget(); and before it. */
	struct stack_store known, older;
	struct hashmap seeds; /* id of a stack walked here -> why and how often: find_seed() */
	struct hashmap older_seeds;
	uint64_t not_kept;            /* pieces of stacks beyond the limit, and wakers */
	struct hashmap waker_numbers; /* id -> index in known_wakers */
	struct sample_key *known_wakers;
	size_t waker_count, waker_capacity;
	/* Stacks of one row, and of its waker, put together of their pieces. */
	uint64_t user[USER_FRAMES_MAX], kernel[USER_FRAMES_MAX];
	uint64_t waker_user[USER_FRAMES_MAX], waker_kernel[USER_FRAMES_MAX];
};

void off_drain_done(struct off_drain *drain);

/* Hands out the rows of a quiet half, and empties it. */
int off_drain_half(struct off_drain *drain, uint32_t half, sample_handler handler, void *context);

/* What the kernel half tells of stacks and wakers; beyond the limits it is counted. 0 or -errno. */
int off_drain_keep_stacks(struct off_drain *drain, const uint64_t *ids, const struct stack *stacks,
			  size_t count);
int off_drain_keep_wakers(struct off_drain *drain, const uint64_t *ids,
			  const struct sample_key *wakers, size_t count);

/* Hands out one count, as one row or two. 0, or what the handler returned. */
int off_drain_hand_out(struct off_drain *drain, const struct off_count *count,
		       sample_handler handler, void *context);

/* Forgets the stacks that were not told of, nor in a row, since the call before. */
void off_drain_forget(struct off_drain *drain);

/* No more stacks are kept. */
bool off_drain_is_full(const struct off_drain *drain);

/*
 * A stack that was walked here, under the id by which the kernel half goes from then on. What was
 * walked before under it stays if it was more. 0 or -ENOMEM.
 */
int off_drain_seed(struct off_drain *drain, uint64_t id, const uint64_t *addresses, size_t depth,
		   enum stop_reason stop);

bool off_drain_has_seed(struct off_drain *drain, uint64_t id);

/*
 * Whether a walk may find more than the ones before, if any: tables come, and so do mappings, but
 * not without end.
 */
bool off_drain_wants_walk(struct off_drain *drain, uint64_t id);

/* Finds out where the scheduler's own functions are. 0 or -errno: not found is no error. */
int off_find_scheduler(struct off_drain *drain);

struct bpf_link;

/* Runs an iterator, and reads all that it writes: *ret is malloc()ed. 0 or -errno. */
int off_iterate(const struct bpf_link *iterator, void **ret, size_t *ret_size);

struct off_programs;

/* What has come of a look at who is blocked. */
struct off_looked {
	bool has_found;  /* stacks that are whole, or as whole as they get */
	bool has_others; /* that another look may find more of, and those that there was no time for
			  */
};

/*
 * Walks the user stacks of threads that are blocked, of at most walks_max of them; is_again: also
 * of those that were walked before. 0 or -errno.
 */
int off_seed_stacks(struct off_drain *drain, const struct off_programs *programs,
		    const struct unwind_maps *maps, uint32_t walks_max, bool is_again,
		    struct off_looked *ret);

#endif
