/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One recording of the whole machine that goes on from window to window, while threads switch all
 * the time: in each, no thread has more or less time than it lasted, no time lies between two, and
 * what is handed out of a process is what its ledger says; whether all stacks are taken or few.
 * Three windows; ten with EPROF_SLOW=1. A skip without root or stress-ng.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/cpus.h"
#include "agent/ledger.h"
#include "agent/off_cpu.h"
#include "agent/sampler.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define SKIPPED      77
#define WINDOWS      3
#define WINDOWS_SLOW 10
#define WINDOW_MS    1000
#define DRAINS       4 /* of each window; the last one is at its end */
#define WORKERS      8 /* of stress-ng, at least: those that switch have partners */
#define WORKERS_NAME "stress-ng"
#define LOAD_TRIES   1000
#define LOAD_MS      10
#define NS_PER_MS    UINT64_C(1000000)

#define CONSERVED      100 /* on + off against wall: one part in so many */
#define DRAINED        200 /* rows of a process against its ledger */
#define EDGE_NS        (300 * UINT64_C(1000))
/*
 * What a thread whose intervals are sampled may have waited since its last sample, which the next
 * window tells: one and a half times PACE_SAMPLE_NS, and a short one (bpf/off_pace.bpf.h).
 */
#define BANK_NS        (1600 * UINT64_C(1000))
#define MAX_EVENTS     1000 /* stress-ng has many times more */
#define PROCESSES_MAX  65536
#define ABSURD_WINDOWS 2

struct process_time {
	uint32_t tgid;
	uint64_t ns;
};

struct run {
	struct record_options options;
	struct cpus cpus;
	struct sampler *sampler;
	struct off_cpu *off;
	struct process_time *drained; /* of this window, as rows */
	size_t drained_count;
	uint64_t rows;
	uint64_t wall_ns; /* of this window */
	int window;
	/* CLOCK_MONOTONIC shortly before and after the first window began, and this one ended. */
	uint64_t begins_after, begins_before, ends_after, ends_before;
	unsigned int failures;
};

static void fail(struct run *run, const char *what, uint32_t id, uint64_t found, uint64_t expected)
{
	(void)fprintf(stderr,
		      "%s window %d: %s of %" PRIu32 ": %" PRIu64 " instead of %" PRIu64 "\n",
		      run->options.max_events ? "sampled" : "whole", run->window, what, id, found,
		      expected);
	run->failures++;
}

static void check_near(struct run *run, const char *what, uint32_t id, uint64_t found,
		       uint64_t expected, uint64_t slack)
{
	if (found + slack < expected || found > expected + slack)
		fail(run, what, id, found, expected);
}

static void nap(uint64_t ms)
{
	struct timespec time = { .tv_sec = (time_t)(ms / 1000),
				 .tv_nsec = (long)(ms % 1000 * NS_PER_MS) };

	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}

/* --- the load --- */

/* Its own process group, so that all of it can be ended. */
static pid_t begin_load(void)
{
	pid_t pid = fork();
	int null;

	/* Whoever of both is first. */
	(void)setpgid(pid, pid);
	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, STDOUT_FILENO) < 0 || chdir("/tmp") < 0)
		_exit(EXIT_FAILURE);
	(void)execlp("stress-ng", "stress-ng", "--quiet", "--switch", "4", "--io", "2", "--cpu",
		     "2", "--timeout", "120", (char *)NULL);
	_exit(errno == ENOENT ? SKIPPED : EXIT_FAILURE);
}

/* How many children it has; they are named in one line. */
static int count_children(pid_t pid)
{
	CLEANUP(cleanup_file) FILE *file = NULL;
	char path[64];
	int count = 0, child;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	file = fopen(path, "re");
	while (file && fscanf(file, "%d", &child) == 1)
		count++;
	return count;
}

/* True: all of it is at work. */
static bool wait_load(pid_t pid)
{
	for (int i = 0; i < LOAD_TRIES; i++) {
		siginfo_t end = { 0 };

		if (waitid(P_PID, (id_t)pid, &end, WEXITED | WNOHANG | WNOWAIT) < 0 || end.si_pid)
			return false;
		if (count_children(pid) >= WORKERS)
			return true;
		nap(LOAD_MS);
	}
	return false;
}

