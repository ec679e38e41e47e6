/* SPDX-License-Identifier: Apache-2.0 */
/* One perf ring buffer: the pages that the kernel writes records into (perf_event_mmap_page). */
#ifndef EPROF_AGENT_RING_H
#define EPROF_AGENT_RING_H

#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>

/* Zero is not a valid ring: ring_open() first. */
struct ring {
	int fd;
	struct perf_event_mmap_page *page;
	size_t size; /* of the data pages, a power of two */
};

/* Maps size bytes (a power of two of pages) of fd, which belongs to the ring on success. */
int ring_open(int fd, size_t size, struct ring *ret);
void ring_close(struct ring *ring);

/* Copies everything unread to buffer[size], whole records only, and frees it. Returns the bytes. */
size_t ring_take(struct ring *ring, void *buffer);
/* Frees everything unread. */
void ring_skip(struct ring *ring);

#endif
