/* SPDX-License-Identifier: Apache-2.0 */
/* Telling the unwinder what processes have mapped, and when they have ended. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "agent/processes_parts.h"
#include "base/clock.h"

/* A process that maps more, and more again, would keep the thread busy that runs before all else.
 */
#define BOUND_AT_ONCE_MAX 1024

/* How long after a thread's end its process is looked at, and how many of them at a time. */
#define EXITING_NS          NS_PER_SECOND
#define EXITING_CHECKED_MAX 16

bool processes_has_ended(const struct generation *generation)
{
	return generation->last_exit_ns && kill(generation->pid, 0) < 0 && errno == ESRCH;
}

int processes_mark_exited(struct processes *processes, struct generation *generation,
			  uint64_t time_ns)
{
	generation->last_exit_ns = time_ns;
	if (generation->is_exiting || !processes->unwinder)
		return 0;
	generation->is_exiting = true;
	return pid_list_add(&processes->exited, generation->pid);
}

/*
 * Whether it is looked at again. A process that has ended is walked no more: its run is for others,
 * long before its samples are named. Its number lasts until its parent has asked for it; and most
 * that lose a thread go on.
 */
static bool stays_exiting(struct processes *processes, struct generation *generation,
			  uint64_t now_ns)
{
	if (!processes_has_ended(generation))
		return generation->last_exit_ns + EXITING_NS > now_ns;
	if (generation->run.size_class)
		unwinder_unbind(processes->unwinder, generation->pid, &generation->run);
	return false;
}

static void unbind_ended(struct processes *processes)
{
	struct pid_list *exited = &processes->exited;
	size_t kept = 0, checked = exited->count;
	uint64_t now_ns = checked ? clock_ns(CLOCK_MONOTONIC) : 0;
	int32_t again[EXITING_CHECKED_MAX];

	if (checked > EXITING_CHECKED_MAX)
		checked = EXITING_CHECKED_MAX;
	for (size_t i = 0; i < checked; i++) {
		struct generation *generation =
			processes_find(processes, exited->items[i], UINT64_MAX);

		if (!generation || !generation->is_exiting)
			continue; /* forgotten, or another one by now */
		generation->is_exiting = stays_exiting(processes, generation, now_ns);
		if (generation->is_exiting)
			again[kept++] = generation->pid;
	}
	exited->count -= checked;
	if (checked)
		memmove(exited->items, exited->items + checked,
			exited->count * sizeof(*exited->items));
	for (size_t i = 0; i < kept; i++)
		exited->items[exited->count++] = again[i];
}

/*
 * What has ended would stay where it is bound until its number is another one's. What it had of its
 * parent alone goes by itself: see on_free() in bpf/sampler.bpf.c.
 */
static int bind_generation(struct processes *processes, struct generation *generation)
{
	if (processes_has_ended(generation)) {
		if (generation->run.size_class)
			unwinder_unbind(processes->unwinder, generation->pid, &generation->run);
		return 0;
	}
	return unwinder_bind(processes->unwinder, generation->pid, generation->mappings.current,
			     generation->mappings.count, &generation->run);
}

static int bind_changed(struct processes *processes, bool at_once)
{
	struct pid_list *changed = &processes->changed;
	bool has_put_off = false;
	size_t kept = 0;

	unbind_ended(processes);
	for (size_t i = 0; i < changed->count; i++) {
		int32_t pid = changed->items[i];
		struct generation *generation = processes_find(processes, pid, UINT64_MAX);
		uint64_t now_ns;
		int err;

		if (!generation || !generation->is_changed)
			continue; /* forgotten, or another generation of it was told of */
		if (at_once && generation->mappings.count > BOUND_AT_ONCE_MAX) {
			changed->items[kept++] = pid;
			continue;
		}
		now_ns = clock_ns(CLOCK_MONOTONIC);
		if (at_once && !bind_budget_allows(&generation->budget, now_ns)) {
			changed->items[kept++] = pid;
			has_put_off = true;
			continue;
		}
		bind_budget_spend(&generation->budget, generation->mappings.count, now_ns);
		generation->is_changed = false;
		/* Rather before than after it: what was walked well is not to be cut. */
		generation->settled_ns = now_ns;
		mappings_settle(&generation->mappings, generation->settled_ns);
		err = bind_generation(processes, generation);
		if (err < 0)
			return err;
	}
	changed->count = kept;
	__atomic_store_n(&processes->has_put_off, has_put_off, __ATOMIC_RELAXED);
	return 0;
}

int processes_bind(struct processes *processes, bool at_once)
{
	int err;

	(void)pthread_mutex_lock(&processes->lock);
	err = bind_changed(processes, at_once);
	(void)pthread_mutex_unlock(&processes->lock);
	return err;
}

bool processes_has_put_off(const struct processes *processes)
{
	return __atomic_load_n(&processes->has_put_off, __ATOMIC_RELAXED);
}
