/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/jit.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "agent/jit_process.h"
#include "agent/late_names.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"
#include "base/lock.h"

/* Memory for names and addresses, of all processes. */
#define BYTES_MAX (UINT64_C(128) << 20)

#define BUCKETS 1024 /* a power of two */

/* More between two drains find their files when they are sampled, if they are alive then. */
#define ARRIVALS_MAX 1024

/* A process that has ended is kept for that long while its files are read. */
#define BEHIND_DRAINS_MAX 16

/* A process has one number only, but numbers come and go. */
#define KNOWN_MAX 65536

/* What was found when memory was mapped. */
struct arrival {
	int32_t pid;
	uint64_t program_ns;
	struct jit_files files;
	int dump_fd; /* or -errno */
};

struct jit {
	pthread_mutex_t lock; /* of the four below */
	struct arrival *arrivals;
	size_t arrival_count, arrival_capacity;
	struct hashmap known; /* pid -> program_ns: has arrived */

	struct jit_process *buckets[BUCKETS]; /* of one pid, what it runs now comes first */
	size_t process_count;
	uint64_t drain;   /* the number of this one */
	uint64_t budget;  /* bytes that may still be read in it */
	uint64_t version; /* the last one given out */
	uint64_t serial;  /* of the last process */
	struct late_names *late;
	struct jit_stats ended; /* of what is not kept any more */
	uint64_t unnamed;       /* of forgotten late names */
};

static void cleanup_jit(struct jit **jit)
{
	jit_free(*jit);
}

int jit_new(struct jit **ret)
{
	CLEANUP(cleanup_jit) struct jit *jit = calloc(1, sizeof(*jit));
	int err;

	if (!jit)
		return -ENOMEM;
	lock_init(&jit->lock);
	err = late_names_new(&jit->late);
	if (err < 0)
		return err;
	*ret = TAKE(jit);
	return 0;
}

static void arrival_done(struct arrival *arrival)
{
	jit_files_done(&arrival->files);
	cleanup_fd(&arrival->dump_fd);
}

void jit_free(struct jit *jit)
{
	if (!jit)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (jit->buckets[i]) {
			struct jit_process *process = jit->buckets[i];

			jit->buckets[i] = process->next;
			jit_process_free(process);
		}
	}
	for (size_t i = 0; i < jit->arrival_count; i++)
		arrival_done(&jit->arrivals[i]);
	free(jit->arrivals);
	hashmap_done(&jit->known);
	late_names_free(jit->late);
	(void)pthread_mutex_destroy(&jit->lock);
	free(jit);
}

bool jit_is_code(const struct binary *binary)
{
	static const char memfd[] = "memfd:";

	return binary->kind == BINARY_ANONYMOUS ||
	       (binary->kind == BINARY_FILE && !strncmp(binary->name, memfd, sizeof(memfd) - 1) &&
		!binary_module(binary));
}

/* Whether it is the first time; from now on it is not. */
static bool note_known(struct jit *jit, const struct mapping_source *source)
{
	uint64_t pid = (uint32_t)source->pid, program_ns;
	bool is_new;

	(void)pthread_mutex_lock(&jit->lock);
	is_new = !hashmap_get(&jit->known, pid, &program_ns) || program_ns != source->program_ns;
	if (is_new && jit->known.count == KNOWN_MAX)
		hashmap_clear(&jit->known);
	if (is_new)
		(void)hashmap_put(&jit->known, pid, source->program_ns);
	(void)pthread_mutex_unlock(&jit->lock);
	return is_new;
}

