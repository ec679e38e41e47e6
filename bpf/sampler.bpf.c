// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/*
 * On-CPU sampling. A perf event of every CPU runs on_cpu_sample() sample_hz times a second; it adds
 * one to the count of (process, user stack, kernel stack). Each stack is stored once under its id.
 *
 * The maps exist twice. Programs read active_half once and stay in that half.
 * User space writes active_half, waits until every program that saw the old value has ended (an RCU
 * grace period: updating a map-in-map waits for one), and then owns the quiet half alone: it is
 * read and emptied without a lock, a loss or a double count.
 */
#include "bpf/kernel_types.h"

#include <linux/errno.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/abi.h"
#include "bpf/stack.bpf.h"
#include "bpf/target.bpf.h"
#include "bpf/task.bpf.h"

/* bpf_get_stack() and the probe reads are for GPL-compatible programs only. */
char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct sampler_config config = {};

__u32 active_half;

/* Sizes are set by user space from CPUs x Hz x window; these are only what the verifier sees. */
struct counts_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct sample_key);
	__type(value, struct sample_value);
	__uint(max_entries, 1024);
} counts_0 SEC(".maps"), counts_1 SEC(".maps");

struct stacks_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, __u64);
	__type(value, struct stack);
	__uint(max_entries, 1024);
} stacks_0 SEC(".maps"), stacks_1 SEC(".maps");

/* For user space to write to, and so to wait. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, HALVES);
	__type(key, __u32);
	__array(values, struct counts_map);
} halves SEC(".maps") = { .values = { &counts_0, &counts_1 } };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch_map SEC(".maps");

/*
 * In a nested pid namespace: processes on their way out, by their leader's address -> number in
 * ours.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u32);
} exiting SEC(".maps");

/*
 * tgid, as eprof's pid namespace numbers it -> when the process that has it now began. It is asked
 * for when the one before is freed, soon after: what is old may be dropped.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} births SEC(".maps");

static __always_inline void take_user_stack(struct bpf_perf_event_data *ctx,
					    struct scratch *scratch, struct sample_key *key)
{
	key->stop = walk_user_stack(ctx, scratch, &config, key);
	if (key->stop != STOP_COMPLETE && is_without_memory()) {
		scratch->unwind.stack.depth = 0;
		key->stop = STOP_NONE;
	}
	if (key->stop == STOP_UNREADABLE)
		count_event(COUNTER_USER_UNREADABLE);
	if (key->stop == STOP_TOO_DEEP)
		count_event(COUNTER_USER_STACK_CUT);
	key->user_stack = stack_find_id(&scratch->unwind.stack, config.stack_seed);
}

static __always_inline void take_kernel_stack(void *ctx, struct call_stack *stack,
					      struct sample_key *key)
{
	if (!walk_kernel_stack(ctx, stack)) {
		key->kernel_stack = STACK_ID_LOST;
		return;
	}
	if (stack->depth >= config.frames_max)
		count_event(COUNTER_KERNEL_STACK_CUT);
	key->kernel_stack = stack_find_id(stack, config.stack_seed);
}

/* Of a key not seen in this half. Stacks for which there is no room are taken out of the key. */
static __always_inline void save_stacks(void *half_stacks, struct scratch *scratch,
					struct sample_key *key)
{
	if (key->user_stack && !save_stack(half_stacks, &scratch->unwind.stack, &scratch->piece)) {
		count_event(COUNTER_USER_STACK_LOST);
		key->user_stack = STACK_ID_LOST;
		key->stop = STOP_STACK_LOST;
	}
	if (key->kernel_stack > STACK_ID_LOST &&
	    !save_stack(half_stacks, &scratch->kernel, &scratch->piece)) {
		count_event(COUNTER_KERNEL_STACK_LOST);
		key->kernel_stack = STACK_ID_LOST;
	}
}

/* A key is stored after its stacks: where it is, they are. */
static __always_inline void count_sample(void *half_counts, void *half_stacks,
					 struct scratch *scratch, struct sample_key *key)
{
	struct sample_value *value = bpf_map_lookup_elem(half_counts, key);
	struct sample_value first = { .count = 1 };
	long err = 0;

	if (!value) {
		save_stacks(half_stacks, scratch, key);
		first.first_ns = bpf_ktime_get_ns();
		first.cgroup_id = task_cgroup_id(bpf_get_current_task_btf());
		err = bpf_map_update_elem(half_counts, key, &first, BPF_NOEXIST);
		if (!err) {
			count_event(COUNTER_SAMPLES);
			return;
		}
		value = bpf_map_lookup_elem(half_counts, key);
	}
	if (value) {
		__sync_fetch_and_add(&value->count, 1);
		count_event(COUNTER_SAMPLES);
		return;
	}
	count_event(err == -EBUSY ? COUNTER_LOST_MAP_BUSY : COUNTER_LOST_COUNTS_FULL);
}

static __always_inline void name_task(struct task_struct *task, __u32 tid, struct sample_key *key)
{
	struct task_struct *leader = task->group_leader;

	key->generation = task_generation(leader);
	bpf_probe_read_kernel_str(key->process_name, sizeof(key->process_name),
				  __builtin_preserve_access_index(&leader->comm));
	if (!config.by_thread)
		return;
	key->tid = tid;
	bpf_probe_read_kernel_str(key->thread_name, sizeof(key->thread_name),
				  __builtin_preserve_access_index(&task->comm));
}

