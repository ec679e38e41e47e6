/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of agent/agent_status.h. */
#ifndef EPROF_AGENT_AGENT_STATUS_PARTS_H
#define EPROF_AGENT_AGENT_STATUS_PARTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/agent_status.h"

struct cJSON;

/* Of an answer: 16 targets with the longest texts are a tenth of it. */
#define STATUS_ANSWER_BYTES_MAX ((size_t)1 << 20)
#define STATUS_WAIT_MS          5000

/* One of the losses. */
struct status_loss {
	const char *name;
	uint64_t count;
	bool is_ns; /* counted are nanoseconds, and not how often */
};
#define STATUS_LOSSES_MAX (COUNTER_COUNT + 2)

/* All of them, also those that are 0. Returns how many. */
size_t agent_status_losses(const struct agent_status *status,
			   struct status_loss ret[STATUS_LOSSES_MAX]);
/* Whether a counter counts nanoseconds. */
bool agent_status_counter_is_ns(enum counter counter);

/*
 * What a URL may say where others read it: nothing behind '?', where signatures are, and no user,
 * UTF-8. The caller frees it; NULL without memory.
 */
char *agent_status_public_url(const char *url);
/* Valid UTF-8 of any bytes; the caller frees it. NULL without memory. */
char *agent_status_utf8(const char *text);

/* The whole document and a line break; the caller frees it. NULL without memory. */
char *agent_status_to_json(const struct agent_status *status);
/*
 * What such a document says; what it leaves out is 0, and what is unknown is skipped: agents and
 * those who ask may be of different versions. Strings live as long as the document. 0 or -EINVAL.
 */
int agent_status_from_json(const struct cJSON *document, struct agent_status *ret);

void agent_status_put_text_at(const struct agent_status *status, uint64_t now_unix_s, FILE *out);

/* Connects, reads all, at most STATUS_ANSWER_BYTES_MAX, in wait_ms. The caller frees *ret. 0 or
 * -errno (-ETIMEDOUT, -EFBIG). */
int status_socket_read(const char *path, int wait_ms, char **ret);

#endif
