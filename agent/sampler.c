/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sampler.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "agent/drain.h"
#include "agent/kernel_layout.h"
#include "agent/limits.h"
#include "agent/log.h"
#include "agent/perf_event.h"
#include "agent/program_logs.h"
#include "agent/sampler_config.h"
#include "base/cleanup.h"

struct sampler {
	struct sampler_bpf *skeleton;
	struct bpf_link **links; /* one for each CPU */
	int *event_fds;          /* owned by the links */
	struct drain *drain;
	int *chunk_fds;   /* of unwind tables: see struct unwind_tables_maps */
	struct cpus cpus; /* borrowed */
	const struct record_options *options;
	double drain_seconds;
	uint64_t hz;
	uint64_t cgroup_id;
	uint32_t quiet_half; /* what sampler_drain() reads */
	int stats_fd;        /* keeps BPF statistics on; -1: not permitted */
	FILE *verifier_log;  /* NULL: not asked for */
};

static int no_memory(void)
{
	log_error("cannot prepare to sample: %s", strerror(ENOMEM));
	return -ENOMEM;
}

static void cleanup_logs(struct program_logs **logs)
{
	program_logs_free(*logs);
}

static void write_verifier_log(const struct sampler *sampler, const struct program_logs *logs)
{
	int err = program_logs_write(logs, sampler->verifier_log);

	if (err < 0)
		log_warning("cannot write '%s': %s", sampler->options->verifier_log,
			    strerror(-err));
}

static int load(struct sampler *sampler, bool explains)
{
	CLEANUP(cleanup_logs) struct program_logs *logs = NULL;
	int err;

	if (explains || sampler->verifier_log) {
		err = program_logs_new(sampler->skeleton->obj, sampler->verifier_log != NULL,
				       &logs);
		if (err < 0)
			return no_memory();
	}
	err = sampler_bpf__load(sampler->skeleton);
	if (sampler->verifier_log)
		write_verifier_log(sampler, logs);
	if (err < 0 && explains)
		program_logs_explain(logs, err);
	return err;
}

static int silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static int write_layout(int fd, const struct btf *btf)
{
	CLEANUP(cleanup_fd) int kernel_fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	CLEANUP(cleanup_free) void *copy = NULL;
	const void *bytes;
	uint32_t size;
	int err;

	if (kernel_fd < 0)
		return -errno;
	bytes = btf__raw_data(btf, &size);
	copy = bytes ? malloc(size) : NULL;
	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, size);
	err = kernel_layout_apply(kernel_fd, copy, size);
	if (err < 0)
		return err;
	return write(fd, copy, size) == (ssize_t)size ? 0 : -EIO;
}

/*
 * With the kernel's layout found by ourselves, and, where that fails, by libbpf. The object has to
 * be opened once to tell what it wants to know. fd is an empty file, and read when it is loaded.
 */
static struct sampler_bpf *open_skeleton(int fd)
{
	struct sampler_bpf *plain = sampler_bpf__open();
	struct sampler_bpf *skeleton = NULL;
	char path[64];

	if (!plain || fd < 0 || write_layout(fd, bpf_object__btf(plain->obj)) < 0)
		return plain;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	skeleton = sampler_bpf__open_opts(&(struct bpf_object_open_opts){
		.sz = sizeof(struct bpf_object_open_opts), .btf_custom_path = path });
	if (!skeleton)
		return plain;
	sampler_bpf__destroy(plain);
	return skeleton;
}

/* Opens the programs and loads them. With an fd, failing is no more than a reason to try without.
 */
static int try_load(struct sampler *sampler, int layout_fd)
{
	sampler->skeleton = open_skeleton(layout_fd);
	if (!sampler->skeleton) {
		int err = -errno;

		log_error("cannot open the BPF programs: %s%s", strerror(-err), limits_advice(err));
		return err;
	}
	sampler->drain_seconds =
		sampler_configure(sampler->skeleton, sampler->options, sampler->cpus.count);
	return load(sampler, layout_fd < 0);
}

