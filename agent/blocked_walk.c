/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/blocked_walk.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CHUNKS_MAX UNWIND_CHUNKS_MAX

struct blocked_walk {
	struct unwind_maps maps;
	const struct unwind_mapping *mappings;
	struct unwind_slot *slots; /* written to: when they were used */
	const char *chunks[CHUNKS_MAX];
	uint32_t wants[OFF_WANTS_MAX];
	size_t want_count;
	int32_t tid;
	struct walk_state *state;
};

/* The walk's source asks for memory and tables without saying for whom: for this one. */
static _Thread_local struct blocked_walk *walker;

static long unwind_read_user(void *to, __u32 size, __u64 address)
{
	struct iovec local = { .iov_base = to, .iov_len = size };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };

	return process_vm_readv(walker->tid, &local, 1, &remote, 1, 0) == (ssize_t)size ? 0 : -1;
}

static const struct unwind_mapping *unwind_mapping_at(__u32 index)
{
	return index < walker->maps.mappings ? &walker->mappings[index] : NULL;
}

static struct unwind_slot *unwind_slot_at(__u32 number)
{
	return number < walker->maps.tables.slots ? &walker->slots[number] : NULL;
}

static const char *map_chunk(const int *chunk_fds, uint32_t number)
{
	int fd = chunk_fds ? __atomic_load_n(&chunk_fds[number], __ATOMIC_ACQUIRE) : 0;
	void *chunk;

	if (!fd)
		return NULL;
	chunk = mmap(NULL, UNWIND_CHUNK_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	return chunk == MAP_FAILED ? NULL : chunk;
}

static const char *unwind_chunk_at(__u32 number)
{
	if (number >= CHUNKS_MAX)
		return NULL;
	if (!walker->chunks[number])
		walker->chunks[number] = map_chunk(walker->maps.tables.chunk_fds, number);
	return walker->chunks[number];
}

/* The kernel half has to ask for them; what finds no room here is asked for at another walk. */
static void unwind_want(__u32 number, struct unwind_slot *slot)
{
	if (slot->wanted)
		return;
	for (size_t i = 0; i < walker->want_count; i++) {
		if (walker->wants[i] == number)
			return;
	}
	if (walker->want_count < OFF_WANTS_MAX)
		walker->wants[walker->want_count++] = number;
}

static __u32 unwind_clock(void)
{
	return *walker->maps.clock;
}

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#include "bpf/unwind.bpf.h"

struct walk_state {
	struct unwind_state unwind;
};

static void *map_array(int fd, size_t size, int protection)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *memory = mmap(NULL, (size + page - 1) & ~(page - 1), protection, MAP_SHARED, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void unmap_array(const void *memory, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (memory)
		(void)munmap((void *)(uintptr_t)memory, (size + page - 1) & ~(page - 1));
}

static size_t mappings_size(const struct blocked_walk *walk)
{
	return walk->maps.mappings * sizeof(struct unwind_mapping);
}

static size_t slots_size(const struct blocked_walk *walk)
{
	return walk->maps.tables.slots * sizeof(struct unwind_slot);
}

int blocked_walk_new(const struct unwind_maps *maps, struct blocked_walk **ret)
{
	struct blocked_walk *walk = calloc(1, sizeof(*walk));
	int err = -ENOMEM;

	if (!walk)
		return err;
	walk->maps = *maps;
	walk->state = calloc(1, sizeof(*walk->state));
	walk->mappings = map_array(maps->mappings_fd, mappings_size(walk), PROT_READ);
	if (walk->mappings)
		walk->slots =
			map_array(maps->tables.slots_fd, slots_size(walk), PROT_READ | PROT_WRITE);
	if (!walk->mappings || !walk->slots)
		err = -errno;
	if (!walk->state || !walk->mappings || !walk->slots) {
		blocked_walk_free(walk);
		return err;
	}
	*ret = walk;
	return 0;
}

void blocked_walk_free(struct blocked_walk *walk)
{
	if (!walk)
		return;
	for (size_t i = 0; i < CHUNKS_MAX; i++)
		unmap_array(walk->chunks[i], UNWIND_CHUNK_SIZE);
	unmap_array(walk->mappings, mappings_size(walk));
	unmap_array(walk->slots, slots_size(walk));
	free(walk->state);
	free(walk);
}

size_t blocked_walk_wants(const struct blocked_walk *walk, uint32_t ret[OFF_WANTS_MAX])
{
	memcpy(ret, walk->wants, walk->want_count * sizeof(*ret));
	return walk->want_count;
}

enum stop_reason blocked_walk(struct blocked_walk *walk, const struct off_seed *seed,
			      const uint64_t **ret, size_t *ret_depth)
{
	struct unwind_state *state = &walk->state->unwind;
	enum stop_reason stop;

	_Static_assert(sizeof(seed->registers) == sizeof(state->registers), "the same registers");
	walk->tid = (int32_t)seed->tid;
	memset(&state->process, 0, sizeof(state->process));
	(void)bpf_map_lookup_elem(walk->maps.processes_fd, &seed->tgid, &state->process);
	memcpy(state->registers, seed->registers, sizeof(state->registers));
	state->pc = seed->pc;
	walker = walk;
	stop = (enum stop_reason)unwind_walk(state);
	walker = NULL;
	*ret = (const uint64_t *)state->stack.pc;
	*ret_depth = state->stack.depth;
	return stop;
}
