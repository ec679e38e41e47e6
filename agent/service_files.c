/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/service_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/graph.h"
#include "agent/log.h"
#include "agent/sampler.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "flamegraph/html.h"

#define TEXT_SIZE  512
#define GRAPHS_MAX 2 /* on-CPU, off-CPU */

/* One service of a window. */
struct drawing {
	const struct agent_config *config;
	const struct sealed_window *window;
	const struct profile_service *service;
	const char *host;
	struct spool_writer *spool;
	struct service_files_result *result;
	const struct profile_label *labels; /* the config's, then the service's */
	size_t label_count;
	struct call_tree *parts[GRAPHS_MAX];
	struct graph graphs[GRAPHS_MAX];
	size_t graph_count;
	char subtitle[TEXT_SIZE];
	char titles[GRAPHS_MAX][TEXT_SIZE], notes[GRAPHS_MAX][TEXT_SIZE];
};

static void cleanup_drawing(struct drawing *drawing)
{
	for (size_t i = 0; i < drawing->graph_count; i++)
		graph_done(&drawing->graphs[i]);
	for (size_t i = 0; i < GRAPHS_MAX; i++)
		call_tree_free(drawing->parts[i]);
}

static uint64_t until_ns(const struct profile *profile)
{
	return profile->started_unix_ns + (uint64_t)(profile->seconds * (double)NS_PER_SECOND);
}

/* Bits of the targets that want a form. */
static uint64_t targets_of(const struct agent_config *config, enum profile_format format)
{
	uint64_t targets = 0;

	for (size_t i = 0; i < config->target_count; i++) {
		if (config->targets[i].formats[format])
			targets |= UINT64_C(1) << i;
	}
	return targets;
}

static void count_failure(struct drawing *drawing, const char *what, int err)
{
	struct service_files_result *result = drawing->result;

	result->failed++;
	if (result->err)
		return;
	result->err = err;
	log_error("cannot %s a profile of '%s': %s; others of this window are tried all the same",
		  what, drawing->service->name, strerror(-err));
}

static void put(struct drawing *drawing, enum profile_kind kind, enum profile_format format,
		spool_content write, const void *context)
{
	const struct profile *profile = &drawing->window->profile;
	const struct profile_file file = {
		.kind = kind,
		.format = format,
		.service = drawing->service->name,
		.host = drawing->host,
		.from_ns = profile->started_unix_ns,
		.until_ns = until_ns(profile),
		.sample_hz = kind == PROFILE_OFF_CPU ? 0 : profile->sample_hz,
		.labels = drawing->labels,
		.label_count = drawing->label_count,
	};
	uint64_t targets = targets_of(drawing->config, format);
	int err;

	if (!targets)
		return;
	err = spool_put(drawing->spool, &file, targets, write, context);
	if (err < 0)
		count_failure(drawing, "keep", err);
	else
		drawing->result->put++;
}

static int write_svg(const void *graph, FILE *out)
{
	return graph_write_svg(graph, out);
}

static int write_folded(const void *graph, FILE *out)
{
	return graph_write_folded(graph, out);
}

static int write_pprof(const void *graph, FILE *out)
{
	return graph_write_pprof(graph, out);
}

/* The heading of a page says what its pictures would say each. */
static int write_html(const void *context, FILE *out)
{
	const struct drawing *drawing = context;
	struct html_part parts[GRAPHS_MAX];
	struct picture pictures[GRAPHS_MAX];
	struct html_fact facts[GRAPHS_MAX];
	struct html_page page = { .title = drawing->service->name,
				  .subtitle = drawing->subtitle,
				  .parts = parts,
				  .part_count = drawing->graph_count,
				  .facts = facts,
				  .fact_count = drawing->graph_count };

	for (size_t i = 0; i < drawing->graph_count; i++) {
		pictures[i] = drawing->graphs[i].picture;
		pictures[i].title = drawing->graphs[i].is_off_cpu ? "Off-CPU" : "On-CPU";
		pictures[i].subtitle = pictures[i].notes = NULL;
		parts[i] = (struct html_part){ graph_shown(&drawing->graphs[i]), &pictures[i] };
		facts[i] = (struct html_fact){ pictures[i].title, drawing->notes[i] };
	}
	return html_write_page(&page, out);
}

static void describe_window(struct drawing *drawing)
{
	const struct profile *profile = &drawing->window->profile;
	time_t began = (time_t)(profile->started_unix_ns / NS_PER_SECOND);
	char when[64] = "";
	struct tm parts;

	if (gmtime_r(&began, &parts))
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &parts);
	(void)snprintf(drawing->subtitle, sizeof(drawing->subtitle), "%s, %s, %.1f s",
		       drawing->host, when, profile->seconds);
}

/* Losses are those of the window: which service they were of is not known. */
static void add_losses(const struct profile *profile, bool is_off_cpu, char *text, size_t size)
{
	const char *other = is_off_cpu ? "samples_" : "off_cpu_";
	size_t used = strlen(text);
	const char *before = "; lost on this host: ";

	for (int i = 0; i < COUNTER_COUNT && used < size; i++) {
		const char *name = counter_name((enum counter)i);
		int length;

		if (!counter_is_loss((enum counter)i) || !profile->counters[i] ||
		    strncmp(name, other, strlen(other)) == 0)
			continue;
		length = snprintf(text + used, size - used, "%s%s %" PRIu64, before, name,
				  profile->counters[i]);
		used += length > 0 ? (size_t)length : 0;
		before = ", ";
	}
	if (*before == ';' && used < size)
		(void)snprintf(text + used, size - used, "; nothing lost");
}

