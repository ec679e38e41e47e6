/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/wait_kind.h"

#include <assert.h>

/* Worker, its loop, and the queue that it takes from: still near the entry. */
#define FRAMES_TO_WAIT     3
/* The function that sleeps between two rounds of its loop. */
#define FRAMES_TO_SLEEP    1
/* pthread_cond_wait() has as many of libc's own below it. With more it was another function of the
 * name, which did not wait but called. */
#define FRAMES_WITHIN_LIBC 3

const char *wait_kind_text(enum wait_kind kind)
{
	static const char *const texts[WAIT_KIND_COUNT] = {
		[WAIT_IO] = "I/O",
		[WAIT_NETWORK] = "network/pipe",
		[WAIT_LOCK] = "lock",
		[WAIT_SLEEP] = "sleep",
		[WAIT_RUNQUEUE] = "run queue",
		[WAIT_OTHER] = "other",
		[WAIT_WORK] = "waiting for work",
	};

	assert(kind < WAIT_KIND_COUNT);
	return texts[kind];
}

static bool is_note(enum wait_word word)
{
	return word >= WORD_RUNQUEUE && word <= WORD_STOPPED;
}

static void enter_kernel(struct wait_walk *walk, enum wait_word word)
{
	if (word == WORD_HIDDEN)
		return;
	walk->has_kernel_names = true;
	/* accept() and epoll wait by means of sockets, and for what these cannot tell. */
	if (word == WORD_NONE || (word == WORD_NETWORK && walk->kernel == WORD_WORK))
		return;
	walk->kernel = word == WORD_INTERRUPTS ? WORD_NONE : word;
}

static void enter_user(struct wait_walk *walk, enum frame_kind kind, enum wait_word word)
{
	switch (word) {
	case WORD_ENTRY:
		*walk = (struct wait_walk){ .distance = 1 };
		return;
	case WORD_INTERRUPTS:
		*walk = (struct wait_walk){ 0 };
		return;
	case WORD_FETCHES:
	case WORD_LOCKS:
		walk->purpose = word;
		break;
	case WORD_NONE:
		if (kind != FRAME_INLINED && walk->user && walk->since++ == FRAMES_WITHIN_LIBC)
			walk->user = WORD_NONE;
		break;
	default:
		if (walk->user != word)
			walk->distance_at_it = walk->distance;
		walk->user = word;
		walk->since = 0;
	}
	if (walk->distance > 0 && walk->distance < UINT8_MAX && kind != FRAME_INLINED)
		walk->distance++;
}

void wait_walk_enter(struct wait_walk *walk, enum frame_kind kind, enum wait_word word)
{
	if (walk->is_over)
		return;
	if (word == WORD_WAKER)
		walk->is_over = true;
	else if (is_note(word))
		walk->state = word;
	else if (kind == FRAME_KERNEL)
		enter_kernel(walk, word);
	else
		enter_user(walk, kind, word);
}

static bool is_for_work(const struct wait_walk *walk, unsigned frames)
{
	unsigned distance = walk->user ? walk->distance_at_it : walk->distance;

	if (walk->purpose)
		return walk->purpose == WORD_FETCHES;
	return distance > 0 && distance - 1 <= frames;
}

enum wait_kind wait_walk_kind(const struct wait_walk *walk)
{
	if (walk->state == WORD_RUNQUEUE)
		return WAIT_RUNQUEUE;
	if (walk->state == WORD_STOPPED)
		return WAIT_OTHER;
	switch (walk->kernel ? walk->kernel : walk->user) {
	case WORD_IO:
		return WAIT_IO;
	case WORD_NETWORK:
		return WAIT_NETWORK;
	case WORD_LOCK:
		return WAIT_LOCK;
	case WORD_SLEEP:
		return WAIT_SLEEP;
	case WORD_WORK:
		return walk->purpose == WORD_LOCKS ? WAIT_LOCK : WAIT_WORK;
	case WORD_FUTEX:
		if (walk->user != WORD_CONDITION && walk->purpose != WORD_FETCHES)
			return WAIT_LOCK;
		return is_for_work(walk, FRAMES_TO_WAIT) ? WAIT_WORK : WAIT_LOCK;
	case WORD_CONDITION:
		return is_for_work(walk, FRAMES_TO_WAIT) ? WAIT_WORK : WAIT_LOCK;
	case WORD_POLL:
		if (walk->purpose == WORD_LOCKS)
			return WAIT_LOCK;
		return is_for_work(walk, FRAMES_TO_WAIT) ? WAIT_WORK : WAIT_NETWORK;
	case WORD_URING:
		return is_for_work(walk, FRAMES_TO_WAIT) ? WAIT_WORK : WAIT_IO;
	case WORD_NANOSLEEP:
		if (walk->purpose == WORD_LOCKS)
			return WAIT_LOCK;
		return is_for_work(walk, FRAMES_TO_SLEEP) ? WAIT_WORK : WAIT_SLEEP;
	default:
		return walk->state == WORD_UNINTERRUPTIBLE && !walk->has_kernel_names ? WAIT_IO
										      : WAIT_OTHER;
	}
}

bool wait_walk_is_decided(const struct wait_walk *walk)
{
	return walk->kernel || walk->state;
}

enum wait_kind wait_kind_of(const struct frame *frames, size_t n)
{
	struct wait_walk walk = { 0 };

	for (size_t i = 1; i < n; i++)
		wait_walk_enter(&walk, frames[i].kind,
				wait_word_of(frames[i].kind, frames[i].name));
	return wait_walk_kind(&walk);
}
