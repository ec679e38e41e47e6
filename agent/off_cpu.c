/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/off_cpu.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/limits.h"
#include "agent/log.h"
#include "agent/off_cpu_parts.h"
#include "agent/off_cpu_programs.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* How often the kernel is asked for the time, and how long a sleep it needs to tell it. */
#define CLOCK_TRIES    100
#define CLOCK_SLEEP_NS 20000

/* A boundary is told before its time: what switches after it knows of it. */
#define BOUNDARY_AHEAD_NS 200000

/* How long is waited for threads that exit: most have ended within a millisecond. */
#define EXIT_TRIES    500
#define EXIT_SLEEP_NS 1000000

/*
 * Stacks that one look walks, some 10 us each; and how many looks are left out, at most, while they
 * find nothing new.
 */
#define LOOK_WALKS_MAX 1000
#define LOOK_PAUSE_MAX 9

struct off_cpu {
	const struct record_options *options;
	uint32_t stuck; /* threads that were exiting when the last wait for them was over */
	struct sampler_shared shared;
	struct off_programs programs;
	struct off_cpu_bpf__bss *bss; /* words that both halves share */
	uint32_t unwalked;            /* off_unwalked, when stacks were walked here the last time */
	struct off_looked looked;     /* and what came of that */
	uint32_t pause, pause_left;   /* in looks */
	uint64_t missed;  /* threads that were on their way out, and in no account of a window */
	uint32_t missing; /* of them in the last window */
	struct ring_buffer *ended;
	struct off_drain drain;
	uint64_t began;     /* the window, by the scheduler's clock */
	uint64_t end;       /* of the window before, when it is being drained; 0: none is */
	uint64_t forgot_ns; /* CLOCK_MONOTONIC: off_cpu_forget() */
	bool is_flipped;    /* by the end of a window, and not drained yet */
	uint32_t quiet_half;
	struct ledger *ledgers[HALVES]; /* of threads that have ended, by window */
};

static int failed(const char *what, int err)
{
	log_error("cannot %s: %s%s", what, strerror(-err), limits_advice(err));
	return err;
}

static int take_ended(void *context, void *data, size_t size);

static struct map_shape shape_of(const struct bpf_map *map)
{
	return (struct map_shape){ .fd = bpf_map__fd(map),
				   .key_size = bpf_map__key_size(map),
				   .value_size = bpf_map__value_size(map),
				   .entries_max = bpf_map__max_entries(map) };
}

