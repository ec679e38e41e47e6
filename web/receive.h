/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /api/v1/profiles?id=&service=&host=&kind=&from=&until=: a profile of one kind, as pprof,
 * with further labels as label.NAME=VALUE. It is answered when it is on the disk; sent again it is
 * answered the same way, and changes nothing.
 */
#ifndef EPROF_WEB_RECEIVE_H
#define EPROF_WEB_RECEIVE_H

#include "web/reception.h"

/* {"id":...,"stored":true}; false: it was there. Or {"error":...} with a status that says whether
 * to try again (5xx, with Retry-After) or not (4xx). */
void receive_profile(struct store *store, const struct receive_limits *limits,
		     const struct http_request *request, struct http_answer *ret);

/*
 * POST /push.v1.PusherService/Push, as Pyroscope's clients send it (base/push.proto; the Connect
 * protocol, unary, application/proto): pprof of any number of series. The label service_name is the
 * service; hostname, host, instance or node the host; __name__ "process_cpu" the kind on-cpu,
 * "off_cpu" off-cpu, and others stay as they are. A profile without an id has one of its content.
 */
void receive_push(struct store *store, const struct receive_limits *limits,
		  const struct http_request *request, struct http_answer *ret);

/*
 * POST /ingest?name=&from=&until=&format=&sampleRate=&units=: what its older clients send, folded
 * stacks or pprof, by itself or as the field "profile" of a form.
 */
void receive_ingest(struct store *store, const struct receive_limits *limits,
		    const struct http_request *request, struct http_answer *ret);

#endif
