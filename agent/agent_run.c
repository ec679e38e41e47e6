/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent_run.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent_directories.h"
#include "agent/agent_parts.h"
#include "agent/event_opener.h"
#include "agent/log.h"
#include "agent/preflight.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* What is in the spool at the end is sent as long as that; the rest stays there for the next time.
 */
#define LAST_UPLOADS_S 10

/*
 * What one window has taken is there for the next one, or goes back to the kernel. By itself glibc
 * keeps a heap for each thread, and ever larger blocks in these, which leave holes behind.
 */
#define HEAPS_MAX         2
#define OWN_MAPPING_BYTES (256 << 10)

static void bound_heaps(void)
{
	(void)mallopt(M_ARENA_MAX, HEAPS_MAX);
	(void)mallopt(M_MMAP_THRESHOLD, OWN_MAPPING_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, OWN_MAPPING_BYTES);
}

static void cleanup_agent(struct agent *agent)
{
	window_writer_free(agent->writer);
	uploader_stop(agent->uploader, 0);
	status_socket_free(agent->socket);
	spool_writer_close(agent->spool);
	service_manager_free(agent->manager);
	agent_config_free(agent->config_before);
	agent_config_free(agent->config);
}

static void spool_terms(const struct agent_config *config, struct spool_limits *ret_limits,
			char ids[AGENT_TARGETS_MAX][SPOOL_TARGET_ID_SIZE])
{
	*ret_limits =
		(struct spool_limits){ .bytes = config->spool_bytes, .age_s = config->spool_age_s };
	for (size_t i = 0; i < config->target_count; i++)
		spool_target_id(config->targets[i].url, ids[i]);
}

/* After each window, by the thread that has put it. */
static void wake_uploader(void *context)
{
	struct agent *agent = context;

	uploader_wake(agent->uploader);
}

static struct window_writer_parts writer_parts(struct agent *agent)
{
	return (struct window_writer_parts){
		.config = agent->config,
		.host = agent->config->host ? agent->config->host : agent->host,
		.spool = agent->spool,
		.on_put = wake_uploader,
		.context = agent,
	};
}

/* All that outlives sessions, by the user who is to own the files. */
static int open_outputs(struct agent *agent)
{
	char ids[AGENT_TARGETS_MAX][SPOOL_TARGET_ID_SIZE];
	struct window_writer_parts parts;
	struct spool_limits limits;
	int err;

	spool_terms(agent->config, &limits, ids);
	err = spool_writer_open(agent->config->spool_dir, &limits, ids, agent->config->target_count,
				&agent->spool);
	if (!err)
		err = uploader_start(agent->config, &agent->uploader);
	if (!err && agent->config->socket)
		err = status_socket_new(agent->config->socket, &agent->socket);
	if (err < 0)
		return err;
	parts = writer_parts(agent);
	err = window_writer_new(&parts, &agent->writer);
	if (err < 0)
		log_error("cannot start a thread: %s", strerror(-err));
	return err;
}

void agent_answer(struct agent *agent)
{
	struct agent_status status;

	agent_gather(agent, &status);
	status_socket_answer(agent->socket, &status);
}

static void write_metrics(struct agent *agent)
{
	struct agent_status status;

	if (!agent->config->metrics_file)
		return;
	agent_gather(agent, &status);
	(void)agent_metrics_write(&status, agent->config->metrics_file);
}

void agent_tell_alive(struct agent *agent)
{
	uint64_t every_ns = service_manager_alive_ns(agent->manager);
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	struct window_writer_figures figures;

	if (every_ns > 0 && now_ns - agent->alive_ns >= every_ns / 2) {
		(void)service_manager_alive(agent->manager);
		agent->alive_ns = now_ns;
	}
	window_writer_figures_of(agent->writer, &figures);
	if (figures.windows == agent->windows_told)
		return;
	agent->windows_told = figures.windows;
	log_tell_held();
	write_metrics(agent);
}

static int change_spool(struct agent *agent, const struct agent_config *config)
{
	char ids[AGENT_TARGETS_MAX][SPOOL_TARGET_ID_SIZE];
	struct spool_limits limits;

	spool_terms(config, &limits, ids);
	return spool_writer_change(agent->spool, &limits, ids, config->target_count);
}

/*
 * All but a session goes by that config from here on; who it belongs to is the caller's business.
 * -errno: all goes by the one before. -ENOTRECOVERABLE: some does.
 */
static int apply(struct agent *agent, struct agent_config *config)
{
	struct window_writer_parts parts;
	int err;

	/* Nothing is written meanwhile: all that was sampled by the old config is in the spool. */
	window_writer_drain(agent->writer);
	err = change_spool(agent, config);
	if (err < 0)
		return err;
	err = uploader_change(agent->uploader, config);
	if (err < 0)
		return change_spool(agent, agent->config) < 0 ? -ENOTRECOVERABLE : err;
	agent->config = config;
	parts = writer_parts(agent);
	window_writer_change(agent->writer, &parts);
	log_set_level(config->log_level);
	return 0;
}

/* Of what was opened once, by who the agent was then. 0 or -ENOMEM. */
static int keep(const char *key, const char *was, char **now)
{
	char *copy = NULL;

	if (was == *now || (was && *now && strcmp(was, *now) == 0))
		return 0;
	log_warning("another '%s' is for the next start only", key);
	if (was) {
		copy = strdup(was);
		if (!copy)
			return -ENOMEM;
	}
	free(*now);
	*now = copy;
	return 0;
}

static int take_config(struct agent *agent, struct agent_config *config)
{
	int err = keep("spool-dir", agent->config->spool_dir, &config->spool_dir);

	if (!err)
		err = keep("socket", agent->config->socket, &config->socket);
	if (!err)
		err = keep("user", agent->config->user, &config->user);
	return err < 0 ? err : apply(agent, config);
}

