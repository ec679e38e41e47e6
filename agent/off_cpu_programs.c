/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/off_cpu_programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "agent/limits.h"
#include "agent/log.h"
#include "agent/program_logs.h"
#include "base/cleanup.h"

/* Rows of one drain: 0.2 KB each, in both halves. */
#define COUNTS_MAX      16384
/* Pieces of stacks that are new in one drain, 0.3 KB each. */
#define STACKS_MAX      32768
/* Accounts of threads that end in one drain: 2,500. */
#define ENDED_BYTES     (1u << 20)
/* New wakers of one drain, if they are asked for. */
#define WAKERS_MAX      16384
/* Threads that are followed at a time where there is no storage with the task: 0.6 KB each. */
#define RAW_THREADS_MAX 16384

/*
 * Since Linux 5.18 the tracepoint tells the state of who leaves: a fourth argument, and the void
 * pointer that all of these have.
 */
static bool switch_has_state(const struct btf *btf)
{
	int32_t id = btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF);
	const struct btf_type *type;

	if (id < 0)
		return false;
	type = btf__type_by_id(btf, btf__type_by_id(btf, (uint32_t)id)->type);
	type = btf_is_ptr(type) ? btf__type_by_id(btf, type->type) : type;
	return btf_is_func_proto(type) && btf_vlen(type) >= 5;
}

static void ask_kernel(struct off_cpu_config *config)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return;
	config->switch_has_state = switch_has_state(btf);
	config->has_rdonly_cast = btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
	btf__free(btf);
}

static void configure(const struct record_options *options, const struct sampler_shared *sampler,
		      struct off_programs *programs)
{
	struct off_cpu_bpf *skeleton = programs->skeleton;
	struct off_cpu_config config = {
		.states = options->states,
		.kernel_threads = options->kernel_threads,
		.min_ns = options->min_block_us * 1000,
		.max_ns = options->max_block_us * 1000,
		.wakers = options->wakers,
		.max_events = options->max_events,
		.preempted_ns = options->preempt_sample_us * 1000,
		.verify_memos = options->verify_stacks,
		.is_raw = programs->is_raw,
		.cgroup = sampler->cgroup_id,
	};

	ask_kernel(&config);
	memcpy((void *)(uintptr_t)&skeleton->rodata->config, &sampler->config,
	       sizeof(sampler->config));
	memcpy((void *)(uintptr_t)&skeleton->rodata->off_config, &config, sizeof(config));
	bpf_map__set_max_entries(skeleton->maps.off_counts_0, COUNTS_MAX);
	bpf_map__set_max_entries(skeleton->maps.off_counts_1, COUNTS_MAX);
	bpf_map__set_max_entries(skeleton->maps.off_stacks, STACKS_MAX);
	bpf_map__set_max_entries(skeleton->maps.off_ended, ENDED_BYTES);
	if (options->wakers)
		bpf_map__set_max_entries(skeleton->maps.off_wakers, WAKERS_MAX);
	if (programs->is_raw)
		bpf_map__set_max_entries(skeleton->maps.off_threads_raw, RAW_THREADS_MAX);
	bpf_program__set_autoload(skeleton->progs.on_switch, !programs->is_raw);
	bpf_program__set_autoload(skeleton->progs.off_fork, !programs->is_raw);
	bpf_program__set_autoload(skeleton->progs.off_exit, !programs->is_raw);
	bpf_program__set_autoload(skeleton->progs.off_exit_raw, programs->is_raw);
	bpf_program__set_autoload(skeleton->progs.off_waking, options->wakers && !programs->is_raw);
	bpf_program__set_autoload(skeleton->progs.on_switch_raw, programs->is_raw);
	bpf_program__set_autoload(skeleton->progs.off_fork_raw, programs->is_raw);
	bpf_program__set_autoload(skeleton->progs.off_waking_raw,
				  options->wakers && programs->is_raw);
}

static int share_maps(const struct sampler_shared *shared, struct off_cpu_bpf *skeleton)
{
	int err = bpf_map__reuse_fd(skeleton->maps.targets, shared->targets_fd);

	if (!err)
		err = bpf_map__reuse_fd(skeleton->maps.target_cgroup, shared->cgroup_fd);
	if (!err)
		err = bpf_map__reuse_fd(skeleton->maps.counters, shared->counters_fd);
	if (err || !shared->unwind.mappings)
		return err;
	err = bpf_map__reuse_fd(skeleton->maps.unwind_processes, shared->unwind.processes_fd);
	if (!err)
		err = bpf_map__reuse_fd(skeleton->maps.unwind_mappings, shared->unwind.mappings_fd);
	if (!err)
		err = bpf_map__reuse_fd(skeleton->maps.unwind_wants, shared->unwind.wants_fd);
	if (!err)
		err = bpf_map__reuse_fd(skeleton->maps.unwind_slots,
					shared->unwind.tables.slots_fd);
	if (!err)
		err = bpf_map__reuse_fd(skeleton->maps.unwind_chunks,
					shared->unwind.tables.chunks_fd);
	return err;
}

static void cleanup_logs(struct program_logs **logs)
{
	program_logs_free(*logs);
}

