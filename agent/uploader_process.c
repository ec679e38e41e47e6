/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first thread reads what the agent says and ends the process; each target has a thread of its
 * own. When the agent has gone, what is being sent may still come to its end; the rest is left in
 * the spool for the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "agent/log.h"
#include "agent/uploader.h"
#include "agent/uploader_config.h"
#include "agent/uploader_gate.h"
#include "agent/uploader_sandbox.h"
#include "agent/uploader_shared.h"
#include "agent/uploader_target.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* What is being sent when the agent is gone. */
#define ORPHAN_NS (5 * NS_PER_SECOND)

/* A send that was told to stop has to come back. */
#define GRACE_NS NS_PER_SECOND

#define NS_PER_MS   UINT64_C(1000000)
#define WAIT_NS_MAX (3600 * NS_PER_SECOND)

/* They ask the kernel for more than we do. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER
#endif

struct thread {
	struct uploader_target target;
	pthread_t handle;
	_Atomic bool has_ended;
};

struct process {
	struct uploader_config *config;
	struct uploader_shared *shared;
	struct uploader_gate gate;
	struct thread threads[AGENT_TARGETS_MAX];
	size_t count;       /* of threads that were started */
	uint64_t cut_at_ns; /* 0: no end in sight */
};

static void cleanup_config(struct uploader_config **config)
{
	uploader_config_free(*config);
}

static void cleanup_shared(struct uploader_shared **shared)
{
	uploader_shared_unmap(*shared);
}

/* Whoever ends the agent ends it alone, and it ends us: so a window can still be sent. */
static void set_signals(void)
{
	static const int blocked[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM };
	sigset_t signals;

	(void)sigemptyset(&signals);
	for (size_t i = 0; i < sizeof(blocked) / sizeof(blocked[0]); i++)
		(void)sigaddset(&signals, blocked[i]);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
}

/* What crashes with secrets in its memory leaves no copy of it. */
static int give_up_privileges(void)
{
	const struct rlimit no_core = { 0, 0 };
	int err;

	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (close_range(UPLOADER_FD_END, UINT32_MAX, 0) < 0)
		return -errno;
	err = uploader_sandbox_drop();
#ifdef HAS_SANITIZER
	return err;
#else
	return err < 0 ? err : uploader_sandbox_enter();
#endif
}

static void *run_target(void *context)
{
	static const uint64_t one = 1;
	struct thread *thread = context;

	(void)prctl(PR_SET_NAME, "eprof-target");
	uploader_target_run(&thread->target);
	thread->has_ended = true;
	/* The first thread looks whether it was the last one. */
	(void)!write(UPLOADER_WAKE_FD, &one, sizeof(one));
	return NULL;
}

static int start_threads(struct process *process)
{
	int err = 0;

	for (size_t i = 0; !err && i < process->config->target_count; i++) {
		struct thread *thread = &process->threads[i];

		thread->target = (struct uploader_target){
			.config = &process->config->targets[i],
			.spool_dir = process->config->spool_dir,
			.timing = &uploader_timing_default,
			.gate = &process->gate,
			.slot = &process->shared->slots[i],
		};
		err = pthread_create(&thread->handle, NULL, run_target, thread);
		process->count += !err;
	}
	return -err;
}

static bool all_have_ended(const struct process *process)
{
	for (size_t i = 0; i < process->count; i++) {
		if (!process->threads[i].has_ended)
			return false;
	}
	return true;
}

/* Not less than that; a wait that is too short is begun again. */
static int to_ms(uint64_t ns)
{
	return (int)((ns < WAIT_NS_MAX ? ns : WAIT_NS_MAX) / NS_PER_MS) + 1;
}

