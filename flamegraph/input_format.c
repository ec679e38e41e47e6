/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "flamegraph/perf_script_line.h"
#include "flamegraph/readers.h"

#define GZIP_MAGIC       "\x1f\x8b"
#define WIRE_VARINT      0u
#define WIRE_BYTES       2u
#define VARINT_BYTES_MAX 10
#define FIELDS_MIN       2
/* So many lines of comments and bad ones may be before the first sample. */
#define LINES_MAX        64

static bool has_control_byte(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c < ' ' && c != '\t' && c != '\n' && c != '\r')
			return true;
	}
	return false;
}

static bool read_varint(const char *bytes, size_t length, size_t *position, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < VARINT_BYTES_MAX && *position < length; i++) {
		unsigned char byte = (unsigned char)bytes[(*position)++];

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

/* Whether a Profile of profile.proto has such a field: messages and strings, then numbers. */
static bool is_profile_field(uint64_t tag)
{
	static const uint16_t numbers =
		1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15;
	static const uint16_t messages =
		1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 11 | 1 << 13;
	uint64_t field = tag >> 3;

	if (field >= 16)
		return false;
	return (tag & 7) == WIRE_VARINT ? numbers >> field & 1
					: (tag & 7) == WIRE_BYTES && (messages >> field & 1);
}

/* All fields that are there are those of a profile, the last of which may be cut. */
static bool is_profile(const char *bytes, size_t length)
{
	size_t position = 0, fields = 0;
	uint64_t tag, value;

	while (position < length) {
		if (!read_varint(bytes, length, &position, &tag) || !is_profile_field(tag) ||
		    !read_varint(bytes, length, &position, &value))
			break;
		fields++;
		if ((tag & 7) == WIRE_VARINT)
			continue;
		if (value > length - position) {
			position = length;
			break;
		}
		position += value;
	}
	return fields >= FIELDS_MIN && (position == length || length >= INPUT_FORMAT_BYTES) &&
	       has_control_byte(bytes, length);
}

static size_t line_length(const char *bytes, size_t length)
{
	const char *newline = memchr(bytes, '\n', length);

	return newline ? (size_t)(newline - bytes) : length;
}

static bool is_perf_script(const char *bytes, size_t length)
{
	struct perf_script_header header = { 0 };
	struct perf_script_frame frame;
	bool is_sample = false;

	for (unsigned int i = 0; i < LINES_MAX && length > 0; i++) {
		size_t line = line_length(bytes, length);
		size_t used = line < length ? line + 1 : line;
		size_t end = line;

		if (end > 0 && bytes[end - 1] == '\r')
			end--;
		/* Without a time it may be anything: what follows has to be a frame. */
		if (is_sample)
			return header.has_time || ((bytes[0] == ' ' || bytes[0] == '\t') &&
						   perf_script_frame(bytes, end, &frame));
		if (end > 0 && bytes[0] != '#') {
			is_sample = perf_script_header(bytes, end, &header);
			if (!is_sample)
				return false;
		}
		bytes += used;
		length -= used;
	}
	return is_sample && header.has_time;
}

enum input_format input_format_of(const char *bytes, size_t length)
{
	if (length >= strlen(GZIP_MAGIC) && memcmp(bytes, GZIP_MAGIC, strlen(GZIP_MAGIC)) == 0)
		return INPUT_PPROF;
	if (is_profile(bytes, length))
		return INPUT_PPROF;
	return is_perf_script(bytes, length) ? INPUT_PERF_SCRIPT : INPUT_FOLDED;
}
