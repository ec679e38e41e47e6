/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/unwind_bindings.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"

/* Most processes have 4 to 60 executable mappings; the smallest run has 8 rows. */
#define CLASS_MIN 3
#define CLASS_MAX UNWIND_MAPPINGS_SHIFT

/* Runs are made of these. */
#define UNIT (1u << CLASS_MIN)

/* Free runs of one size. The one that has been free longest is used first: walkers, and children
 * that have inherited it and are not known here yet, find nothing in it from then on. */
struct runs {
	uint32_t *firsts; /* a ring */
	size_t begin, count, capacity;
};

struct unwind_bindings {
	int processes_fd;
	struct unwind_mapping *rows; /* the map's own memory */
	uint32_t capacity;
	uint32_t untouched; /* rows from here on have never been used */
	struct runs free[CLASS_MAX + 1];
	bool *is_free;              /* for each UNIT rows, while runs are merged */
	uint32_t number;            /* of the last set */
	uint64_t refused, left_out; /* read by any thread */
};

static void cleanup_bindings(struct unwind_bindings **bindings)
{
	unwind_bindings_free(*bindings);
}

int unwind_bindings_new(int processes_fd, int mappings_fd, uint32_t capacity,
			struct unwind_bindings **ret)
{
	CLEANUP(cleanup_bindings) struct unwind_bindings *bindings = calloc(1, sizeof(*bindings));
	void *rows;

	if (!bindings)
		return -ENOMEM;
	bindings->processes_fd = processes_fd;
	bindings->capacity = capacity;
	rows = mmap(NULL, capacity * sizeof(*bindings->rows), PROT_READ | PROT_WRITE, MAP_SHARED,
		    mappings_fd, 0);
	if (rows == MAP_FAILED)
		return -errno;
	bindings->rows = rows;
	bindings->is_free = calloc(capacity / UNIT + 1, sizeof(*bindings->is_free));
	if (!bindings->is_free)
		return -ENOMEM;
	*ret = TAKE(bindings);
	return 0;
}

void unwind_bindings_free(struct unwind_bindings *bindings)
{
	if (!bindings)
		return;
	if (bindings->rows)
		(void)munmap(bindings->rows, bindings->capacity * sizeof(*bindings->rows));
	for (size_t i = 0; i <= CLASS_MAX; i++)
		free(bindings->free[i].firsts);
	free(bindings->is_free);
	free(bindings);
}

static int grow(struct runs *runs)
{
	size_t capacity = runs->capacity ? 2 * runs->capacity : 64;
	uint32_t *firsts = malloc(capacity * sizeof(*firsts));

	if (!firsts)
		return -ENOMEM;
	for (size_t i = 0; i < runs->count; i++)
		firsts[i] = runs->firsts[(runs->begin + i) % runs->capacity];
	free(runs->firsts);
	runs->firsts = firsts;
	runs->begin = 0;
	runs->capacity = capacity;
	return 0;
}

/* Without memory the run is never used again: a loss of room, counted where it is missed. */
static void add_free(struct unwind_bindings *bindings, uint32_t first, uint8_t size_class)
{
	struct runs *runs = &bindings->free[size_class];

	if (runs->count == runs->capacity && grow(runs) < 0)
		return;
	runs->firsts[(runs->begin + runs->count++) % runs->capacity] = first;
}

/* Its rows stay as they are until it is used again: walks that go by them may end in them. */
static void give_back(struct unwind_bindings *bindings, const struct unwind_run *run)
{
	if (!run->size_class)
		return;
	add_free(bindings, run->first, run->size_class);
}

/* Adds units of free rows, in the largest runs that they make. */
static void add_free_units(struct unwind_bindings *bindings, uint32_t unit, uint32_t count)
{
	uint8_t size_class = CLASS_MAX;

	while (count > 0) {
		while (1u << size_class > count * UNIT)
			size_class--;
		add_free(bindings, unit * UNIT, size_class);
		unit += (1u << size_class) / UNIT;
		count -= (1u << size_class) / UNIT;
	}
}

