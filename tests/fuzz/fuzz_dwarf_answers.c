/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/dwarf_protocol.h"

#define ANSWERS_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_within(const char *text, const char *bytes, size_t size)
{
	return !text || (text >= bytes && text < bytes + size &&
			 memchr(text, '\0', (size_t)(bytes + size - text)));
}

/* What was taken can be put again, and is the same then. */
static void check_round_trip(const struct dwarf_frame *frames, size_t count)
{
	char *bytes = malloc(DWARF_ANSWERS_SIZE_MAX + DWARF_ANSWER_SIZE_EMPTY);
	struct dwarf_answers answers = { .bytes = bytes, .room = DWARF_ANSWERS_SIZE_MAX };
	struct dwarf_frame again[DWARF_FRAMES_MAX];
	size_t position = 0, taken;

	if (!bytes)
		abort();
	dwarf_answers_put(&answers, frames, count);
	if (!dwarf_answers_take(bytes, answers.size, &position, again, DWARF_FRAMES_MAX, &taken) ||
	    position != answers.size)
		abort();
	/* Names beyond the limit are left out; an answer that needs one is empty. */
	for (size_t i = 0; i < taken && taken == count; i++) {
		if (again[i].line != frames[i].line || again[i].is_inlined != frames[i].is_inlined)
			abort();
	}
	free(bytes);
}

/* What a reader that does not mean well sends: no byte before it or behind it is looked at. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size ? size : 1);
	size_t position = 0;

	if (!bytes)
		abort();
	memcpy(bytes, data, size);
	for (int i = 0; i < ANSWERS_MAX; i++) {
		struct dwarf_frame frames[DWARF_FRAMES_MAX];
		size_t before = position, count;

		if (!dwarf_answers_take(bytes, size, &position, frames, DWARF_FRAMES_MAX, &count))
			break;
		if (position <= before || position > size || count > DWARF_FRAMES_MAX)
			abort();
		for (size_t n = 0; n < count; n++) {
			if (!is_within(frames[n].name, bytes, size) ||
			    !is_within(frames[n].file, bytes, size) ||
			    (frames[n].is_inlined && !frames[n].name))
				abort();
		}
		check_round_trip(frames, count);
	}
	free(bytes);
	return 0;
}
