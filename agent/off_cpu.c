/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/off_cpu.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/load_error.h"
#include "agent/log.h"
#include "agent/off_cpu_parts.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "off_cpu.skel.h"

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

/* How often the kernel is asked for the time, and how long a sleep it needs to tell it. */
#define CLOCK_TRIES    100
#define CLOCK_SLEEP_NS 20000

struct off_cpu {
	const struct record_options *options;
	struct sampler_shared shared;
	struct off_cpu_bpf *skeleton;
	struct bpf_link *seed, *settle, *collect; /* iterators */
	struct ring_buffer *ended;
	struct off_drain drain;
	bool is_raw;
	uint64_t began;  /* the window, by the scheduler's clock */
	uint64_t end;    /* of the window before, when it is being drained; 0: none is */
	bool is_flipped; /* by the end of a window, and not drained yet */
	uint32_t quiet_half;
	struct ledger *ledgers[HALVES]; /* of threads that have ended, by window */
};

static int failed(const char *what, int err)
{
	log_error("cannot %s: %s", what, strerror(-err));
	return err;
}

/*
 * Since Linux 5.18 the tracepoint tells the state of who leaves: a fourth argument, and the void
 * pointer that all of these have.
 */
static bool switch_has_state(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int32_t id =
		btf ? btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF) : -1;
	bool has = false;

	if (id > 0) {
		const struct btf_type *type = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);

		type = btf_is_ptr(type) ? btf__type_by_id(btf, type->type) : type;
		has = btf_is_func_proto(type) && btf_vlen(type) >= 5;
	}
	btf__free(btf);
	return has;
}

static void configure(struct off_cpu *off)
{
	const struct record_options *options = off->options;
	struct off_cpu_bpf *skeleton = off->skeleton;
	struct off_cpu_config config = {
		.states = options->states,
		.kernel_threads = options->kernel_threads,
		.min_ns = options->min_block_us * 1000,
		.max_ns = options->max_block_us * 1000,
		.wakers = options->wakers,
		.switch_has_state = switch_has_state(),
		.max_events = options->max_events,
		.verify_memos = options->verify_stacks,
		.is_raw = off->is_raw,
	};

	memcpy((void *)(uintptr_t)&skeleton->rodata->config, &off->shared.config,
	       sizeof(off->shared.config));
	memcpy((void *)(uintptr_t)&skeleton->rodata->off_config, &config, sizeof(config));
	bpf_map__set_max_entries(skeleton->maps.off_counts_0, COUNTS_MAX);
	bpf_map__set_max_entries(skeleton->maps.off_counts_1, COUNTS_MAX);
	bpf_map__set_max_entries(skeleton->maps.off_stacks, STACKS_MAX);
	bpf_map__set_max_entries(skeleton->maps.off_ended, ENDED_BYTES);
	if (options->wakers)
		bpf_map__set_max_entries(skeleton->maps.off_wakers, WAKERS_MAX);
	if (off->is_raw)
		bpf_map__set_max_entries(skeleton->maps.off_threads_by_pid, RAW_THREADS_MAX);
	bpf_program__set_autoload(skeleton->progs.on_switch, !off->is_raw);
	bpf_program__set_autoload(skeleton->progs.off_fork, !off->is_raw);
	bpf_program__set_autoload(skeleton->progs.off_waking, options->wakers && !off->is_raw);
	bpf_program__set_autoload(skeleton->progs.on_switch_raw, off->is_raw);
	bpf_program__set_autoload(skeleton->progs.off_fork_raw, off->is_raw);
	bpf_program__set_autoload(skeleton->progs.off_waking_raw, options->wakers && off->is_raw);
}

