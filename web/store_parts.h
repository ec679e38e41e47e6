/* SPDX-License-Identifier: Apache-2.0 */
/* What an engine is to store.c; nobody else includes it. */
#ifndef EPROF_WEB_STORE_PARTS_H
#define EPROF_WEB_STORE_PARTS_H

#include "web/store.h"

/* Each as the function of web/store.h, with arguments that have been checked. */
struct store_calls {
	void (*close)(struct store *store);
	int (*put)(struct store *store, const struct store_profile *profile);
	int (*merge)(struct store *store, const struct store_selector *selector,
		     struct call_tree *tree, struct store_merged *ret);
	int (*series)(struct store *store, const struct store_selector *selector, uint64_t step_s,
		      const char *by, store_point_handler handler, void *context);
	int (*values)(struct store *store, const struct store_selector *selector, const char *name,
		      store_text_handler handler, void *context);
	int (*delete_before)(struct store *store, uint64_t time_s);
	int (*coarsen)(struct store *store, uint64_t before_s, uint64_t step_s,
		       const atomic_bool *stop);
	uint64_t (*version)(struct store *store, uint64_t from_s, uint64_t until_s);
	int (*extent)(struct store *store, struct store_extent *ret);
};

/* The first member of an engine's own. */
struct store {
	const struct store_calls *calls;
};

/*
 * Windows of a series that begin in one step, and end in one: what they count together, and how
 * much of that is in the first and in the last step; each second of a window has as much as the
 * others.
 */
struct store_spread {
	uint64_t first_step, last_step; /* numbers of steps since 1970 */
	uint64_t count, first, last;    /* of one step: only count is looked at */
};

/* A point for each of these steps, as point is otherwise; their counts together are count, but
 * those outside of the selection are left out. */
int store_spread(const struct store_selector *selector, uint64_t step_s,
		 const struct store_spread *spread, struct store_point *point,
		 store_point_handler handler, void *context);

/* As much of a frame's name, file or module as is kept: whole characters. */
size_t store_frame_text_length(const char *text);

#endif
