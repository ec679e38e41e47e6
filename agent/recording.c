/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "agent/limits.h"
#include "agent/log.h"
#include "agent/preflight.h"
#include "agent/target.h"
#include "base/cleanup.h"

void recording_done(struct recording *recording)
{
	window_free(recording->window);
	naming_free(recording->pipeline.naming);
	follower_free(recording->pipeline.follower);
	processes_free(recording->pipeline.processes);
	off_cpu_free(recording->pipeline.off_cpu);
	unwinder_free(recording->pipeline.unwinder);
	sampler_free(recording->pipeline.sampler);
	sideband_free(recording->pipeline.sideband);
	binaries_free(recording->binaries);
	kernel_code_free(recording->kernel_code);
	jit_free(recording->jit);
	debug_downloads_free(recording->pipeline.downloads);
	symbolizer_free(recording->symbolizer);
	dwarf_client_free(recording->dwarf);
	kernel_lookup_free(recording->kernel_lookup);
	cpus_done(&recording->cpus);
	launch_done(&recording->launch);
	debuginfod_free(recording->debuginfod);
	cleanup_fd(&recording->symfs_fd);
	loop_free(recording->loop);
	*recording = RECORDING_NONE;
}

static int failed(const char *what, int err)
{
	log_error("cannot %s: %s%s", what, strerror(-err), limits_advice(err));
	return err;
}

/* Of what starts a thread: the system's own words for that would name no cause. */
static int failed_or_thread(const char *what, int err)
{
	if (err != -EAGAIN)
		return failed(what, err);
	log_error("cannot start a thread: there are too many (ulimit -u, pids.max of a cgroup), "
		  "or too little memory (ulimit -v)");
	return err;
}

int recording_begin(const struct record_options *options, struct recording *ret)
{
	struct loop *loop;
	int err = loop_new(&loop);

	if (err < 0)
		return failed("wait for events", err);
	*ret = RECORDING_NONE;
	ret->options = options;
	ret->loop = loop;
	return 0;
}

/* The ids that were typed, or the command's. */
static size_t target_ids(const struct recording *recording, const int32_t **ret)
{
	if (recording->options->target == TARGET_COMMAND) {
		*ret = &recording->launch.pid;
		return 1;
	}
	*ret = recording->options->ids;
	return recording->options->id_count;
}

static int prepare_symbolizer(struct recording *recording)
{
	int err = kernel_lookup_new(&recording->kernel_lookup);

	if (!err)
		err = symbolizer_new(&recording->symbolizer);
	if (!err)
		err = dwarf_client_new(DWARF_REQUEST_NS_MAX, &recording->dwarf);
	if (err < 0)
		return err;
	/* A recording ends soon, and has use for its descriptors. */
	if (recording->options->is_thrifty)
		symbolizer_set_rests(recording->symbolizer);
	dwarf_client_set_interrupt(recording->dwarf, loop_signal_fd(recording->loop));
	symbolizer_set_symfs(recording->symbolizer, recording->symfs_fd);
	symbolizer_set_dwarf(recording->symbolizer,
			     &(struct dwarf_lookup){ .open = dwarf_client_open,
						     .find = dwarf_client_find,
						     .context = recording->dwarf });
	symbolizer_set_kernel_lookup(recording->symbolizer, kernel_lookup_find,
				     recording->kernel_lookup);
	if (!recording->debuginfod)
		return 0;
	return debug_downloads_new(
		recording->debuginfod, recording->symbolizer, loop_signal_fd(recording->loop),
		recording->options->debuginfod_s, &recording->pipeline.downloads);
}

/* The processes that were asked for keep their tables; those of a whole machine come and go. */
static int prepare_unwinder(struct recording *recording, bool follow_all)
{
	struct unwinder_options options = { .bytes_max = recording->options->unwind_bytes,
					    .is_pinned = !follow_all };
	struct unwind_maps maps;

	if (!sampler_unwinds(recording->pipeline.sampler))
		return 0;
	sampler_unwind_maps(recording->pipeline.sampler, &maps);
	return unwinder_new(&maps, &options, &recording->pipeline.unwinder);
}

