/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two threads. The owner adds slots and says which are wanted; the builder compiles them one after
 * the other, finds them a place and publishes them. The queue between them is all that is locked,
 * and never for longer than an entry takes. The store and the places are the builder's alone.
 *
 * A table that is dropped for want of room is marked first and its place reused only after
 * unwind_tables_collect(), as a walker may be reading it. What it was dropped for waits until then.
 */
#include "agent/unwind_tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "agent/build_queue.h"
#include "agent/unwind_store.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/lock.h"
#include "bpf/abi.h"
#include "symbolize/file_change.h"

/* One chunk is kept ready: then nine of ten tables need not wait for the kernel to make one. */
#define WORDS_AHEAD (UNWIND_CHUNK_SIZE / 4)

/* What has failed waits for 1, 2, 4, ... collects: in the end for a minute, where a drain takes
 * place each second. */
#define RETRY_SHIFT_MAX 6

/* A table that takes longer than a few mappings take to come. */
#define LARGE_FILE_BYTES (1 << 20)

/* What takes the builder less than a millisecond would wait for ten on a busy machine. */
#define BUILDER_NICE (-10)

struct table {
	int fd;           /* of the binary: a table may have to be built again */
	struct stat file; /* what it was when it came */
	char *name;
	bool is_pinned;    /* under the lock, as are the next */
	bool is_unplaced;  /* built ahead, and no room: only a walk has it built again */
	uint8_t failures;  /* in a row, none of which need happen again */
	const char *error; /* of the last build; NULL: there was none */
	/* The builder's: where it is. */
	uint32_t place;
	size_t words; /* 0: nowhere */
};

struct unwind_tables {
	struct unwind_slot *slots; /* the map's own memory */
	uint32_t slot_count;
	struct unwind_store *store;
	pthread_t builder;
	bool has_builder;

	pthread_mutex_t lock;
	pthread_cond_t has_work, is_idle;
	struct table *tables;     /* by slot; never moves */
	uint32_t used;            /* slots; number 0 is for code without a file */
	struct build_queue queue; /* each tick is a collect */
	bool is_busy, wants_collect, is_ending;
	struct unwind_tables_stats stats;
};

/* The oldest table that may be dropped, or 0. */
static uint32_t find_oldest(struct unwind_tables *tables)
{
	uint32_t oldest = 0;

	(void)pthread_mutex_lock(&tables->lock);
	for (uint32_t i = 1; i < tables->used; i++) {
		const struct table *table = &tables->tables[i];

		if (!table->words || table->is_pinned)
			continue;
		if (!oldest || tables->slots[i].last_used < tables->slots[oldest].last_used)
			oldest = i;
	}
	(void)pthread_mutex_unlock(&tables->lock);
	return oldest;
}

/* With the lock held. */
static void collect(struct unwind_tables *tables)
{
	tables->wants_collect = false;
	unwind_store_collect(tables->store);
	build_queue_tick(&tables->queue);
}

static void evict(struct unwind_tables *tables, uint32_t slot)
{
	struct table *table = &tables->tables[slot];

	__atomic_store_n(&tables->slots[slot].state, TABLE_NOT_YET, __ATOMIC_RELEASE);
	tables->slots[slot].wanted = 0;
	(void)pthread_mutex_lock(&tables->lock);
	/* One that was asked for before does not count for what is dropped after it. */
	if (tables->wants_collect)
		collect(tables);
	unwind_store_drop(tables->store, table->place, table->words);
	table->words = 0;
	tables->stats.evicted++;
	(void)pthread_mutex_unlock(&tables->lock);
}

/* Drops the least recently used tables, until words are dropped. False: there are not so many. */
static bool make_room(struct unwind_tables *tables, size_t words)
{
	size_t dropped = 0;

	while (dropped < words) {
		uint32_t slot = find_oldest(tables);

		if (!slot)
			return dropped > 0;
		dropped += tables->tables[slot].words;
		evict(tables, slot);
	}
	return true;
}

/* What walkers call now, as the tables show it. */
static uint32_t latest_use(struct unwind_tables *tables)
{
	uint32_t latest = 0;

	(void)pthread_mutex_lock(&tables->lock);
	for (uint32_t i = 1; i < tables->used; i++)
		latest = tables->slots[i].last_used > latest ? tables->slots[i].last_used : latest;
	(void)pthread_mutex_unlock(&tables->lock);
	return latest;
}

