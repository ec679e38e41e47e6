/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chunk has as many pages as a word has bits, so one word says which are taken. What is larger
 * than a chunk gets chunks in a row, all of them empty; their last one is then filled up by others.
 *
 * The kernel is given chunks by threads that wait for it (agent/map_handover.h); some are made
 * ahead.
 */
#include "agent/unwind_store.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/map_handover.h"
#include "base/cleanup.h"
#include "bpf/abi.h"

#define PAGES_PER_CHUNK (UNWIND_CHUNK_SIZE / UNWIND_PAGE_SIZE)
_Static_assert(PAGES_PER_CHUNK == 64, "one bit a page");

#define WORDS_PER_PAGE (UNWIND_PAGE_SIZE / 4)

struct chunk {
	int fd;      /* of its map; 0: there is none */
	bool is_new; /* the kernel has not been given it yet */
	uint64_t taken;
	/* Taken still: a page waits for one collect in dropped, for another one in leaving. */
	uint64_t dropped, leaving;
};

struct unwind_store {
	struct map_handover *handover;
	uint32_t slots;
	uint32_t chunks_max;
	uint32_t chunk_count; /* that exist */
	uint32_t coming;      /* pages that will be free */
	int *told_fds;        /* as unwind_store_tell() has it */
	struct chunk chunks[];
};

static void cleanup_store(struct unwind_store **store)
{
	unwind_store_free(*store);
}

int unwind_store_new(int chunks_fd, uint32_t slots, uint64_t bytes_max, struct unwind_store **ret)
{
	CLEANUP(cleanup_store)
	struct unwind_store *store = calloc(1, sizeof(*store) + slots * sizeof(store->chunks[0]));
	int err;

	if (!store)
		return -ENOMEM;
	err = map_handover_new(chunks_fd, &store->handover);
	if (err < 0)
		return err;
	store->slots = slots;
	store->chunks_max = slots;
	if (bytes_max / UNWIND_CHUNK_SIZE < slots)
		store->chunks_max = (uint32_t)(bytes_max / UNWIND_CHUNK_SIZE);
	*ret = TAKE(store);
	return 0;
}

static void tell(struct unwind_store *store, uint32_t number, int fd)
{
	if (store->told_fds)
		__atomic_store_n(&store->told_fds[number], fd, __ATOMIC_RELEASE);
}

void unwind_store_free(struct unwind_store *store)
{
	if (!store)
		return;
	map_handover_free(store->handover);
	for (uint32_t i = 0; i < store->slots; i++) {
		if (!store->chunks[i].fd)
			continue;
		tell(store, i, 0);
		(void)close(store->chunks[i].fd);
	}
	free(store);
}

void unwind_store_tell(struct unwind_store *store, int *fds)
{
	store->told_fds = fds;
}

static uint32_t pages_of(size_t words)
{
	return (uint32_t)((words + WORDS_PER_PAGE - 1) / WORDS_PER_PAGE);
}

/* The bits of count pages from first on; count <= 64. */
static uint64_t page_bits(uint32_t first, uint32_t count)
{
	return (count == 64 ? UINT64_MAX : (1ULL << count) - 1) << first;
}

static int make_map(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_chunk", sizeof(uint32_t),
			      UNWIND_CHUNK_SIZE, 1, &options);
}

static void close_new_maps(struct chunk *chunks, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!chunks[i].is_new)
			continue;
		(void)close(chunks[i].fd);
		chunks[i] = (struct chunk){ 0 };
	}
}

/* Gives the kernel what is new among count chunks. */
static int publish(struct unwind_store *store, uint32_t first, uint32_t count)
{
	CLEANUP(cleanup_free) uint32_t *numbers = calloc(count, sizeof(*numbers));
	CLEANUP(cleanup_free) uint32_t *fds = calloc(count, sizeof(*fds));
	uint32_t new_count = 0;
	int err;

	if (!numbers || !fds)
		return -ENOMEM;
	for (uint32_t i = first; i < first + count; i++) {
		if (!store->chunks[i].is_new)
			continue;
		numbers[new_count] = i;
		fds[new_count++] = (uint32_t)store->chunks[i].fd;
	}
	err = map_handover_give(store->handover, numbers, fds, new_count);
	if (err < 0)
		return err;
	for (uint32_t i = 0; i < new_count; i++) {
		store->chunks[numbers[i]].is_new = false;
		tell(store, numbers[i], (int)fds[i]);
	}
	store->chunk_count += new_count;
	return 0;
}

/* Makes those of count chunks that do not exist; missing says how many that are. */
static int make_chunks(struct unwind_store *store, uint32_t first, uint32_t count, uint32_t missing)
{
	int err = 0;

	if (missing > store->chunks_max - store->chunk_count)
		return -ENOSPC;
	for (uint32_t i = first; !err && i < first + count; i++) {
		int fd = store->chunks[i].fd;

		if (fd)
			continue;
		fd = make_map();
		if (fd < 0)
			err = fd;
		else
			store->chunks[i] = (struct chunk){ .fd = fd, .is_new = true };
	}
	if (!err)
		err = publish(store, first, count);
	if (err < 0)
		close_new_maps(&store->chunks[first], count);
	return err;
}

/*
 * Numbers in a row whose chunks are empty, or do not exist: those of which the fewest are missing.
 * UINT32_MAX: there are not so many.
 */
