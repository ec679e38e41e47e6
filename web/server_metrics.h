/* SPDX-License-Identifier: Apache-2.0 */
/* What eprof-server tells of itself, in Prometheus' text format. Counted by any thread. */
#ifndef EPROF_WEB_SERVER_METRICS_H
#define EPROF_WEB_SERVER_METRICS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

#include "web/http_server.h"
#include "web/store.h"

#define METRICS_ROUTES_MAX 16
#define METRICS_CLASSES    6 /* of statuses: 2 is 2xx */

/* Of one path. */
struct route_metrics {
	const char *path; /* static; NULL: there is no such route */
	atomic_uint_least64_t answers[METRICS_CLASSES];
	atomic_uint_least64_t ns; /* from the whole request to the whole answer */
};

/* The zero value has counted nothing. */
struct server_metrics {
	struct route_metrics routes[METRICS_ROUTES_MAX];
	atomic_uint_least64_t profiles_stored, profiles_known, profiles_refused, profiles_failed;
	atomic_uint_least64_t cached;         /* answers that had been given before */
	atomic_uint_least64_t bytes_received; /* of profiles, as they came */
};

/* What is asked for when it is told. */
struct server_gauges {
	struct http_refusals refusals;
	const struct store_extent *extent; /* NULL: not known now */
	uint64_t body_bytes, connections;
};

/* -EIO when the stream fails. */
int server_metrics_write(const struct server_metrics *metrics, const struct server_gauges *gauges,
			 FILE *out);

#endif
