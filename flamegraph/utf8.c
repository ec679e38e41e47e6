/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/utf8.h"

#include <stdint.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

size_t utf8_decode(const char *text, size_t length, uint32_t *ret_rune)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *bytes = (const unsigned char *)text;
	size_t wanted = bytes[0] >= 0xf0 ? 4 : bytes[0] >= 0xe0 ? 3 : 2;
	uint32_t rune = bytes[0] & (0xffu >> (wanted + 1));

	if (bytes[0] < 0x80) {
		*ret_rune = bytes[0];
		return 1;
	}
	if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || wanted > length)
		return 0;
	for (size_t i = 1; i < wanted; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		rune = rune << 6 | (bytes[i] & 0x3f);
	}
	if (rune < smallest[wanted] || rune > 0x10ffff)
		return 0;
	*ret_rune = rune;
	return wanted;
}

/* What is at the beginning of bytes, of which there is one at least. */
struct character {
	size_t length;
	bool is_valid;
};

static struct character next_character(const char *bytes, size_t length)
{
	uint32_t rune;
	size_t used = utf8_decode(bytes, length, &rune);

	if (used == 0)
		return (struct character){ .length = 1 };
	return (struct character){ .length = used, .is_valid = rune < 0xd800 || rune > 0xdfff };
}

/* Names are mostly ASCII: eight bytes a step. */
static size_t skip_ascii(const char *bytes, size_t length)
{
	size_t i = 0;
	uint64_t word;

	for (; i + sizeof(word) <= length; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		if (word & HIGH_BITS)
			break;
	}
	while (i < length && !(bytes[i] & 0x80))
		i++;
	return i;
}

bool utf8_is_valid(const char *bytes, size_t length)
{
	size_t i = skip_ascii(bytes, length);

	while (i < length) {
		struct character character = next_character(bytes + i, length - i);

		if (!character.is_valid)
			return false;
		i += character.length;
		i += skip_ascii(bytes + i, length - i);
	}
	return true;
}

size_t utf8_repair(const char *bytes, size_t length, char *out)
{
	size_t written = 0;

	for (size_t i = 0; i < length;) {
		struct character character = next_character(bytes + i, length - i);
		const char *from = character.is_valid ? bytes + i : UTF8_REPLACEMENT;
		size_t n = character.is_valid ? character.length : strlen(UTF8_REPLACEMENT);

		memcpy(out + written, from, n);
		written += n;
		i += character.length;
	}
	return written;
}
