/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ledger.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hashmap.h"

/* Rows are summed up when at least this share of them has ended: a sweep looks at all. */
#define SWEEP_SHARE    16
#define CAPACITY_FIRST 64

struct entry {
	struct ledger_row row;
	uint64_t row_count; /* rows summed up in it, where tid is 0 */
};

/* Compared as bytes. */
struct key {
	uint64_t generation;
	uint32_t tgid, tid;
};
_Static_assert(sizeof(struct key) == 16, "keys have no padding");

struct ledger {
	struct entry *entries;
	size_t count, capacity;
	size_t thread_count;  /* entries with a tid */
	size_t ended_count;   /* those of them that have ended */
	struct hashmap index; /* hash of a key, plus its number among equal ones -> entry */

	/* As ledger_processes() gave them last. */
	struct ledger_process *processes;
	const struct ledger_row **threads;
};

const char *off_state_name(enum off_state state)
{
	static const char *const names[OFF_STATE_COUNT] = {
		[OFF_RUNQUEUE] = "runqueue",
		[OFF_SLEEP] = "sleep",
		[OFF_UNINTERRUPTIBLE] = "uninterruptible",
		[OFF_STOPPED] = "stopped",
		[OFF_OTHER] = "other",
	};

	return names[state];
}

int ledger_new(struct ledger **ret)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return -ENOMEM;
	*ret = ledger;
	return 0;
}

static void forget_processes(struct ledger *ledger)
{
	free(ledger->processes);
	free(ledger->threads);
	ledger->processes = NULL;
	ledger->threads = NULL;
}

void ledger_free(struct ledger *ledger)
{
	if (!ledger)
		return;
	forget_processes(ledger);
	hashmap_done(&ledger->index);
	free(ledger->entries);
	free(ledger);
}

uint64_t ledger_off_ns(const struct off_ledger *times)
{
	uint64_t sum = 0;

	for (int i = 0; i < OFF_STATE_COUNT; i++)
		sum += times->off_ns[i];
	return sum;
}

void ledger_row_add(struct ledger_row *sum, const struct ledger_row *row)
{
	sum->wall_ns += row->wall_ns;
	sum->is_whole &= row->is_whole;
	sum->times.on_ns += row->times.on_ns;
	for (int i = 0; i < OFF_STATE_COUNT; i++)
		sum->times.off_ns[i] += row->times.off_ns[i];
	sum->times.intervals += row->times.intervals;
	for (int i = 0; i < OFF_LENGTHS; i++) {
		if (__builtin_add_overflow(sum->times.lengths[i], row->times.lengths[i],
					   &sum->times.lengths[i]))
			sum->times.lengths[i] = UINT32_MAX;
	}
}

static struct key key_of(const struct ledger_row *row)
{
	return (struct key){ row->generation, row->tgid, row->tid };
}

static bool is_same(const struct key *a, const struct key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The entry of key, or NULL; *ret_hash is where the index has it, or would have it. */
static struct entry *find(const struct ledger *ledger, const struct key *key, uint64_t *ret_hash)
{
	uint64_t hash = hash_bytes(key, sizeof(*key)), position;

	for (; hashmap_get(&ledger->index, hash, &position); hash++) {
		struct key found;

		assert(ledger->entries && position < ledger->count);
		found = key_of(&ledger->entries[position].row);
		if (is_same(&found, key)) {
			*ret_hash = hash;
			return &ledger->entries[position];
		}
	}
	*ret_hash = hash;
	return NULL;
}

static int reserve(struct ledger *ledger)
{
	size_t capacity = ledger->capacity ? 2 * ledger->capacity : CAPACITY_FIRST;
	struct entry *entries;

	if (ledger->count < ledger->capacity)
		return 0;
	entries = realloc(ledger->entries, capacity * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	ledger->entries = entries;
	ledger->capacity = capacity;
	return 0;
}

/* An empty entry for key, which has none: to be added to. */
static int append(struct ledger *ledger, const struct key *key, uint64_t hash, struct entry **ret)
{
	int err = reserve(ledger);

	if (!err)
		err = hashmap_put(&ledger->index, hash, ledger->count);
	if (err < 0)
		return err;
	*ret = &ledger->entries[ledger->count++];
	**ret = (struct entry){ .row = { .tgid = key->tgid,
					 .tid = key->tid,
					 .generation = key->generation,
					 .is_whole = true } };
	ledger->thread_count += key->tid != 0;
	return 0;
}

static void add_to_entry(struct ledger *ledger, struct entry *entry, const struct ledger_row *row)
{
	ledger_row_add(&entry->row, row);
	/* The newest name holds. */
	memcpy(entry->row.process_name, row->process_name, COMM_SIZE);
	if (entry->row.tid == 0)
		return;
	memcpy(entry->row.thread_name, row->thread_name, COMM_SIZE);
	ledger->ended_count += row->has_ended;
	ledger->ended_count -= entry->row.has_ended;
	entry->row.has_ended = row->has_ended;
}

/* Entries beside those of threads; one is for all that find no room there. */
static bool has_room_for_process(const struct ledger *ledger)
{
	return ledger->count - ledger->thread_count < LEDGER_PROCESSES_MAX;
}

/* Adds it to what is not told apart: of its process, or of all. */
static int fold(struct ledger *ledger, const struct ledger_row *row, uint64_t row_count)
{
	struct ledger_row added = *row;
	struct key key = { row->generation, row->tgid, 0 };
	uint64_t hash;
	struct entry *entry = find(ledger, &key, &hash);
	int err = 0;

	if (!entry && !has_room_for_process(ledger)) {
		key = (struct key){ 0 };
		memset(added.process_name, 0, COMM_SIZE);
		entry = find(ledger, &key, &hash);
	}
	if (!entry)
		err = append(ledger, &key, hash, &entry);
	if (err < 0)
		return err;
	add_to_entry(ledger, entry, &added);
	entry->row_count += row_count;
	return 0;
}

/* All of from, threads that have ended without their rows. */
static int copy_swept(const struct ledger *from, struct ledger *to)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct entry *source = &from->entries[i];
		struct key key = key_of(&source->row);
		struct entry *entry;
		uint64_t hash;
		int err;

		if (key.tid == 0 || source->row.has_ended) {
			err = fold(to, &source->row, key.tid ? 1 : source->row_count);
		} else {
			entry = find(to, &key, &hash);
			assert(!entry);
			err = append(to, &key, hash, &entry);
			if (!err)
				add_to_entry(to, entry, &source->row);
		}
		if (err < 0)
			return err;
	}
	return 0;
}

