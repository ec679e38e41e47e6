/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/off_cpu_programs.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "agent/load_error.h"
#include "agent/log.h"
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

/* Where the verifier writes about one program. */
struct program_log {
	const char *program;
	char *text;
};

#define PROGRAMS_MAX 16
#define LOG_SIZE     (16u << 20) /* untouched pages cost nothing */

/* logs: PROGRAMS_MAX of them, with room for text; or NULL. */
static int try_load(const struct record_options *options, const struct sampler_shared *shared,
		    struct off_programs *programs, struct program_log *logs)
{
	struct bpf_program *program;
	size_t count = 0;
	int err;

	programs->skeleton = off_cpu_bpf__open();
	if (!programs->skeleton)
		return -errno;
	configure(options, shared, programs);
	bpf_object__for_each_program(program, programs->skeleton->obj)
	{
		if (!logs || count == PROGRAMS_MAX || !bpf_program__autoload(program))
			continue;
		logs[count].program = bpf_program__name(program);
		bpf_program__set_log_buf(program, logs[count++].text, LOG_SIZE);
		bpf_program__set_log_level(program, options->verifier_log != NULL);
	}
	err = share_maps(shared, programs->skeleton);
	return err < 0 ? err : off_cpu_bpf__load(programs->skeleton);
}

static void write_log(const char *path, const struct program_log *logs)
{
	CLEANUP(cleanup_file) FILE *file = fopen(path, "ae");
	bool is_written = file != NULL;

	for (size_t i = 0; is_written && i < PROGRAMS_MAX && logs[i].program; i++)
		is_written = fprintf(file, "%s:\n%s\n", logs[i].program, logs[i].text) > 0;
	if (!is_written)
		log_warning("cannot write '%s': %s", path, strerror(errno));
}

static void explain(const struct program_log *logs, int err)
{
	struct load_error error = { .log = "", .err = err };
	struct utsname name;

	(void)uname(&name);
	error.release = name.release;
	/* The last that was looked at is the one that was refused. */
	for (size_t i = 0; i < PROGRAMS_MAX && logs[i].program; i++) {
		if (!logs[i].text[0])
			continue;
		error.program = logs[i].program;
		error.log = logs[i].text;
	}
	load_error_explain(&error);
}

/* Once more, to find out why it was refused, or because somebody wants to read it. */
static int load_with_logs(const struct record_options *options, const struct sampler_shared *shared,
			  struct off_programs *programs)
{
	CLEANUP(cleanup_free) char *text = calloc(PROGRAMS_MAX, LOG_SIZE);
	struct program_log logs[PROGRAMS_MAX] = { 0 };
	int err;

	if (!text)
		return -ENOMEM;
	for (size_t i = 0; i < PROGRAMS_MAX; i++)
		logs[i].text = text + i * LOG_SIZE;
	err = try_load(options, shared, programs, logs);
	if (options->verifier_log)
		write_log(options->verifier_log, logs);
	if (err < 0)
		explain(logs, err);
	return err;
}

static void give_up(struct off_programs *programs)
{
	off_cpu_bpf__destroy(TAKE(programs->skeleton));
}

int off_programs_load(const struct record_options *options, const struct sampler_shared *shared,
		      struct off_programs *programs)
{
	int err;

	programs->is_raw = options->raw_tracepoint;
	if (!programs->is_raw && !options->verifier_log) {
		if (!try_load(options, shared, programs, NULL))
			return 0;
		give_up(programs);
		programs->is_raw = true;
	}
	if (!options->verifier_log) {
		if (!try_load(options, shared, programs, NULL))
			return 0;
		give_up(programs);
		/* What is explained is what should have been. */
		programs->is_raw = options->raw_tracepoint;
	}
	err = load_with_logs(options, shared, programs);
	if (err < 0)
		give_up(programs);
	return err;
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
