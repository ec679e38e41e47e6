/* SPDX-License-Identifier: Apache-2.0 */
/* How large a POSIX extended regular expression becomes, before the C library is asked for it. */
#ifndef EPROF_AGENT_PATTERN_COPIES_H
#define EPROF_AGENT_PATTERN_COPIES_H

#include <stdint.h>

#define PATTERN_BYTES_MAX 1024

/*
 * Copies, as regcomp() of the C library makes them of what is repeated, with what is repeated
 * inside of that: a line of a few bytes may take all memory, and where parts are optional it takes
 * some bytes for each pair of them. One that is no mistake has some dozen.
 */
#define PATTERN_COPIES_MAX 500

/*
 * How many copies regcomp() makes at least; not counted any further beyond PATTERN_COPIES_MAX. What
 * is no expression has some number. At most PATTERN_BYTES_MAX bytes.
 */
uint64_t pattern_copies(const char *pattern);

#endif
