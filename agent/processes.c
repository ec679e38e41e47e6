/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/processes.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "agent/mappings.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"
#include "base/lock.h"

#define BUCKETS 4096 /* a power of two */

/* A process that maps more, and more again, would keep the thread busy that runs before all else.
 */
#define BOUND_AT_ONCE_MAX 1024

struct generation {
	struct generation *next; /* in its bucket; of one pid, the newest comes first */
	int32_t pid;
	uint64_t begin_ns;
	uint64_t last_exit_ns; /* of a thread; 0: none yet */
	struct mappings mappings;
	struct unwind_run run; /* what the unwinder has of the newest generation */
	bool is_changed;       /* since it was told; the pid is in processes->changed then */
	uint64_t version;
	uint64_t changed_ns; /* when it became this version */
	uint64_t settled_ns; /* when walkers had been told of that; UINT64_MAX: not yet */
};

struct pid_list {
	int32_t *items;
	size_t count, capacity;
};

struct processes {
	pthread_mutex_t lock; /* of all that is below */
	struct binaries *binaries;
	struct unwinder *unwinder; /* or NULL */
	bool follow_all;
	uint64_t dropped_mappings;
	uint64_t version; /* the last one given out */
	struct pid_list changed;
	struct generation *buckets[BUCKETS];
};

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
	for (size_t i = 0; i < BUCKETS; i++) {
		while (processes->buckets[i]) {
			struct generation *generation = processes->buckets[i];

			processes->buckets[i] = generation->next;
			generation_free(generation);
		}
	}
	free(processes->changed.items);
	(void)pthread_mutex_destroy(&processes->lock);
	free(processes);
}

static struct generation **bucket_of(const struct processes *processes, int32_t pid)
{
	size_t index = hash_u64((uint32_t)pid) & (BUCKETS - 1);

	return (struct generation **)&processes->buckets[index];
}

/* What pid was at a time: the newest generation that had begun. */
static struct generation *find(const struct processes *processes, int32_t pid, uint64_t time_ns)
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

	generation->version = ++processes->version;
	generation->changed_ns = time_ns;
	if (generation->is_changed || !processes->unwinder)
		return 0;
	generation->settled_ns = UINT64_MAX;
	if (changed->count == changed->capacity) {
		size_t capacity = changed->capacity ? 2 * changed->capacity : 64;
		int32_t *items = realloc(changed->items, capacity * sizeof(*items));

		if (!items)
			return -ENOMEM;
		changed->items = items;
		changed->capacity = capacity;
	}
	changed->items[changed->count++] = generation->pid;
	generation->is_changed = true;
	return 0;
}

static int begin_generation(struct processes *processes, int32_t pid, uint64_t time_ns,
			    struct generation **ret)
{
	struct generation **bucket = bucket_of(processes, pid);
	struct generation *before = find(processes, pid, UINT64_MAX);
	struct generation *generation = calloc(1, sizeof(*generation));

	if (!generation)
		return -ENOMEM;
	generation->pid = pid;
	generation->begin_ns = time_ns;
	generation->next = *bucket;
	if (before) {
		generation->run = before->run;
		generation->run.left_out = 0; /* what it leaves out is for itself to count */
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

/* One line of /proc/PID/maps (man 5 proc); anything else is passed over. */
static int seed_line(struct processes *processes, struct generation *generation, char *line)
{
	struct mapping_source source = { .pid = generation->pid,
					 .program_ns = generation->begin_ns };
	unsigned int major, minor;
	uint64_t offset;
	char access[5];
	int path_at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
		   &source.start, &source.end, access, &offset, &major, &minor, &source.inode,
		   &path_at) < 7 ||
	    !path_at)
		return 0;
	if (!strchr(access, 'x'))
		return 0;
	line[strcspn(line, "\n")] = '\0';
	source.device = makedev(major, minor);
	source.path = line + path_at;
	return add_mapping(processes, generation, &source, offset, 0);
}