static int load(struct off_cpu *off)
{
	struct off_drain *drain = &off->drain;
	struct off_cpu_bpf *skeleton;
	int err = off_programs_load(off->options, &off->shared, &off->programs);

	if (err < 0)
		return err;
	skeleton = off->programs.skeleton;
	off->bss = skeleton->bss;
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
	err = off->programs.is_raw ? off_find_scheduler(drain) : 0;
	return err < 0 ? failed("read '/proc/kallsyms'", err) : 0;
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
	off_programs_done(&off->programs);
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
	struct off_cpu_bpf__bss *shared = off->bss;

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

static void wait_for_boundary(void)
{
	(void)nanosleep(&(struct timespec){ .tv_nsec = BOUNDARY_AHEAD_NS }, NULL);
}

static int iterate(const struct bpf_link *iterator)
{
	CLEANUP(cleanup_free) void *bytes = NULL;
	size_t size;

	return off_iterate(iterator, &bytes, &size);
}

static int attach(struct off_cpu *off)
{
	int err = off_programs_attach_iterators(&off->programs);

	/* Records of all threads, while there is memory: at a switch there may be none. */
	if (!err)
		err = iterate(off->programs.seed);
	return err < 0 ? err : off_programs_attach(&off->programs, off->options->wakers);
}

int off_cpu_attach(struct off_cpu *off)
{
	int err;

	/* Until it is known when the recording begins, threads get records and no time. */
	off->bss->off_seeding = 1;
	err = attach(off);
	return err < 0 ? failed("attach to the tracepoints of the scheduler", err) : 0;
}

int off_cpu_start(struct off_cpu *off)
{
	struct off_cpu_bpf__bss *shared = off->bss;
	int err;

	err = read_clock(off, &off->began);
	if (err < 0)
		return failed("read the scheduler's clock", err);
	off->began += BOUNDARY_AHEAD_NS;
	__atomic_store_n(&shared->off_control, off->began << OFF_CONTROL_BEGAN_SHIFT,
			 __ATOMIC_SEQ_CST);
	__atomic_store_n(&shared->off_began, off->began, __ATOMIC_SEQ_CST);
	wait_for_boundary();
	err = off_seed_stacks(&off->drain, &off->programs, &off->shared.unwind, UINT32_MAX, false,
			      &off->looked);
	__atomic_store_n(&shared->off_seeding, 0, __ATOMIC_SEQ_CST);
	return err < 0 ? failed("look at the threads that are blocked", err) : 0;
}

void off_cpu_flip(struct off_cpu *off)
{
	struct off_cpu_bpf__bss *shared = off->bss;
	uint64_t control = shared->off_control;

	if (off->is_flipped)
		return;
	off->quiet_half = control & OFF_CONTROL_HALF ? 1 : 0;
	__atomic_store_n(&shared->off_control, control ^ OFF_CONTROL_HALF, __ATOMIC_SEQ_CST);
}

/* Less and less often while it comes to nothing: some stacks never end where they should. */
static bool is_time_to_look(struct off_cpu *off, uint32_t unwalked)
{
	if (!off->shared.unwind.mappings || off_drain_is_full(&off->drain) ||
	    (unwalked == off->unwalked && !off->looked.has_others))
		return false;
	if (!off->pause_left)
		return true;
	off->pause_left--;
	return false;
}

int off_cpu_look(struct off_cpu *off)
{
	uint32_t unwalked = __atomic_load_n(&off->bss->off_unwalked, __ATOMIC_RELAXED);
	int err = ring_buffer__consume(off->ended);

	if (err < 0 || !is_time_to_look(off, unwalked))
		return err < 0 ? err : 0;
	off->unwalked = unwalked;
	err = off_seed_stacks(&off->drain, &off->programs, &off->shared.unwind, LOOK_WALKS_MAX,
			      off->looked.has_others, &off->looked);
	off->pause = off->looked.has_found ? 0 : 2 * off->pause + 1;
	if (off->pause > LOOK_PAUSE_MAX || off->options->is_thrifty)
		off->pause = LOOK_PAUSE_MAX;
	off->pause_left = off->pause;
	return err;
}

static uint32_t count_ending(const struct off_cpu *off)
{
	int32_t count = __atomic_load_n(&off->bss->off_ending, __ATOMIC_SEQ_CST);

	return count > 0 ? (uint32_t)count : 0;
}

/*
 * Threads that have begun to exit may be missed by iterators, and tell of themselves at the end.
 * For those that did not end in all of that time, as a file system hangs, no window waits again.
 */
static void wait_for_exits(struct off_cpu *off)
{
	uint32_t ending = count_ending(off);

	if (ending < off->stuck)
		off->stuck = ending;
	if (ending < off->missing)
		off->missing = ending;
	for (int i = 0; i < EXIT_TRIES && ending > off->stuck; i++) {
		(void)nanosleep(&(struct timespec){ .tv_nsec = EXIT_SLEEP_NS }, NULL);
		ending = count_ending(off);
	}
	off->stuck = ending;
}

int off_cpu_end_window(struct off_cpu *off, bool is_last)
{
	struct off_cpu_bpf__bss *shared = off->bss;
	uint64_t control = shared->off_control & (OFF_CONTROL_HALF | OFF_CONTROL_WINDOW);
	int err = read_clock(off, &off->end);

	if (err < 0)
		return err;
	off->end += BOUNDARY_AHEAD_NS;
	off->quiet_half = control & OFF_CONTROL_HALF ? 1 : 0;
	control ^= OFF_CONTROL_HALF | OFF_CONTROL_WINDOW;
	if (is_last)
		control |= OFF_CONTROL_LAST;
	__atomic_store_n(&shared->off_control, control | off->end << OFF_CONTROL_BEGAN_SHIFT,
			 __ATOMIC_SEQ_CST);
	off->is_flipped = true;
	wait_for_boundary();
	err = iterate(off->programs.settle);
	wait_for_exits(off);
	return err;
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
	return ledger->on_ns + ledger_off_ns(ledger) > 0;
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
	return off->bss->off_control & OFF_CONTROL_WINDOW ? 1 : 0;
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
		/* Without time there, its row was collected before it ended: all who lived in that
		 * window have some. */
		if (has_time(&account->ledgers[1 - window]))
			err = add_row(off->ledgers[1 - window], account, off->began, off->end,
				      1 - window);
		if (!err && account->ended > off->end)
			err = add_row(off->ledgers[window], account, off->end, UINT64_MAX, window);
		return err;
	}
	return add_row(off->ledgers[window], account, off->began, UINT64_MAX, window);
}