/* By itself, so that it leaves nothing behind; or, after a while, by force. */
static int end_load(pid_t pid)
{
	int status = 0;

	(void)kill(pid, SIGINT);
	for (int i = 0; i < LOAD_TRIES; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		nap(LOAD_MS);
	}
	(void)kill(-pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	return status;
}

/* --- one window --- */

static int add_row(void *context, const struct sample *sample)
{
	struct run *run = context;
	size_t i = 0;

	if (!sample->is_off_cpu || sample->state >= OFF_STATE_COUNT)
		fail(run, "the state of a row", sample->tgid, (uint64_t)sample->state, 0);
	while (i < run->drained_count && run->drained[i].tgid != sample->tgid)
		i++;
	if (i == PROCESSES_MAX)
		return -ENOSPC;
	if (i == run->drained_count)
		run->drained[run->drained_count++] = (struct process_time){ .tgid = sample->tgid };
	run->drained[i].ns += sample->count;
	run->rows++;
	return 0;
}

static uint64_t drained_ns(const struct run *run, uint32_t tgid)
{
	for (size_t i = 0; i < run->drained_count; i++) {
		if (run->drained[i].tgid == tgid)
			return run->drained[i].ns;
	}
	return 0;
}

static int ignore_row(void *context, const struct sample *sample)
{
	(void)context;
	(void)sample;
	return 0;
}

static int flip_and_drain(struct run *run)
{
	int err = sampler_flip(run->sampler);

	if (!err)
		err = sampler_drain(run->sampler, ignore_row, run);
	return err < 0 ? err : off_cpu_drain(run->off, add_row, run);
}

static int record_window(struct run *run, struct ledger **ret)
{
	int err = 0;

	run->drained_count = 0;
	run->rows = 0;
	for (int i = 1; !err && i < DRAINS; i++) {
		nap(WINDOW_MS / DRAINS);
		off_cpu_flip(run->off);
		err = flip_and_drain(run);
	}
	nap(WINDOW_MS / DRAINS);
	if (err < 0)
		return err;
	run->ends_after = clock_ns(CLOCK_MONOTONIC);
	err = off_cpu_end_window(run->off, false);
	run->ends_before = clock_ns(CLOCK_MONOTONIC);
	if (!err)
		err = flip_and_drain(run);
	return err < 0 ? err : off_cpu_collect(run->off, ret);
}

static void check_absurd(struct run *run, const struct ledger_row *row)
{
	uint64_t most = ABSURD_WINDOWS * run->wall_ns;

	if (row->wall_ns > most || row->times.on_ns > most)
		fail(run, "wall, or time on a CPU,", row->tid, row->wall_ns, run->wall_ns);
	for (size_t i = 0; i < OFF_STATE_COUNT; i++) {
		if (row->times.off_ns[i] > most)
			fail(run, off_state_name((enum off_state)i), row->tid, row->times.off_ns[i],
			     run->wall_ns);
	}
}

static void check_thread(struct run *run, const struct ledger_row *row)
{
	uint64_t total = row->times.on_ns + ledger_off_ns(&row->times);

	check_absurd(run, row);
	check_near(run, "on-CPU and off-CPU", row->tid, total, row->wall_ns,
		   row->wall_ns / CONSERVED + EDGE_NS);
	if (!row->is_whole && row->wall_ns > run->wall_ns)
		fail(run, "a part", row->tid, row->wall_ns, run->wall_ns);
	if (row->is_whole && row->wall_ns != run->wall_ns)
		fail(run, "all of the window", row->tid, row->wall_ns, run->wall_ns);
}

/* How long whole threads say that the window was. */
static uint64_t find_wall(const struct ledger_process *processes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < processes[i].thread_count; k++) {
			if (processes[i].threads[k]->is_whole)
				return processes[i].threads[k]->wall_ns;
		}
	}
	return 0;
}

/* What was handed out of a process; its threads may have brought some along, or kept some. */
static void check_rows(struct run *run, const struct ledger_process *process)
{
	uint64_t off_ns = ledger_off_ns(&process->sum.times);
	uint64_t banks_ns = run->options.max_events ? process->thread_count * BANK_NS : 0;

	check_near(run, "rows", process->sum.tgid, drained_ns(run, process->sum.tgid), off_ns,
		   off_ns / DRAINED + EDGE_NS + banks_ns);
}

static int check_ledger(struct run *run, struct ledger *ledger)
{
	const struct ledger_process *processes;
	size_t count, threads = 0, workers = 0;
	int err = ledger_processes(ledger, &processes, &count);

	if (err < 0)
		return err;
	run->wall_ns = find_wall(processes, count);
	for (size_t i = 0; i < count; i++) {
		const struct ledger_process *process = &processes[i];

		for (size_t k = 0; k < process->thread_count; k++) {
			check_thread(run, process->threads[k]);
			workers += process->threads[k]->is_whole &&
				   !strncmp(process->sum.process_name, WORKERS_NAME,
					    strlen(WORKERS_NAME));
		}
		/* Programs that one process ran are processes of their own in a ledger. */
		if (process->sum.is_whole)
			check_rows(run, process);
		threads += process->thread_count;
	}
	if (workers < WORKERS)
		fail(run, "the number of whole workers", 0, workers, WORKERS);
	(void)printf("window %d: %.3f s, %zu processes, %zu threads, %" PRIu64 " rows\n",
		     run->window, (double)run->wall_ns / (double)NS_PER_SECOND, count, threads,
		     run->rows);
	return 0;
}