static int prepare_processes(struct recording *recording)
{
	enum target_kind target = recording->options->target;
	bool follow_all = target == TARGET_ALL || target == TARGET_CGROUP;
	struct pipeline *pipeline = &recording->pipeline;
	CLEANUP(cpus_done) struct cpus all = { 0 };
	int err = cpus_online(-1, &all);

	if (err < 0)
		return failed("tell which CPUs are online", err);
	/* A process may map on any CPU, whichever are sampled. */
	err = sideband_new(&all, &pipeline->sideband);
	if (err < 0)
		return err;
	err = prepare_unwinder(recording, follow_all);
	if (err < 0)
		return failed_or_thread("prepare to unwind stacks", err);
	err = prepare_symbolizer(recording);
	if (!err)
		err = jit_new(&recording->jit);
	if (!err)
		err = kernel_code_new(&recording->kernel_code);
	if (!err)
		err = binaries_new(recording->symbolizer, pipeline->unwinder, &recording->binaries);
	if (err < 0)
		return failed("prepare to name stacks", err);
	binaries_set_jit(recording->binaries, recording->jit);
	err = processes_new(recording->binaries, pipeline->unwinder, follow_all,
			    &pipeline->processes);
	if (!err)
		err = follower_new(pipeline->sideband, pipeline->processes, pipeline->unwinder,
				   &pipeline->follower);
	if (!err)
		err = naming_new(recording->symbolizer, pipeline->processes, &pipeline->naming);
	if (err < 0)
		return failed("prepare to name stacks", err);
	if (recording->options->is_thrifty)
		follower_set_thrifty(pipeline->follower);
	naming_set_jit(pipeline->naming, recording->jit);
	naming_set_kernel_code(pipeline->naming, recording->kernel_code);
	follower_set_kernel_code(pipeline->follower, recording->kernel_code);
	return 0;
}

/*
 * Samples are taken when what runs already can be walked. On a large machine the first ones do not
 * wait for all of it: 12 million rows, more than most have, take a second.
 */
#define UNWIND_WAIT_MS 2000

static int bind_processes(struct recording *recording)
{
	int err = processes_bind(recording->pipeline.processes, false);

	if (err < 0)
		return failed("prepare to unwind stacks", err);
	/* While this waits, others go on. */
	err = follower_start(recording->pipeline.follower);
	if (err < 0)
		return failed_or_thread("start a thread", err);
	if (recording->pipeline.unwinder)
		unwinder_wait(recording->pipeline.unwinder, UNWIND_WAIT_MS);
	return 0;
}

/* The records flow already: what changes while /proc is read comes again with them. */
static int seed_processes(struct recording *recording)
{
	enum target_kind target = recording->options->target;
	struct processes *processes = recording->pipeline.processes;
	const int32_t *ids;
	size_t count;

	if (target == TARGET_ALL || target == TARGET_CGROUP) {
		int err = processes_seed_all(processes);

		return err < 0 ? failed("read /proc", err) : 0;
	}
	count = target_ids(recording, &ids);
	for (size_t i = 0; i < count; i++) {
		int32_t pid = target == TARGET_TIDS ? target_process(ids[i]) : ids[i];
		int err = processes_seed(processes, pid);

		if (err < 0) {
			log_error("cannot read '/proc/%" PRId32 "/maps': %s%s", pid, strerror(-err),
				  limits_advice(err));
			return err;
		}
	}
	return 0;
}