int off_cpu_drain(struct off_cpu *off, sample_handler handler, void *context)
{
	/* Threads keep sums to themselves: see struct off_pending. */
	int err = iterate(off->programs.settle);

	if (!err)
		err = off_drain_half(&off->drain, off->quiet_half, handler, context);
	off->is_flipped = false;
	off->bss->unwind_now++;
	if (err < 0)
		return err;
	err = ring_buffer__consume(off->ended);
	return err < 0 ? err : 0;
}

/* Adds all that live; *ret_ending: so many of them are on their way out. */
static int collect_rows(struct off_cpu *off, uint32_t window, uint32_t *ret_ending)
{
	CLEANUP(cleanup_free) void *bytes = NULL;
	const struct off_account *accounts;
	size_t size = 0;
	int err = off_iterate(off->programs.collect, &bytes, &size);

	*ret_ending = 0;
	accounts = bytes;
	for (size_t i = 0; !err && i < size / sizeof(*accounts); i++) {
		err = add_row(off->ledgers[window], &accounts[i], off->began, off->end, window);
		*ret_ending += accounts[i].is_ending != 0;
	}
	return err;
}

int off_cpu_collect(struct off_cpu *off, struct ledger **ret)
{
	uint32_t window = 1 - current_window(off), before = count_ending(off), after, told, missing;
	struct ledger *fresh;
	int err = collect_rows(off, window, &told);

	/* Who ended while the others were asked. */
	if (!err) {
		int count = ring_buffer__consume(off->ended);

		err = count < 0 ? count : ledger_new(&fresh);
	}
	if (err < 0)
		return err;
	/* Who was on its way out all the while, and was not among the others. */
	after = count_ending(off);
	if (after > before)
		after = before;
	missing = after > told ? after - told : 0;
	/* Once: it may hang for long, or the kernel may have hidden its last switch from us. */
	off->missed += missing > off->missing ? missing - off->missing : 0;
	off->missing = missing;
	*ret = off->ledgers[window];
	off->ledgers[window] = fresh;
	off->began = off->end;
	off->end = 0;
	return 0;
}

void off_cpu_forget(struct off_cpu *off)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	/* Of who is blocked there is no row before that. */
	if (now_ns - off->forgot_ns < off->options->min_block_us * 1000)
		return;
	off->forgot_ns = now_ns;
	off_drain_forget(&off->drain);
}

void off_cpu_stop(struct off_cpu *off)
{
	off_programs_detach(&off->programs);
}

void off_cpu_read_facts(const struct off_cpu *off, struct off_cpu_facts *ret)
{
	*ret = (struct off_cpu_facts){ .is_raw = off->programs.is_raw,
				       .not_kept = off->drain.not_kept,
				       .missed = off->missed };
}
