/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/scale_pipeline.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent_config.h"
#include "agent/binaries.h"
#include "agent/graph.h"
#include "agent/namer.h"
#include "agent/naming.h"
#include "agent/sealed_window.h"
#include "agent/services.h"
#include "agent/spool.h"
#include "agent/upload_send.h"
#include "agent/window_writer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "tests/bench/scale_rows.h"

#define WINDOW_SECONDS 60
#define HOST           "host"

/* How long between two looks whether the naming thread has nothing to do. */
#define LOOK_NS 200000

struct scale_pipeline {
	char path[PATH_MAX], symbols[PATH_MAX + 16];
	struct scale_rows *rows;
	struct agent_config *config;
	struct symbolizer *symbolizer;
	struct binaries *binaries;
	struct processes *processes;
	struct naming *naming;
	struct services *services;
	struct profile profile; /* the namer's */
	struct namer *namer;
	pid_t namer_tid;
	struct spool_writer *spool;
	struct window_writer *writer;
	struct spool_reader *reader;
	struct upload_sender *sender;
	FILE *nowhere;
	uint64_t base_bytes, started_ns, flipped_ns;
	/* Of the window that ends: set by the namer's thread. */
	sem_t has_ended;
	struct sealed_window *window;
	struct scale_result *result;
};

const char *scale_stage_name(enum scale_stage stage)
{
	static const char *const names[SCALE_STAGES] = { "name", "sort",  "seal",  "split",
							 "svg",  "pprof", "write", "upload" };

	return names[stage];
}

/* --- figures --- */

struct moment {
	clockid_t clock;
	uint64_t cpu_ns, wall_ns;
};

static struct moment moment_now(clockid_t clock)
{
	return (struct moment){ clock, clock_ns(clock), clock_ns(CLOCK_MONOTONIC) };
}

static void count_stage(struct scale_result *result, enum scale_stage stage, struct moment since)
{
	result->cpu_s[stage] += (double)(clock_ns(since.clock) - since.cpu_ns) / 1e9;
	result->wall_s[stage] += (double)(clock_ns(CLOCK_MONOTONIC) - since.wall_ns) / 1e9;
}

/* A line of /proc/self/status in KiB. */
static uint64_t status_bytes(const char *format)
{
	CLEANUP(cleanup_file) FILE *file = fopen("/proc/self/status", "re");
	unsigned long long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, format, &kib) == 1)
			break;
	}
	return kib * 1024;
}

static uint64_t beyond(uint64_t bytes, uint64_t base)
{
	return bytes > base ? bytes - base : 0;
}

/* The most memory is counted from here on. */
static void forget_peak(void)
{
	CLEANUP(cleanup_file) FILE *file = fopen("/proc/self/clear_refs", "we");

	if (file)
		(void)fputs("5", file);
}

/* --- from beginning to end --- */

static int sort_trees(const struct profile *profile)
{
	int err = call_tree_sort(profile->tree);

	return err < 0 ? err : call_tree_sort(profile->off_tree);
}

/* A profile_handler. */
static int take_window(void *context, struct profile *profile)
{
	struct scale_pipeline *pipeline = context;
	struct moment moment = moment_now(CLOCK_THREAD_CPUTIME_ID);
	int err = sort_trees(profile);

	count_stage(pipeline->result, SCALE_SORT, moment);
	moment = moment_now(CLOCK_THREAD_CPUTIME_ID);
	if (!err)
		err = sealed_window_new(profile, pipeline->symbolizer, &pipeline->window);
	count_stage(pipeline->result, SCALE_SEAL, moment);
	(void)sem_post(&pipeline->has_ended);
	return err;
}

/* The one thread beside this one; 0: there is none. */
static pid_t other_thread(void)
{
	DIR *directory = opendir("/proc/self/task");
	const struct dirent *entry;
	pid_t tid = 0;

	while (directory && !tid && (entry = readdir(directory))) {
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != getpid())
			tid = atoi(entry->d_name);
	}
	if (directory)
		(void)closedir(directory);
	return tid;
}