static int make_drain(struct sampler *sampler)
{
	const struct sampler_bpf *skeleton = sampler->skeleton;
	int err = drain_new(
		&(struct drain_maps){
			.counts = { bpf_map__fd(skeleton->maps.counts_0),
				    bpf_map__fd(skeleton->maps.counts_1) },
			.stacks = { bpf_map__fd(skeleton->maps.stacks_0),
				    bpf_map__fd(skeleton->maps.stacks_1) },
			.counts_entries = bpf_map__max_entries(skeleton->maps.counts_0),
			.stacks_entries = bpf_map__max_entries(skeleton->maps.stacks_0) },
		&sampler->drain);

	return err == -ENOMEM ? no_memory() : err;
}

static int sampler_load(struct sampler *sampler)
{
	CLEANUP(cleanup_fd) int layout_fd = memfd_create("layout", MFD_CLOEXEC);
	int err;

	libbpf_set_print(silent); /* failures are explained in our own words */
	err = try_load(sampler, layout_fd);
	if (err < 0 && layout_fd >= 0 && sampler->skeleton) {
		sampler_bpf__destroy(TAKE(sampler->skeleton));
		err = try_load(sampler, -1);
	}
	return err < 0 ? err : make_drain(sampler);
}

/* Whoever wants to read it wants no recording without it. */
static int open_verifier_log(struct sampler *sampler)
{
	const char *path = sampler->options->verifier_log;
	int err;

	if (!path)
		return 0;
	sampler->verifier_log = fopen(path, "we");
	if (sampler->verifier_log)
		return 0;
	err = -errno;
	log_error("cannot write '%s' (--verifier-log): %s", path, strerror(-err));
	return err;
}

static void cleanup_sampler(struct sampler **sampler)
{
	sampler_free(*sampler);
}

int sampler_new(const struct record_options *options, const struct cpus *cpus, struct sampler **ret)
{
	CLEANUP(cleanup_sampler) struct sampler *sampler = calloc(1, sizeof(*sampler));
	int err;

	if (!sampler)
		return no_memory();
	sampler->stats_fd = -1;
	sampler->options = options;
	sampler->hz = options->sample_hz;
	sampler->cpus = *cpus;
	sampler->links = calloc(cpus->count, sizeof(*sampler->links));
	sampler->event_fds = calloc(cpus->count, sizeof(*sampler->event_fds));
	sampler->chunk_fds = calloc(UNWIND_CHUNKS_MAX, sizeof(*sampler->chunk_fds));
	if (!sampler->links || !sampler->event_fds || !sampler->chunk_fds)
		return no_memory();
	err = open_verifier_log(sampler);
	if (!err)
		err = sampler_load(sampler);
	cleanup_file(&sampler->verifier_log);
	sampler->verifier_log = NULL;
	if (err < 0)
		return err;
	*ret = TAKE(sampler);
	return 0;
}

void sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return;
	if (sampler->links)
		sampler_stop(sampler);
	drain_free(sampler->drain);
	sampler_bpf__destroy(sampler->skeleton);
	cleanup_fd(&sampler->stats_fd);
	free(sampler->links);
	free(sampler->event_fds);
	free(sampler->chunk_fds);
	free(sampler);
}

int sampler_follow(struct sampler *sampler, int32_t id)
{
	uint32_t key = (uint32_t)id;
	uint8_t yes = 1;

	return bpf_map_update_elem(bpf_map__fd(sampler->skeleton->maps.targets), &key, &yes,
				   BPF_ANY);
}

int sampler_follow_cgroup(struct sampler *sampler, int cgroup_fd)
{
	uint32_t slot = 0;
	struct stat st;

	if (fstat(cgroup_fd, &st) < 0)
		return -errno;
	sampler->cgroup_id = st.st_ino;
	return bpf_map_update_elem(bpf_map__fd(sampler->skeleton->maps.target_cgroup), &slot,
				   &cgroup_fd, BPF_ANY);
}

