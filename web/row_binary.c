/* SPDX-License-Identifier: Apache-2.0 */
#include "web/row_binary.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 4096
#define LENGTH_BYTES   10 /* of 64 bits in LEB128 */

void row_writer_done(struct row_writer *rows)
{
	free(rows->bytes);
	*rows = (struct row_writer){ 0 };
}

static void put(struct row_writer *rows, const void *bytes, size_t size)
{
	if (rows->is_out_of_memory || size == 0)
		return;
	if (size > rows->capacity - rows->size) {
		size_t capacity = 2 * rows->capacity + size + CAPACITY_FIRST;
		uint8_t *more = realloc(rows->bytes, capacity);

		if (!more) {
			rows->is_out_of_memory = true;
			return;
		}
		rows->bytes = more;
		rows->capacity = capacity;
	}
	memcpy(rows->bytes + rows->size, bytes, size);
	rows->size += size;
}

static void put_number(struct row_writer *rows, uint64_t number, size_t size)
{
	uint8_t bytes[sizeof(number)];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(number >> (8 * i));
	put(rows, bytes, size);
}

void row_put_u8(struct row_writer *rows, uint8_t number)
{
	put_number(rows, number, sizeof(number));
}

void row_put_u32(struct row_writer *rows, uint32_t number)
{
	put_number(rows, number, sizeof(number));
}

void row_put_u64(struct row_writer *rows, uint64_t number)
{
	put_number(rows, number, sizeof(number));
}

void row_put_length(struct row_writer *rows, size_t length)
{
	uint8_t bytes[LENGTH_BYTES];
	size_t count = 0;

	do {
		bytes[count] = length & 0x7f;
		length >>= 7;
		bytes[count++] |= length ? 0x80 : 0;
	} while (length);
	put(rows, bytes, count);
}

void row_put_text(struct row_writer *rows, const char *text, size_t length)
{
	row_put_length(rows, length);
	put(rows, text, length);
}

bool row_is_left(const struct row_reader *rows)
{
	return !rows->is_broken && rows->at < rows->end;
}

/* The next bytes; NULL: there are not so many. */
static const uint8_t *take(struct row_reader *rows, size_t size)
{
	const uint8_t *bytes = rows->at;

	if (rows->is_broken || size > (size_t)(rows->end - rows->at)) {
		rows->is_broken = true;
		return NULL;
	}
	rows->at += size;
	return bytes;
}

static uint64_t get_number(struct row_reader *rows, size_t size)
{
	const uint8_t *bytes = take(rows, size);
	uint64_t number = 0;

	for (size_t i = 0; bytes && i < size; i++)
		number |= (uint64_t)bytes[i] << (8 * i);
	return number;
}

uint8_t row_get_u8(struct row_reader *rows)
{
	return (uint8_t)get_number(rows, sizeof(uint8_t));
}

uint32_t row_get_u32(struct row_reader *rows)
{
	return (uint32_t)get_number(rows, sizeof(uint32_t));
}

uint64_t row_get_u64(struct row_reader *rows)
{
	return get_number(rows, sizeof(uint64_t));
}

/* What is there is at most as long as the rows: 2^56 is enough to tell. */
size_t row_get_length(struct row_reader *rows, size_t item_size)
{
	uint64_t length = 0;

	for (unsigned int shift = 0; shift < 56; shift += 7) {
		const uint8_t *byte = take(rows, 1);

		if (!byte)
			return 0;
		length |= (uint64_t)(*byte & 0x7f) << shift;
		if (*byte & 0x80)
			continue;
		if (length <= (size_t)(rows->end - rows->at) / item_size)
			return length;
		break;
	}
	rows->is_broken = true;
	return 0;
}

const char *row_get_text(struct row_reader *rows, size_t *ret_length)
{
	const uint8_t *bytes;

	*ret_length = row_get_length(rows, 1);
	bytes = take(rows, *ret_length);
	return bytes ? (const char *)bytes : "";
}