static void publish(struct unwind_tables *tables, uint32_t number, const struct unwind_table *table,
		    bool is_wanted)
{
	struct unwind_slot *slot = &tables->slots[number];

	/* What a walk waits for is not the one to be dropped for the next; what none has asked for
	 * is. */
	slot->last_used = is_wanted ? latest_use(tables) : 0;
	slot->code_start = table->code_start;
	slot->image = tables->tables[number].place;
	slot->first_block = table->first_block;
	slot->block_count = table->block_count;
	slot->wanted = 0;
	/* Whoever sees that it is ready sees the rest. */
	__atomic_store_n(&slot->state, TABLE_READY, __ATOMIC_RELEASE);
}

/* Its code is walked along frame pointers from here on, as far as they look like it. */
static void give_up(struct unwind_tables *tables, uint32_t number, enum unwind_table_state state)
{
	__atomic_store_n(&tables->slots[number].state, state, __ATOMIC_RELEASE);
}

static void fail(struct unwind_tables *tables, uint32_t number, int err, const char *text)
{
	/* There never were any rules, as for Go's code: that makes frames. */
	bool has_none = err == -ENODATA || err == -ENOTSUP;

	(void)pthread_mutex_lock(&tables->lock);
	if (has_none)
		tables->stats.without++;
	else
		tables->tables[number].error = text;
	(void)pthread_mutex_unlock(&tables->lock);
	give_up(tables, number, has_none ? TABLE_FRAME_POINTERS : TABLE_UNUSABLE);
}

/* Whether it may be another time: the machine's fault, not that of the file. */
static bool may_pass(int err)
{
	return err == -ENOMEM || err == -EIO || err == -EMFILE || err == -ENFILE;
}

/* After how many collects it is tried again. */
static uint32_t put_off(struct unwind_tables *tables, uint32_t number, const char *text)
{
	struct table *table = &tables->tables[number];
	uint32_t collects = 1u << table->failures;

	(void)pthread_mutex_lock(&tables->lock);
	table->error = text;
	table->failures += table->failures < RETRY_SHIFT_MAX;
	(void)pthread_mutex_unlock(&tables->lock);
	return collects;
}

static void count_built(struct unwind_tables *tables, uint32_t number,
			const struct unwind_table *table)
{
	(void)pthread_mutex_lock(&tables->lock);
	tables->tables[number].failures = 0;
	tables->tables[number].error = NULL;
	tables->stats.built++;
	tables->stats.rows += table->row_count;
	for (size_t i = 0; i < UNWIND_UNSUPPORTED_KINDS; i++)
		tables->stats.unsupported[i] += table->unsupported[i];
	(void)pthread_mutex_unlock(&tables->lock);
}

static void give_up_without_room(struct unwind_tables *tables, uint32_t number)
{
	give_up(tables, number, TABLE_UNUSABLE);
	(void)pthread_mutex_lock(&tables->lock);
	tables->stats.refused++;
	(void)pthread_mutex_unlock(&tables->lock);
}

/*
 * Puts a table into the store and shows it to the walkers. Returns how many collects it has to wait
 * for before that is tried again; 0: it has not. What no walk has needed yet takes nobody's place;
 * the walker will ask.
 */
static uint32_t place(struct unwind_tables *tables, uint32_t number,
		      const struct unwind_table *table, bool takes_room)
{
	struct table *entry = &tables->tables[number];
	int err = unwind_store_put(tables->store, table->words, table->word_count, &entry->place);

	if ((err == -EAGAIN || err == -ENOSPC) && !takes_room)
		return 0;
	if (err == -EAGAIN || (err == -ENOSPC && make_room(tables, table->word_count)))
		return 1;
	if (may_pass(err))
		return put_off(tables, number, strerror(-err));
	if (err < 0) {
		give_up_without_room(tables, number);
		return 0;
	}
	entry->words = table->word_count;
	publish(tables, number, table, takes_room);
	count_built(tables, number, table);
	return 0;
}

/* Returns as place() does. */
static uint32_t build(struct unwind_tables *tables, uint32_t number, bool takes_room)
{
	CLEANUP(unwind_table_done) struct unwind_table table = { 0 };
	const char *error = NULL;
	int err;

	/* It was wanted again while it was on its way. */
	if (__atomic_load_n(&tables->slots[number].state, __ATOMIC_RELAXED) != TABLE_NOT_YET)
		return 0;
	err = unwind_table_build(tables->tables[number].fd, &table, &error);
	if (may_pass(err))
		return put_off(tables, number, error);
	if (!file_is_as_before(tables->tables[number].fd, &tables->tables[number].file)) {
		err = -ESTALE;
		error = "it was written to after it had been mapped";
	}
	if (err < 0) {
		fail(tables, number, err, error);
		return 0;
	}
	return place(tables, number, &table, takes_room);
}