static uint32_t find_run(const struct unwind_store *store, uint32_t count, uint32_t *ret_missing)
{
	uint32_t found = 0, missing = 0, best = UINT32_MAX, fewest = UINT32_MAX;

	for (uint32_t i = 0; i < store->slots; i++) {
		if (store->chunks[i].taken) {
			found = missing = 0;
			continue;
		}
		missing += !store->chunks[i].fd;
		if (++found > count)
			missing -= !store->chunks[i - count].fd;
		if (found >= count && missing < fewest) {
			best = i + 1 - count;
			fewest = missing;
		}
	}
	*ret_missing = fewest;
	return best;
}

/* The first of count free pages in a row inside a chunk, as a page number; or UINT32_MAX. */
static uint32_t find_pages(const struct unwind_store *store, uint32_t count)
{
	for (uint32_t i = 0; i < store->slots; i++) {
		const struct chunk *chunk = &store->chunks[i];

		if (!chunk->fd || chunk->taken == UINT64_MAX)
			continue;
		for (uint32_t page = 0; page + count <= PAGES_PER_CHUNK; page++) {
			if (!(chunk->taken & page_bits(page, count)))
				return i * PAGES_PER_CHUNK + page;
		}
	}
	return UINT32_MAX;
}

/* Calls for each chunk that count pages from first on touch, with the bits they have in it. */
static void mark(struct unwind_store *store, uint32_t first, uint32_t count, bool is_drop)
{
	while (count > 0) {
		uint32_t page = first % PAGES_PER_CHUNK;
		uint32_t here = count < PAGES_PER_CHUNK - page ? count : PAGES_PER_CHUNK - page;
		struct chunk *chunk = &store->chunks[first / PAGES_PER_CHUNK];

		if (is_drop) {
			chunk->dropped |= page_bits(page, here);
			store->coming += here;
		} else {
			chunk->taken |= page_bits(page, here);
		}
		first += here;
		count -= here;
	}
}

static int find_place(struct unwind_store *store, uint32_t pages, uint32_t *ret)
{
	uint32_t chunks = (pages + PAGES_PER_CHUNK - 1) / PAGES_PER_CHUNK;
	uint32_t first = chunks == 1 ? find_pages(store, pages) : UINT32_MAX;
	uint32_t missing;
	int err;

	if (first != UINT32_MAX) {
		*ret = first;
		return 0;
	}
	first = find_run(store, chunks, &missing);
	if (first == UINT32_MAX)
		return -ENOSPC;
	if (missing) {
		err = make_chunks(store, first, chunks, missing);
		if (err < 0)
			return err;
	}
	*ret = first * PAGES_PER_CHUNK;
	return 0;
}

static int copy_to_chunk(const struct chunk *chunk, uint32_t page, const void *from, size_t size)
{
	char *bytes =
		mmap(NULL, UNWIND_CHUNK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, chunk->fd, 0);

	if (bytes == MAP_FAILED)
		return -errno;
	memcpy(bytes + (size_t)page * UNWIND_PAGE_SIZE, from, size);
	(void)munmap(bytes, UNWIND_CHUNK_SIZE);
	return 0;
}

int unwind_store_put(struct unwind_store *store, const uint32_t *words, size_t count, uint32_t *ret)
{
	const char *from = (const char *)words;
	size_t left = count * sizeof(*words);
	uint32_t place, page;
	int err;

	assert(count > 0);
	if (count > (size_t)store->chunks_max * PAGES_PER_CHUNK * WORDS_PER_PAGE)
		return -E2BIG;
	err = find_place(store, pages_of(count), &place);
	if (err == -ENOSPC && store->coming >= pages_of(count))
		return -EAGAIN;
	if (err < 0)
		return err;
	for (page = place; left > 0; page = (page / PAGES_PER_CHUNK + 1) * PAGES_PER_CHUNK) {
		size_t room = (size_t)(PAGES_PER_CHUNK - page % PAGES_PER_CHUNK) * UNWIND_PAGE_SIZE;
		size_t size = left < room ? left : room;

		err = copy_to_chunk(&store->chunks[page / PAGES_PER_CHUNK], page % PAGES_PER_CHUNK,
				    from, size);
		if (err < 0)
			return err;
		from += size;
		left -= size;
	}
	mark(store, place, pages_of(count), false);
	*ret = place * WORDS_PER_PAGE;
	return 0;
}

void unwind_store_drop(struct unwind_store *store, uint32_t place, size_t count)
{
	mark(store, place / WORDS_PER_PAGE, pages_of(count), true);
}

void unwind_store_collect(struct unwind_store *store)
{
	for (uint32_t i = 0; i < store->slots; i++) {
		struct chunk *chunk = &store->chunks[i];

		if (!chunk->dropped && !chunk->leaving)
			continue;
		chunk->taken &= ~chunk->leaving;
		store->coming -= (uint32_t)__builtin_popcountll(chunk->leaving);
		chunk->leaving = chunk->dropped;
		chunk->dropped = 0;
	}
}

int unwind_store_prepare(struct unwind_store *store, size_t count)
{
	uint32_t pages = pages_of(count), place;

	return find_place(store, pages, &place);
}

uint64_t unwind_store_bytes(const struct unwind_store *store)
{
	return (uint64_t)store->chunk_count * UNWIND_CHUNK_SIZE;
}
