/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/processes.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "agent/process_maps.h"
#include "agent/processes_parts.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"
#include "base/lock.h"

int processes_new(struct binaries *binaries, struct unwinder *unwinder, bool follow_all,
		  struct processes **ret)
{
	struct processes *processes = calloc(1, sizeof(*processes));

	if (!processes)
		return -ENOMEM;
	lock_init(&processes->lock);
	processes->binaries = binaries;
	processes->unwinder = unwinder;
	processes->follow_all = follow_all;
	*ret = processes;
	return 0;
}

static void generation_free(struct generation *generation)
{
	mappings_done(&generation->mappings);
	free(generation);
}

void processes_free(struct processes *processes)
{
	if (!processes)
		return;
	for (size_t i = 0; i < PROCESSES_BUCKETS; i++) {
		while (processes->buckets[i]) {
			struct generation *generation = processes->buckets[i];

			processes->buckets[i] = generation->next;
			generation_free(generation);
		}
	}
	pid_list_done(&processes->changed);
	pid_list_done(&processes->exited);
	(void)pthread_mutex_destroy(&processes->lock);
	free(processes);
}

static struct generation **bucket_of(const struct processes *processes, int32_t pid)
{
	size_t index = hash_u64((uint32_t)pid) & (PROCESSES_BUCKETS - 1);

	return (struct generation **)&processes->buckets[index];
}

struct generation *processes_find(const struct processes *processes, int32_t pid, uint64_t time_ns)
{
	struct generation *generation = *bucket_of(processes, pid);

	while (generation && (generation->pid != pid || generation->begin_ns > time_ns))
		generation = generation->next;
	return generation;
}

/* Notes that the unwinder has to be told of a generation. */
static int mark_changed(struct processes *processes, struct generation *generation,
			uint64_t time_ns)
{
	struct pid_list *changed = &processes->changed;
	int err;

	generation->version = ++processes->version;
	generation->changed_ns = time_ns;
	if (generation->is_changed || !processes->unwinder)
		return 0;
	generation->settled_ns = UINT64_MAX;
	err = pid_list_add(changed, generation->pid);
	if (err < 0)
		return err;
	generation->is_changed = true;
	return 0;
}

static int begin_generation(struct processes *processes, int32_t pid, uint64_t time_ns,
			    struct generation **ret)
{
	struct generation **bucket = bucket_of(processes, pid);
	struct generation *before = processes_find(processes, pid, UINT64_MAX);
	struct generation *generation = calloc(1, sizeof(*generation));

	if (!generation)
		return -ENOMEM;
	generation->pid = pid;
	generation->begin_ns = time_ns;
	generation->next = *bucket;
	if (before) {
		generation->run = before->run;
		generation->run.left_out = 0; /* what it leaves out is for itself to count */
		generation->budget = before->budget;
		before->run = (struct unwind_run){ 0 };
	}
	*ret = *bucket = generation;
	return mark_changed(processes, generation, time_ns);
}

static int add_mapping(struct processes *processes, struct generation *generation,
		       const struct mapping_source *source, uint64_t file_offset, uint64_t since_ns)
{
	struct mapping mapping = {
		.start = source->start,
		.end = source->end,
		.file_offset = file_offset,
		.since_ns = since_ns,
		.until_ns = UINT64_MAX,
	};
	int err;

	if (source->end <= source->start)
		return 0;
	err = binaries_find(processes->binaries, source, &mapping.binary);
	if (err == -E2BIG)
		return 0; /* counted there; its frames become [unknown] */
	if (err < 0)
		return err;
	err = mappings_insert(&generation->mappings, &mapping);
	if (err == -E2BIG) {
		processes->dropped_mappings++;
		return 0;
	}
	return err < 0 ? err : mark_changed(processes, generation, since_ns);
}

struct seeding {
	struct processes *processes;
	struct generation *generation;
};

static int seed_mapping(void *context, struct mapping_source *source, uint64_t file_offset)
{
	const struct seeding *seeding = context;

	source->program_ns = seeding->generation->begin_ns;
	return add_mapping(seeding->processes, seeding->generation, source, file_offset, 0);
}

