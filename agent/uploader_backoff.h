/* SPDX-License-Identifier: Apache-2.0 */
/* How long to wait before the next attempt: arithmetic alone, without a clock. */
#ifndef EPROF_AGENT_UPLOADER_BACKOFF_H
#define EPROF_AGENT_UPLOADER_BACKOFF_H

#include <stdint.h>

struct uploader_backoff {
	uint64_t first_ns, most_ns;   /* the ceiling, which doubles with each failure */
	uint64_t retry_after_most_ns; /* of what a target may ask for */
};

/* The ceiling after so many failures in a row; 0 after none. */
uint64_t uploader_backoff_ceiling_ns(const struct uploader_backoff *backoff, unsigned int failures);

/*
 * Anything from nothing to the ceiling, so that those who failed together do not come back
 * together. What the target has asked for comes on top of it. random: any 64 bits.
 */
uint64_t uploader_backoff_ns(const struct uploader_backoff *backoff, unsigned int failures,
			     uint64_t retry_after_s, uint64_t random);

#endif
