/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For test_cgroups.py: samples the whole machine, on and off CPUs, until a line or the end of stdin
 * comes; only then looks up where the cgroups of all samples were, and prints for each of them
 * "on|off TGID ID PATH SERVICE COMMAND", and "lost COUNT" at last. Usage: [--raw]
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cgroup_paths.h"
#include "agent/cpus.h"
#include "agent/off_cpu.h"
#include "agent/sampler.h"
#include "agent/services.h"
#include "base/array.h"

#define DRAIN_MS 200
#define ROWS_MAX (1u << 20)

struct row {
	struct sample sample;
	char command[COMM_SIZE];
};

struct run {
	struct record_options options;
	struct cpus cpus;
	struct sampler *sampler;
	struct off_cpu *off;
	struct cgroup_paths *paths;
	struct services *services;
	struct row *rows;
	size_t count, capacity;
};

static int keep_row(void *context, const struct sample *sample)
{
	struct run *run = context;
	struct row *row;
	struct row *grown;

	if (run->count == ROWS_MAX)
		return -ENOSPC;
	grown = array_reserve(run->rows, run->count, &run->capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	run->rows = grown;
	row = &run->rows[run->count++];
	row->sample = *sample;
	(void)snprintf(row->command, sizeof(row->command), "%s", sample->process_name);
	return 0;
}

static int drain(struct run *run)
{
	int err = sampler_flip(run->sampler);

	if (!err)
		err = sampler_drain(run->sampler, keep_row, run);
	if (!err)
		err = off_cpu_drain(run->off, keep_row, run);
	return err < 0 ? err : cgroup_paths_catch_up(run->paths);
}

static int record(struct run *run)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int err = off_cpu_attach(run->off);

	if (!err)
		err = sampler_start(run->sampler);
	if (!err)
		err = off_cpu_start(run->off);
	if (!err)
		(void)printf("ready %d\n", (int)getpid());
	(void)fflush(stdout);
	while (!err && poll(&input, 1, DRAIN_MS) == 0) {
		off_cpu_flip(run->off);
		err = drain(run);
	}
	sampler_stop(run->sampler);
	if (!err)
		err = off_cpu_end_window(run->off, true);
	return err < 0 ? err : drain(run);
}

static int print_rows(struct run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		struct sample *sample = &run->rows[i].sample;
		const char *path = cgroup_paths_find(run->paths, sample->cgroup_id);
		uint32_t number;
		int err;

		sample->process_name = run->rows[i].command;
		err = services_of(run->services, sample, &number);
		if (err < 0)
			return err;
		(void)printf("%s %" PRIu32 " %" PRIu64 " %s %s %s\n",
			     sample->is_off_cpu ? "off" : "on", sample->tgid, sample->cgroup_id,
			     path ? path : "?", service_name(run->services, number),
			     run->rows[i].command);
	}
	(void)printf("lost %" PRIu64 "\n", cgroup_paths_lost(run->paths));
	return 0;
}

int main(int argc, char **argv)
{
	struct agent_config config = { .window_s = 60, .services_max = ROWS_MAX };
	struct run run = { .options = {
				   .target = TARGET_ALL,
				   .cpu = -1,
				   .sample_hz = 999,
				   .event = "cpu-clock",
				   .on_cpu = true,
				   .off_cpu = true,
				   .states = (UINT32_C(1) << OFF_STATE_COUNT) - 1,
				   .unwind = UNWIND_FRAME_POINTERS,
				   .raw_tracepoint = argc > 1 && !strcmp(argv[1], "--raw"),
			   } };
	int err = cpus_online(-1, &run.cpus);

	if (!err)
		err = sampler_new(&run.options, &run.cpus, &run.sampler);
	if (!err)
		err = off_cpu_new(&run.options, run.sampler, &run.off);
	if (!err)
		err = cgroup_paths_new(&run.paths);
	if (!err)
		err = services_new(&config, run.paths, &run.services);
	if (!err)
		err = record(&run);
	if (!err)
		err = print_rows(&run);
	off_cpu_free(run.off);
	sampler_free(run.sampler);
	cgroup_paths_free(run.paths);
	services_free(run.services);
	cpus_done(&run.cpus);
	free(run.rows);
	if (err < 0)
		(void)fprintf(stderr, "cannot record: %s\n", strerror(-err));
	return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