static bool samples_before(const struct sampler *sampler, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (sampler->links[i])
			return true;
	}
	return false;
}

static int start_on_cpu(struct sampler *sampler, const struct perf_event_attr *attr, size_t index)
{
	const struct record_options *options = sampler->options;
	int cpu = sampler->cpus.ids[index];
	int fd = perf_event_open_cpu(attr, cpu);
	struct bpf_link *link;

	/* It may have gone offline meanwhile; not all of them. */
	if (fd == -ENODEV && (index + 1 < sampler->cpus.count || samples_before(sampler, index)))
		return 0;
	if (fd < 0) {
		perf_event_explain(options->event, options->sample_hz, cpu, fd);
		return fd;
	}
	link = bpf_program__attach_perf_event(sampler->skeleton->progs.on_cpu_sample, fd);
	if (!link) {
		int err = -errno;

		log_error("cannot attach to the event on CPU %d: %s%s", cpu, strerror(-err),
			  limits_advice(err));
		(void)close(fd);
		return err;
	}
	sampler->links[index] = link; /* owns fd */
	sampler->event_fds[index] = fd;
	return 0;
}

/* Forks are followed before the first sample, or a child could slip through. */
static int follow_children(struct sampler *sampler)
{
	struct sampler_bpf *skeleton = sampler->skeleton;
	int err;

	if (!sampler_follows_processes(skeleton))
		return 0;
	skeleton->links.on_fork = bpf_program__attach(skeleton->progs.on_fork);
	skeleton->links.on_exit = bpf_program__attach(skeleton->progs.on_exit);
	skeleton->links.on_free = bpf_program__attach(skeleton->progs.on_free);
	if (skeleton->links.on_fork && skeleton->links.on_exit && skeleton->links.on_free)
		return 0;
	err = -errno;
	log_error("cannot attach to the tracepoints of fork and exit: %s%s", strerror(-err),
		  limits_advice(err));
	return err;
}

int sampler_start(struct sampler *sampler)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.freq = 1,
		.sample_freq = sampler->options->sample_hz,
	};
	int err = perf_event_parse(sampler->options->event, &attr);

	assert(!err); /* the options take no other event */
	err = follow_children(sampler);
	if (err < 0)
		return err;
	/* It costs two looks at a clock at each switch, more than much of what is measured. */
	if (!sampler->options->off_cpu)
		sampler->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	for (size_t i = 0; sampler->options->on_cpu && i < sampler->cpus.count; i++) {
		err = start_on_cpu(sampler, &attr, i);
		if (err < 0)
			return err;
	}
	return 0;
}

uint64_t sampler_hz(const struct sampler *sampler)
{
	return sampler->hz;
}

int sampler_set_hz(struct sampler *sampler, uint64_t hz)
{
	const char *event = sampler->options->event;
	int err = 0;

	assert(hz > 0 && hz <= sampler->options->sample_hz);
	for (size_t i = 0; !err && i < sampler->cpus.count; i++) {
		if (sampler->links[i])
			err = perf_event_set_hz(sampler->event_fds[i], event, hz);
	}
	if (!err)
		sampler->hz = hz;
	return err;
}

bool sampler_unwinds(const struct sampler *sampler)
{
	return sampler->skeleton->rodata->config.unwind == UNWIND_TABLES;
}

void sampler_share(const struct sampler *sampler, struct sampler_shared *ret)
{
	const struct sampler_bpf *skeleton = sampler->skeleton;

	*ret = (struct sampler_shared){
		.targets_fd = bpf_map__fd(skeleton->maps.targets),
		.cgroup_fd = bpf_map__fd(skeleton->maps.target_cgroup),
		.counters_fd = bpf_map__fd(skeleton->maps.counters),
		.cgroup_id = sampler->cgroup_id,
	};
	memcpy(&ret->config, (const void *)&skeleton->rodata->config, sizeof(ret->config));
	if (sampler_unwinds(sampler))
		sampler_unwind_maps(sampler, &ret->unwind);
}

