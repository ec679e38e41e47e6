/* SPDX-License-Identifier: Apache-2.0 */
/* The points of a time series, as they come from a store in any order, and become one answer. */
#ifndef EPROF_WEB_POINTS_H
#define EPROF_WEB_POINTS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/hashmap.h"
#include "web/store.h"

struct points_row;

/* The zero value has none. */
struct points {
	bool joins_states; /* states are "", and those of one step are one */
	char **texts;      /* each once */
	size_t text_count, text_capacity;
	struct hashmap by_hash; /* of texts -> index */
	uint64_t seed;
	struct points_row *rows;
	size_t count, capacity;
};

void points_done(struct points *points);

/* A store_point_handler; what points to is copied. 0, -ENOMEM, -EOVERFLOW (the sum of one point) or
 * -E2BIG: a million of them. */
int points_add(void *context, const struct store_point *point);

/* As a list of JSON, by time, value, state and unit, each of which is there once. 0 or -EOVERFLOW.
 */
int points_write(struct points *points, FILE *out);

#endif
