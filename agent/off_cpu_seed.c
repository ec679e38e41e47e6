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
#include "base/cleanup.h"

#define READ_SIZE 65536

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

static int walk_all(struct off_drain *drain, struct blocked_walk *walk,
		    const struct off_seed *seeds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint64_t *addresses;
		size_t depth;
		enum stop_reason stop = blocked_walk(walk, &seeds[i], &addresses, &depth);
		int err = off_drain_seed(drain, seeds[i].stack, addresses, depth, stop);

		if (err < 0)
			return err;
	}
	return 0;
}

/* Of those that the second look does not tell of, the memory was read while they ran. */
static int forget_others(struct off_drain *drain, const struct off_seed *walked, size_t count,
			 const struct off_seed *slept, size_t slept_count)
{
	size_t next = 0;

	/* Both are in the order in which the kernel goes through the threads. */
	for (size_t i = 0; i < count; i++) {
		size_t at = next;
		int err;

		while (at < slept_count && slept[at].stack != walked[i].stack)
			at++;
		if (at < slept_count) {
			next = at + 1;
			continue;
		}
		err = off_drain_unseed(drain, &walked[i]);
		if (err < 0)
			return err;
	}
	return 0;
}

int off_seed_stacks(struct off_drain *drain, const struct bpf_link *iterator,
		    const struct unwind_maps *maps)
{
	CLEANUP(cleanup_walk) struct blocked_walk *walk = NULL;
	CLEANUP(cleanup_free) void *blocked = NULL;
	CLEANUP(cleanup_free) void *slept = NULL;
	size_t size, slept_size, count;
	int err = off_iterate(iterator, &blocked, &size);

	count = err ? 0 : size / sizeof(struct off_seed);
	if (err < 0 || !count)
		return err;
	err = blocked_walk_new(maps, &walk);
	if (!err)
		err = walk_all(drain, walk, blocked, count);
	if (!err)
		err = off_iterate(iterator, &slept, &slept_size);
	if (err < 0)
		return err;
	return forget_others(drain, blocked, count, slept, slept_size / sizeof(struct off_seed));
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