/*
 * Makes large runs of small ones that are neighbours. Runs forget how long they have been free, so
 * it is done only where there would be no room without.
 */
static void merge_runs(struct unwind_bindings *bindings)
{
	uint32_t units = bindings->capacity / UNIT, begin = 0;
	bool *is_free = bindings->is_free; /* the one behind the last is never */

	memset(is_free, false, units * sizeof(*is_free));
	for (uint8_t size_class = CLASS_MIN; size_class <= CLASS_MAX; size_class++) {
		struct runs *runs = &bindings->free[size_class];

		for (size_t i = 0; i < runs->count; i++) {
			uint32_t first = runs->firsts[(runs->begin + i) % runs->capacity];

			memset(&is_free[first / UNIT], true, (1u << size_class) / UNIT);
		}
		runs->count = 0;
	}
	for (uint32_t unit = bindings->untouched / UNIT; unit < units; unit++)
		is_free[unit] = true;
	bindings->untouched = bindings->capacity;
	for (uint32_t unit = 0; unit <= units; unit++) {
		if (is_free[unit])
			continue;
		add_free_units(bindings, begin, unit - begin);
		begin = unit + 1;
	}
}

static uint8_t class_of(size_t count)
{
	uint8_t size_class = CLASS_MIN;

	while (size_class < CLASS_MAX && (1u << size_class) < count)
		size_class++;
	return size_class;
}

static int take_run(struct unwind_bindings *bindings, uint8_t size_class, struct unwind_run *ret)
{
	uint8_t found = size_class;
	struct runs *free;

	if (!bindings->free[size_class].count &&
	    bindings->capacity - bindings->untouched >= 1u << size_class) {
		*ret = (struct unwind_run){ .first = bindings->untouched,
					    .size_class = size_class };
		bindings->untouched += 1u << size_class;
		return 0;
	}
	/* Of a larger one the lower end. */
	while (found < CLASS_MAX && !bindings->free[found].count)
		found++;
	free = &bindings->free[found];
	if (!free->count)
		return -ENOSPC;
	*ret = (struct unwind_run){ .first = free->firsts[free->begin], .size_class = size_class };
	free->begin = (free->begin + 1) % free->capacity;
	free->count--;
	while (found-- > size_class)
		add_free(bindings, ret->first + (1u << found), found);
	/* From here on nobody else has its rows. */
	for (uint32_t i = 0; i < 1u << size_class; i++)
		__atomic_store_n(&bindings->rows[ret->first + i].number, 0, __ATOMIC_RELEASE);
	return 0;
}

void unwind_bindings_drop(struct unwind_bindings *bindings, int32_t pid, struct unwind_run *run)
{
	if (pid) {
		uint32_t key = (uint32_t)pid;

		/* It may have gone by itself: the kernel half forgets who has ended. */
		(void)bpf_map_delete_elem(bindings->processes_fd, &key);
	}
	give_back(bindings, run);
	*run = (struct unwind_run){ 0 };
}

/*
 * A run for count rows, or the largest there is. Where there is none beside the process's own, that
 * is given up for it: until rows are written again, walkers find nothing.
 */
static int take_largest_run(struct unwind_bindings *bindings, size_t count, struct unwind_run *own,
			    struct unwind_run *ret)
{
	uint8_t size_class = class_of(count);

	if (!take_run(bindings, size_class, ret))
		return 0;
	merge_runs(bindings);
	if (!take_run(bindings, size_class, ret))
		return 0;
	if (own->size_class) {
		unwind_bindings_drop(bindings, 0, own);
		merge_runs(bindings);
	}
	while (size_class >= CLASS_MIN && take_run(bindings, size_class, ret) < 0)
		size_class--;
	return size_class >= CLASS_MIN ? 0 : -ENOSPC;
}

