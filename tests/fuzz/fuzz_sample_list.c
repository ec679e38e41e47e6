/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "web/sample_list.h"

#define PAIRS_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct pairs {
	struct sample_pair list[PAIRS_MAX];
	size_t count;
};

static int take_pair(void *context, const struct sample_pair *pair)
{
	struct pairs *pairs = context;

	if (pairs->count == PAIRS_MAX)
		return -E2BIG;
	pairs->list[pairs->count++] = *pair;
	return 0;
}

/* What could be unpacked is the same when it is packed and unpacked again, but for equal nodes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct pairs first, second, third;
	uint8_t *bytes;
	size_t length;

	first.count = second.count = third.count = 0;
	if (sample_list_unpack(data, size, take_pair, &first) < 0 ||
	    sample_list_pack(first.list, first.count, &bytes, &length) < 0)
		return 0;
	if (sample_list_unpack(bytes, length, take_pair, &second) < 0)
		abort();
	free(bytes);
	if (sample_list_pack(second.list, second.count, &bytes, &length) < 0 ||
	    sample_list_unpack(bytes, length, take_pair, &third) < 0 ||
	    second.count != third.count ||
	    (third.count &&
	     memcmp(second.list, third.list, third.count * sizeof(third.list[0])) != 0))
		abort();
	free(bytes);
	return 0;
}