/* --- the recording --- */

static int check_losses(struct run *run)
{
	static const enum counter losses[] = {
		COUNTER_OFF_COUNTS_FULL,
		COUNTER_OFF_LOST_NS,
		COUNTER_OFF_NO_RECORD,
		COUNTER_OFF_ACCOUNTS_FULL,
	};
	struct sampler_stats stats;
	int err = sampler_read_stats(run->sampler, &stats);

	for (size_t i = 0; !err && i < sizeof(losses) / sizeof(losses[0]); i++) {
		if (stats.counters[losses[i]])
			fail(run, counter_name(losses[i]), 0, stats.counters[losses[i]], 0);
	}
	if (!err && run->options.max_events && !stats.counters[COUNTER_OFF_SAMPLED])
		fail(run, "sampled intervals", 0, 0, 1);
	if (!err)
		(void)printf("%" PRIu64 " intervals, %" PRIu64 " sampled for %" PRIu64 " others\n",
			     stats.counters[COUNTER_OFF_INTERVALS],
			     stats.counters[COUNTER_OFF_SAMPLED],
			     stats.counters[COUNTER_OFF_NOT_SAMPLED]);
	return err;
}

static int record(struct run *run, int windows)
{
	uint64_t walls = 0;
	int err = off_cpu_attach(run->off);

	run->begins_after = clock_ns(CLOCK_MONOTONIC);
	if (!err)
		err = off_cpu_start(run->off);
	run->begins_before = clock_ns(CLOCK_MONOTONIC);
	for (run->window = 0; !err && run->window < windows; run->window++) {
		struct ledger *ledger = NULL;

		err = record_window(run, &ledger);
		if (!err)
			err = check_ledger(run, ledger);
		ledger_free(ledger);
		walls += run->wall_ns;
	}
	off_cpu_stop(run->off);
	if (err < 0)
		return err;
	/* What lies between two windows, or in both, would be missing here, or be too much. */
	if (walls + EDGE_NS < run->ends_after - run->begins_before)
		fail(run, "all windows", 0, walls, run->ends_after - run->begins_before);
	if (walls > run->ends_before - run->begins_after + EDGE_NS)
		fail(run, "all windows", 0, walls, run->ends_before - run->begins_after);
	return check_losses(run);
}

static void run_done(struct run *run)
{
	off_cpu_free(run->off);
	sampler_free(run->sampler);
	cpus_done(&run->cpus);
	free(run->drained);
	*run = (struct run){ .failures = run->failures };
}

static int prepare(struct run *run, uint64_t max_events)
{
	int err;

	run->options = (struct record_options){
		.target = TARGET_ALL,
		.cpu = -1,
		.sample_hz = 99,
		.event = "cpu-clock",
		.off_cpu = true,
		.states = (UINT32_C(1) << OFF_STATE_COUNT) - 1,
		.max_events = max_events,
		/* Tables would be somebody else's to make. */
		.unwind = UNWIND_FRAME_POINTERS,
	};
	run->drained = calloc(PROCESSES_MAX, sizeof(*run->drained));
	err = run->drained ? cpus_online(-1, &run->cpus) : -ENOMEM;
	if (!err)
		err = sampler_new(&run->options, &run->cpus, &run->sampler);
	return err < 0 ? err : off_cpu_new(&run->options, run->sampler, &run->off);
}

/* Without a limit of events, and far above it. */
static int check_recordings(struct run *run)
{
	static const uint64_t max_events[] = { 0, MAX_EVENTS };
	const char *slow = getenv("EPROF_SLOW");
	int windows = slow && !strcmp(slow, "1") ? WINDOWS_SLOW : WINDOWS;
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(max_events) / sizeof(max_events[0]); i++) {
		err = prepare(run, max_events[i]);
		if (!err)
			err = record(run, windows);
		run_done(run);
	}
	return err;
}

static int check(struct run *run)
{
	pid_t load = begin_load();
	int status, err;

	if (load < 0)
		return -errno;
	if (wait_load(load)) {
		err = check_recordings(run);
		(void)end_load(load);
		return err;
	}
	status = end_load(load);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != SKIPPED)
		return -ECHILD;
	(void)printf("stress-ng is not installed\n");
	return SKIPPED;
}

int main(void)
{
	struct run run = { .failures = 0 };
	int status;

	if (geteuid() != 0) {
		(void)printf("only root may record\n");
		return SKIPPED;
	}
	status = check(&run);
	if (status < 0)
		(void)fprintf(stderr, "cannot record: %s\n", strerror(-status));
	return status < 0 || run.failures ? EXIT_FAILURE : status;
}
