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
	struct stack_store known;
	struct hashmap seeds;         /* id of a stack walked here -> enum stop_reason */
	uint64_t pieces;              /* made here, of seeds */
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

/*
 * A stack that was walked here, under the id by which the kernel half goes; instead of what was
 * walked before under it. 0 or -ENOMEM.
 */
int off_drain_seed(struct off_drain *drain, uint64_t id, const uint64_t *addresses, size_t depth,
		   enum stop_reason stop);

/* What was walked was not: it has what the kernel half had found before, if anything. */
int off_drain_unseed(struct off_drain *drain, const struct off_seed *seed);

/* Finds out where the scheduler's own functions are. 0 or -errno: not found is no error. */
int off_find_scheduler(struct off_drain *drain);

struct bpf_link;

/* Runs an iterator, and reads all that it writes: *ret is malloc()ed. 0 or -errno. */
int off_iterate(const struct bpf_link *iterator, void **ret, size_t *ret_size);

/* Walks the stacks of all threads that the iterator tells of. 0 or -errno. */
int off_seed_stacks(struct off_drain *drain, const struct bpf_link *iterator,
		    const struct unwind_maps *maps);

#endif
