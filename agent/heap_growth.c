/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/heap_growth.h"

static bool is_learning(const struct heap_growth *growth, uint64_t age_ns)
{
	if (growth->windows == 0)
		return true;
	return age_ns < HEAP_LEARNING_NS_MAX &&
	       (growth->windows < HEAP_LEARNING_WINDOWS || age_ns < HEAP_LEARNING_NS_MIN);
}

static uint64_t growth_max(const struct heap_growth *growth)
{
	uint64_t part = growth->learned_bytes / HEAP_GROWTH_PART;

	return part > HEAP_GROWTH_MAX ? part : HEAP_GROWTH_MAX;
}

bool heap_growth_is_too_much(struct heap_growth *growth, uint64_t bytes, uint64_t age_ns)
{
	uint64_t grown;

	if (is_learning(growth, age_ns)) {
		growth->windows++;
		if (bytes > growth->learned_bytes)
			growth->learned_bytes = bytes;
		return false;
	}
	grown = bytes > growth->learned_bytes ? bytes - growth->learned_bytes : 0;
	return grown > HEAP_GROWTH_URGENT ||
	       (grown > growth_max(growth) && age_ns > HEAP_GROWTH_NS_MIN);
}
