/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/graph.h"

#include "agent/ledger.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define NS_PER_US 1000u

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

struct graph graph_of(const struct call_tree *tree, bool is_off_cpu,
		      const struct graph_facts *facts)
{
	uint64_t period_ns = is_off_cpu ? 0 : NS_PER_SECOND / facts->sample_hz;
	const char *title = is_off_cpu ? "Off-CPU" : "On-CPU";

	return (struct graph){
		.is_off_cpu = is_off_cpu,
		.tree = tree,
		.picture = { .title = facts->title ? facts->title : title,
			     .subtitle = facts->subtitle,
			     .notes = facts->notes,
			     .unit = is_off_cpu ? "microseconds" : "samples",
			     .waits = is_off_cpu,
			     .period_ns = period_ns },
		.pprof = { .sample_type = is_off_cpu ? "intervals" : "samples",
			   .value_type = is_off_cpu ? "off_cpu" : "cpu",
			   .time_ns = facts->started_unix_ns,
			   .duration_ns = (uint64_t)(facts->seconds * (double)NS_PER_SECOND),
			   .period_ns = period_ns,
			   .unit_ns = is_off_cpu ? 1 : 0,
			   .comment = facts->notes,
			   .state = is_off_cpu ? off_state_name(OFF_SLEEP) : NULL,
			   .modules = facts->modules,
			   .module_count = facts->module_count },
	};
}

void graph_done(struct graph *graph)
{
	call_tree_free(graph->shown);
	graph->shown = NULL;
}

int graph_make_shown(struct graph *graph, bool name_lines)
{
	CLEANUP(cleanup_tree) struct call_tree *merged = NULL;
	int err = call_tree_merge_lines(graph->tree, name_lines, &merged);

	if (err < 0)
		return err;
	if (graph->is_off_cpu)
		return call_tree_divide(merged ? merged : graph->tree, NS_PER_US, &graph->shown);
	graph->shown = TAKE(merged);
	return 0;
}

const struct call_tree *graph_shown(const struct graph *graph)
{
	return graph->shown ? graph->shown : graph->tree;
}

int graph_write_svg(const struct graph *graph, FILE *out)
{
	return svg_write(graph_shown(graph), &graph->picture, out);
}

int graph_write_folded(const struct graph *graph, FILE *out)
{
	return folded_write(graph_shown(graph), out);
}

int graph_write_speedscope(const struct graph *graph, FILE *out)
{
	return speedscope_write(graph_shown(graph), &graph->picture, out);
}

int graph_write_pprof(const struct graph *graph, FILE *out)
{
	return pprof_write(graph->tree, &graph->pprof, out);
}