static __always_inline void sample_current(struct bpf_perf_event_data *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sample_key key = {};
	__u32 zero = 0, tid = task->pid;
	struct scratch *scratch;

	key.is_idle = tid == 0;
	if (key.is_idle && !config.with_idle) {
		count_event(COUNTER_IDLE);
		return;
	}
	key.tgid = task->tgid;
	if (config.pid_namespace) {
		key.tgid = pid_in_namespace(task->group_leader, config.pid_namespace);
		tid = pid_in_namespace(task, config.pid_namespace);
	}
	if (!is_target(&config, key.tgid, tid)) {
		count_event(COUNTER_NOT_TARGET);
		return;
	}
	scratch = bpf_map_lookup_elem(&scratch_map, &zero);
	if (!scratch)
		return;
	name_task(task, tid, &key);
	if (config.unwind != UNWIND_NONE && !key.is_idle)
		take_user_stack(ctx, scratch, &key);
	if (config.kernel_stacks)
		take_kernel_stack(ctx, &scratch->kernel, &key);
	/* Maps named as constants are looked into without a call through a pointer. */
	if (*(volatile __u32 *)&active_half)
		count_sample(&counts_1, &stacks_1, scratch, &key);
	else
		count_sample(&counts_0, &stacks_0, scratch, &key);
}

SEC("perf_event")
int on_cpu_sample(struct bpf_perf_event_data *ctx)
{
	__u64 began = bpf_ktime_get_ns();

	sample_current(ctx);
	add_counter(COUNTER_BPF_NS, bpf_ktime_get_ns() - began);
	return 0;
}

/* A child of a followed process is followed from its first instruction. */
static __always_inline void follow_child(__u32 parent_tgid, __u32 child_tgid)
{
	__u8 yes = 1;

	if (config.filter != FILTER_PIDS)
		return;
	if (!bpf_map_lookup_elem(&targets, &parent_tgid)) {
		/* The number may have been that of a followed process which is gone. */
		bpf_map_delete_elem(&targets, &child_tgid);
		return;
	}
	if (bpf_map_update_elem(&targets, &child_tgid, &yes, BPF_ANY))
		count_event(COUNTER_FOLLOW_FULL);
}

/* Until user space hears of it, which may be before this, a child has what its parent had. */
static __always_inline void inherit_mappings(__u32 parent_tgid, __u32 child_tgid)
{
	struct unwind_process *parent = bpf_map_lookup_elem(&unwind_processes, &parent_tgid);
	struct unwind_process *before = bpf_map_lookup_elem(&unwind_processes, &child_tgid);
	struct unwind_process child;

	/* The child has not run: what has been walked is of another one, who had its number. */
	if (before && before->program)
		bpf_map_delete_elem(&unwind_processes, &child_tgid);
	if (!parent)
		return;
	child = *parent;
	if (child.tgid != parent_tgid)
		return; /* the element became another one's meanwhile */
	child.tgid = child_tgid;
	child.program = 0;
	if (bpf_map_update_elem(&unwind_processes, &child_tgid, &child, BPF_NOEXIST) == -E2BIG)
		count_event(COUNTER_UNWIND_PROCESSES_FULL);
}

SEC("raw_tp/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_tgid, child_tgid;
	__u64 born;

	parent_tgid = pid_in_namespace(BPF_CORE_READ(parent, group_leader), config.pid_namespace);
	child_tgid = pid_in_namespace(BPF_CORE_READ(child, group_leader), config.pid_namespace);
	if (!child_tgid || child_tgid == parent_tgid)
		return 0;
	born = BPF_CORE_READ(child, start_boottime);
	bpf_map_update_elem(&births, &child_tgid, &born, BPF_ANY);
	follow_child(parent_tgid, child_tgid);
	if (config.unwind == UNWIND_TABLES)
		inherit_mappings(parent_tgid, child_tgid);
	return 0;
}

static __always_inline void forget_process(__u32 tgid)
{
	bpf_map_delete_elem(&targets, &tgid);
	if (config.unwind == UNWIND_TABLES)
		bpf_map_delete_elem(&unwind_processes, &tgid);
}

/* Whether the number that a process had is another one's by now. */
static __always_inline bool is_used_again(__u32 number, struct task_struct *leader)
{
	__u64 *born = bpf_map_lookup_elem(&births, &number);

	return born && *born != BPF_CORE_READ(leader, start_boottime);
}

/*
 * What is known of a process that has ended is given up when nothing of it can be sampled any more:
 * releasing its memory and files is part of its time. That is an RCU grace period after its number
 * was free for others. Only the leader, the last of its threads, counts. Here also comes the old
 * leader when another thread execs; the process lives on then.
 */
SEC("raw_tp/sched_process_free")
int BPF_PROG(on_free, struct task_struct *task)
{
	__u32 number = BPF_CORE_READ(task, tgid), *noted;
	__u64 leader = (__u64)task;

	if ((__u32)BPF_CORE_READ(task, pid) != number ||
	    BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	if (config.pid_namespace) {
		noted = bpf_map_lookup_elem(&exiting, &leader);
		if (!noted)
			return 0;
		number = *noted;
		bpf_map_delete_elem(&exiting, &leader);
	}
	if (!is_used_again(number, task))
		forget_process(number);
	return 0;
}

/*
 * By the time of on_free() a task has no number left in a pid namespace other than the initial: it
 * is noted here. For who is not noted, there being no room, it all ends here.
 */
SEC("raw_tp/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	__u64 address = (__u64)leader;
	__u32 number;

	if (!config.pid_namespace || BPF_CORE_READ(task, signal, live.counter) > 0)
		return 0;
	number = pid_in_namespace(leader, config.pid_namespace);
	if (number && bpf_map_update_elem(&exiting, &address, &number, BPF_ANY))
		forget_process(number);
	return 0;
}
