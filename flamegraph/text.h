/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts and numbers on their way into a file. Texts come from strangers: what is not UTF-8, or not
 * a character that XML 1.0 knows, becomes U+FFFD; tabs and line breaks become spaces. A failing
 * stream is noticed once, at the end, by text_finish().
 */
#ifndef EPROF_FLAMEGRAPH_TEXT_H
#define EPROF_FLAMEGRAPH_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_WHOLE       SIZE_MAX
#define TEXT_REPLACEMENT 0xfffd /* what stands for a bad character */

/* The first character of a non-empty text, made harmless; returns how many bytes it took. */
size_t text_next(const char *text, uint32_t *ret_rune);

/* The same character as UTF-8; returns how many bytes it has. */
#define TEXT_RUNE_BYTES 4
size_t text_encode(uint32_t rune, char ret[TEXT_RUNE_BYTES]);

/* The number of characters, counted no further than max. */
size_t text_length(const char *text, size_t max);

/* Text content of an XML element or attribute, or of HTML: at most max characters. */
void text_put_xml(FILE *out, const char *text, size_t max);

/* A JSON string with its quotes. */
void text_put_json(FILE *out, const char *text);

/* A repaired copy, which the caller frees; NULL when there is no memory. */
char *text_repair(const char *text);

/* At most max characters of a text as it is, but for what text_next() makes of them. */
void text_put_repaired(FILE *out, const char *text, size_t max);

void text_put(FILE *out, const char *text);         /* as it is */
void text_put_u64(FILE *out, uint64_t value);       /* 1234567 */
void text_put_grouped(FILE *out, uint64_t value);   /* 1,234,567 */
void text_put_hundredths(FILE *out, int64_t value); /* 1234 as 12.34, 1200 as 12 */

/* 12.34%: as printf() writes 100.0 * part / whole, so does every other tool; 0.00% of nothing. */
void text_put_percent(FILE *out, uint64_t part, uint64_t whole);

/* A value in units of 10^-decimals, exactly: 1234500 with 3 decimals as 1,234.5. */
void text_put_decimal(FILE *out, uint64_t value, unsigned int decimals);

/* The same without commas, for programs: 1234.5. */
void text_put_plain_decimal(FILE *out, uint64_t value, unsigned int decimals);

/* A time in three digits that count: 7 us, 12.3 ms, 1.00 s; from 1,000 s on in whole seconds. */
void text_put_time(FILE *out, uint64_t microseconds);

/* 0, or -EIO when anything written to out since it was opened did not reach it. */
int text_finish(FILE *out);

#endif
