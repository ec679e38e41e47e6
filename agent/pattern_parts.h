/* SPDX-License-Identifier: Apache-2.0 */
/* How large a POSIX extended regular expression becomes, before the C library is asked for it. */
#ifndef EPROF_AGENT_PATTERN_PARTS_H
#define EPROF_AGENT_PATTERN_PARTS_H

#include <stdint.h>

#define PATTERN_BYTES_MAX 1024

/* One that is no mistake has some hundred. */
#define PATTERN_PARTS_MAX 10000

/*
 * About as many parts as regcomp() makes of it: it copies what is repeated, with what is repeated
 * inside of that, so that a line of a few bytes may take all memory. Beyond PATTERN_PARTS_MAX it is
 * not counted any further. What is no expression has some number. At most PATTERN_BYTES_MAX bytes.
 */
uint64_t pattern_parts(const char *pattern);

#endif
