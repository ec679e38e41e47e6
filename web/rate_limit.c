/* SPDX-License-Identifier: Apache-2.0 */
#include "web/rate_limit.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

struct rate_limit {
	pthread_mutex_t lock;
	uint64_t interval_ns;
	size_t count;
	uint64_t due_ns[]; /* below the lock: when the next one would be, if all were in time */
};

int rate_limit_new(size_t count, uint64_t per_second, struct rate_limit **ret)
{
	struct rate_limit *limit = calloc(1, sizeof(*limit) + count * sizeof(limit->due_ns[0]));

	assert(per_second >= 1 && per_second <= RATE_MAX);
	if (!limit)
		return -ENOMEM;
	(void)pthread_mutex_init(&limit->lock, NULL);
	limit->interval_ns = NS_PER_SECOND / per_second;
	limit->count = count;
	*ret = limit;
	return 0;
}

void rate_limit_free(struct rate_limit *limit)
{
	if (!limit)
		return;
	(void)pthread_mutex_destroy(&limit->lock);
	free(limit);
}

bool rate_limit_take(struct rate_limit *limit, size_t who, uint64_t now_ns,
		     unsigned int *ret_wait_s)
{
	uint64_t burst_ns = RATE_BURST_S * NS_PER_SECOND, due_ns;
	bool may;

	assert(who < limit->count);
	(void)pthread_mutex_lock(&limit->lock);
	due_ns = limit->due_ns[who];
	may = due_ns < now_ns + burst_ns;
	if (may)
		limit->due_ns[who] = (due_ns > now_ns ? due_ns : now_ns) + limit->interval_ns;
	(void)pthread_mutex_unlock(&limit->lock);
	*ret_wait_s = may ? 0 : (unsigned int)((due_ns - now_ns - burst_ns) / NS_PER_SECOND) + 1;
	return may;
}

void rate_limit_charge(struct rate_limit *limit, size_t who, uint64_t now_ns, unsigned int count)
{
	assert(who < limit->count);
	(void)pthread_mutex_lock(&limit->lock);
	if (limit->due_ns[who] < now_ns)
		limit->due_ns[who] = now_ns;
	limit->due_ns[who] += count * limit->interval_ns;
	(void)pthread_mutex_unlock(&limit->lock);
}
