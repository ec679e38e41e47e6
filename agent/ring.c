/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int ring_open(int fd, size_t size, struct ring *ret)
{
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, page_size + size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (page == MAP_FAILED)
		return -errno;
	*ret = (struct ring){ .fd = fd, .page = page, .size = size };
	return 0;
}

void ring_close(struct ring *ring)
{
	if (!ring->page)
		return;
	(void)munmap(ring->page, (size_t)sysconf(_SC_PAGESIZE) + ring->size);
	(void)close(ring->fd);
	*ring = (struct ring){ .fd = -1 };
}

size_t ring_take(struct ring *ring, void *buffer)
{
	struct perf_event_mmap_page *page = ring->page;
	const char *data = (const char *)page + (size_t)sysconf(_SC_PAGESIZE);
	/* Pairs with the kernel's store: what lies before head is complete
	 * (perf_output_put_handle). */
	uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = page->data_tail;
	size_t count = (size_t)(head - tail), start = tail & (ring->size - 1), first;

	if (count > ring->size)
		count = ring->size; /* cannot happen: the kernel does not overwrite unread data */
	first = count < ring->size - start ? count : ring->size - start;
	memcpy(buffer, data + start, first);
	memcpy((char *)buffer + first, data, count - first);
	__atomic_store_n(&page->data_tail, head, __ATOMIC_RELEASE);
	return count;
}

void ring_skip(struct ring *ring)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);

	__atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
}
