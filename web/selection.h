/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request selects, by its parameters: kind=, from= and until= (seconds since 1970; without
 * them the last hour), service=, host= and label.NAME=, each of them any number of times: one of
 * its values is enough. What else there is, is for the request itself.
 */
#ifndef EPROF_WEB_SELECTION_H
#define EPROF_WEB_SELECTION_H

#include <stdbool.h>

#include "web/http_server.h"
#include "web/store.h"

/* A parameter that is no selector's. */
struct selection_option {
	const char *name;
	const char *value; /* the request's, or NULL */
};

/* Texts are the request's. */
struct selection {
	struct store_selector selector;
	struct store_label matchers[STORE_MATCHERS_MAX];
	struct selection_option *options; /* the caller's list of those that there may be */
	size_t option_count;
	struct http_answer *answer;
	bool has_from, has_until; /* that the request said, 0 or not */
};

/* 0, or -errno after an answer that says what is wrong. now_s: of the wall clock. */
int selection_read(struct selection *selection, const struct http_request *request, uint64_t now_s);

/*
 * Two selections to be compared. What has "before." in front is of the one before: before.from=,
 * before.until=, before.service=, before.host=, before.label.NAME=. What is not said of it is as in
 * the one after: its times where neither is said, its values where no value of that name is. As
 * selection_read().
 */
int selection_read_pair(struct selection *before, struct selection *after,
			const struct http_request *request, uint64_t now_s);

/* Seconds since 1970, as a parameter has them. -EINVAL: it is no time. */
int selection_time(const char *text, uint64_t *ret);

#endif