static int make_trees(struct profile *profile)
{
	int err = call_tree_new(&profile->tree);

	return err < 0 ? err : call_tree_new(&profile->off_tree);
}

static int open_names(struct scale_pipeline *pipeline)
{
	int err = symbolizer_new(&pipeline->symbolizer);

	if (!err)
		err = scale_rows_write_symbols(pipeline->symbols);
	if (!err)
		err = binaries_new(pipeline->symbolizer, NULL, &pipeline->binaries);
	if (!err)
		err = processes_new(pipeline->binaries, NULL, true, &pipeline->processes);
	if (!err)
		err = scale_rows_begin(pipeline->rows, pipeline->processes);
	if (!err)
		err = naming_new(pipeline->symbolizer, pipeline->processes, &pipeline->naming);
	if (!err)
		err = services_new(pipeline->config, NULL, &pipeline->services);
	if (!err)
		err = make_trees(&pipeline->profile);
	if (err < 0)
		return err;
	symbolizer_set_kallsyms(pipeline->symbolizer, pipeline->symbols);
	err = namer_new(&(struct namer_parts){ .naming = pipeline->naming,
					       .processes = pipeline->processes,
					       .services = pipeline->services,
					       .take = take_window,
					       .context = pipeline },
			&pipeline->profile, &pipeline->namer);
	pipeline->namer_tid = other_thread();
	return err;
}

static void ignore_put(void *context)
{
	(void)context;
}

static int open_outputs(struct scale_pipeline *pipeline)
{
	const struct agent_config *config = pipeline->config;
	const struct spool_limits limits = { config->spool_bytes, config->spool_age_s };
	char id[1][SPOOL_TARGET_ID_SIZE];
	int err;

	spool_target_id(config->targets[0].url, id[0]);
	err = spool_writer_open(config->spool_dir, &limits, id, 1, &pipeline->spool);
	if (!err)
		err = spool_reader_open(config->spool_dir, id[0], &pipeline->reader);
	if (!err)
		err = upload_sender_new(&config->targets[0], &pipeline->sender);
	if (err < 0)
		return err;
	pipeline->nowhere = fopen("/dev/null", "we");
	if (!pipeline->nowhere)
		return -errno;
	return window_writer_new(&(struct window_writer_parts){ .config = config,
								.host = HOST,
								.spool = pipeline->spool,
								.on_put = ignore_put },
				 &pipeline->writer);
}

static int read_config(struct scale_pipeline *pipeline)
{
	char spool[PATH_MAX + 16], target[PATH_MAX + 16], url[PATH_MAX + 32];
	char *words[] = { "--split",   "comm",      "--spool-dir",    spool,  "--upload", url,
			  "--formats", "svg,pprof", "--max-services", "1000", NULL };

	(void)snprintf(spool, sizeof(spool), "%s/spool", pipeline->path);
	(void)snprintf(target, sizeof(target), "%s/target", pipeline->path);
	(void)snprintf(url, sizeof(url), "file://%s", target);
	(void)snprintf(pipeline->symbols, sizeof(pipeline->symbols), "%s/kallsyms", pipeline->path);
	if (mkdir(target, 0700) < 0)
		return -errno;
	return agent_config_read(&(struct agent_options){ .words = words }, &pipeline->config);
}

static void cleanup_pipeline(struct scale_pipeline **pipeline)
{
	scale_pipeline_free(*pipeline);
}

int scale_pipeline_new(size_t cpus, size_t services, char *const *files, const char *directory,
		       struct scale_pipeline **ret)
{
	CLEANUP(cleanup_pipeline)
	struct scale_pipeline *pipeline = calloc(1, sizeof(*pipeline));
	int err;