/* How long to wait for news; -1: for ever. Cuts what is being sent when it is time. */
static int find_timeout_ms(struct process *process, uint64_t now)
{
	if (!process->cut_at_ns)
		return -1;
	if (now < process->cut_at_ns)
		return to_ms(process->cut_at_ns - now);
	uploader_gate_cut(&process->gate);
	return now < process->cut_at_ns + GRACE_NS ? to_ms(process->cut_at_ns + GRACE_NS - now) : 0;
}

/* The agent says once when it is to end; then it may still be gone before. */
static void look_for_end(struct process *process)
{
	uint64_t cut_at_ns = atomic_load(&process->shared->cut_at_ns);

	if (process->cut_at_ns || !cut_at_ns)
		return;
	process->cut_at_ns = cut_at_ns;
	uploader_gate_end(&process->gate, process->shared->drains);
}

static void end_as_orphan(struct process *process)
{
	uint64_t cut_at_ns = clock_ns(CLOCK_MONOTONIC) + ORPHAN_NS;

	if (!process->cut_at_ns || cut_at_ns < process->cut_at_ns)
		process->cut_at_ns = cut_at_ns;
	uploader_gate_end(&process->gate, false);
}

/* True: all threads have ended. False: one that was told to does not. */
static bool serve(struct process *process)
{
	struct pollfd news[] = {
		{ .fd = UPLOADER_WAKE_FD, .events = POLLIN },
		{ .fd = UPLOADER_LIFE_FD, .events = POLLIN },
	};
	uint64_t count;

	for (;;) {
		int timeout_ms = find_timeout_ms(process, clock_ns(CLOCK_MONOTONIC));

		if (process->cut_at_ns && all_have_ended(process))
			return true;
		if (!timeout_ms)
			return false;
		if (poll(news, 2, timeout_ms) < 0 && errno != EINTR)
			return false;
		if (news[0].revents && read(UPLOADER_WAKE_FD, &count, sizeof(count)) > 0)
			uploader_gate_wake(&process->gate);
		look_for_end(process);
		if (news[1].revents) {
			news[1].fd = -1; /* told once: it would be told for ever */
			end_as_orphan(process);
		}
	}
}

static int run(struct process *process)
{
	int err = start_threads(process);

	if (err < 0) {
		log_error("cannot start a thread for uploads: %s", strerror(-err));
		uploader_gate_cut(&process->gate);
	} else if (!serve(process)) {
		/* What it holds is copies: whoever does not come back is left. */
		_exit(EXIT_FAILURE);
	}
	for (size_t i = 0; i < process->count; i++)
		(void)pthread_join(process->threads[i].handle, NULL);
	return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static bool is_started_by_agent(void)
{
	struct stat config, life;

	return fstat(UPLOADER_CONFIG_FD, &config) == 0 && S_ISREG(config.st_mode) &&
	       fstat(UPLOADER_LIFE_FD, &life) == 0 && S_ISFIFO(life.st_mode);
}

int uploader_run(void)
{
	CLEANUP(cleanup_config) struct uploader_config *config = NULL;
	CLEANUP(cleanup_shared) struct uploader_shared *shared = NULL;
	struct process process = { 0 };
	int err, code;

	if (!is_started_by_agent()) {
		(void)fprintf(stderr, "eprof: %s is for eprof itself\n", UPLOADER_ARGUMENT);
		return 2;
	}
	(void)prctl(PR_SET_NAME, "eprof-upload");
	set_signals();
	err = give_up_privileges();
	if (!err)
		err = uploader_config_read(UPLOADER_CONFIG_FD, &config);
	if (!err)
		err = uploader_shared_map(UPLOADER_SHARED_FD, &shared);
	if (!err)
		err = uploader_gate_init(&process.gate);
	if (err) {
		log_error("uploads cannot begin: %s", strerror(-err));
		return EXIT_FAILURE;
	}
	log_set_quiet(config->log_level == LOG_LEVEL_ERROR);
	process.config = config;
	process.shared = shared;
	code = run(&process);
	uploader_gate_destroy(&process.gate);
	return code;
}
