/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/save.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/log.h"
#include "agent/page_facts.h"
#include "agent/pprof_modules.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "flamegraph/flamegraph.h"

#define NS_PER_US    1000u
#define KERNEL_NOTES "/sys/kernel/notes"

/* On-CPU, off-CPU. */
#define GRAPHS_MAX 2
_Static_assert(GRAPHS_MAX <= PPROF_PARTS_MAX, "one profile holds all graphs");

/* One kind of time. */
struct graph {
	bool is_off_cpu;
	const struct call_tree *tree; /* with all lines; off-CPU: in nanoseconds */
	struct call_tree *shown;      /* as in all but pprof; NULL: as tree */
	struct picture picture;
	struct pprof_info pprof;
};

struct save {
	const struct report *report;
	struct output *output;
	struct pprof_modules modules;
	struct graph graphs[GRAPHS_MAX];
	size_t graph_count;
};

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

static void cleanup_save(struct save *save)
{
	for (size_t i = 0; i < save->graph_count; i++)
		call_tree_free(save->graphs[i].shown);
	pprof_modules_done(&save->modules);
}

static void cleanup_facts(struct page_facts **facts)
{
	page_facts_free(*facts);
}

static const struct call_tree *shown_of(const struct graph *graph)
{
	return graph->shown ? graph->shown : graph->tree;
}

static int write_svg(const struct graph *graph, FILE *out)
{
	return svg_write(shown_of(graph), &graph->picture, out);
}

static int write_folded(const struct graph *graph, FILE *out)
{
	return folded_write(shown_of(graph), out);
}

static int write_speedscope(const struct graph *graph, FILE *out)
{
	return speedscope_write(shown_of(graph), &graph->picture, out);
}

static int write_pprof(const struct graph *graph, FILE *out)
{
	return pprof_write(graph->tree, &graph->pprof, out);
}

/* What the pictures say below their titles, and in notes, the page says once. */
static int write_html(const struct save *save, FILE *out)
{
	CLEANUP(cleanup_facts) struct page_facts *facts = NULL;
	struct html_part parts[GRAPHS_MAX];
	struct picture pictures[GRAPHS_MAX];
	struct html_page page;
	int err = page_facts_make(save->report, &facts);

	if (err < 0)
		return err;
	for (size_t i = 0; i < save->graph_count; i++) {
		pictures[i] = save->graphs[i].picture;
		pictures[i].subtitle = pictures[i].notes = NULL;
		parts[i] = (struct html_part){ shown_of(&save->graphs[i]), &pictures[i] };
	}
	page = page_facts_page(facts);
	page.parts = parts;
	page.part_count = save->graph_count;
	return html_write_page(&page, out);
}

static int write_whole_pprof(const struct save *save, FILE *out)
{
	struct pprof_part parts[GRAPHS_MAX];

	for (size_t i = 0; i < save->graph_count; i++)
		parts[i] = (struct pprof_part){ save->graphs[i].tree, &save->graphs[i].pprof };
	return pprof_write_parts(parts, save->graph_count, out);
}

static int write_stats(const struct save *save, FILE *out)
{
	return stats_json_write(&save->report->stats, out);
}

/* Files of one graph. */
static const struct graph_writer {
	const char *on_name, *off_name; /* in a directory; NULL: not there */
	enum output_form form;          /* of one file; OUTPUT_DIRECTORY: it is none */
	int (*write)(const struct graph *graph, FILE *out);
} graph_writers[] = {
	{ "on-cpu.svg", "off-cpu.svg", OUTPUT_SVG, write_svg },
	{ "on-cpu.folded", "off-cpu.folded", OUTPUT_FOLDED, write_folded },
	{ "on-cpu.pb.gz", "off-cpu.pb.gz", OUTPUT_DIRECTORY, write_pprof },
	{ NULL, NULL, OUTPUT_STDOUT, write_folded },
	{ NULL, NULL, OUTPUT_SPEEDSCOPE, write_speedscope },
};

/* Files of all graphs. */
static const struct {
	const char *name;
	enum output_form form;
	int (*write)(const struct save *save, FILE *out);
} writers[] = {
	{ "index.html", OUTPUT_HTML, write_html },
	{ "stats.json", OUTPUT_DIRECTORY, write_stats },
	{ NULL, OUTPUT_PPROF, write_whole_pprof },
};

