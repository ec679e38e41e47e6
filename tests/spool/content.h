/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs put and take: targets, and a content for each number. */
#ifndef EPROF_TESTS_SPOOL_CONTENT_H
#define EPROF_TESTS_SPOOL_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include "agent/spool.h"

#define TARGET_COUNT 2
#define SIZE_MAX_LOG 15 /* files have up to 32 KiB, so that some are written in pieces */

static const char target_ids[TARGET_COUNT][SPOOL_TARGET_ID_SIZE] = { "0000000000000001",
								     "0000000000000002" };

static inline size_t content_size(uint64_t number)
{
	return number * 2654435761U % (1U << SIZE_MAX_LOG);
}

static inline unsigned char content_byte(uint64_t number, size_t i)
{
	return (unsigned char)(number * 31 + i * 7 + i / 256);
}

#endif