static void describe_graph(struct drawing *drawing, size_t i, bool is_off_cpu)
{
	const struct profile_service *service = drawing->service;
	const struct profile *profile = &drawing->window->profile;
	uint64_t all = is_off_cpu ? service->off_ns : service->samples;
	uint64_t complete = is_off_cpu ? service->off_complete_ns : service->complete_samples;
	char *notes = drawing->notes[i];

	(void)snprintf(drawing->titles[i], TEXT_SIZE, "%s: %s", is_off_cpu ? "Off-CPU" : "On-CPU",
		       service->name);
	if (is_off_cpu)
		(void)snprintf(notes, TEXT_SIZE, "%.3f s off-CPU", (double)all / 1e9);
	else
		(void)snprintf(notes, TEXT_SIZE, "%" PRIu64 " samples at %" PRIu64 " Hz", all,
			       profile->sample_hz);
	(void)snprintf(notes + strlen(notes), TEXT_SIZE - strlen(notes),
		       "; complete stacks: %.1f %%", 100.0 * (double)complete / (double)all);
	if (is_off_cpu && drawing->config->record.preempt_sample_us)
		(void)snprintf(notes + strlen(notes), TEXT_SIZE - strlen(notes),
			       "; preempted threads: a stack for each %g ms",
			       (double)drawing->config->record.preempt_sample_us / 1000);
	add_losses(profile, is_off_cpu, notes, TEXT_SIZE);
}

/* A frame below the root has all of a service: its name is the service's number. */
static uint32_t find_node(const struct call_tree *tree, size_t number)
{
	uint32_t node = call_tree_node(tree, 0)->first_child;
	char text[16];

	(void)snprintf(text, sizeof(text), "%zu", number);
	while (node != CALL_TREE_NONE &&
	       strcmp(call_tree_name(tree, call_tree_node(tree, node)->name_id), text) != 0)
		node = call_tree_node(tree, node)->next_sibling;
	return node;
}

static int add_graph(struct drawing *drawing, const struct call_tree *tree, bool is_off_cpu)
{
	const struct profile *profile = &drawing->window->profile;
	size_t i = drawing->graph_count;
	uint32_t node = tree ? find_node(tree, (size_t)(drawing->service - profile->services))
			     : CALL_TREE_NONE;
	int err;

	if (node == CALL_TREE_NONE || call_tree_node(tree, node)->total == 0)
		return 0;
	err = call_tree_part(tree, node, &drawing->parts[i]);
	if (err < 0)
		return err;
	describe_graph(drawing, i, is_off_cpu);
	drawing->graphs[i] = graph_of(drawing->parts[i], is_off_cpu,
				      &(struct graph_facts){
					      .title = drawing->titles[i],
					      .subtitle = drawing->subtitle,
					      .notes = drawing->notes[i],
					      .started_unix_ns = profile->started_unix_ns,
					      .seconds = profile->seconds,
					      .sample_hz = profile->sample_hz,
					      .modules = drawing->window->modules,
					      .module_count = drawing->window->module_count,
				      });
	drawing->graph_count++;
	return graph_make_shown(&drawing->graphs[i], false);
}

static void put_service(struct drawing *drawing)
{
	const struct profile *profile = &drawing->window->profile;
	int err;

	describe_window(drawing);
	err = add_graph(drawing, profile->tree, false);
	if (!err)
		err = add_graph(drawing, profile->off_tree, true);
	if (err < 0) {
		count_failure(drawing, "draw", err);
		return;
	}
	for (size_t i = 0; i < drawing->graph_count; i++) {
		const struct graph *graph = &drawing->graphs[i];
		enum profile_kind kind = graph->is_off_cpu ? PROFILE_OFF_CPU : PROFILE_ON_CPU;

		put(drawing, kind, PROFILE_SVG, write_svg, graph);
		put(drawing, kind, PROFILE_FOLDED, write_folded, graph);
		put(drawing, kind, PROFILE_PPROF, write_pprof, graph);
	}
	if (drawing->graph_count > 0)
		put(drawing, PROFILE_BOTH, PROFILE_HTML, write_html, drawing);
}

static struct profile_label *join_labels(const struct agent_config *config,
					 const struct profile_service *service)
{
	struct profile_label *labels =
		calloc(config->label_count + service->label_count + 1, sizeof(*labels));

	if (!labels)
		return NULL;
	memcpy(labels, config->labels, config->label_count * sizeof(*labels));
	memcpy(labels + config->label_count, service->labels,
	       service->label_count * sizeof(*labels));
	return labels;
}

void service_files_put(const struct agent_config *config, const char *host,
		       const struct sealed_window *window, struct spool_writer *spool,
		       struct service_files_result *ret)
{
	*ret = (struct service_files_result){ 0 };
	for (size_t i = 0; i < window->profile.service_count; i++) {
		const struct profile_service *service = &window->profile.services[i];
		CLEANUP(cleanup_free) struct profile_label *labels = NULL;
		CLEANUP(cleanup_drawing)
		struct drawing drawing = {
			.config = config,
			.window = window,
			.service = service,
			.host = host,
			.spool = spool,
			.result = ret,
		};

		if (!service->name)
			continue;
		labels = join_labels(config, service);
		if (!labels) {
			count_failure(&drawing, "draw", -ENOMEM);
			continue;
		}
		drawing.labels = labels;
		drawing.label_count = config->label_count + service->label_count;
		put_service(&drawing);
	}
}