static int share_maps(struct off_cpu *off)
{
	const struct sampler_shared *shared = &off->shared;
	struct off_cpu_bpf *skeleton = off->skeleton;
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

static int take_ended(void *context, void *data, size_t size);

static int try_load(struct off_cpu *off)
{
	int err;

	off_cpu_bpf__destroy(off->skeleton);
	off->skeleton = off_cpu_bpf__open();
	if (!off->skeleton)
		return -errno;
	configure(off);
	err = share_maps(off);
	return err < 0 ? err : off_cpu_bpf__load(off->skeleton);
}

static struct map_shape shape_of(const struct bpf_map *map)
{
	return (struct map_shape){ .fd = bpf_map__fd(map),
				   .key_size = bpf_map__key_size(map),
				   .value_size = bpf_map__value_size(map),
				   .entries_max = bpf_map__max_entries(map) };
}

/* Typed tracepoints need the kernel's BTF to know them; raw ones do with less. */
static int load(struct off_cpu *off)
{
	struct off_drain *drain = &off->drain;
	struct off_cpu_bpf *skeleton;
	int err = -ENOTSUP;

	off->is_raw = off->options->raw_tracepoint;
	if (!off->is_raw)
		err = try_load(off);
	if (err < 0) {
		off->is_raw = true;
		err = try_load(off);
	}
	if (err < 0)
		return failed("load the BPF programs for off-CPU time", err);
	skeleton = off->skeleton;
	off->ended = ring_buffer__new(bpf_map__fd(skeleton->maps.off_ended), take_ended, off, NULL);
	if (!off->ended)
		return failed("read the ring of ended threads", -errno);
	drain->counts[0] = shape_of(skeleton->maps.off_counts_0);
	drain->counts[1] = shape_of(skeleton->maps.off_counts_1);
	drain->lost[0] = shape_of(skeleton->maps.off_lost_0);
	drain->lost[1] = shape_of(skeleton->maps.off_lost_1);
	drain->stacks = shape_of(skeleton->maps.off_stacks);
	drain->wakers = shape_of(skeleton->maps.off_wakers);
	if (!off->options->wakers)
		drain->wakers.fd = -1;
	return off->is_raw ? off_find_scheduler(drain) : 0;
}

static void cleanup_off(struct off_cpu **off)
{
	off_cpu_free(*off);
}

int off_cpu_new(const struct record_options *options, const struct sampler *sampler,
		struct off_cpu **ret)
{
	CLEANUP(cleanup_off) struct off_cpu *off = calloc(1, sizeof(*off));
	int err;

	if (!off)
		return failed("prepare to record off-CPU time", -ENOMEM);
	off->options = options;
	sampler_share(sampler, &off->shared);
	err = load(off);
	if (err < 0)
		return err;
	for (size_t i = 0; i < HALVES; i++) {
		err = ledger_new(&off->ledgers[i]);
		if (err < 0)
			return failed("prepare to record off-CPU time", err);
	}
	*ret = TAKE(off);
	return 0;
}

void off_cpu_free(struct off_cpu *off)
{
	if (!off)
		return;
	ring_buffer__free(off->ended);
	bpf_link__destroy(off->seed);
	bpf_link__destroy(off->settle);
	bpf_link__destroy(off->collect);
	off_cpu_bpf__destroy(off->skeleton);
	off_drain_done(&off->drain);
	for (size_t i = 0; i < HALVES; i++)
		ledger_free(off->ledgers[i]);
	free(off);
}

/*
 * The scheduler's clock is not to be read, but tells the time of a switch: the kernel half notes
 * that of ours, with CLOCK_MONOTONIC, which leads from there to now.
 */
static int read_clock(struct off_cpu *off, uint64_t *ret)
{
	struct off_cpu_bpf__bss *shared = off->skeleton->bss;

	for (int i = 0; i < CLOCK_TRIES; i++) {
		__atomic_store_n(&shared->off_clock_tid, (uint32_t)syscall(SYS_gettid),
				 __ATOMIC_SEQ_CST);
		(void)nanosleep(&(struct timespec){ .tv_nsec = CLOCK_SLEEP_NS }, NULL);
		if (__atomic_load_n(&shared->off_clock_tid, __ATOMIC_SEQ_CST))
			continue;
		*ret = shared->off_clock +
		       (clock_ns(CLOCK_MONOTONIC) - shared->off_clock_monotonic);
		return 0;
	}
	return -ETIMEDOUT;
}

static int attach_iterator(struct bpf_program *program, struct bpf_link **ret)
{
	*ret = bpf_program__attach_iter(program, NULL);
	return *ret ? 0 : -errno;
}

struct attachment {
	struct bpf_program *program;
	struct bpf_link **link;
};

/* The third is for wakers. */
static int attach_all(const struct off_cpu *off, const struct attachment *attachments)
{
	for (size_t i = 0; i < 2u + off->options->wakers; i++) {
		*attachments[i].link = bpf_program__attach(attachments[i].program);
		if (!*attachments[i].link)
			return -errno;
	}
	return 0;
}

static int attach_iterators(struct off_cpu *off)
{
	struct off_cpu_bpf *skeleton = off->skeleton;
	int err = attach_iterator(skeleton->progs.off_seed_threads, &off->seed);

	if (!err)
		err = attach_iterator(skeleton->progs.off_settle, &off->settle);
	return err < 0 ? err : attach_iterator(skeleton->progs.off_collect, &off->collect);
}

static int iterate(const struct bpf_link *iterator)
{
	CLEANUP(cleanup_free) void *bytes = NULL;
	size_t size;

	return off_iterate(iterator, &bytes, &size);
}

static int attach(struct off_cpu *off)
{
	struct off_cpu_bpf *skeleton = off->skeleton;
	int err = attach_iterators(off);

	/* Records of all threads, while there is memory: at a switch there may be none. */
	if (!err)
		err = iterate(off->seed);
	if (err < 0)
		return err;
	/* Forks first: no thread begins unseen. */
	if (off->is_raw)
		return attach_all(
			off,
			(const struct attachment[]){
				{ skeleton->progs.off_fork_raw, &skeleton->links.off_fork_raw },
				{ skeleton->progs.on_switch_raw, &skeleton->links.on_switch_raw },
				{ skeleton->progs.off_waking_raw,
				  &skeleton->links.off_waking_raw } });
	return attach_all(off,
			  (const struct attachment[]){
				  { skeleton->progs.off_fork, &skeleton->links.off_fork },
				  { skeleton->progs.on_switch, &skeleton->links.on_switch },
				  { skeleton->progs.off_waking, &skeleton->links.off_waking } });
}

int off_cpu_start(struct off_cpu *off)
{
	struct off_cpu_bpf__bss *shared = off->skeleton->bss;
	int err;

	/* Until it is known when the recording begins, threads get records and no time. */
	shared->off_seeding = 1;
	err = attach(off);
	if (err < 0)
		return failed("attach to the tracepoints of the scheduler", err);
	err = read_clock(off, &off->began);
	if (err < 0)
		return failed("read the scheduler's clock", err);
	__atomic_store_n(&shared->off_control, off->began << OFF_CONTROL_BEGAN_SHIFT,
			 __ATOMIC_SEQ_CST);
	__atomic_store_n(&shared->off_began, off->began, __ATOMIC_SEQ_CST);
	err = off_seed_stacks(&off->drain, off->seed, &off->shared.unwind);
	__atomic_store_n(&shared->off_seeding, 0, __ATOMIC_SEQ_CST);
	return err < 0 ? failed("look at the threads that are blocked", err) : 0;
}

void off_cpu_flip(struct off_cpu *off)
{
	struct off_cpu_bpf__bss *shared = off->skeleton->bss;
	uint64_t control = shared->off_control;

	if (off->is_flipped)
		return;
	off->quiet_half = control & OFF_CONTROL_HALF ? 1 : 0;
	__atomic_store_n(&shared->off_control, control ^ OFF_CONTROL_HALF, __ATOMIC_SEQ_CST);
}

int off_cpu_end_window(struct off_cpu *off)
{
	struct off_cpu_bpf__bss *shared = off->skeleton->bss;
	uint64_t control = shared->off_control & (OFF_CONTROL_HALF | OFF_CONTROL_WINDOW);
	int err = read_clock(off, &off->end);

	if (err < 0)
		return err;
	off->quiet_half = control & OFF_CONTROL_HALF ? 1 : 0;
	control ^= OFF_CONTROL_HALF | OFF_CONTROL_WINDOW;
	__atomic_store_n(&shared->off_control, control | off->end << OFF_CONTROL_BEGAN_SHIFT,
			 __ATOMIC_SEQ_CST);
	off->is_flipped = true;
	return iterate(off->settle);
}

/* Of its life, what is between two times. */
static uint64_t life_between(const struct off_account *account, uint64_t from, uint64_t to)
{
	if (account->born > from)
		from = account->born;
	if (account->ended && account->ended < to)
		to = account->ended;
	return to > from ? to - from : 0;
}

static bool has_time(const struct off_ledger *ledger)
{
	uint64_t sum = ledger->on_ns;

	for (size_t i = 0; i < OFF_STATE_COUNT; i++)
		sum += ledger->off_ns[i];
	return sum > 0;
}

static int add_row(struct ledger *ledger, const struct off_account *account, uint64_t from,
		   uint64_t to, uint32_t window)
{
	struct ledger_row row = {
		.tgid = account->tgid,
		.tid = account->tid,
		.generation = account->generation,
		.wall_ns = life_between(account, from, to),
		.is_whole = !account->ended && account->born <= from,
		.has_ended = account->ended != 0,
		.times = account->ledgers[window],
	};

	if (!row.wall_ns && !has_time(&row.times))
		return 0;
	memcpy(row.process_name, account->process_name, sizeof(row.process_name));
	memcpy(row.thread_name, account->thread_name, sizeof(row.thread_name));
	return ledger_add(ledger, &row);
}

static uint32_t current_window(const struct off_cpu *off)
{
	return off->skeleton->bss->off_control & OFF_CONTROL_WINDOW ? 1 : 0;
}

/* A thread has ended. When a window is being drained, it has time in that one and in the next. */
static int take_ended(void *context, void *data, size_t size)
{
	struct off_cpu *off = context;
	const struct off_account *account = data;
	uint32_t window = current_window(off);
	int err = 0;

	if (size < sizeof(*account))
		return -EPROTO;
	if (off->end) {
		err = add_row(off->ledgers[1 - window], account, off->began, off->end, 1 - window);
		if (!err && account->ended > off->end)
			err = add_row(off->ledgers[window], account, off->end, UINT64_MAX, window);
		return err;
	}
	return add_row(off->ledgers[window], account, off->began, UINT64_MAX, window);
}

int off_cpu_drain(struct off_cpu *off, sample_handler handler, void *context)
{
	int err = off_drain_half(&off->drain, off->quiet_half, handler, context);

	off->is_flipped = false;
	off->skeleton->bss->unwind_now++;
	if (err < 0)
		return err;
	err = ring_buffer__consume(off->ended);
	return err < 0 ? err : 0;
}

int off_cpu_collect(struct off_cpu *off, struct ledger **ret)
{
	CLEANUP(cleanup_free) void *bytes = NULL;
	uint32_t window = 1 - current_window(off);
	const struct off_account *accounts;
	struct ledger *fresh;
	size_t size = 0;
	int err = off_iterate(off->collect, &bytes, &size);

	accounts = bytes;
	for (size_t i = 0; !err && i < size / sizeof(*accounts); i++)
		err = add_row(off->ledgers[window], &accounts[i], off->began, off->end, window);
	/* Who ended while the others were asked. */
	if (!err) {
		int count = ring_buffer__consume(off->ended);

		err = count < 0 ? count : ledger_new(&fresh);
	}
	if (err < 0)
		return err;
	*ret = off->ledgers[window];
	off->ledgers[window] = fresh;
	off->began = off->end;
	off->end = 0;
	return 0;
}

void off_cpu_stop(struct off_cpu *off)
{
	bpf_link__destroy(TAKE(off->skeleton->links.off_waking));
	bpf_link__destroy(TAKE(off->skeleton->links.off_waking_raw));
	bpf_link__destroy(TAKE(off->skeleton->links.on_switch));
	bpf_link__destroy(TAKE(off->skeleton->links.on_switch_raw));
	bpf_link__destroy(TAKE(off->skeleton->links.off_fork));
	bpf_link__destroy(TAKE(off->skeleton->links.off_fork_raw));
}

int off_cpu_read_cost(struct off_cpu *off, struct off_cpu_cost *ret)
{
	const struct bpf_program *program =
		off->is_raw ? off->skeleton->progs.on_switch_raw : off->skeleton->progs.on_switch;
	struct off_cpu_cost stats = { .distinct_stacks = off->drain.known.offsets.count,
				      .is_raw = off->is_raw,
				      .not_kept = off->drain.not_kept };
	struct bpf_prog_info info = { 0 };
	uint32_t info_size = sizeof(info);

	if (!bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &info_size)) {
		stats.run_time_ns = info.run_time_ns;
		stats.run_count = info.run_cnt;
	}
	*ret = stats;
	return 0;
}
