/* SPDX-License-Identifier: Apache-2.0 */
#include "web/server_metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#include "base/clock.h"

static void put_head(const char *name, const char *type, const char *help, FILE *out)
{
	(void)fprintf(out, "# HELP eprof_server_%s %s\n# TYPE eprof_server_%s %s\n", name, help,
		      name, type);
}

static void put_one(const char *name, const char *type, const char *help, uint64_t value, FILE *out)
{
	put_head(name, type, help, out);
	(void)fprintf(out, "eprof_server_%s %" PRIu64 "\n", name, value);
}

static uint64_t answers_of(const struct route_metrics *route)
{
	uint64_t sum = 0;

	for (int class = 0; class < METRICS_CLASSES; class ++)
		sum += atomic_load(&route->answers[class]);
	return sum;
}

static void put_requests(const struct server_metrics *metrics, FILE *out)
{
	put_head("requests_total", "counter", "Requests, by path and class of the answer's status.",
		 out);
	for (int i = 0; i < METRICS_ROUTES_MAX && metrics->routes[i].path; i++) {
		const struct route_metrics *route = &metrics->routes[i];

		for (int class = 2; class < METRICS_CLASSES; class ++)
			(void)fprintf(out,
				      "eprof_server_requests_total{path=\"%s\",code=\"%dxx\"} "
				      "%" PRIu64 "\n",
				      route->path, class, atomic_load(&route->answers[class]));
	}
	put_head("request_seconds", "summary", "How long requests took to be answered.", out);
	for (int i = 0; i < METRICS_ROUTES_MAX && metrics->routes[i].path; i++) {
		const struct route_metrics *route = &metrics->routes[i];

		(void)fprintf(out,
			      "eprof_server_request_seconds_sum{path=\"%s\"} %.6f\n"
			      "eprof_server_request_seconds_count{path=\"%s\"} %" PRIu64 "\n",
			      route->path, (double)atomic_load(&route->ns) / (double)NS_PER_SECOND,
			      route->path, answers_of(route));
	}
}

static void put_profiles(const struct server_metrics *metrics, FILE *out)
{
	const struct {
		const char *result;
		uint64_t count;
	} results[] = {
		{ "stored", atomic_load(&metrics->profiles_stored) },
		{ "known", atomic_load(&metrics->profiles_known) },
		{ "refused", atomic_load(&metrics->profiles_refused) },
		{ "failed", atomic_load(&metrics->profiles_failed) },
	};

	put_head(
		"profiles_total", "counter",
		"Profiles that were sent: stored; known, so sent again; refused for what they are; "
		"failed, so to be sent again.",
		out);
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		(void)fprintf(out, "eprof_server_profiles_total{result=\"%s\"} %" PRIu64 "\n",
			      results[i].result, results[i].count);
	put_one("profile_bytes_total", "counter", "Bytes of profiles that were sent.",
		atomic_load(&metrics->bytes_received), out);
}

int server_metrics_write(const struct server_metrics *metrics, const struct server_gauges *gauges,
			 FILE *out)
{
	put_requests(metrics, out);
	put_profiles(metrics, out);
	put_one("cached_answers_total", "counter", "Answers that had been given before.",
		atomic_load(&metrics->cached), out);
	put_head("refused_requests_total", "counter",
		 "Requests that were not looked at: their body was too_large, or the server busy.",
		 out);
	(void)fprintf(out,
		      "eprof_server_refused_requests_total{why=\"too_large\"} %" PRIu64 "\n"
		      "eprof_server_refused_requests_total{why=\"busy\"} %" PRIu64 "\n",
		      gauges->refusals.too_large, gauges->refusals.busy);
	put_one("body_bytes", "gauge", "Memory of requests' bodies.", gauges->body_bytes, out);
	put_one("connections", "gauge", "Connections that are open.", gauges->connections, out);
	if (gauges->extent) {
		put_one("store_bytes", "gauge", "What the store takes of the disk.",
			gauges->extent->bytes, out);
		put_one("store_oldest_seconds", "gauge",
			"Since when there are profiles, as a Unix time; 0: there are none.",
			gauges->extent->oldest_s, out);
	}
	return ferror(out) ? -EIO : 0;
}
