/* SPDX-License-Identifier: Apache-2.0 */
/* A profile on its way into the store, whichever protocol it came by. */
#ifndef EPROF_WEB_RECEPTION_H
#define EPROF_WEB_RECEPTION_H

#include "web/gate.h"
#include "web/http_server.h"
#include "web/store.h"

/* What is kept: it would be deleted as soon as it is here, or be from a clock that is wrong. */
struct receive_limits {
	uint64_t age_s;   /* 0: however old */
	uint64_t ahead_s; /* of our clock */
	/* Who has much in memory, of a profile or of a message with many, is behind them, and goes
	 * through that of messages first. NULL: without limit. */
	struct gate *profiles, *messages;
};

/* Texts are borrowed; labels are those of the profile. */
struct reception {
	const struct receive_limits *limits;
	struct store_profile profile;
	struct store_label labels[STORE_LABELS_MAX];
	struct http_answer *answer; /* what is wrong */
	bool is_behind;             /* reception.c's: the gate of profiles */
};

/* The zero profile, with these labels. */
void reception_init(struct reception *reception, const struct receive_limits *limits,
		    struct http_answer *answer);

/* 400 in words: "WHAT: 'NAME'". Returns -EINVAL. */
int reception_wrong(struct reception *reception, const char *what, const char *name);

/* What has no value is no label. 0, or -errno after an answer. */
int reception_add_label(struct reception *reception, const char *name, const char *value);

/*
 * Reads the pprof profile of size bytes, and keeps it. ret_is_new: it was not there. kind NULL in
 * the profile: it is what the values are called ("cpu" is "on-cpu"); no times there: they are as
 * the file says. 0, or -errno after an answer.
 */
int reception_put_pprof(struct reception *reception, struct store *store, const uint8_t *bytes,
			size_t size, bool *ret_is_new);

/* The same of folded stacks, whose counts are multiplied by factor, and are then of that unit. */
struct reception_folded {
	const char *unit;
	uint64_t factor;
};
int reception_put_folded(struct reception *reception, struct store *store, const uint8_t *bytes,
			 size_t size, const struct reception_folded *counts, bool *ret_is_new);

#endif