static int seed(struct processes *processes, int32_t pid)
{
	CLEANUP(cleanup_file) FILE *file = NULL;
	CLEANUP(cleanup_free) char *line = NULL;
	struct generation *generation;
	size_t line_size = 0;
	char path[64];
	int err;

	(void)snprintf(path, sizeof(path), "/proc/%" PRId32 "/maps", pid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -errno;
	err = begin_generation(processes, pid, 0, &generation);
	if (err < 0)
		return err;
	while (getline(&line, &line_size, file) > 0) {
		err = seed_line(processes, generation, line);
		if (err < 0)
			return err;
	}
	/* A process that ended under our hands reads as empty or -ESRCH: it has no more samples. */
	return 0;
}

int processes_seed(struct processes *processes, int32_t pid)
{
	int err;

	(void)pthread_mutex_lock(&processes->lock);
	err = seed(processes, pid);
	(void)pthread_mutex_unlock(&processes->lock);
	return err;
}

static void cleanup_directory(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

int processes_seed_all(struct processes *processes)
{
	CLEANUP(cleanup_directory) DIR *directory = opendir("/proc");
	struct dirent *entry;

	if (!directory)
		return -errno;
	while ((entry = readdir(directory))) {
		int err;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		err = processes_seed(processes, (int32_t)strtol(entry->d_name, NULL, 10));
		/* Gone meanwhile, or not ours to read: its frames stay addresses. */
		if (err < 0 && err != -ESRCH && err != -EACCES && err != -EPERM)
			return err;
	}
	return 0;
}

static int apply_fork(struct processes *processes, const struct sideband_record *record)
{
	const struct generation *parent =
		record->parent > 0 ? find(processes, record->parent, record->time_ns) : NULL;
	struct generation *child;
	int err;

	if (!parent && !processes->follow_all)
		return 0;
	/* The parent ended before it was seeded, the child was seeded with what it has now. */
	if (!parent && find(processes, record->pid, UINT64_MAX))
		return 0;
	err = begin_generation(processes, record->pid, record->time_ns, &child);
	if (err < 0 || !parent)
		return err;
	return mappings_copy(&parent->mappings, &child->mappings);
}

static int apply_exec(struct processes *processes, const struct sideband_record *record)
{
	struct generation *generation;

	if (!find(processes, record->pid, record->time_ns) && !processes->follow_all)
		return 0;
	return begin_generation(processes, record->pid, record->time_ns, &generation);
}

static int apply_mmap(struct processes *processes, const struct sideband_record *record)
{
	struct generation *generation = find(processes, record->pid, record->time_ns);
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
		generation = find(processes, record->pid, record->time_ns);
		if (generation)
			generation->last_exit_ns = record->time_ns;
		return 0;
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

static int bind_changed(struct processes *processes, bool at_once)
{
	struct pid_list *changed = &processes->changed;
	size_t kept = 0;

	for (size_t i = 0; i < changed->count; i++) {
		int32_t pid = changed->items[i];
		struct generation *generation = find(processes, pid, UINT64_MAX);
		int err;

		if (!generation || !generation->is_changed)
			continue; /* forgotten, or another generation of it was told of */
		if (at_once && generation->mappings.count > BOUND_AT_ONCE_MAX) {
			changed->items[kept++] = pid;
			continue;
		}
		generation->is_changed = false;
		/* Rather before than after it: what was walked well is not to be cut. */
		generation->settled_ns = clock_ns(CLOCK_MONOTONIC);
		mappings_settle(&generation->mappings, generation->settled_ns);
		err = unwinder_bind(processes->unwinder, pid, generation->mappings.current,
				    generation->mappings.count, &generation->run);
		if (err < 0)
			return err;
	}
	changed->count = kept;
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

uint64_t processes_version(struct processes *processes, int32_t pid, uint64_t time_ns)
{
	const struct generation *generation;
	uint64_t version;

	if (pid <= 0)
		return 0;
	(void)pthread_mutex_lock(&processes->lock);
	generation = find(processes, pid, time_ns);
	version = generation ? generation->version : 0;
	/* Before its last change it was another, of which nothing is kept: never the same again. */
	if (generation && (time_ns < generation->changed_ns || time_ns < generation->settled_ns))
		version = ++processes->version;
	(void)pthread_mutex_unlock(&processes->lock);
	return version;
}

bool processes_locate(struct processes *processes, int32_t pid, uint64_t time_ns, uint64_t address,
		      struct mapping *ret)
{
	const struct generation *generation;
	const struct mapping *mapping = NULL;

	if (pid <= 0)
		return false;
	(void)pthread_mutex_lock(&processes->lock);
	generation = find(processes, pid, time_ns);
	if (generation)
		mapping = mappings_find(&generation->mappings, time_ns, address);
	if (mapping) {
		*ret = *mapping;
		ret->program_ns = generation->begin_ns;
		ret->settled_ns = generation->settled_ns;
	}
	(void)pthread_mutex_unlock(&processes->lock);
	return mapping != NULL;
}

static bool has_ended(const struct generation *generation)
{
	return generation->last_exit_ns && kill(generation->pid, 0) < 0 && errno == ESRCH;
}

/* Whether a newer generation of the same pid has taken over before a time. */
static bool is_superseded(const struct processes *processes, const struct generation *generation,
			  uint64_t before_ns)
{
	return find(processes, generation->pid, before_ns) != generation &&
	       generation->begin_ns <= before_ns;
}

static void forget(struct processes *processes, uint64_t before_ns)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct generation **link = &processes->buckets[i];

		while (*link) {
			struct generation *generation = *link;

			if (is_superseded(processes, generation, before_ns) ||
			    (generation->last_exit_ns < before_ns && has_ended(generation))) {
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
	generation = find(processes, pid, UINT64_MAX);
	is_gone = !generation || has_ended(generation);
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
