/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/save.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "agent/graph.h"
#include "agent/log.h"
#include "agent/page_facts.h"
#include "agent/pprof_modules.h"
#include "base/cleanup.h"
#include "flamegraph/flamegraph.h"

#define KERNEL_NOTES "/sys/kernel/notes"

/* On-CPU, off-CPU. */
#define GRAPHS_MAX 2
_Static_assert(GRAPHS_MAX <= PPROF_PARTS_MAX, "one profile holds all graphs");

struct save {
	const struct report *report;
	struct output *output;
	struct pprof_modules modules;
	struct graph graphs[GRAPHS_MAX];
	size_t graph_count;
};

static void cleanup_save(struct save *save)
{
	for (size_t i = 0; i < save->graph_count; i++)
		graph_done(&save->graphs[i]);
	pprof_modules_done(&save->modules);
}

static void cleanup_facts(struct page_facts **facts)
{
	page_facts_free(*facts);
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
		parts[i] = (struct html_part){ graph_shown(&save->graphs[i]), &pictures[i] };
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
	{ "on-cpu.svg", "off-cpu.svg", OUTPUT_SVG, graph_write_svg },
	{ "on-cpu.folded", "off-cpu.folded", OUTPUT_FOLDED, graph_write_folded },
	{ "on-cpu.pb.gz", "off-cpu.pb.gz", OUTPUT_DIRECTORY, graph_write_pprof },
	{ NULL, NULL, OUTPUT_STDOUT, graph_write_folded },
	{ NULL, NULL, OUTPUT_SPEEDSCOPE, graph_write_speedscope },
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
	struct graph_facts facts = {
		.subtitle = stats->target,
		.notes = is_off_cpu ? save->report->off_notes : save->report->notes,
		.started_unix_ns = stats->started_at_unix_ns,
		.seconds = stats->seconds,
		.sample_hz = stats->sample_hz,
		.modules = save->modules.list,
		.module_count = save->modules.count,
	};

	if (tree)
		save->graphs[save->graph_count++] = graph_of(tree, is_off_cpu, &facts);
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
		int err = graph_make_shown(&save.graphs[i], name_lines);

		if (err < 0) {
			log_error("cannot make the profile: %s", strerror(-err));
			return err;
		}
	}
	return write_files(&save);
}
