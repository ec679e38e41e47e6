/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that the agent and its uploader share: figures go one way, when to end goes the other.
 * What the uploader writes is never trusted more than its figures are worth: its size is sealed,
 * and nothing in it is an index or an address.
 */
#ifndef EPROF_AGENT_UPLOADER_SHARED_H
#define EPROF_AGENT_UPLOADER_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>

#include "agent/uploader.h"

/* The descriptors that the process begins with, besides stderr. */
enum uploader_fd {
	UPLOADER_CONFIG_FD = 3,
	UPLOADER_SHARED_FD,
	UPLOADER_WAKE_FD, /* an eventfd */
	UPLOADER_LIFE_FD, /* a pipe that ends when the agent does */
	UPLOADER_FD_END,
};

#define UPLOADER_FIGURES_WORDS (sizeof(struct uploader_figures) / sizeof(uint64_t))
_Static_assert(sizeof(struct uploader_figures) % sizeof(uint64_t) == 0, "copied in words");

/*
 * One writer. The figures that hold are in one of the copies while the next ones are written into
 * another: who is killed meanwhile leaves those before. There are more than two, so that a reader
 * need not be faster than the writer.
 */
#define UPLOADER_COPIES 4
struct uploader_slot {
	_Atomic uint64_t version;
	_Atomic uint64_t words[UPLOADER_COPIES][UPLOADER_FIGURES_WORDS];
};

struct uploader_shared {
	_Atomic uint64_t cut_at_ns; /* CLOCK_MONOTONIC; 0: go on */
	_Atomic uint64_t drains;    /* until then all is sent that is there; 0: what is begun */
	struct uploader_slot slots[AGENT_TARGETS_MAX];
};

/* Empty, and the memfd of it, which the caller closes. 0 or -errno. */
int uploader_shared_new(int *ret_fd, struct uploader_shared **ret);
/* 0 or -errno (-EPROTO: it is not that). */
int uploader_shared_map(int fd, struct uploader_shared **ret);
void uploader_shared_unmap(struct uploader_shared *shared); /* NULL is fine */

void uploader_slot_publish(struct uploader_slot *slot, const struct uploader_figures *figures);
/* Never a mixture of two states. False, and nothing read: the writer does nothing but write. */
bool uploader_slot_read(const struct uploader_slot *slot, struct uploader_figures *ret);

#endif