	if (!pipeline)
		return -ENOMEM;
	(void)snprintf(pipeline->path, sizeof(pipeline->path), "%s", directory);
	(void)sem_init(&pipeline->has_ended, 0, 0);
	err = read_config(pipeline);
	if (!err)
		err = scale_rows_new(cpus, services, files, &pipeline->rows);
	pipeline->base_bytes = status_bytes("VmRSS: %llu");
	/* When the window begins that follows the first. */
	pipeline->started_ns = clock_ns(CLOCK_REALTIME);
	pipeline->profile.started_unix_ns = pipeline->started_ns - WINDOW_SECONDS * NS_PER_SECOND;
	if (!err)
		err = open_names(pipeline);
	if (!err)
		err = open_outputs(pipeline);
	if (err < 0)
		return err;
	*ret = TAKE(pipeline);
	return 0;
}

void scale_pipeline_free(struct scale_pipeline *pipeline)
{
	if (!pipeline)
		return;
	namer_free(pipeline->namer);
	profile_done(&pipeline->profile);
	sealed_window_free(pipeline->window);
	window_writer_free(pipeline->writer);
	upload_sender_free(pipeline->sender);
	spool_reader_close(pipeline->reader);
	spool_writer_close(pipeline->spool);
	cleanup_file(&pipeline->nowhere);
	services_free(pipeline->services);
	naming_free(pipeline->naming);
	processes_free(pipeline->processes);
	binaries_free(pipeline->binaries);
	symbolizer_free(pipeline->symbolizer);
	scale_rows_free(pipeline->rows);
	agent_config_free(pipeline->config);
	(void)sem_destroy(&pipeline->has_ended);
	free(pipeline);
}

/* --- a window --- */

/* Whether a thread waits; nothing but for more to do, if it is the naming one. */
static bool is_idle(pid_t tid)
{
	CLEANUP(cleanup_file) FILE *file = NULL;
	char path[64], text[512], *end;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	file = fopen(path, "re");
	if (!file || !fgets(text, sizeof(text), file))
		return true;
	end = strrchr(text, ')');
	return end && end[1] == ' ' && end[2] == 'S';
}

/* What all threads but this one have run. */
static uint64_t others_cpu_ns(void)
{
	uint64_t own = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own;
}

/* Hands over a drain, and waits until it is named, as most are before the next one comes. */
static int drain(struct scale_pipeline *pipeline)
{
	struct scale_result *result = pipeline->result;
	struct sample_batch *batch = calloc(1, sizeof(*batch));
	uint64_t samples, cpu_ns, began_ns;
	int err;

	if (!batch)
		return -ENOMEM;
	batch->forget_before_ns = pipeline->flipped_ns;
	pipeline->flipped_ns = clock_ns(CLOCK_MONOTONIC);
	err = scale_rows_drain(pipeline->rows, sample_batch_add, batch, &samples);
	if (err < 0) {
		sample_batch_done(batch);
		free(batch);
		return err;
	}
	result->samples += samples;
	result->rows += batch->count;
	cpu_ns = others_cpu_ns();
	began_ns = clock_ns(CLOCK_MONOTONIC);
	err = namer_take(pipeline->namer, batch);
	while (!err && !is_idle(pipeline->namer_tid))
		(void)nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
	result->cpu_s[SCALE_NAME] += (double)(others_cpu_ns() - cpu_ns) / 1e9;
	result->wall_s[SCALE_NAME] += (double)(clock_ns(CLOCK_MONOTONIC) - began_ns) / 1e9;
	return err;
}

static int end_window(struct scale_pipeline *pipeline)
{
	struct namer_turn turn = { .seconds = WINDOW_SECONDS, .sample_hz = SCALE_HZ };
	int err = make_trees(&turn.next);

	if (err < 0)
		return err;
	turn.next.started_unix_ns = pipeline->started_ns;
	err = namer_turn(pipeline->namer, &turn);
	if (err < 0)
		return err;
	while (sem_wait(&pipeline->has_ended) < 0)
		;
	return pipeline->window ? 0 : -ENOMEM;
}