/* Behind what the sampler has written there. */
static void write_log(const char *path, const struct program_logs *logs)
{
	CLEANUP(cleanup_file) FILE *file = fopen(path, "ae");
	int err = file ? program_logs_write(logs, file) : -errno;

	if (err < 0)
		log_warning("cannot write '%s': %s", path, strerror(-err));
}

/* explains: it is the last try. */
static int failed(const char *what, int err, bool explains)
{
	if (explains)
		log_error("cannot %s: %s%s", what, strerror(-err), limits_advice(err));
	return err;
}

static int load_skeleton(const struct record_options *options, struct off_cpu_bpf *skeleton,
			 bool explains)
{
	CLEANUP(cleanup_logs) struct program_logs *logs = NULL;
	int err;

	if (explains || options->verifier_log) {
		err = program_logs_new(skeleton->obj, options->verifier_log != NULL, &logs);
		if (err < 0)
			return failed("keep the verifier's log", err, explains);
	}
	err = off_cpu_bpf__load(skeleton);
	if (options->verifier_log)
		write_log(options->verifier_log, logs);
	if (err < 0 && explains)
		program_logs_explain(logs, err);
	return err;
}

static int try_load(const struct record_options *options, const struct sampler_shared *shared,
		    struct off_programs *programs, bool explains)
{
	int err;

	programs->skeleton = off_cpu_bpf__open();
	if (!programs->skeleton)
		return failed("read the programs of off-CPU time", -errno, explains);
	configure(options, shared, programs);
	err = share_maps(shared, programs->skeleton);
	err = err < 0 ? failed("share the sampler's maps with off-CPU time", err, explains)
		      : load_skeleton(options, programs->skeleton, explains);
	if (err < 0)
		off_cpu_bpf__destroy(TAKE(programs->skeleton));
	return err;
}

int off_programs_load(const struct record_options *options, const struct sampler_shared *shared,
		      struct off_programs *programs)
{
	programs->is_raw = options->raw_tracepoint;
	if (!try_load(options, shared, programs, false))
		return 0;
	if (!options->raw_tracepoint) {
		programs->is_raw = true;
		if (!try_load(options, shared, programs, false)) {
			log_warning("this kernel refuses typed tracepoints: off-CPU time is "
				    "measured by raw ones, at several times the cost");
			return 0;
		}
	}
	/* Once more, to explain why what should have been was refused. */
	programs->is_raw = options->raw_tracepoint;
	return try_load(options, shared, programs, true);
}

static int attach_iterator(struct bpf_program *program, struct bpf_link **ret)
{
	*ret = bpf_program__attach_iter(program, NULL);
	return *ret ? 0 : -errno;
}

int off_programs_attach_iterators(struct off_programs *programs)
{
	struct off_cpu_bpf *skeleton = programs->skeleton;
	int err = attach_iterator(skeleton->progs.off_seed_threads, &programs->seed);

	if (!err)
		err = attach_iterator(skeleton->progs.off_settle, &programs->settle);
	return err < 0 ? err : attach_iterator(skeleton->progs.off_collect, &programs->collect);
}

struct attachment {
	struct bpf_program *program;
	struct bpf_link **link;
};

/* Forks first: no thread begins unseen. The last is for wakers. */
#define ATTACHMENTS 4

static void list_attachments(struct off_programs *programs, struct attachment *ret)
{
	struct off_cpu_bpf *skeleton = programs->skeleton;
	const struct attachment typed[ATTACHMENTS] = {
		{ skeleton->progs.off_fork, &skeleton->links.off_fork },
		{ skeleton->progs.off_exit, &skeleton->links.off_exit },
		{ skeleton->progs.on_switch, &skeleton->links.on_switch },
		{ skeleton->progs.off_waking, &skeleton->links.off_waking },
	};
	const struct attachment raw[ATTACHMENTS] = {
		{ skeleton->progs.off_fork_raw, &skeleton->links.off_fork_raw },
		{ skeleton->progs.off_exit_raw, &skeleton->links.off_exit_raw },
		{ skeleton->progs.on_switch_raw, &skeleton->links.on_switch_raw },
		{ skeleton->progs.off_waking_raw, &skeleton->links.off_waking_raw },
	};

	memcpy(ret, programs->is_raw ? raw : typed, sizeof(typed));
}

int off_programs_attach(struct off_programs *programs, bool with_wakers)
{
	struct attachment attachments[ATTACHMENTS];

	list_attachments(programs, attachments);
	for (size_t i = 0; i < (with_wakers ? ATTACHMENTS : ATTACHMENTS - 1); i++) {
		*attachments[i].link = bpf_program__attach(attachments[i].program);
		if (!*attachments[i].link)
			return -errno;
	}
	return 0;
}

void off_programs_detach(struct off_programs *programs)
{
	struct attachment attachments[ATTACHMENTS];

	list_attachments(programs, attachments);
	for (size_t i = ATTACHMENTS; i > 0; i--)
		bpf_link__destroy(TAKE(*attachments[i - 1].link));
}

void off_programs_done(struct off_programs *programs)
{
	bpf_link__destroy(programs->seed);
	bpf_link__destroy(programs->settle);
	bpf_link__destroy(programs->collect);
	off_cpu_bpf__destroy(programs->skeleton);
}
