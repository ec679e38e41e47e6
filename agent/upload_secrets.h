/* SPDX-License-Identifier: Apache-2.0 */
/* What a target wants to know us by. Read for each send, and wiped behind it. */
#ifndef EPROF_AGENT_UPLOAD_SECRETS_H
#define EPROF_AGENT_UPLOAD_SECRETS_H

#include <stddef.h>

#include "agent/agent_config.h"

struct upload_secrets {
	char *user, *password; /* of basic authentication, or the key and its secret of S3 */
	char *token;           /* bearer */
	char *session;         /* of S3: x-amz-security-token */
};

#define UPLOAD_REASON_SIZE 512

/*
 * The files of user, token and client key. Links are followed, as some deploy secrets by them. One
 * that others than owner and group may read is refused. 0, or -errno with the reason in words,
 * which name the file and nothing of what is in it.
 */
int upload_secrets_read(const struct upload_config *config, struct upload_secrets *ret,
			char reason[UPLOAD_REASON_SIZE]);
/* The same of S3: the credentials file, or the environment. */
int upload_secrets_read_s3(const struct upload_config *config, struct upload_secrets *ret,
			   char reason[UPLOAD_REASON_SIZE]);
void upload_secrets_done(struct upload_secrets *secrets); /* the zero value is fine */

/* Puts "***" for each secret, and for what basic authentication makes of them. */
void upload_secrets_hide(const struct upload_secrets *secrets, char *text);
void upload_secret_hide(const char *secret, char *text);

#endif
