/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to a store again and again: old profiles become coarser, and older ones go. */
#ifndef EPROF_WEB_HOUSEKEEPER_H
#define EPROF_WEB_HOUSEKEEPER_H

#include "web/store.h"

/* Each 0: never. */
struct housekeeping {
	uint64_t keep_s;     /* older profiles go */
	uint64_t keep_bytes; /* above it the oldest day goes, but for the last one */
	uint64_t minutes_s;  /* older ones are in windows of ten minutes, */
	uint64_t hours_s;    /* and older ones of an hour */
	uint64_t pause_s;    /* between two rounds */
};

struct housekeeper;

/* The first round begins at once, in a thread. The store stays the caller's. 0 or -errno. */
int housekeeper_start(struct store *store, const struct housekeeping *what,
		      struct housekeeper **ret);
/* What it is at ends soon, and goes on the next time. NULL is fine. */
void housekeeper_stop(struct housekeeper *housekeeper);

/* One round; what fails is told in one line each, and tried again in the next. now_s: of the wall
 * clock. It ends soon when *stop becomes true. */
void housekeeping_do(struct store *store, const struct housekeeping *what, uint64_t now_s,
		     const atomic_bool *stop);

#endif
