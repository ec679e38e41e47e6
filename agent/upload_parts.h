/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of upload_send.h share: nobody else's. */
#ifndef EPROF_AGENT_UPLOAD_PARTS_H
#define EPROF_AGENT_UPLOAD_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "agent/upload_http.h"
#include "agent/upload_secrets.h"
#include "agent/upload_send.h"

enum upload_scheme {
	UPLOAD_TO_DIRECTORY,
	UPLOAD_TO_HTTP,
	UPLOAD_TO_S3,
	UPLOAD_TO_EPROF,
	UPLOAD_TO_PYROSCOPE,
};

struct upload_sender {
	const struct upload_config *config;
	enum upload_scheme scheme;
	/* A directory; or what the URL of a request begins with: http(s)://..., no '/' at its end
	 */
	char *base;
	const char *key;   /* a template */
	bool is_whole;     /* UPLOAD_TO_HTTP: base is a URL template by itself */
	bool is_ingest;    /* UPLOAD_TO_PYROSCOPE: the older of its interfaces */
	char *region;      /* UPLOAD_TO_S3 */
	size_t bucket_end; /* UPLOAD_TO_S3: of base, what stands for the bucket */
	struct http *http; /* NULL before the first request */
};

/* upload_result.c */

void upload_result_set(struct upload_result *result, enum upload_outcome outcome,
		       const char *format, ...) __attribute__((format(printf, 3, 4)));
enum upload_outcome upload_outcome_of(long status);
/* Of a Retry-After header, seconds or an HTTP date; at most a day. 0: it makes no sense. */
uint64_t upload_retry_after(const char *value, time_t now);
/* Controls, and the two characters that end lines elsewhere. */
bool upload_is_control(uint32_t rune);
/* Bytes of strangers as one line of UTF-8 without controls; size is of ret, which is ended. */
void upload_clean(const char *bytes, size_t length, char *ret, size_t size);

/* upload_key.c */

bool upload_has_words(const char *template);
/* The same as upload_key_make(), but values are escaped for a URL, and its '/' are left alone. */
int upload_url_fill(const char *template, const struct profile_file *file, char **ret);
#define UPLOAD_ID_SIZE 33
/* {id}: of all that says what the file is, 32 hexadecimal digits. -ENOMEM. */
int upload_id_make(const struct profile_file *file, char ret[UPLOAD_ID_SIZE]);
/* All but the unreserved characters of a URL as %XX; '/' stays where it parts segments. */
void upload_escape(FILE *out, const char *text);
void upload_escape_path(FILE *out, const char *path);
/* base, '/' and the key, escaped. 0 and the caller's *ret, or -ENOMEM. */
int upload_url_below(const char *base, const char *key, char **ret);
/* What that no key could be made is to the item. */
void upload_key_failed(int err, struct upload_result *ret);

/* Each sends one item; what is sent and what comes of it is in *ret. */

void upload_directory_send(const struct upload_sender *sender, const struct spool_item *item,
			   const _Atomic bool *stop, struct upload_result *ret);
void upload_directory_probe(const struct upload_sender *sender, struct upload_result *ret);
void upload_put_send(struct upload_sender *sender, const struct spool_item *item,
		     const _Atomic bool *stop, struct upload_result *ret);
void upload_s3_send(struct upload_sender *sender, const struct spool_item *item,
		    const _Atomic bool *stop, struct upload_result *ret);
void upload_s3_probe(struct upload_sender *sender, struct upload_result *ret);
void upload_eprof_send(struct upload_sender *sender, const struct spool_item *item,
		       const _Atomic bool *stop, struct upload_result *ret);
void upload_pyroscope_send(struct upload_sender *sender, const struct spool_item *item,
			   const _Atomic bool *stop, struct upload_result *ret);

/* upload_send.c: one line about the config, without its URL, which may be secret. -EINVAL. */
int upload_mistake(const struct upload_config *config, const char *words);

/* upload_s3.c: bucket is what stands behind s3://. 0, or one line and -errno. */
int upload_s3_set_up(struct upload_sender *sender, const char *bucket);

/* upload_pyroscope.c */

#define PYROSCOPE_LABELS_MAX 64
#define PYROSCOPE_NAME_SIZE  128
struct pyroscope_label {
	char name[PYROSCOPE_NAME_SIZE]; /* letters, digits and '_'; longer ones are cut */
	const char *value;              /* the file's */
};
/* Of the service and the machine, and the file's own; each name once, none without a value. */
size_t upload_pyroscope_labels(const struct profile_file *file,
			       struct pyroscope_label ret[PYROSCOPE_LABELS_MAX]);

/*
 * Sends a request to where the sender's config says, with its secrets, if these can be read; the
 * request's secrets are set by this, unless they are already.
 */
void upload_request(struct upload_sender *sender, struct http_request *request,
		    const _Atomic bool *stop, struct upload_result *ret);

const char *upload_content_type(enum profile_format format);

#endif
