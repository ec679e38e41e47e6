/* SPDX-License-Identifier: Apache-2.0 */
/* One kind of time of a profile, ready for every writer: the tree, and what is said of it. */
#ifndef EPROF_AGENT_GRAPH_H
#define EPROF_AGENT_GRAPH_H

#include <stdbool.h>
#include <stdio.h>

#include "flamegraph/flamegraph.h"

struct graph {
	bool is_off_cpu;
	const struct call_tree *tree; /* with all lines; off-CPU: in nanoseconds; borrowed */
	struct call_tree *shown;      /* as in all but pprof; NULL: as tree */
	struct picture picture;
	struct pprof_info pprof;
};

/* What is said of a graph. Strings and modules are borrowed. */
struct graph_facts {
	const char *title; /* NULL: "On-CPU" or "Off-CPU" */
	const char *subtitle, *notes;
	uint64_t started_unix_ns;
	double seconds;
	uint64_t sample_hz;
	const struct pprof_module *modules;
	size_t module_count;
};

struct graph graph_of(const struct call_tree *tree, bool is_off_cpu,
		      const struct graph_facts *facts);
void graph_done(struct graph *graph);

/*
 * For all writers but pprof's: a function has one line with name_lines, behind its name, and none
 * without; times are in the unit of the picture. 0, -ENOMEM or -E2BIG.
 */
int graph_make_shown(struct graph *graph, bool name_lines);
const struct call_tree *graph_shown(const struct graph *graph);

int graph_write_svg(const struct graph *graph, FILE *out);
int graph_write_folded(const struct graph *graph, FILE *out);
int graph_write_speedscope(const struct graph *graph, FILE *out);
int graph_write_pprof(const struct graph *graph, FILE *out);

#endif
