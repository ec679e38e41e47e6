/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uploader_backoff.h"

#include "base/clock.h"

uint64_t uploader_backoff_ceiling_ns(const struct uploader_backoff *backoff, unsigned int failures)
{
	uint64_t ceiling = backoff->first_ns;

	if (!failures)
		return 0;
	while (--failures && ceiling < backoff->most_ns)
		ceiling = ceiling > backoff->most_ns / 2 ? backoff->most_ns : 2 * ceiling;
	return ceiling < backoff->most_ns ? ceiling : backoff->most_ns;
}

uint64_t uploader_backoff_ns(const struct uploader_backoff *backoff, unsigned int failures,
			     uint64_t retry_after_s, uint64_t random)
{
	uint64_t jitter = random % (uploader_backoff_ceiling_ns(backoff, failures) + 1);
	uint64_t asked = backoff->retry_after_most_ns;

	if (retry_after_s < asked / NS_PER_SECOND)
		asked = retry_after_s * NS_PER_SECOND;
	return asked + jitter;
}