/* As of a time, 0 being before all records; what has begun since is known from them. */
static int seed(struct processes *processes, int32_t pid, uint64_t time_ns)
{
	struct generation *known = processes_find(processes, pid, UINT64_MAX);
	CLEANUP(cleanup_file) FILE *file = NULL;
	struct seeding seeding = { .processes = processes };
	int err;

	if (time_ns && known && known->begin_ns >= time_ns)
		return 0;
	err = process_maps_open(pid, &file);
	if (err == -ESRCH && time_ns && known && !known->last_exit_ns)
		(void)processes_mark_exited(processes, known, time_ns);
	if (err < 0)
		return err;
	err = begin_generation(processes, pid, time_ns, &seeding.generation);
	if (err < 0)
		return err;
	return process_maps_read(file, pid, seed_mapping, &seeding);
}

int processes_seed_at(struct processes *processes, int32_t pid, uint64_t time_ns)
{
	int err;

	(void)pthread_mutex_lock(&processes->lock);
	err = seed(processes, pid, time_ns);
	(void)pthread_mutex_unlock(&processes->lock);
	return err;
}

static int list_known(struct processes *processes, struct pid_list *ret)
{
	for (size_t i = 0; i < PROCESSES_BUCKETS; i++) {
		const struct generation *generation = processes->buckets[i];

		for (; generation; generation = generation->next) {
			int err = 0;

			if (processes_find(processes, generation->pid, UINT64_MAX) == generation)
				err = pid_list_add(ret, generation->pid);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

int processes_list_known(struct processes *processes, struct pid_list *ret)
{
	int err;

	(void)pthread_mutex_lock(&processes->lock);
	err = list_known(processes, ret);
	(void)pthread_mutex_unlock(&processes->lock);
	return err;
}

bool processes_follows_all(const struct processes *processes)
{
	return processes->follow_all;
}

static int apply_fork(struct processes *processes, const struct sideband_record *record)
{
	const struct generation *parent =
		record->parent > 0 ? processes_find(processes, record->parent, record->time_ns)
				   : NULL;
	struct generation *child;
	int err;

	if (!parent && !processes->follow_all)
		return 0;
	/* The parent ended before it was seeded, the child was seeded with what it has now. */
	if (!parent && processes_find(processes, record->pid, UINT64_MAX))
		return 0;
	err = begin_generation(processes, record->pid, record->time_ns, &child);
	if (err < 0 || !parent)
		return err;
	return mappings_copy(&parent->mappings, &child->mappings);
}

static int apply_exec(struct processes *processes, const struct sideband_record *record)
{
	struct generation *generation;

	if (!processes_find(processes, record->pid, record->time_ns) && !processes->follow_all)
		return 0;
	return begin_generation(processes, record->pid, record->time_ns, &generation);
}

static int apply_mmap(struct processes *processes, const struct sideband_record *record)
{
	struct generation *generation = processes_find(processes, record->pid, record->time_ns);
	struct mapping_source source = {
		.pid = record->pid,
		.start = record->start,
		.end = record->start + record->length,
		.path = record->path,
		.build_id = &record->build_id,
		.device = record->device,
		.inode = record->inode,
		.is_new = true,
	};

	if (!generation) {
		int err;

		if (!processes->follow_all)
			return 0;
		err = begin_generation(processes, record->pid, record->time_ns, &generation);
		if (err < 0)
			return err;
	}
	source.program_ns = generation->begin_ns;
	return add_mapping(processes, generation, &source, record->file_offset, record->time_ns);
}

static int apply(struct processes *processes, const struct sideband_record *record)
{
	struct generation *generation;

	/*
	 * -1 is the kernel itself, whose text is known from kallsyms. 0 is any process outside of
	 * our pid namespace: they cannot be told apart, so nothing is known about them.
	 */
	if (record->pid <= 0)
		return 0;
	switch (record->type) {
	case SIDEBAND_MMAP:
		return apply_mmap(processes, record);
	case SIDEBAND_EXEC:
		return apply_exec(processes, record);
	case SIDEBAND_FORK:
		return apply_fork(processes, record);
	case SIDEBAND_EXIT:
		generation = processes_find(processes, record->pid, record->time_ns);
		return generation ? processes_mark_exited(processes, generation, record->time_ns)
				  : 0;
	case SIDEBAND_KSYMBOL:
		return 0;
	}
	return 0;
}

int processes_apply(void *context, const struct sideband_record *record)
{
	struct processes *processes = context;
	int err;

	(void)pthread_mutex_lock(&processes->lock);
	err = apply(processes, record);
	(void)pthread_mutex_unlock(&processes->lock);
	return err;
}

uint64_t processes_version(struct processes *processes, int32_t pid, uint64_t time_ns)
{
	const struct generation *generation;
	uint64_t version;

	if (pid <= 0)
		return 0;
	(void)pthread_mutex_lock(&processes->lock);
	generation = processes_find(processes, pid, time_ns);
	version = generation ? generation->version : 0;
	/* Before its last change it was another, of which nothing is kept: never the same again. */
	if (generation && (time_ns < generation->changed_ns || time_ns < generation->settled_ns))
		version = ++processes->version;
	(void)pthread_mutex_unlock(&processes->lock);
	return version;
}

/* With the lock held. */
static void locate(const struct generation *generation, uint64_t time_ns, uint64_t address,
		   struct mapping *ret)
{
	const struct mapping *mapping =
		generation ? mappings_find(&generation->mappings, time_ns, address) : NULL;

	*ret = (struct mapping){ 0 };
	if (!mapping)
		return;
	*ret = *mapping;
	ret->program_ns = generation->begin_ns;
	ret->settled_ns = generation->settled_ns;
}

void processes_locate_all(struct processes *processes, int32_t pid, uint64_t time_ns,
			  const uint64_t *addresses, size_t count, struct mapping *ret)
{
	const struct generation *generation;

	(void)pthread_mutex_lock(&processes->lock);
	generation = pid > 0 ? processes_find(processes, pid, time_ns) : NULL;
	for (size_t i = 0; i < count; i++)
		locate(generation, time_ns, addresses[i], &ret[i]);
	(void)pthread_mutex_unlock(&processes->lock);
}

bool processes_locate(struct processes *processes, int32_t pid, uint64_t time_ns, uint64_t address,
		      struct mapping *ret)
{
	struct mapping mapping;

	processes_locate_all(processes, pid, time_ns, &address, 1, &mapping);
	if (!mapping.binary)
		return false;
	*ret = mapping;
	return true;
}

/* Whether a newer generation of the same pid has taken over before a time. */
static bool is_superseded(const struct processes *processes, const struct generation *generation,
			  uint64_t before_ns)
{
	return processes_find(processes, generation->pid, before_ns) != generation &&
	       generation->begin_ns <= before_ns;
}

/* What the pid was before: no exit is told of that, and nobody is left who took its place. */
static void end_older(struct generation *older, int32_t pid)
{
	for (; older; older = older->next)
		older->is_over |= older->pid == pid;
}

static bool is_forgotten(const struct processes *processes, const struct generation *generation,
			 uint64_t before_ns)
{
	return generation->is_over || is_superseded(processes, generation, before_ns) ||
	       (generation->last_exit_ns < before_ns && processes_has_ended(generation));
}

static void forget(struct processes *processes, uint64_t before_ns)
{
	for (size_t i = 0; i < PROCESSES_BUCKETS; i++) {
		struct generation **link = &processes->buckets[i];

		while (*link) {
			struct generation *generation = *link;

			if (is_forgotten(processes, generation, before_ns)) {
				end_older(generation->next, generation->pid);
				*link = generation->next;
				if (generation->run.size_class)
					unwinder_unbind(processes->unwinder, generation->pid,
							&generation->run);
				generation_free(generation);
				continue;
			}
			mappings_forget(&generation->mappings, before_ns);
			link = &generation->next;
		}
	}
}

void processes_forget(struct processes *processes, uint64_t before_ns)
{
	(void)pthread_mutex_lock(&processes->lock);
	forget(processes, before_ns);
	(void)pthread_mutex_unlock(&processes->lock);
}

bool processes_is_gone(struct processes *processes, int32_t pid)
{
	const struct generation *generation;
	bool is_gone;

	(void)pthread_mutex_lock(&processes->lock);
	generation = processes_find(processes, pid, UINT64_MAX);
	is_gone = !generation || processes_has_ended(generation);
	(void)pthread_mutex_unlock(&processes->lock);
	return is_gone;
}

uint64_t processes_dropped_mappings(struct processes *processes)
{
	uint64_t dropped;

	(void)pthread_mutex_lock(&processes->lock);
	dropped = processes->dropped_mappings;
	(void)pthread_mutex_unlock(&processes->lock);
	return dropped;
}