/* What the window writer does but for the spool, form by form. */
static int draw(struct scale_pipeline *pipeline, const struct call_tree *tree, uint32_t node,
		bool is_off_cpu)
{
	struct scale_result *result = pipeline->result;
	struct moment moment = moment_now(CLOCK_THREAD_CPUTIME_ID);
	struct call_tree *part;
	struct graph graph;
	int err = call_tree_part(tree, node, &part);

	if (err < 0)
		return err;
	graph = graph_of(part, is_off_cpu,
			 &(struct graph_facts){ .title = HOST,
						.seconds = WINDOW_SECONDS,
						.sample_hz = SCALE_HZ,
						.modules = pipeline->window->modules,
						.module_count = pipeline->window->module_count });
	err = graph_make_shown(&graph, false);
	count_stage(result, SCALE_SPLIT, moment);
	moment = moment_now(CLOCK_THREAD_CPUTIME_ID);
	if (!err)
		err = graph_write_svg(&graph, pipeline->nowhere);
	count_stage(result, SCALE_SVG, moment);
	moment = moment_now(CLOCK_THREAD_CPUTIME_ID);
	if (!err)
		err = graph_write_pprof(&graph, pipeline->nowhere);
	count_stage(result, SCALE_PPROF, moment);
	graph_done(&graph);
	call_tree_free(part);
	return err;
}

static int draw_services(struct scale_pipeline *pipeline, const struct call_tree *tree,
			 bool is_off_cpu)
{
	uint32_t node = call_tree_node(tree, 0)->first_child;
	int err = 0;

	pipeline->result->nodes += call_tree_node_count(tree);
	for (; !err && node != CALL_TREE_NONE; node = call_tree_node(tree, node)->next_sibling)
		err = draw(pipeline, tree, node, is_off_cpu);
	return err;
}

static int send_one(struct scale_pipeline *pipeline, const struct spool_item *item)
{
	static const _Atomic bool never;
	struct upload_result sent;

	upload_send(pipeline->sender, item, &never, &sent);
	if (sent.outcome != UPLOAD_SENT) {
		(void)fprintf(stderr, "not sent: %s\n", sent.text);
		return -EIO;
	}
	pipeline->result->sent_files++;
	pipeline->result->sent_bytes += item->size;
	return spool_done(pipeline->reader, item);
}

static int send_all(struct scale_pipeline *pipeline)
{
	struct spool_item *item;
	int err = 0, taken;

	while (!err && (taken = spool_take(pipeline->reader, &item)) != 0) {
		if (taken < 0)
			return taken;
		err = send_one(pipeline, item);
		spool_item_free(item);
	}
	return err;
}

static int put_out(struct scale_pipeline *pipeline)
{
	struct scale_result *result = pipeline->result;
	const struct profile *profile = &pipeline->window->profile;
	struct moment moment;
	int err = draw_services(pipeline, profile->tree, false);

	if (!err)
		err = draw_services(pipeline, profile->off_tree, true);
	if (err < 0)
		return err;
	moment = moment_now(CLOCK_PROCESS_CPUTIME_ID);
	window_writer_take(pipeline->writer, TAKE(pipeline->window));
	window_writer_drain(pipeline->writer);
	count_stage(result, SCALE_WRITE, moment);
	moment = moment_now(CLOCK_THREAD_CPUTIME_ID);
	err = send_all(pipeline);
	count_stage(result, SCALE_UPLOAD, moment);
	return err;
}

int scale_pipeline_run(struct scale_pipeline *pipeline, struct scale_result *ret)
{
	struct mallinfo2 heap;
	int err = 0;

	forget_peak();
	pipeline->result = ret;
	for (int i = 0; !err && i < WINDOW_SECONDS / SCALE_DRAIN_SECONDS; i++)
		err = drain(pipeline);
	if (!err)
		err = end_window(pipeline);
	if (!err)
		err = put_out(pipeline);
	pipeline->started_ns += WINDOW_SECONDS * NS_PER_SECOND;
	heap = mallinfo2();
	ret->heap_bytes = heap.uordblks + heap.hblkhd;
	ret->peak_bytes = beyond(status_bytes("VmHWM: %llu"), pipeline->base_bytes);
	ret->rss_bytes = beyond(status_bytes("VmRSS: %llu"), pipeline->base_bytes);
	return err;
}