/* With the lock held, which is given up meanwhile. */
static void build_next(struct unwind_tables *tables)
{
	bool is_urgent;
	uint32_t number = build_queue_pop(&tables->queue, &is_urgent), collects;
	struct table *table = &tables->tables[number];
	bool takes_room = is_urgent || table->is_pinned;
	uint64_t began_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	if (!number)
		return;
	tables->is_busy = true;
	(void)pthread_mutex_unlock(&tables->lock);
	collects = build(tables, number, takes_room);
	(void)pthread_mutex_lock(&tables->lock);
	tables->is_busy = false;
	table->is_unplaced =
		!takes_room && !collects && tables->slots[number].state == TABLE_NOT_YET;
	if (collects)
		build_queue_wait(&tables->queue, number, collects, takes_room);
	tables->stats.build_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - began_ns;
}

/* With the lock held, which is given up meanwhile. */
static void make_chunk_ahead(struct unwind_tables *tables)
{
	(void)pthread_mutex_unlock(&tables->lock);
	/* No room, or no memory: who needs it will hear of it. */
	(void)unwind_store_prepare(tables->store, WORDS_AHEAD);
	(void)pthread_mutex_lock(&tables->lock);
}

static void *run_builder(void *context)
{
	struct unwind_tables *tables = context;
	bool is_prepared = false;

	(void)prctl(PR_SET_NAME, "eprof-tables");
	/* On Linux of this thread alone. What is not permitted is done without. */
	(void)setpriority(PRIO_PROCESS, 0, BUILDER_NICE);
	(void)pthread_mutex_lock(&tables->lock);
	while (!tables->is_ending) {
		if (tables->wants_collect)
			collect(tables);
		if (!build_queue_is_empty(&tables->queue)) {
			build_next(tables);
			is_prepared = false;
			continue;
		}
		tables->stats.bytes = unwind_store_bytes(tables->store);
		(void)pthread_cond_broadcast(&tables->is_idle);
		if (!is_prepared) {
			make_chunk_ahead(tables);
			is_prepared = true;
			continue;
		}
		(void)pthread_cond_wait(&tables->has_work, &tables->lock);
	}
	(void)pthread_mutex_unlock(&tables->lock);
	return NULL;
}

static void cleanup_tables(struct unwind_tables **tables)
{
	unwind_tables_free(*tables);
}

static int allocate(struct unwind_tables *tables, const struct unwind_tables_maps *maps)
{
	void *slots = mmap(NULL, maps->slots * sizeof(*tables->slots), PROT_READ | PROT_WRITE,
			   MAP_SHARED, maps->slots_fd, 0);

	if (slots == MAP_FAILED)
		return -errno;
	tables->slots = slots;
	tables->slot_count = maps->slots;
	tables->tables = calloc(maps->slots, sizeof(*tables->tables));
	if (!tables->tables)
		return -ENOMEM;
	return build_queue_init(&tables->queue, maps->slots);
}

int unwind_tables_new(const struct unwind_tables_maps *maps, uint64_t bytes_max,
		      struct unwind_tables **ret)
{
	CLEANUP(cleanup_tables) struct unwind_tables *tables = calloc(1, sizeof(*tables));
	pthread_condattr_t monotonic;
	int err;