static int aim_sampler(struct recording *recording)
{
	struct sampler *sampler = recording->pipeline.sampler;
	CLEANUP(cleanup_fd) int cgroup_fd = -1;
	const int32_t *ids;
	size_t count;
	int err = 0;

	switch (recording->options->target) {
	case TARGET_CGROUP:
		err = preflight_cgroup(recording->options->cgroup, &cgroup_fd);
		if (err < 0)
			return err;
		err = sampler_follow_cgroup(sampler, cgroup_fd);
		return err < 0 ? failed("sample by cgroup", err) : 0;
	case TARGET_ALL:
	case TARGET_NONE:
		return 0;
	case TARGET_PIDS:
	case TARGET_TIDS:
	case TARGET_COMMAND:
		break;
	}
	count = target_ids(recording, &ids);
	for (size_t i = 0; i < count && !err; i++)
		err = sampler_follow(sampler, ids[i]);
	return err < 0 ? failed("tell the kernel what to sample", err) : 0;
}

static int watch_target(struct recording *recording)
{
	enum target_kind target = recording->options->target;
	const int32_t *ids;
	size_t count;

	if (target != TARGET_PIDS && target != TARGET_COMMAND)
		return 0;
	count = target_ids(recording, &ids);
	for (size_t i = 0; i < count; i++) {
		int err = loop_add_process(recording->loop, ids[i]);

		if (err == -ESRCH) {
			log_error("process %" PRId32 " has just ended", ids[i]);
			return err;
		}
		if (err < 0)
			return failed("wait for the end of a process", err);
	}
	return 0;
}

static int open_symfs(struct recording *recording)
{
	const char *path = recording->options->symfs;

	if (!path)
		return 0;
	recording->symfs_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (recording->symfs_fd >= 0)
		return 0;
	log_error("cannot open '%s' (--symfs): %s", path, strerror(errno));
	return -EINVAL;
}

/* Before there are threads, and much that its children would have a copy of. */
static int prepare_debuginfod(struct recording *recording)
{
	struct debuginfod_config config = { .budget_s = recording->options->debuginfod_s };

	return config.budget_s > 0 ? debuginfod_start(&config, &recording->debuginfod) : 0;
}

static int prepare_launch(struct recording *recording, const struct signals *before)
{
	int err;

	if (recording->options->target != TARGET_COMMAND)
		return 0;
	err = launch_fork(recording->options->command, before, &recording->launch);
	return err < 0 ? failed("fork", err) : 0;
}

static int prepare_off_cpu(struct recording *recording)
{
	const struct record_options *options = recording->options;
	int err;

	if (!options->off_cpu)
		return 0;
	err = off_cpu_new(options, recording->pipeline.sampler, &recording->pipeline.off_cpu);
	if (!err || options->off_cpu_asked)
		return err;
	log_warning("off-CPU time is left out; --on-cpu does without it, and this warning");
	return 0;
}

int recording_prepare(struct recording *recording, const struct signals *before)
{
	const struct record_options *options = recording->options;
	int err = open_symfs(recording);

	if (!err)
		err = prepare_debuginfod(recording);
	if (err < 0)
		return err;
	err = prepare_launch(recording, before);
	if (err < 0)
		return err;
	limits_raise();
	err = cpus_online(options->cpu, &recording->cpus);
	if (err < 0)
		return failed("tell which CPUs are online", err);
	/* Loading takes tens of milliseconds: before the rings are opened, or they could fill. */
	err = sampler_new(options, &recording->cpus, &recording->pipeline.sampler);
	if (err < 0)
		return err;
	err = aim_sampler(recording);
	if (err < 0)
		return err;
	recording->pipeline.records_on_cpu = options->on_cpu;
	err = prepare_off_cpu(recording);
	if (err < 0)
		return err;
	err = prepare_processes(recording);
	if (err < 0)
		return err;
	err = watch_target(recording);
	if (err < 0)
		return err;
	err = seed_processes(recording);
	if (err < 0)
		return err;
	return bind_processes(recording);
}

static int add_timers(struct recording *recording)
{
	double seconds = recording->options->seconds;
	int err =
		loop_add_timer(recording->loop, sampler_drain_seconds(recording->pipeline.sampler),
			       true, LOOP_DRAIN);

	if (!err)
		err = loop_add_timer(recording->loop, 1, true, LOOP_TICK);
	if (!err && recording->pipeline.off_cpu)
		err = loop_add_timer(recording->loop, 1.0 / OFF_CPU_LOOKS_HZ, true, LOOP_LOOK);
	if (!err && seconds > 0)
		err = loop_add_timer(recording->loop, seconds, false, LOOP_TIME_OVER);
	return err < 0 ? failed("set timers", err) : 0;
}

