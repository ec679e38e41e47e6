/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends one profile to one target, once, by libcurl or into a directory. Whether, and when, it is
 * tried again is agent/uploader.c's to decide; what the outcome was is told here.
 */
#ifndef EPROF_AGENT_UPLOAD_SEND_H
#define EPROF_AGENT_UPLOAD_SEND_H

#include "agent/agent_config.h"
#include "agent/spool.h"

#define UPLOAD_TEXT_SIZE 4096

enum upload_outcome {
	UPLOAD_SENT,  /* the target has it, durably as far as it says so */
	UPLOAD_LATER, /* refused for now, or not reached: 408, 425, 429, 5xx, network, local errors
		       */
	UPLOAD_REFUSED, /* never: other 4xx, or it cannot be said in the target's format */
};

struct upload_result {
	enum upload_outcome outcome;
	long status;                 /* of HTTP; 0: there was none */
	uint64_t retry_after_s;      /* what the target asked for (seconds or a date); 0: nothing */
	char text[UPLOAD_TEXT_SIZE]; /* one reason in words, and the beginning of the answer's body
				      */
};

struct upload_sender;

/*
 * The config is borrowed. Files of secrets are read for every send, so that they may change, and
 * are refused when others may read them. One line and -errno when the config makes no sense.
 */
int upload_sender_new(const struct upload_config *config, struct upload_sender **ret);
void upload_sender_free(struct upload_sender *sender); /* NULL is fine */

/*
 * Takes config->timeout_s at most; ends early when *stop becomes true (then UPLOAD_LATER). The item
 * is left as it is.
 */
void upload_send(struct upload_sender *sender, const struct spool_item *item,
		 const _Atomic bool *stop, struct upload_result *ret);

/* Whether the target answers at all, without sending a profile: for `eprof doctor`. */
void upload_probe(struct upload_sender *sender, struct upload_result *ret);

/*
 * The path of a file below its target, by a template: {service} {host} {kind} {format} {start}
 * {end} (UTC: 20260102T030405.000000Z) {yyyy} {mm} {dd} {HH} {MM} {SS} {unix} {id} {ext}
 * {label.NAME}; "{{" is "{". Files of one name take each other's place: {start} or {id} is in each
 * template that is not to lose any. What a value has of '/', controls, or leading dots becomes '_',
 * so that no value leads elsewhere. 0 and the caller's *ret, or -EINVAL (no such word), -ENOMEM,
 * -ENAMETOOLONG.
 */
#define UPLOAD_KEY_DEFAULT "{service}/{yyyy}/{mm}/{dd}/{host}-{start}-{kind}{ext}"
int upload_key_make(const char *template, const struct profile_file *file, char **ret);

#endif
