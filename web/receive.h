/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/v1/profiles?id=&service=&host=&kind=&from=&until=: a profile of one kind, as pprof,
 * with further labels as label.NAME=VALUE. It is answered when it is on the disk; sent again it is
 * answered the same way, and changes nothing.
 */
#ifndef EPROF_WEB_RECEIVE_H
#define EPROF_WEB_RECEIVE_H

#include "web/http_server.h"
#include "web/store.h"

/* {"id":...,"stored":true}; false: it was there. Or {"error":...} with a status that says whether
 * to try again (5xx, with Retry-After) or not (4xx). */
void receive_profile(struct store *store, const struct http_request *request,
		     struct http_answer *ret);

#endif