/* With the lock held. */
static int add_arrival(struct jit *jit, const struct arrival *arrival)
{
	if (jit->arrival_count == ARRIVALS_MAX)
		return -E2BIG;
	if (jit->arrival_count == jit->arrival_capacity) {
		size_t capacity = jit->arrival_capacity ? 2 * jit->arrival_capacity : 16;
		struct arrival *grown = reallocarray(jit->arrivals, capacity, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		jit->arrivals = grown;
		jit->arrival_capacity = capacity;
	}
	jit->arrivals[jit->arrival_count++] = *arrival;
	return 0;
}

void jit_mapped(struct jit *jit, const struct mapping_source *source, const struct binary *binary)
{
	struct arrival arrival = { source->pid, source->program_ns, JIT_FILES_NONE, -ENOENT };
	bool is_dump = jit_files_is_dump_name(source->path);
	int err;

	if (!is_dump && (!jit_is_code(binary) || !note_known(jit, source)))
		return;
	if (jit_files_find(source->pid, &arrival.files) < 0)
		return;
	if (is_dump)
		arrival.dump_fd = jit_files_open_dump(&arrival.files, source);
	(void)pthread_mutex_lock(&jit->lock);
	err = add_arrival(jit, &arrival);
	(void)pthread_mutex_unlock(&jit->lock);
	if (err < 0)
		arrival_done(&arrival);
}

static struct jit_process **bucket_of(struct jit *jit, int32_t pid)
{
	return &jit->buckets[hash_u64((uint32_t)pid) & (BUCKETS - 1)];
}

/* What pid runs now. */
static struct jit_process *newest(struct jit *jit, int32_t pid)
{
	struct jit_process *process = *bucket_of(jit, pid);

	while (process && process->pid != pid)
		process = process->next;
	return process;
}

static struct jit_process *find(struct jit *jit, int32_t pid, uint64_t program_ns)
{
	struct jit_process *process = newest(jit, pid);

	while (process && (process->pid != pid || process->program_ns != program_ns))
		process = process->next;
	return process;
}

static const char *late_name(void *context, uint64_t time_ns, uint64_t address)
{
	struct frame frame;

	return jit_process_name(context, time_ns, address, &frame) ? frame.name : NULL;
}

static void add_ended(struct jit *jit, const struct jit_process *process)
{
	struct jit_stats stats = { 0 };

	jit_process_add_stats(process, &stats);
	jit->ended.files_refused += stats.files_refused;
	jit->ended.entries_refused += stats.entries_refused;
	jit->ended.no_room += stats.no_room;
}

/* Names what it can, and takes it out of its bucket. */
static void end_process(struct jit *jit, struct jit_process *process)
{
	struct jit_process **link = bucket_of(jit, process->pid);

	while (*link != process)
		link = &(*link)->next;
	*link = process->next;
	jit->process_count--;
	late_names_settle(jit->late, process->serial, late_name, process);
	add_ended(jit, process);
	jit_process_free(process);
}

/* That was asked about longest ago, with something to give back, and is not this one; or NULL. */
static struct jit_process *least_used(struct jit *jit, const struct jit_process *kept,
				      bool has_bytes)
{
	struct jit_process *least = NULL;

	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct jit_process *p = jit->buckets[i]; p; p = p->next) {
			if (p == kept || (has_bytes && !p->bytes))
				continue;
			if (!least || p->used < least->used ||
			    (p->used == least->used && p->serial < least->serial))
				least = p;
		}
	}
	return least;
}

/* Memory is given back by those who were asked about longest ago. */
static void keep_limit(struct jit *jit, const struct jit_process *kept)
{
	size_t total = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		for (const struct jit_process *p = jit->buckets[i]; p; p = p->next)
			total += p->bytes;
	}
	while (total > BYTES_MAX) {
		struct jit_process *least = least_used(jit, kept, true);

		if (!least)
			return;
		total -= least->bytes;
		add_ended(jit, least);
		jit->ended.no_room++;
		jit_process_drop(least);
	}
}

/* Programs are met in any order: an earlier one may have samples when a later one is known. */
static struct jit_process **place_of(struct jit *jit, int32_t pid, uint64_t program_ns)
{
	struct jit_process **link = bucket_of(jit, pid);

	while (*link && ((*link)->pid != pid || (*link)->program_ns > program_ns))
		link = &(*link)->next;
	return link;
}

static struct jit_process *add_process(struct jit *jit, int32_t pid, uint64_t program_ns)
{
	struct jit_process *process = calloc(1, sizeof(*process));
	struct jit_process **link;

	if (!process)
		return NULL;
	if (jit->process_count == JIT_PROCESSES_MAX) {
		struct jit_process *least = least_used(jit, NULL, false);

		jit->ended.no_room += least->used > 0;
		end_process(jit, least);
	}
	process->pid = pid;
	process->program_ns = program_ns;
	process->serial = ++jit->serial;
	process->files = JIT_FILES_NONE;
	process->map_fd = process->dump_fd = -1;
	link = place_of(jit, pid, program_ns);
	process->next = *link;
	*link = process;
	jit->process_count++;
	return process;
}

static void take_arrival(struct jit *jit, struct arrival *arrival)
{
	struct jit_process *process = find(jit, arrival->pid, arrival->program_ns);

	if (!process)
		process = add_process(jit, arrival->pid, arrival->program_ns);
	if (!process)
		return;
	process->files_refused += arrival->dump_fd == -EPERM;
	if (process->files.process_fd < 0) {
		process->files = arrival->files;
		arrival->files = JIT_FILES_NONE;
	}
	if (process->dump_fd < 0 && arrival->dump_fd >= 0)
		process->dump_fd = TAKE_FD(arrival->dump_fd);
}

static void take_arrivals(struct jit *jit)
{
	CLEANUP(cleanup_free) struct arrival *arrivals = NULL;
	size_t count;

	(void)pthread_mutex_lock(&jit->lock);
	arrivals = TAKE(jit->arrivals);
	count = jit->arrival_count;
	jit->arrival_count = jit->arrival_capacity = 0;
	(void)pthread_mutex_unlock(&jit->lock);
	for (size_t i = 0; i < count; i++) {
		take_arrival(jit, &arrivals[i]);
		arrival_done(&arrivals[i]);
	}
}

