/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/map_handover.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

/* Threads that wait at one time. The kernel lets them go together, at its next grace period. */
#define HANDS_MAX 16

/* Starting the thread and its system call takes about this long. */
#define LOOK_NS 20000

struct hand {
	pthread_t thread;
	bool has_thread;
	int outer_fd;
	uint32_t count;
	uint32_t *numbers; /* and, behind them, the descriptors */
	int err;
	bool is_done; /* read while the thread runs */
};

struct map_handover {
	int outer_fd;
	uint32_t next; /* hand: the one that has waited longest */
	struct hand hands[HANDS_MAX];
};

int map_handover_new(int outer_fd, struct map_handover **ret)
{
	struct map_handover *handover = calloc(1, sizeof(*handover));

	if (!handover)
		return -ENOMEM;
	handover->outer_fd = outer_fd;
	*ret = handover;
	return 0;
}

static void release(struct hand *hand)
{
	if (hand->has_thread)
		(void)pthread_join(hand->thread, NULL);
	free(hand->numbers);
	*hand = (struct hand){ 0 };
}

void map_handover_free(struct map_handover *handover)
{
	if (!handover)
		return;
	for (uint32_t i = 0; i < HANDS_MAX; i++)
		release(&handover->hands[i]);
	free(handover);
}

/* All in one go where the kernel can do that. */
static int update(const struct hand *hand)
{
	const uint32_t *fds = hand->numbers + hand->count;
	uint32_t done = hand->count;
	int err = bpf_map_update_batch(hand->outer_fd, hand->numbers, fds, &done, NULL);

	/* Before Linux 5.19 arrays of maps have no batches. */
	for (uint32_t i = 0; err < 0 && i < hand->count; i++) {
		if (bpf_map_update_elem(hand->outer_fd, &hand->numbers[i], &fds[i], BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

static void *run(void *context)
{
	struct hand *hand = context;

	hand->err = update(hand);
	/* The kernel would keep maps, and their memory, that we think are gone. */
	for (uint32_t i = 0; hand->err < 0 && i < hand->count; i++)
		(void)bpf_map_delete_elem(hand->outer_fd, &hand->numbers[i]);
	__atomic_store_n(&hand->is_done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* The kernel takes them in order. */
static bool is_last_there(const struct hand *hand)
{
	uint32_t id;

	return !bpf_map_lookup_elem(hand->outer_fd, &hand->numbers[hand->count - 1], &id);
}

int map_handover_give(struct map_handover *handover, const uint32_t *numbers, const uint32_t *fds,
		      uint32_t count)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	struct hand *hand = &handover->hands[handover->next];
	int err;

	assert(count > 0);
	handover->next = (handover->next + 1) % HANDS_MAX;
	release(hand);
	hand->numbers = calloc(2 * (size_t)count, sizeof(*hand->numbers));
	if (!hand->numbers)
		return -ENOMEM;
	memcpy(hand->numbers, numbers, count * sizeof(*numbers));
	memcpy(hand->numbers + count, fds, count * sizeof(*fds));
	hand->outer_fd = handover->outer_fd;
	hand->count = count;
	err = pthread_create(&hand->thread, NULL, run, hand);
	if (err)
		return -err;
	hand->has_thread = true;
	while (!__atomic_load_n(&hand->is_done, __ATOMIC_ACQUIRE)) {
		if (is_last_there(hand))
			return 0;
		(void)nanosleep(&pause, NULL);
	}
	return hand->err;
}
