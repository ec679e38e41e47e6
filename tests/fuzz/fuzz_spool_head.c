/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/spool_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct profile_file *a, const struct profile_file *b)
{
	if (a->kind != b->kind || a->format != b->format || a->from_ns != b->from_ns ||
	    a->until_ns != b->until_ns || a->sample_hz != b->sample_hz ||
	    strcmp(a->service, b->service) != 0 || strcmp(a->host, b->host) != 0 ||
	    a->label_count != b->label_count)
		abort();
	for (size_t i = 0; i < a->label_count; i++) {
		if (strcmp(a->labels[i].name, b->labels[i].name) != 0 ||
		    strcmp(a->labels[i].value, b->labels[i].value) != 0)
			abort();
	}
}

/* What can be read says the same when it is written, and read again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spool_head head = { 0 }, again = { 0 };
	char *line = malloc(size + 1), *made = NULL;
	const char *reason = NULL;
	int err;

	if (!line)
		abort();
	if (size)
		memcpy(line, data, size);
	line[size] = '\0';
	err = spool_head_parse(line, size, &head, &reason);
	if (err == -EBADMSG && !reason)
		abort();
	if (!err && spool_head_make(&head.file, &made) == 0) {
		if (spool_head_parse(made, strlen(made) - 1, &again, &reason) < 0)
			abort();
		check_same(&head.file, &again.file);
	}
	spool_head_done(&again);
	spool_head_done(&head);
	free(made);
	free(line);
	return 0;
}