/* Once in each drain. The files of what is no longer run belong to another program by now. */
static void refresh(struct jit *jit, struct jit_process *process)
{
	uint64_t replaced;

	if (process->checked == jit->drain)
		return;
	process->checked = jit->drain;
	if (jit->budget > 0)
		process->served = jit->drain;
	replaced = process->replaced;
	if (jit_process_read(process, newest(jit, process->pid) == process, &jit->budget))
		late_names_settle(jit->late, process->serial, late_name, process);
	if (process->replaced != replaced)
		process->version = ++jit->version;
	keep_limit(jit, process);
}

/* Whose files are not read to their ends, and had nothing to read with for longest. */
static struct jit_process *longest_waiting(struct jit *jit)
{
	struct jit_process *longest = NULL;

	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct jit_process *p = jit->buckets[i]; p; p = p->next) {
			if (p->checked == jit->drain || !jit_process_is_behind(p))
				continue;
			if (!longest || p->served < longest->served)
				longest = p;
		}
	}
	return longest;
}

static void begin(struct jit *jit, uint64_t bytes_max)
{
	struct jit_process *process;

	jit->drain++;
	jit->budget = bytes_max;
	take_arrivals(jit);
	while (jit->budget > 0 && (process = longest_waiting(jit)))
		refresh(jit, process);
}

void jit_begin(struct jit *jit)
{
	begin(jit, JIT_DRAIN_BYTES_MAX);
}

bool jit_name(struct jit *jit, const struct jit_address *address, struct frame *ret)
{
	struct jit_process *process = find(jit, address->pid, address->program_ns);
	const char *name;

	if (!process) {
		process = add_process(jit, address->pid, address->program_ns);
		/* A child that has inherited the code, or it was mapped and gone in between. */
		if (process && jit_files_find(address->pid, &process->files) < 0)
			process->files = JIT_FILES_NONE;
	}
	if (!process)
		return false;
	process->used = jit->drain;
	refresh(jit, process);
	if (jit_process_name(process, address->time_ns, address->address, ret))
		return true;
	if (!jit_process_has_files(process))
		return false;
	name = late_names_add(jit->late, process->serial, address->time_ns, address->address);
	if (!name)
		return false;
	*ret = (struct frame){ .name = name, .kind = FRAME_USER };
	return true;
}

uint64_t jit_version(struct jit *jit, int32_t pid)
{
	struct jit_process *process = newest(jit, pid);

	if (!process || !process->used)
		return 0;
	refresh(jit, process);
	return process->version;
}

/* Whether it was gone before a time: who names may be behind the times by many drains. */
static bool is_over(struct jit *jit, struct jit_process *process, uint64_t before_ns)
{
	bool is_gone = newest(jit, process->pid) != process || jit_files_is_gone(&process->files);

	if (is_gone && !process->gone_ns) {
		process->gone_ns = clock_ns(CLOCK_MONOTONIC);
		process->gone_drain = jit->drain;
	}
	return process->gone_ns && process->gone_ns <= before_ns;
}

/* Whether names that it is asked for may yet be read. */
static bool is_waited_for(struct jit *jit, const struct jit_process *process)
{
	return newest(jit, process->pid) == process && jit_process_is_behind(process) &&
	       jit->drain - process->gone_drain < BEHIND_DRAINS_MAX;
}

void jit_end(struct jit *jit, uint64_t before_ns)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct jit_process *process = jit->buckets[i];

		while (process) {
			struct jit_process *next = process->next;

			if (process->dump)
				jitdump_forget(process->dump, before_ns);
			if (is_over(jit, process, before_ns) && process->used)
				refresh(jit, process);
			if (is_over(jit, process, before_ns) && !is_waited_for(jit, process))
				end_process(jit, process);
			process = next;
		}
	}
}

bool jit_settle(struct jit *jit)
{
	begin(jit, JIT_SETTLE_BYTES_MAX);
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct jit_process *p = jit->buckets[i]; p; p = p->next) {
			if (p->used)
				refresh(jit, p);
		}
	}
	return late_names_count(jit->late) > 0;
}

bool jit_replace(void *context, struct frame *frame)
{
	const struct jit *jit = context;

	return late_names_replace(jit->late, frame);
}

void jit_forget_late(struct jit *jit)
{
	jit->unnamed += late_names_unnamed(jit->late);
	late_names_clear(jit->late);
}

void jit_read_stats(const struct jit *jit, struct jit_stats *ret)
{
	*ret = (struct jit_stats){ 0 };
	if (!jit)
		return;
	*ret = jit->ended;
	ret->unnamed = jit->unnamed + late_names_unnamed(jit->late);
	for (size_t i = 0; i < BUCKETS; i++) {
		for (const struct jit_process *p = jit->buckets[i]; p; p = p->next)
			jit_process_add_stats(p, ret);
	}
}