/* Which of rows that do not all fit are bound: see unwind_bindings_set(). */
struct choice {
	size_t with_table, without; /* how many of each there are; */
	size_t room_with, room_without;
	size_t seen_with, seen_without;
};

static struct choice choose(const struct unwind_mapping *rows, size_t count, size_t room)
{
	struct choice choice = { 0 };

	for (size_t i = 0; i < count; i++)
		choice.with_table += rows[i].slot != 0;
	choice.without = count - choice.with_table;
	choice.room_with = choice.with_table < room ? choice.with_table : room;
	choice.room_without = room - choice.room_with;
	return choice;
}

/* Whether number i of count is among the first or the last of them, when there is room for some. */
static bool is_outer(size_t i, size_t count, size_t room)
{
	size_t lower = (room + 1) / 2;

	return room >= count || i < lower || i >= count - (room - lower);
}

static bool is_chosen(struct choice *choice, const struct unwind_mapping *row)
{
	if (row->slot)
		return is_outer(choice->seen_with++, choice->with_table, choice->room_with);
	return is_outer(choice->seen_without++, choice->without, choice->room_without);
}

/* Writes as many rows as the run holds, and returns how many that are. */
static uint32_t write_rows(struct unwind_bindings *bindings, const struct unwind_run *run,
			   const struct unwind_mapping *rows, size_t count)
{
	struct choice choice = choose(rows, count, (size_t)1 << run->size_class);
	struct unwind_mapping *row = &bindings->rows[run->first];
	uint32_t written = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_chosen(&choice, &rows[i]))
			continue;
		row[written] = rows[i];
		/* The number comes last: with it the row is valid. */
		__atomic_store_n(&row[written++].number, bindings->number, __ATOMIC_RELEASE);
	}
	return written;
}

static int bind_rows(struct unwind_bindings *bindings, int32_t pid,
		     const struct unwind_mapping *rows, size_t count, const struct unwind_run *run)
{
	struct unwind_process process = { .first = run->first, .tgid = (uint32_t)pid };
	uint32_t key = (uint32_t)pid;

	if (!++bindings->number)
		bindings->number = 1;
	process.number = bindings->number;
	process.count = write_rows(bindings, run, rows, count);
	return bpf_map_update_elem(bindings->processes_fd, &key, &process, BPF_ANY);
}

/* Rows that had been left out before, too, are not counted again. */
static void count_left_out(struct unwind_bindings *bindings, size_t count, uint32_t before,
			   struct unwind_run *run)
{
	size_t room = (size_t)1 << run->size_class;
	size_t left_out = count > room ? count - room : 0;

	run->left_out = before;
	if (left_out <= before)
		return;
	run->left_out = (uint32_t)left_out;
	__atomic_fetch_add(&bindings->left_out, left_out - before, __ATOMIC_RELAXED);
}

int unwind_bindings_set(struct unwind_bindings *bindings, int32_t pid,
			const struct unwind_mapping *rows, size_t count, struct unwind_run *run)
{
	struct unwind_run fresh = { 0 };
	uint32_t left_out = run->left_out;
	int err = take_largest_run(bindings, count, run, &fresh);

	if (!err)
		err = bind_rows(bindings, pid, rows, count, &fresh);
	if (err < 0) {
		unwind_bindings_drop(bindings, 0, &fresh);
		unwind_bindings_drop(bindings, pid, run);
		__atomic_fetch_add(&bindings->refused, 1, __ATOMIC_RELAXED);
		return -ENOSPC;
	}
	count_left_out(bindings, count, left_out, &fresh);
	unwind_bindings_drop(bindings, 0, run);
	*run = fresh;
	return 0;
}

uint64_t unwind_bindings_dropped(const struct unwind_bindings *bindings)
{
	return __atomic_load_n(&bindings->refused, __ATOMIC_RELAXED);
}

uint64_t unwind_bindings_left_out(const struct unwind_bindings *bindings)
{
	return __atomic_load_n(&bindings->left_out, __ATOMIC_RELAXED);
}
