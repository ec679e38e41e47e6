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

/* Free runs of one size. The one that has been free longest is used first: walkers, and children
 * that have inherited it and are not known here yet, find nothing in it, and should do so late. */
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
	uint32_t number;  /* of the last set */
	uint64_t refused; /* read by any thread */
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
static void give_back(struct unwind_bindings *bindings, const struct unwind_run *run)
{
	struct runs *runs = &bindings->free[run->size_class];

	if (!run->size_class)
		return;
	for (uint32_t i = 0; i < 1u << run->size_class; i++)
		__atomic_store_n(&bindings->rows[run->first + i].number, 0, __ATOMIC_RELEASE);
	if (runs->count == runs->capacity && grow(runs) < 0)
		return;
	runs->firsts[(runs->begin + runs->count++) % runs->capacity] = run->first;
}

static uint8_t class_of(size_t count)
{
	uint8_t size_class = CLASS_MIN;

	while (size_class < CLASS_MAX && (1u << size_class) < count)
		size_class++;
	return size_class;
}

static int take_run(struct unwind_bindings *bindings, size_t count, struct unwind_run *ret)
{
	uint8_t size_class = class_of(count);
	struct runs *free;

	if (!bindings->free[size_class].count &&
	    bindings->capacity - bindings->untouched >= 1u << size_class) {
		*ret = (struct unwind_run){ bindings->untouched, size_class };
		bindings->untouched += 1u << size_class;
		return 0;
	}
	/* A larger one is better than none. */
	while (size_class < CLASS_MAX && !bindings->free[size_class].count)
		size_class++;
	free = &bindings->free[size_class];
	if (!free->count)
		return -ENOSPC;
	*ret = (struct unwind_run){ free->firsts[free->begin], size_class };
	free->begin = (free->begin + 1) % free->capacity;
	free->count--;
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

/* The number comes last: with it the row is valid. */
static void write_rows(struct unwind_bindings *bindings, uint32_t first,
		       const struct unwind_mapping *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct unwind_mapping *row = &bindings->rows[first + i];

		*row = rows[i];
		__atomic_store_n(&row->number, bindings->number, __ATOMIC_RELEASE);
	}
}

int unwind_bindings_set(struct unwind_bindings *bindings, int32_t pid,
			const struct unwind_mapping *rows, size_t count, struct unwind_run *run)
{
	struct unwind_process process = { .count = (uint32_t)count };
	struct unwind_run fresh = { 0 };
	uint32_t key = (uint32_t)pid;
	int err = count > 1u << CLASS_MAX ? -ENOSPC : take_run(bindings, count, &fresh);

	if (!err) {
		if (!++bindings->number)
			bindings->number = 1;
		process.first = fresh.first;
		process.number = bindings->number;
		write_rows(bindings, fresh.first, rows, count);
		err = bpf_map_update_elem(bindings->processes_fd, &key, &process, BPF_ANY);
	}
	if (err < 0) {
		unwind_bindings_drop(bindings, 0, &fresh);
		unwind_bindings_drop(bindings, pid, run);
		__atomic_fetch_add(&bindings->refused, 1, __ATOMIC_RELAXED);
		return -ENOSPC;
	}
	unwind_bindings_drop(bindings, 0, run);
	*run = fresh;
	return 0;
}

uint64_t unwind_bindings_dropped(const struct unwind_bindings *bindings)
{
	return __atomic_load_n(&bindings->refused, __ATOMIC_RELAXED);
}