static void cleanup_ledger(struct ledger **ledger)
{
	ledger_free(*ledger);
}

/* Makes room for threads by summing up all that have ended. 0 or -ENOMEM: nothing has changed. */
static int sweep(struct ledger *ledger)
{
	CLEANUP(cleanup_ledger) struct ledger *swept = NULL;
	struct ledger before = *ledger;
	int err = ledger_new(&swept);

	if (!err)
		err = copy_swept(ledger, swept);
	if (err < 0)
		return err;
	*ledger = *swept;
	*swept = before;
	return 0;
}

int ledger_add(struct ledger *ledger, const struct ledger_row *row)
{
	struct key key = key_of(row);
	struct entry *entry;
	uint64_t hash;
	int err = 0;

	forget_processes(ledger);
	if (key.tid == 0)
		return fold(ledger, row, 1);
	entry = find(ledger, &key, &hash);
	if (!entry && ledger->thread_count >= LEDGER_THREADS_MAX) {
		if (ledger->ended_count < LEDGER_THREADS_MAX / SWEEP_SHARE)
			return fold(ledger, row, 1);
		err = sweep(ledger);
		(void)find(ledger, &key, &hash);
	}
	if (!entry && !err)
		err = append(ledger, &key, hash, &entry);
	if (err < 0)
		return err;
	add_to_entry(ledger, entry, row);
	return 0;
}

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Processes apart; of one what is not told apart first, then its threads, the longest first. */
static int compare_rows(const void *left, const void *right)
{
	const struct ledger_row *a = *(const struct ledger_row *const *)left;
	const struct ledger_row *b = *(const struct ledger_row *const *)right;
	int order = compare(a->tgid, b->tgid);

	if (!order)
		order = compare(a->generation, b->generation);
	if (!order)
		order = compare(a->tid != 0, b->tid != 0);
	if (!order)
		order = compare(b->wall_ns, a->wall_ns);
	return order ? order : compare(a->tid, b->tid);
}

static int compare_processes(const void *left, const void *right)
{
	const struct ledger_process *a = left, *b = right;
	int order = compare(b->sum.wall_ns, a->sum.wall_ns);

	if (!order)
		order = compare(a->sum.tgid, b->sum.tgid);
	return order ? order : compare(a->sum.generation, b->sum.generation);
}

static bool begins_process(const struct ledger_row **rows, size_t i)
{
	return i == 0 || rows[i]->tgid != rows[i - 1]->tgid ||
	       rows[i]->generation != rows[i - 1]->generation;
}

/* Sums up sorted rows, from the first of a process on. */
static void make_process(const struct ledger_row **rows, size_t count, struct ledger_process *ret)
{
	const struct ledger_row *first = rows[0];
	struct ledger_process process = {
		.sum = { .tgid = first->tgid, .generation = first->generation, .is_whole = true }
	};
	size_t n = 0;

	memcpy(process.sum.process_name, first->process_name, COMM_SIZE);
	do {
		ledger_row_add(&process.sum, rows[n++]);
	} while (n < count && !begins_process(rows, n));
	if (first->tid == 0) {
		process.others = first;
		process.other_count =
			((const struct entry *)first)->row_count; /* its first member */
	}
	process.threads = rows + (first->tid == 0);
	process.thread_count = n - (first->tid == 0);
	*ret = process;
}

int ledger_processes(struct ledger *ledger, const struct ledger_process **ret, size_t *ret_count)
{
	size_t count = 0, made = 0;

	forget_processes(ledger);
	ledger->threads = calloc(ledger->count + 1, sizeof(struct ledger_row *));
	if (!ledger->threads)
		return -ENOMEM;
	for (size_t i = 0; i < ledger->count; i++)
		ledger->threads[i] = &ledger->entries[i].row;
	qsort(ledger->threads, ledger->count, sizeof(struct ledger_row *), compare_rows);
	for (size_t i = 0; i < ledger->count; i++)
		count += begins_process(ledger->threads, i);
	ledger->processes = calloc(count + 1, sizeof(*ledger->processes));
	if (!ledger->processes)
		return -ENOMEM;
	for (size_t i = 0; i < ledger->count; i++) {
		if (begins_process(ledger->threads, i))
			make_process(ledger->threads + i, ledger->count - i,
				     &ledger->processes[made++]);
	}
	qsort(ledger->processes, count, sizeof(*ledger->processes), compare_processes);
	*ret = ledger->processes;
	*ret_count = count;
	return 0;
}
