/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <time.h>

#include "agent/agent_parts.h"
#include "agent/log.h"
#include "agent/preflight.h"
#include "agent/process_memory.h"
#include "agent/sealed_window.h"
#include "base/cleanup.h"
#include "base/clock.h"

/*
 * Of who reads debug information, between windows. That of a C library takes 35 MiB, and to inflate
 * it for each window anew as much time as half of the other names.
 */
static const struct dwarf_client_room reader_room = {
	.bytes_max = UINT64_C(48) << 20,
	/* Names it keeps for good, and they come one by one over hours. */
	.growth_max = UINT64_C(4) << 20,
};

/* A first window that would be shorter than this part of a whole one is a part of the next. */
#define SHORT_WINDOW 10

static int failed(const char *what, int err)
{
	log_error("cannot %s: %s", what, strerror(-err));
	return err;
}

/* A profile_handler, in the naming thread. */
static int take_window(void *context, struct profile *profile)
{
	struct agent *agent = context;
	struct sealed_window *window;
	int err = sealed_window_new(profile, agent->recording.symbolizer, &window);

	dwarf_client_rest(agent->recording.dwarf, &reader_room, clock_ns(CLOCK_MONOTONIC));
	if (err < 0)
		return err;
	services_figures_of(agent->services, &window->services);
	if (agent->paths)
		window->cgroups_lost = cgroup_paths_lost(agent->paths);
	window_writer_take(agent->writer, window);
	return 0;
}

static int prepare_services(struct agent *agent)
{
	int err = 0;

	if (agent->config->split == SPLIT_CGROUP)
		err = cgroup_paths_new(&agent->paths);
	if (!err)
		err = services_new(agent->config, agent->paths, &agent->services);
	return err < 0 ? failed("tell services apart", err) : 0;
}

static void end_services(struct agent *agent)
{
	services_free(agent->services);
	cgroup_paths_free(agent->paths);
	agent->services = NULL;
	agent->paths = NULL;
}

static void release(struct agent *agent)
{
	recording_done(&agent->recording);
	end_services(agent);
	(void)malloc_trim(0);
}

int agent_session_begin(struct agent *agent)
{
	struct recording *recording = &agent->recording;
	int err = preflight_check(&agent->config->record);

	*recording = RECORDING_NONE;
	if (!err)
		err = prepare_services(agent);
	if (!err)
		err = recording_begin(&agent->config->record, recording);
	if (!err) {
		loop_set_reload(recording->loop);
		err = recording_prepare(recording, agent->before);
	}
	if (!err) {
		recording->pipeline.services = agent->services;
		recording->pipeline.take = take_window;
		recording->pipeline.take_context = agent;
		err = recording_start(recording);
	}
	if (!err)
		agent_resume_budget(agent);
	agent->session_began_ns = clock_ns(CLOCK_MONOTONIC);
	agent->growth = (struct heap_growth){ 0 };
	if (err < 0)
		release(agent);
	return err;
}

/* Windows end at whole multiples of their length, by the wall clock; how long one is does not go by
 * it: when the clock is set, one is shorter, and the next ones fit again. */
static int arm_boundary(struct agent *agent)
{
	uint64_t length_ns = agent->config->window_s * NS_PER_SECOND;
	uint64_t left_ns = length_ns - clock_ns(CLOCK_REALTIME) % length_ns;

	if (left_ns < length_ns / SHORT_WINDOW)
		left_ns += length_ns;
	return loop_set_timer(agent->recording.loop, (double)left_ns / (double)NS_PER_SECOND,
			      LOOP_TIME_OVER);
}

static int watch(struct agent *agent)
{
	struct loop *loop = agent->recording.loop;
	int err = loop_add_fd(loop, uploader_fd(agent->uploader), LOOP_UPLOADER);

	if (!err && agent->socket)
		err = loop_add_fd(loop, status_socket_fd(agent->socket), LOOP_STATUS);
	return err < 0 ? err : arm_boundary(agent);
}

static bool have_cpus_changed(const struct agent *agent)
{
	CLEANUP(cpus_done) struct cpus online = { 0 };
	const struct cpus *cpus = &agent->recording.cpus;

	if (cpus_online(agent->config->record.cpu, &online) < 0)
		return false;
	return online.count != cpus->count ||
	       memcmp(online.ids, cpus->ids, cpus->count * sizeof(*cpus->ids)) != 0;
}

static bool has_grown(struct agent *agent)
{
	return heap_growth_is_too_much(&agent->growth, own_heap_bytes(),
				       clock_ns(CLOCK_MONOTONIC) - agent->session_began_ns);
}

static int handle_own(struct agent *agent, unsigned int events)
{
	int err = 0;

	if (events & LOOP_TIME_OVER) {
		err = window_turn(agent->recording.window);
		if (!err)
			agent_keep_budget(agent);
		if (!err)
			err = arm_boundary(agent);
	}
	if (!err && events & LOOP_STATUS)
		agent_answer(agent);
	/* What fails there is told, and tried again. */
	if (!err && events & LOOP_UPLOADER)
		(void)uploader_restart(agent->uploader);
	if (!err && events & LOOP_TICK)
		agent_tell_alive(agent);
	return err < 0 ? failed("go on", err) : 0;
}

/* A signal has been read, and does not come again: it goes before what would. The end of a session
 * ends its window, too. */
static enum session_end reason(struct agent *agent, unsigned int events)
{
	if (events & (LOOP_INTERRUPTED | LOOP_PROCESSES_ENDED))
		return SESSION_OVER;
	if (events & LOOP_RELOAD)
		return SESSION_RELOAD;
	if ((events & LOOP_TICK) && have_cpus_changed(agent))
		return SESSION_CPUS;
	if ((events & LOOP_TIME_OVER) && has_grown(agent))
		return SESSION_RENEW;
	return SESSION_GOES_ON;
}

enum session_end agent_session_run(struct agent *agent)
{
	enum session_end end = SESSION_GOES_ON;
	int err = watch(agent);

	if (err < 0)
		(void)failed("wait for events", err);
	while (!err && end == SESSION_GOES_ON) {
		unsigned int events;

		err = loop_wait(agent->recording.loop, &events);
		if (err < 0)
			(void)failed("wait for events", err);
		if (!err)
			err = recording_handle(&agent->recording, events);
		if (!err)
			end = reason(agent, events);
		if (!err && end == SESSION_GOES_ON)
			err = handle_own(agent, events);
	}
	return err < 0 ? SESSION_FAILED : end;
}

static int seal(struct agent *agent)
{
	CLEANUP(profile_done) struct profile profile = { 0 };
	int err = recording_stop(&agent->recording);

	/* It has told so itself. */
	if (err < 0)
		return err;
	err = window_close(agent->recording.window, &profile);
	if (!err)
		err = take_window(agent, &profile);
	return err < 0 ? failed("end the window", err) : 0;
}

int agent_session_end(struct agent *agent)
{
	int err = seal(agent);

	agent_gather_session(agent);
	release(agent);
	return err;
}
