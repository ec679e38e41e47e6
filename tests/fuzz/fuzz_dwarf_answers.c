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
static void check_round_trip(const struct dwarf_answer *answer)
{
	char *bytes = malloc(DWARF_ANSWERS_SIZE_MAX);
	struct dwarf_answers answers = { .bytes = bytes, .room = DWARF_ANSWERS_SIZE_MAX };
	struct dwarf_answer again;
	size_t position = 0;

	if (!bytes)
		abort();
	if (!dwarf_answers_put(&answers, answer->frames, answer->count) ||
	    !dwarf_answers_take(bytes, answers.size, &position, &again) || position != answers.size)
		abort();
	/* Names beyond the limit are left out, and so is a chain that needs one. */
	if (!again.is_left_out && again.count != answer->count)
		abort();
	for (size_t i = 0; i < again.count; i++) {
		if (again.frames[i].line != answer->frames[i].line ||
		    again.frames[i].is_inlined != answer->frames[i].is_inlined)
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
		struct dwarf_answer answer;
		size_t before = position;

		if (!dwarf_answers_take(bytes, size, &position, &answer))
			break;
		if (position <= before || position > size || answer.count > DWARF_FRAMES_MAX ||
		    (answer.is_left_out && answer.count))
			abort();
		for (size_t n = 0; n < answer.count; n++) {
			if (!is_within(answer.frames[n].name, bytes, size) ||
			    !is_within(answer.frames[n].file, bytes, size) ||
			    (answer.frames[n].is_inlined && !answer.frames[n].name))
				abort();
		}
		check_round_trip(&answer);
	}
	free(bytes);
	return 0;
}
