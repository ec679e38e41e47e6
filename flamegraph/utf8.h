/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from strangers as UTF-8. Control characters stay: what becomes of them is the writers'. */
#ifndef EPROF_FLAMEGRAPH_UTF8_H
#define EPROF_FLAMEGRAPH_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_BYTES_MAX   4              /* of a character */
#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
/* How many times as long repaired bytes may be. */
#define UTF8_GROWTH_MAX  3

/*
 * How long the character is that bytes, of which there is one at least, begin with; 0 when they are
 * no UTF-8. A surrogate, which no text may have, is decoded as if it were a character.
 */
size_t utf8_decode(const char *bytes, size_t length, uint32_t *ret_rune);

bool utf8_is_valid(const char *bytes, size_t length);

/*
 * Writes bytes to out, which has room for UTF8_GROWTH_MAX times their number, with U+FFFD for each
 * byte that is no part of a character, and for each surrogate. Returns the number of bytes written.
 */
size_t utf8_repair(const char *bytes, size_t length, char *out);

#endif