	if (!tables)
		return -ENOMEM;
	lock_init(&tables->lock);
	(void)pthread_cond_init(&tables->has_work, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&tables->is_idle, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	err = allocate(tables, maps);
	if (err < 0)
		return err;
	err = unwind_store_new(maps->chunks_fd, maps->chunks, bytes_max, &tables->store);
	if (err < 0)
		return err;
	unwind_store_tell(tables->store, maps->chunk_fds);
	tables->used = 1;
	tables->slots[0].state = TABLE_FRAME_POINTERS;
	err = pthread_create(&tables->builder, NULL, run_builder, tables);
	if (err)
		return -err;
	tables->has_builder = true;
	*ret = TAKE(tables);
	return 0;
}

void unwind_tables_free(struct unwind_tables *tables)
{
	if (!tables)
		return;
	if (tables->has_builder) {
		(void)pthread_mutex_lock(&tables->lock);
		tables->is_ending = true;
		(void)pthread_cond_signal(&tables->has_work);
		(void)pthread_mutex_unlock(&tables->lock);
		(void)pthread_join(tables->builder, NULL);
	}
	for (uint32_t i = 1; i < tables->used; i++) {
		cleanup_fd(&tables->tables[i].fd);
		free(tables->tables[i].name);
	}
	if (tables->slots)
		(void)munmap(tables->slots, tables->slot_count * sizeof(*tables->slots));
	unwind_store_free(tables->store);
	(void)pthread_cond_destroy(&tables->is_idle);
	(void)pthread_cond_destroy(&tables->has_work);
	(void)pthread_mutex_destroy(&tables->lock);
	free(tables->tables);
	build_queue_done(&tables->queue);
	free(tables);
}

int unwind_tables_add(struct unwind_tables *tables, int fd, const char *name, uint32_t *ret_slot)
{
	CLEANUP(cleanup_fd) int owned_fd = fd;
	CLEANUP(cleanup_free) char *copy = strdup(name);
	struct stat st = { 0 };
	struct table *table;

	if (!copy)
		return -ENOMEM;
	/* What cannot be asked is not large. */
	(void)fstat(fd, &st);
	(void)pthread_mutex_lock(&tables->lock);
	if (tables->used == tables->slot_count) {
		(void)pthread_mutex_unlock(&tables->lock);
		return -ENOSPC;
	}
	*ret_slot = tables->used++;
	table = &tables->tables[*ret_slot];
	*table = (struct table){ .fd = TAKE_FD(owned_fd), .file = st, .name = TAKE(copy) };
	if (st.st_size >= LARGE_FILE_BYTES)
		build_queue_set_large(&tables->queue, *ret_slot);
	tables->stats.files++;
	(void)pthread_mutex_unlock(&tables->lock);
	return 0;
}

void unwind_tables_want(struct unwind_tables *tables, uint32_t slot, enum unwind_urgency urgency,
			bool is_pinned)
{
	uint32_t state = TABLE_READY;

	if (slot < tables->slot_count)
		state = __atomic_load_n(&tables->slots[slot].state, __ATOMIC_RELAXED);
	/* It mostly is there: each mapping of each new process comes by. */
	if (state != TABLE_NOT_YET && !is_pinned)
		return;
	(void)pthread_mutex_lock(&tables->lock);
	if (slot > 0 && slot < tables->used) {
		struct table *table = &tables->tables[slot];

		table->is_pinned |= is_pinned;
		if (state == TABLE_NOT_YET && (urgency == UNWIND_NOW || !table->is_unplaced)) {
			build_queue_push(&tables->queue, slot, urgency == UNWIND_NOW);
			(void)pthread_cond_signal(&tables->has_work);
		}
	}
	(void)pthread_mutex_unlock(&tables->lock);
}

void unwind_tables_collect(struct unwind_tables *tables)
{
	(void)pthread_mutex_lock(&tables->lock);
	tables->wants_collect = true;
	if (tables->queue.waiting_count > 0)
		(void)pthread_cond_signal(&tables->has_work);
	(void)pthread_mutex_unlock(&tables->lock);
}

/* With the lock held. */
static bool is_working(const struct unwind_tables *tables)
{
	return tables->is_busy || !build_queue_is_empty(&tables->queue) ||
	       (tables->wants_collect && tables->queue.waiting_count > 0);
}

void unwind_tables_wait(struct unwind_tables *tables, uint32_t timeout_ms)
{
	struct timespec until = clock_in_ms(CLOCK_MONOTONIC, timeout_ms);
	int err = 0;

	(void)pthread_mutex_lock(&tables->lock);
	while (!err && is_working(tables))
		err = pthread_cond_timedwait(&tables->is_idle, &tables->lock, &until);
	(void)pthread_mutex_unlock(&tables->lock);
}

void unwind_tables_read_stats(struct unwind_tables *tables, struct unwind_tables_stats *ret)
{
	(void)pthread_mutex_lock(&tables->lock);
	*ret = tables->stats;
	for (uint32_t i = 1; i < tables->used; i++) {
		const struct table *table = &tables->tables[i];

		if (!table->error)
			continue;
		ret->failed++;
		ret->failed_name = table->name;
		ret->failed_error = table->error;
	}
	(void)pthread_mutex_unlock(&tables->lock);
}