static int let_command_go(struct recording *recording)
{
	int err;

	if (recording->options->target != TARGET_COMMAND)
		return 0;
	err = launch_exec(&recording->launch);
	if (err < 0)
		log_error("cannot run '%s': %s", recording->options->command[0], strerror(-err));
	return err;
}

static uint64_t lost_so_far(const struct recording *recording)
{
	uint64_t lost = follower_lost(recording->pipeline.follower);
	struct sampler_stats stats;

	if (sampler_read_stats(recording->pipeline.sampler, &stats) < 0)
		return lost;
	for (int i = 0; i < COUNTER_COUNT; i++) {
		if (counter_is_loss((enum counter)i))
			lost += stats.counters[i];
	}
	return lost;
}

static void show_progress(const struct recording *recording, uint64_t elapsed)
{
	double left = recording->options->seconds - (double)elapsed;
	uint64_t samples = window_samples(recording->window);

	if (!log_has_progress())
		return;
	if (recording->options->seconds > 0)
		log_progress("%.0f s left, %" PRIu64 " samples, %" PRIu64 " lost",
			     left > 0 ? left : 0, samples, lost_so_far(recording));
	else
		log_progress("%" PRIu64 " s, %" PRIu64 " samples, %" PRIu64 " lost; Ctrl-C ends",
			     elapsed, samples, lost_so_far(recording));
}

int recording_handle(struct recording *recording, unsigned int events)
{
	int err = 0;

	if (events & LOOP_LOOK)
		err = off_cpu_look(recording->pipeline.off_cpu);
	if (!err && events & LOOP_DRAIN)
		err = window_drain(recording->window);
	if (err < 0)
		return failed("read samples", err);
	if (events & LOOP_TICK)
		err = follower_make_good(recording->pipeline.follower);
	return err < 0 ? failed("read /proc", err) : 0;
}

static int loop_until_end(struct recording *recording)
{
	const struct record_options *options = recording->options;
	uint64_t elapsed = 0;

	for (;;) {
		unsigned int events;
		int err = loop_wait(recording->loop, &events);

		if (err < 0)
			return failed("wait for events", err);
		err = recording_handle(recording, events);
		if (err < 0)
			return err;
		if (events & (LOOP_TIME_OVER | LOOP_INTERRUPTED | LOOP_PROCESSES_ENDED))
			return 0;
		if (!(events & LOOP_TICK))
			continue;
		show_progress(recording, ++elapsed);
		if (options->target == TARGET_TIDS && !target_threads_alive(options))
			return 0;
	}
}

int recording_start(struct recording *recording)
{
	int err = add_timers(recording);

	if (!err && recording->pipeline.off_cpu)
		err = off_cpu_attach(recording->pipeline.off_cpu);
	if (err < 0)
		return err;
	err = window_open(&recording->pipeline, &recording->window);
	if (err < 0)
		return failed_or_thread("begin", err);
	err = sampler_start(recording->pipeline.sampler);
	if (!err && recording->pipeline.off_cpu)
		err = off_cpu_start(recording->pipeline.off_cpu);
	return err < 0 ? err : let_command_go(recording);
}

int recording_stop(struct recording *recording)
{
	int err = window_end(recording->window);

	if (err < 0)
		(void)failed("end the recording", err);
	sampler_stop(recording->pipeline.sampler);
	if (recording->pipeline.off_cpu)
		off_cpu_stop(recording->pipeline.off_cpu);
	follower_stop(recording->pipeline.follower);
	return err;
}

int recording_run(struct recording *recording)
{
	int err = recording_start(recording), stopped;

	if (err < 0)
		return err;
	err = loop_until_end(recording);
	log_progress(NULL);
	stopped = recording_stop(recording);
	return err < 0 ? err : stopped;
}
