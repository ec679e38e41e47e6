/* SPDX-License-Identifier: Apache-2.0 */
#include "web/sample_list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define LEB128_MAX 10 /* bytes of 64 bits */

static int compare_nodes(const void *a, const void *b)
{
	const struct sample_pair *left = a, *right = b;

	return (left->node > right->node) - (left->node < right->node);
}

/* How many are left; SIZE_MAX when a sum leaves 64 bits. */
static size_t merge_equal(struct sample_pair *pairs, size_t count)
{
	size_t last = 0;

	if (count == 0)
		return 0;
	for (size_t i = 1; i < count; i++) {
		if (pairs[i].node != pairs[last].node)
			pairs[++last] = pairs[i];
		else if (__builtin_add_overflow(pairs[last].count, pairs[i].count,
						&pairs[last].count))
			return SIZE_MAX;
	}
	return last + 1;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static uint8_t *put(uint8_t *at, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*at++ = (uint8_t)(number | 0x80);
	*at++ = (uint8_t)number;
	return at;
}

int sample_list_merge(struct sample_pair *pairs, size_t *count)
{
	if (*count)
		qsort(pairs, *count, sizeof(*pairs), compare_nodes);
	*count = merge_equal(pairs, *count);
	return *count == SIZE_MAX ? -EOVERFLOW : 0;
}

int sample_list_pack(struct sample_pair *pairs, size_t count, uint8_t **ret, size_t *ret_size)
{
	uint64_t divisor = 0, node = 0;
	uint8_t *bytes, *at;

	if (sample_list_merge(pairs, &count) < 0)
		return -EOVERFLOW;
	for (size_t i = 0; i < count; i++)
		divisor = common_divisor(divisor, pairs[i].count);
	if (divisor == 0)
		divisor = 1;
	bytes = malloc((2 * count + 2) * LEB128_MAX);
	if (!bytes)
		return -ENOMEM;
	at = put(put(bytes, count), divisor);
	for (size_t i = 0; i < count; i++) {
		at = put(put(at, pairs[i].node - node), pairs[i].count / divisor);
		node = pairs[i].node;
	}
	*ret = bytes;
	*ret_size = (size_t)(at - bytes);
	return 0;
}

struct reader {
	const uint8_t *at, *end;
};

static bool take(struct reader *reader, uint64_t *ret)
{
	uint64_t number = 0;

	for (unsigned int shift = 0; reader->at < reader->end && shift < 64; shift += 7) {
		uint64_t bits = *reader->at & 0x7f;

		if (shift == 63 && bits > 1)
			return false;
		number |= bits << shift;
		if (!(*reader->at++ & 0x80)) {
			*ret = number;
			return true;
		}
	}
	return false;
}

int sample_list_unpack(const uint8_t *bytes, size_t size, sample_pair_handler handler,
		       void *context)
{
	struct reader reader = { bytes, bytes + size };
	uint64_t count, divisor, node = 0;

	if (!take(&reader, &count) || !take(&reader, &divisor))
		return -EBADMSG;
	for (uint64_t i = 0; i < count; i++) {
		struct sample_pair pair;
		uint64_t above;
		int err;

		if (!take(&reader, &above) || !take(&reader, &pair.count) ||
		    __builtin_add_overflow(node, above, &node) ||
		    __builtin_mul_overflow(pair.count, divisor, &pair.count))
			return -EBADMSG;
		pair.node = node;
		err = handler(context, &pair);
		if (err < 0)
			return err;
	}
	return reader.at == reader.end ? 0 : -EBADMSG;
}
