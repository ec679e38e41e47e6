/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl, loaded when something is first sent: with all that it depends on it would double what a
 * recording maps, which sends nothing; and eprof-server needs it for one of its engines only.
 */
#ifndef EPROF_BASE_CURL_LIBRARY_H
#define EPROF_BASE_CURL_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#define CURL_LIBRARY          "libcurl.so.4"
#define CURL_LIBRARY_PACKAGES "libcurl4 (Debian) or libcurl (Fedora)"

/* Hashes of libcrypto, where libcurl depends on that; as <openssl/evp.h> has them, since 1.1. */
struct curl_digest {
	bool is_there;
	void *(*new)(void);
	void (*free)(void *context); /* NULL is fine */
	const void *(*sha256)(void);
	int (*init)(void *context, const void *type, void *engine);
	int (*update)(void *context, const void *bytes, size_t size);
	int (*final)(void *context, unsigned char *ret, unsigned int *ret_size);
};

struct curl_library {
	unsigned int version; /* as LIBCURL_VERSION_NUM */
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *easy);
	void (*easy_reset)(CURL *easy);
	CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
	CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
	CURLcode (*easy_perform)(CURL *easy);
	const char *(*easy_strerror)(CURLcode code);
	struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
	void (*slist_free_all)(struct curl_slist *list);
	struct curl_digest digest;
};

/*
 * The same for all threads, and for good; NULL when it cannot be loaded, or lacks something (then
 * the next call tries again, as it may have been installed meanwhile).
 */
const struct curl_library *curl_library_get(void);

#endif
