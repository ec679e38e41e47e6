/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The samples of one window as the bytes that are kept: pairs of a node's number and a count, in
 * the order of the numbers. Integers are LEB128. First comes the number of pairs, then a divisor
 * that all counts share (those of sampled time are multiples of the period), then for each pair
 * what its number is above the one before, and its count by the divisor.
 */
#ifndef EPROF_WEB_SAMPLE_LIST_H
#define EPROF_WEB_SAMPLE_LIST_H

#include <stddef.h>
#include <stdint.h>

struct sample_pair {
	uint64_t node;
	uint64_t count;
};

/* Sorts the pairs by node; those of one node become one. 0, or -EOVERFLOW (the sum of one node). */
int sample_list_merge(struct sample_pair *pairs, size_t *count);

/*
 * Sorts the pairs by node; those of one node become one. The caller frees *ret. 0, -ENOMEM or
 * -EOVERFLOW (the sum of one node).
 */
int sample_list_pack(struct sample_pair *pairs, size_t count, uint8_t **ret, size_t *ret_size);

/* Ends at the first that is < 0, and returns it. */
typedef int (*sample_pair_handler)(void *context, const struct sample_pair *pair);

/* 0, or -EBADMSG: these are not such bytes; some pairs may have been handed over then. */
int sample_list_unpack(const uint8_t *bytes, size_t size, sample_pair_handler handler,
		       void *context);

#endif
