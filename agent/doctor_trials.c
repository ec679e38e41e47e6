/* SPDX-License-Identifier: Apache-2.0 */
/* The part of doctor_facts.h that asks the kernel for what a recording will ask it for. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/cpus.h"
#include "agent/doctor_facts.h"
#include "agent/perf_event.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* What reads memory of the kernel may only call GPL-compatible programs its own. */
#define PROGRAM_LICENSE "Dual BSD/GPL"
#define PROGRAM_NAME    "eprof_doctor"
#define WORD_SIZE       8

/*
 * Reads eight bytes at 0 into its stack, which fails, and returns 0: what counts is whether the
 * verifier lets it. Lockdown and capabilities forbid the call, not programs as such.
 */
static const struct bpf_insn reading_program[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10 },
	{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -WORD_SIZE },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = WORD_SIZE },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0 },
	{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
	{ .code = BPF_JMP | BPF_EXIT },
};
#define READING_SIZE (sizeof(reading_program) / sizeof(reading_program[0]))
/* Its last two do nothing at all. */
#define EMPTY_SIZE   2

/* The descriptor or -errno. */
static int load_reading(void)
{
	int fd = bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, PROGRAM_NAME, PROGRAM_LICENSE,
			       reading_program, READING_SIZE, NULL);

	return fd < 0 ? -errno : fd;
}

static int first_cpu(void)
{
	CLEANUP(cpus_done) struct cpus cpus = { 0 };

	return cpus_online(-1, &cpus) < 0 ? 0 : cpus.ids[0];
}

/* The event stays disabled: nothing is sampled. */
static int try_event(int program_fd)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = NS_PER_SECOND,
		.disabled = 1,
	};
	CLEANUP(cleanup_fd) int fd = perf_event_open_cpu(&attr, first_cpu());

	if (fd < 0)
		return fd;
	if (program_fd >= 0 && ioctl(fd, PERF_EVENT_IOC_SET_BPF, program_fd) < 0)
		return -errno;
	return 0;
}

static int try_hardware(void)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .disabled = 1 };
	CLEANUP(cleanup_fd) int fd = -1;
	int err = perf_event_parse("cycles", &attr);

	if (err < 0)
		return err;
	fd = perf_event_open_cpu(&attr, first_cpu());
	return fd < 0 ? fd : 0;
}

/* Attached for an instant, as some kernels only then say no. */
static int try_typed(void)
{
	LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_RAW_TP);
	int id = libbpf_find_vmlinux_btf_id("sched_switch", BPF_TRACE_RAW_TP);
	CLEANUP(cleanup_fd) int program_fd = -1;
	CLEANUP(cleanup_fd) int link_fd = -1;

	if (id < 0)
		return id;
	options.attach_btf_id = (uint32_t)id;
	program_fd =
		bpf_prog_load(BPF_PROG_TYPE_TRACING, PROGRAM_NAME, PROGRAM_LICENSE,
			      reading_program + READING_SIZE - EMPTY_SIZE, EMPTY_SIZE, &options);
	if (program_fd < 0)
		return -errno;
	link_fd = bpf_raw_tracepoint_open(NULL, program_fd);
	return link_fd < 0 ? -errno : 0;
}

static int try_task_memory(void)
{
	int there = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_TASK_STORAGE, NULL);

	if (there < 0)
		return there;
	return there ? 0 : -ENOTSUP;
}

void doctor_trials_run(struct doctor_trials *ret)
{
	CLEANUP(cleanup_fd) int program_fd = -1;

	libbpf_set_print(NULL);
	program_fd = load_reading();
	ret->program = program_fd < 0 ? program_fd : 0;
	ret->event = try_event(program_fd);
	ret->hardware = try_hardware();
	ret->typed = try_typed();
	ret->task_memory = try_task_memory();
}
