/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/heap_growth.h"

bool heap_growth_is_too_much(struct heap_growth *growth, uint64_t bytes, uint64_t age_ns)
{
	uint64_t grown;

	if (!growth->first_bytes)
		growth->first_bytes = bytes;
	grown = bytes > growth->first_bytes ? bytes - growth->first_bytes : 0;
	if (grown > HEAP_GROWTH_URGENT)
		return age_ns > HEAP_GROWTH_URGENT_NS_MIN;
	return grown > HEAP_GROWTH_MAX && age_ns > HEAP_GROWTH_NS_MIN;
}
