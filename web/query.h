/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked about what is kept; web/selection.h has the parameters that all have. */
#ifndef EPROF_WEB_QUERY_H
#define EPROF_WEB_QUERY_H

#include "web/http_server.h"
#include "web/store.h"

/*
 * GET /api/v1/merge: all profiles of one kind as one, in format=svg (the default), folded, pprof,
 * html or picture (web/merged_file.h). A selection without a profile is 404; 204 for a picture.
 */
void query_merge(struct store *store, const struct http_request *request, struct http_answer *ret);

/*
 * GET /api/v1/diff: two selections (selection_read_pair()) as a differential, in the same formats
 * but pprof; pictures have those before scaled to the sum of those after, unless there is
 * normalize=0.
 */
void query_diff(struct store *store, const struct http_request *request, struct http_answer *ret);

/* GET /api/v1/top: functions by=self (the default) or total, limit= of them (100). */
void query_top(struct store *store, const struct http_request *request, struct http_answer *ret);

/* GET /api/v1/callers: who called function=, and whom it called, limit= of each (100). */
void query_callers(struct store *store, const struct http_request *request,
		   struct http_answer *ret);

/*
 * GET /api/v1/series: sums over steps of step= seconds (60), by= the values of a label, states=0
 * without telling states apart, as
 * {"step":60,"points":[{"at":...,"value":...,"state":...,"unit":...,"count":"..."},...]}; counts
 * are texts, as they have 64 bits.
 */
void query_series(struct store *store, const struct http_request *request, struct http_answer *ret);

/* GET /api/v1/values: of name= ("service", "host", "kind" or a label), or the names of labels, as
 * {"values":[...]}. */
void query_values(struct store *store, const struct http_request *request, struct http_answer *ret);

#endif
