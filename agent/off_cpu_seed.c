/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/blocked_walk.h"
#include "agent/off_cpu_parts.h"
#include "agent/off_cpu_programs.h"
#include "base/cleanup.h"

#define READ_SIZE 65536

/* Of all stacks that one look walks: 30,000 of the deepest. */
#define WALKED_BYTES_MAX (128u << 20)

int off_iterate(const struct bpf_link *iterator, void **ret, size_t *ret_size)
{
	CLEANUP(cleanup_fd) int fd = bpf_iter_create(bpf_link__fd(iterator));
	CLEANUP(cleanup_free) void *bytes = NULL;
	size_t size = 0, capacity = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t count;

		if (capacity - size < READ_SIZE) {
			size_t larger = capacity ? 2 * capacity : 2 * READ_SIZE;
			void *grown = realloc(bytes, larger);

			if (!grown)
				return -ENOMEM;
			bytes = grown;
			capacity = larger;
		}
		count = read(fd, (char *)bytes + size, capacity - size);
		if (count < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (count < 0)
			return -errno;
		if (count == 0)
			break;
		size += (size_t)count;
	}
	*ret = TAKE(bytes);
	*ret_size = size;
	return 0;
}

static void cleanup_walk(struct blocked_walk **walk)
{
	blocked_walk_free(*walk);
}

struct walked {
	bool is_walked;
	enum stop_reason stop;
	size_t offset, depth; /* in addresses */
};

/* What is walked, until it is known whether the threads slept meanwhile. */
struct look {
	struct off_drain *drain;
	const struct off_seed *seeds; /* as the first run told of them */
	size_t count;
	struct walked *walked; /* of each of these */
	uint64_t *addresses;
	size_t used, capacity;
};

static void look_done(struct look *look)
{
	free(look->walked);
	free(look->addresses);
}

static int note_walk(struct look *look, const uint64_t *addresses, struct walked *walked)
{
	if (look->used + walked->depth > look->capacity) {
		size_t capacity = look->capacity ? 2 * look->capacity : 16 * USER_FRAMES_MAX;
		uint64_t *grown = realloc(look->addresses, capacity * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		look->addresses = grown;
		look->capacity = capacity;
	}
	memcpy(look->addresses + look->used, addresses, walked->depth * sizeof(*addresses));
	walked->is_walked = true;
	walked->offset = look->used;
	look->used += walked->depth;
	return 0;
}

/* The kernel half has limited those that are new; those that are walked again are as many more. */
static int walk_all(struct look *look, struct blocked_walk *walk, uint32_t again_max)
{
	for (size_t i = 0; i < look->count; i++) {
		const struct off_seed *seed = &look->seeds[i];
		bool is_again = off_drain_has_seed(look->drain, seed->stack);
		const uint64_t *addresses;
		int err;

		if (!off_drain_wants_walk(look->drain, seed->stack) || (is_again && !again_max))
			continue;
		if (look->used * sizeof(*addresses) >= WALKED_BYTES_MAX) {
			look->drain->not_kept += !is_again;
			continue;
		}
		again_max -= is_again;
		look->walked[i].stop = blocked_walk(walk, seed, &addresses, &look->walked[i].depth);
		err = note_walk(look, addresses, &look->walked[i]);
		if (err < 0)
			return err;
	}
	return 0;
}

static int keep_one(struct look *look, size_t i, struct off_looked *looked)
{
	const struct walked *walked = &look->walked[i];
	uint64_t id = look->seeds[i].stack;
	bool wants_walk;
	int err = 0;

	if (walked->is_walked)
		err = off_drain_seed(look->drain, id, look->addresses + walked->offset,
				     walked->depth, walked->stop);
	wants_walk = off_drain_wants_walk(look->drain, id);
	looked->has_found |= walked->is_walked && !wants_walk;
	looked->has_others |= wants_walk;
	return err;
}

/* Of those that the second run does not tell of, the memory was read while they ran. */
static int keep_slept(struct look *look, const struct off_seed *slept, size_t slept_count,
		      struct off_looked *looked)
{
	size_t next = 0;
	int err = 0;

	/* Both are in the order in which the kernel goes through the threads. */
	for (size_t i = 0; !err && i < look->count; i++) {
		size_t at = next;

		while (at < slept_count && slept[at].stack != look->seeds[i].stack)
			at++;
		if (at == slept_count)
			continue;
		next = at + 1;
		err = keep_one(look, i, looked);
	}
	return err;
}

static void hand_over_wants(const struct blocked_walk *walk, struct off_cpu_bpf__bss *bss)
{
	_Static_assert(sizeof(bss->off_wants) == OFF_WANTS_MAX * sizeof(uint32_t), "all fit");
	bss->off_want_count = (uint32_t)blocked_walk_wants(walk, bss->off_wants);
}

int off_seed_stacks(struct off_drain *drain, const struct off_programs *programs,
		    const struct unwind_maps *maps, uint32_t walks_max, bool is_again,
		    struct off_looked *ret)
{
	struct off_cpu_bpf__bss *bss = programs->skeleton->bss;
	CLEANUP(cleanup_walk) struct blocked_walk *walk = NULL;
	CLEANUP(cleanup_free) void *blocked = NULL;
	CLEANUP(cleanup_free) void *slept = NULL;
	CLEANUP(look_done) struct look look = { .drain = drain };
	size_t size, slept_size;
	int err;

	*ret = (struct off_looked){ 0 };
	bss->off_look = is_again ? OFF_LOOK_AGAIN : 0;
	bss->off_look_left = walks_max;
	err = off_iterate(programs->seed, &blocked, &size);
	if (err < 0 || size < sizeof(struct off_seed))
		return err;
	look.seeds = blocked;
	look.count = size / sizeof(struct off_seed);
	look.walked = calloc(look.count, sizeof(*look.walked));
	err = look.walked ? blocked_walk_new(maps, &walk) : -ENOMEM;
	if (!err)
		err = walk_all(&look, walk, walks_max);
	if (err < 0)
		return err;
	ret->has_others = bss->off_look_left == 0;
	hand_over_wants(walk, bss);
	bss->off_look |= OFF_LOOK_SLEPT;
	err = off_iterate(programs->seed, &slept, &slept_size);
	if (err < 0)
		return err;
	return keep_slept(&look, slept, slept_size / sizeof(struct off_seed), ret);
}

int off_find_scheduler(struct off_drain *drain)
{
	CLEANUP(cleanup_file) FILE *file = fopen("/proc/kallsyms", "re");
	char line[512], name[256];
	uint64_t address;

	if (!file)
		return -errno;
	/* Addresses that are hidden read as 0: then nothing is left out. */
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 " %*c %255s", &address, name) != 2)
			continue;
		if (strcmp(name, "__sched_text_start") == 0)
			drain->sched_start = address;
		if (strcmp(name, "__sched_text_end") == 0)
			drain->sched_end = address;
		if (drain->sched_start && drain->sched_end)
			break;
	}
	return 0;
}
