/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as ClickHouse sends and takes them in its format RowBinary
 * (https://clickhouse.com/docs/en/interfaces/formats#rowbinary): columns one after the other,
 * without a word between them. Integers are little-endian, texts and arrays have their length in
 * front, in LEB128. Pure memory.
 */
#ifndef EPROF_WEB_ROW_BINARY_H
#define EPROF_WEB_ROW_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The zero value is no rows. What is put after memory was out is left out. */
struct row_writer {
	uint8_t *bytes;
	size_t size, capacity;
	bool is_out_of_memory;
};

void row_writer_done(struct row_writer *rows);
void row_put_u8(struct row_writer *rows, uint8_t number);
void row_put_u32(struct row_writer *rows, uint32_t number);
void row_put_u64(struct row_writer *rows, uint64_t number);
void row_put_text(struct row_writer *rows, const char *text, size_t length);
void row_put_length(struct row_writer *rows, size_t length); /* of an array, whose items follow */

/*
 * Reads what is between at and end. After something that cannot be read is_broken stays true, and
 * all that is read is 0.
 */
struct row_reader {
	const uint8_t *at, *end;
	bool is_broken;
};

bool row_is_left(const struct row_reader *rows); /* another row; false when it is broken */
uint8_t row_get_u8(struct row_reader *rows);
uint32_t row_get_u32(struct row_reader *rows);
uint64_t row_get_u64(struct row_reader *rows);

/* Borrowed from the rows, and not terminated. */
const char *row_get_text(struct row_reader *rows, size_t *ret_length);

/* Of an array whose items take at least so many bytes each: they are there. */
size_t row_get_length(struct row_reader *rows, size_t item_size);

#endif