void sampler_unwind_maps(const struct sampler *sampler, struct unwind_maps *ret)
{
	const struct sampler_bpf *skeleton = sampler->skeleton;

	*ret = (struct unwind_maps){
		.processes_fd = bpf_map__fd(skeleton->maps.unwind_processes),
		.mappings_fd = bpf_map__fd(skeleton->maps.unwind_mappings),
		.wants_fd = bpf_map__fd(skeleton->maps.unwind_wants),
		.mappings = bpf_map__max_entries(skeleton->maps.unwind_mappings),
		.tables = { .slots_fd = bpf_map__fd(skeleton->maps.unwind_slots),
			    .chunks_fd = bpf_map__fd(skeleton->maps.unwind_chunks),
			    .slots = UNWIND_SLOTS_MAX,
			    .chunks = UNWIND_CHUNKS_MAX,
			    .chunk_fds = sampler->chunk_fds },
		.clock = &skeleton->bss->unwind_now,
	};
}

void sampler_stop(struct sampler *sampler)
{
	/* Detaching waits for a grace period each: all are silenced before. */
	for (size_t i = 0; i < sampler->cpus.count; i++) {
		if (sampler->links[i])
			(void)ioctl(sampler->event_fds[i], PERF_EVENT_IOC_DISABLE, 0);
	}
	for (size_t i = 0; i < sampler->cpus.count; i++)
		bpf_link__destroy(TAKE(sampler->links[i]));
}

double sampler_drain_seconds(const struct sampler *sampler)
{
	return sampler->drain_seconds;
}

int sampler_flip(struct sampler *sampler)
{
	struct sampler_bpf *skeleton = sampler->skeleton;
	uint32_t half = skeleton->bss->active_half;
	int counts_fd = bpf_map__fd(half ? skeleton->maps.counts_1 : skeleton->maps.counts_0);

	__atomic_store_n(&skeleton->bss->active_half, 1 - half, __ATOMIC_SEQ_CST);
	sampler->quiet_half = half;
	/*
	 * The entry stays what it is: the point of the update is that the kernel returns from it
	 * after a grace period (kernel/bpf/syscall.c, maybe_wait_bpf_programs), when no program
	 * that read the old active_half is running any more.
	 */
	return bpf_map_update_elem(bpf_map__fd(skeleton->maps.halves), &half, &counts_fd, BPF_ANY);
}

int sampler_drain(struct sampler *sampler, sample_handler handler, void *context)
{
	return drain_half(sampler->drain, sampler->quiet_half, handler, context);
}

static int read_counters(struct sampler *sampler, uint64_t *counters)
{
	int fd = bpf_map__fd(sampler->skeleton->maps.counters);
	int cpus = libbpf_num_possible_cpus();
	CLEANUP(cleanup_free) uint64_t *values = NULL;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < COUNTER_COUNT; i++) {
		int err = bpf_map_lookup_elem(fd, &i, values);

		if (err < 0)
			return err;
		counters[i] = 0;
		for (int cpu = 0; cpu < cpus; cpu++)
			counters[i] += values[cpu];
	}
	return 0;
}

void sampler_forget_stacks(struct sampler *sampler)
{
	drain_forget_stacks(sampler->drain);
}

int sampler_read_stats(struct sampler *sampler, struct sampler_stats *ret)
{
	struct sampler_stats stats = { .has_run_time = sampler->stats_fd >= 0 };
	struct bpf_prog_info info = { 0 };
	uint32_t info_size = sizeof(info);
	int err = read_counters(sampler, stats.counters);

	if (err < 0)
		return err;
	stats.distinct_stacks = drain_distinct_stacks(sampler->drain);
	if (!bpf_obj_get_info_by_fd(bpf_program__fd(sampler->skeleton->progs.on_cpu_sample), &info,
				    &info_size)) {
		stats.run_time_ns = info.run_time_ns;
		stats.run_count = info.run_cnt;
	}
	*ret = stats;
	return 0;
}