/* What was is kept when the new config is no good. 0, or -errno after one line: nothing goes on. */
static int reload(struct agent *agent)
{
	struct agent_config *old = agent->config, *config;
	int err;

	(void)service_manager_reloading(agent->manager);
	if (agent_config_read(agent->options, &config) < 0) {
		log_warning("goes on with the config as it was");
		return 0;
	}
	err = take_config(agent, config);
	if (!err) {
		agent->config_before = old;
		return 0;
	}
	agent_config_free(config);
	if (err == -ENOTRECOVERABLE) {
		log_error("can take neither the new config nor the one before");
		return err;
	}
	log_warning("cannot take the new config: %s; goes on with the config as it was",
		    strerror(-err));
	return 0;
}

/* The config says what can only be tried. */
static int go_back(struct agent *agent)
{
	struct agent_config *bad = agent->config;
	int err = apply(agent, agent->config_before);

	if (err < 0) {
		log_error("cannot take the config as it was: %s", strerror(-err));
		return err;
	}
	agent->config_before = NULL;
	agent_config_free(bad);
	log_warning("goes on with the config as it was");
	return agent_session_begin(agent);
}

static int begin_session(struct agent *agent)
{
	int err = agent_session_begin(agent);

	if (!agent->config_before)
		return err;
	if (err < 0)
		return go_back(agent);
	agent_config_free(agent->config_before);
	agent->config_before = NULL;
	agent->reloads++;
	log_info("has read its config again");
	return 0;
}

static void tell_begin(const struct agent *agent)
{
	const struct agent_config *config = agent->config;

	log_info("samples %zu CPU%s as user %u; a window of %" PRIu64 " s is sent to %zu target%s",
		 agent->recording.cpus.count, agent->recording.cpus.count == 1 ? "" : "s",
		 (unsigned int)geteuid(), (uint64_t)config->window_s, config->target_count,
		 config->target_count == 1 ? "" : "s");
}

static int run_sessions(struct agent *agent)
{
	enum session_end end = SESSION_RELOAD;
	bool is_first = true;
	int err = 0;

	while (!err && end != SESSION_OVER && end != SESSION_FAILED) {
		err = begin_session(agent);
		if (err < 0)
			break;
		(void)service_manager_ready(agent->manager, "samples");
		if (is_first)
			tell_begin(agent);
		is_first = false;
		end = agent_session_run(agent);
		if (end == SESSION_OVER)
			(void)service_manager_stopping(agent->manager, "sends what it has");
		err = agent_session_end(agent);
		if (!err && end == SESSION_RELOAD)
			err = reload(agent);
		else if (!err && end == SESSION_CPUS)
			log_info("other CPUs are online now: a new window begins with these");
	}
	return end == SESSION_FAILED ? -EIO : err;
}

/* After the last window is written, and nothing is sent any more. */
static void tell_end(struct agent *agent)
{
	struct window_writer_figures figures;
	uint64_t waiting = 0;

	window_writer_count(agent->writer);
	window_writer_figures_of(agent->writer, &figures);
	for (size_t i = 0; i < agent->config->target_count; i++)
		waiting += figures.usage[i].files;
	log_info("ended after %" PRIu64 " window%s; %" PRIu64 " file%s in the spool",
		 figures.windows, figures.windows == 1 ? "" : "s", waiting,
		 waiting == 1 ? " waits" : "s wait");
}

/* The last window is written, and what is in the spool has a few seconds to be sent. */
static void finish(struct agent *agent)
{
	if (!agent->writer)
		return;
	window_writer_drain(agent->writer);
	write_metrics(agent);
	uploader_stop(agent->uploader, LAST_UPLOADS_S);
	agent->uploader = NULL;
	tell_end(agent);
}

static int prepare(struct agent *agent)
{
	int err = agent_directories_prepare(agent->config, &agent->user);

	if (err < 0)
		return err;
	err = service_manager_new(&agent->manager);
	if (err < 0) {
		log_error("cannot tell the service manager: %s", strerror(-err));
		return err;
	}
	err = event_opener_start(agent->user.uid, agent->user.gid);
	if (err < 0) {
		log_error("cannot start the process that opens events: %s", strerror(-err));
		return err;
	}
	/* Threads have the capabilities of who starts them: there are none before. Files are made
	 * by the user that they are to belong to. */
	err = agent_privileges_drop(&agent->user);
	return err < 0 ? err : open_outputs(agent);
}

int agent_run(const struct agent_options *options, const struct signals *before)
{
	CLEANUP(cleanup_agent)
	struct agent agent = { .options = options,
			       .before = before,
			       .recording = RECORDING_NONE,
			       .began_unix_s = clock_ns(CLOCK_REALTIME) / NS_PER_SECOND };
	int err = agent_config_read(options, &agent.config);

	if (err < 0)
		return err == -EINVAL ? 2 : 1;
	log_set_level(agent.config->log_level);
	log_set_daemon(true);
	bound_heaps();
	/* Before there are threads, or one of them would be ended by what the loop is to hear. */
	signals_hold();
	if (gethostname(agent.host, sizeof(agent.host) - 1) < 0)
		(void)strcpy(agent.host, "localhost");
	if (agent_user_find(agent.config->user, &agent.user) < 0)
		return 2;
	/* Before anything is made, or given up. */
	err = preflight_check(&agent.config->record);
	if (!err)
		err = prepare(&agent);
	if (!err)
		err = run_sessions(&agent);
	finish(&agent);
	return err < 0 ? 1 : 0;
}