static bool is_wanted(enum output_form form, const char *name, enum output_form form_of_writer)
{
	return form == OUTPUT_DIRECTORY ? name != NULL : form_of_writer == form;
}

/* 0, or -errno after one line. -EIO: output_commit() knows the stream's own error and says it. */
static int check(int err, const char *name)
{
	if (err == -EIO)
		return 0;
	if (err < 0)
		log_error("cannot make '%s': %s", name ? name : "the profile", strerror(-err));
	return err;
}

static int write_graph(const struct save *save, const struct graph *graph)
{
	for (size_t i = 0; i < sizeof(graph_writers) / sizeof(graph_writers[0]); i++) {
		const struct graph_writer *writer = &graph_writers[i];
		const char *name = graph->is_off_cpu ? writer->off_name : writer->on_name;
		FILE *out;
		int err;

		if (!is_wanted(output_form(save->output), name, writer->form))
			continue;
		out = output_stream(save->output, name);
		if (!out)
			return -errno;
		err = check(writer->write(graph, out), name);
		if (err < 0)
			return err;
	}
	return 0;
}

static int write_files(const struct save *save)
{
	for (size_t i = 0; i < save->graph_count; i++) {
		int err = write_graph(save, &save->graphs[i]);

		if (err < 0)
			return err;
	}
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		FILE *out;
		int err;

		if (!is_wanted(output_form(save->output), writers[i].name, writers[i].form))
			continue;
		out = output_stream(save->output, writers[i].name);
		if (!out)
			return -errno;
		err = check(writers[i].write(save, out), writers[i].name);
		if (err < 0)
			return err;
	}
	return output_commit(save->output);
}

static void add_graph(struct save *save, struct call_tree *tree, bool is_off_cpu)
{
	const struct recording_stats *stats = &save->report->stats;
	const char *notes = is_off_cpu ? save->report->off_notes : save->report->notes;
	uint64_t period_ns;

	if (!tree)
		return;
	period_ns = is_off_cpu ? 0 : NS_PER_SECOND / stats->sample_hz;
	save->graphs[save->graph_count++] = (struct graph){
		.is_off_cpu = is_off_cpu,
		.tree = tree,
		.picture = { .title = is_off_cpu ? "Off-CPU" : "On-CPU",
			     .subtitle = stats->target,
			     .notes = notes,
			     .unit = is_off_cpu ? "microseconds" : "samples",
			     .waits = is_off_cpu,
			     .period_ns = period_ns },
		.pprof = { .sample_type = is_off_cpu ? "intervals" : "samples",
			   .value_type = is_off_cpu ? "off_cpu" : "cpu",
			   .time_ns = stats->started_at_unix_ns,
			   .duration_ns = (uint64_t)(stats->seconds * (double)NS_PER_SECOND),
			   .period_ns = period_ns,
			   .unit_ns = is_off_cpu ? 1 : 0,
			   .comment = notes,
			   .state = is_off_cpu ? off_state_name(OFF_SLEEP) : NULL,
			   .modules = save->modules.list,
			   .module_count = save->modules.count },
	};
}

/* Without lines (or with them in names), in the unit of the picture. 0, -ENOMEM or -E2BIG. */
static int make_shown(struct graph *graph, bool name_lines)
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

int save_profile(const struct profile *profile, const struct report *report, bool name_lines,
		 struct output *output)
{
	CLEANUP(cleanup_save) struct save save = { .report = report, .output = output };
	bool is_pprof = output_form(output) == OUTPUT_PPROF;

	if (pprof_modules_make(report->stats.modules, report->stats.module_count, KERNEL_NOTES,
			       &save.modules) < 0) {
		log_error("cannot make the profile: out of memory");
		return -ENOMEM;
	}
	add_graph(&save, profile->tree, false);
	add_graph(&save, profile->off_tree, true);
	assert(save.graph_count > 0);
	for (size_t i = 0; !is_pprof && i < save.graph_count; i++) {
		int err = make_shown(&save.graphs[i], name_lines);

		if (err < 0) {
			log_error("cannot make the profile: %s", strerror(-err));
			return err;
		}
	}
	return write_files(&save);
}
