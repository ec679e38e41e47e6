// SPDX-License-Identifier: Apache-2.0
/*
 * bpfloop [SECONDS [cpu|wall [LIVES]]]: loads a BPF program that does nothing for long, runs it,
 * and unloads it again, LIVES times (1), each for its share of the time: first_loop, second_loop,
 * first_loop and so on.
 */
#include "tests/programs/work.h"

#include <linux/bpf.h>
#include <sys/syscall.h>

#define LIVES_MAX 10000

/* The verifier walks through all of it. */
#define ITERATIONS 50000

/* Some ten milliseconds between two looks at the clock. */
#define RUNS 100

static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
	return (int)syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

static struct bpf_insn instruction(uint8_t code, uint8_t target, int16_t offset, int32_t value)
{
	return (struct bpf_insn){ .code = code, .dst_reg = target, .off = offset, .imm = value };
}

static int load_loop(const char *name)
{
	const struct bpf_insn program[] = {
		instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0),
		instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, ITERATIONS),
		instruction(BPF_ALU64 | BPF_SUB | BPF_K, BPF_REG_1, 0, 1),
		instruction(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_1, -2, 0),
		instruction(BPF_JMP | BPF_EXIT, 0, 0, 0),
	};
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attributes.insns = (uintptr_t)program;
	attributes.insn_cnt = sizeof(program) / sizeof(program[0]);
	attributes.license = (uintptr_t) "GPL";
	strncpy(attributes.prog_name, name, sizeof(attributes.prog_name) - 1);
	return bpf(BPF_PROG_LOAD, &attributes);
}

FRAME bool run_loop(int program)
{
	static char packet[64];
	union bpf_attr attributes;

	memset(&attributes, 0, sizeof(attributes));
	attributes.test.prog_fd = (uint32_t)program;
	attributes.test.repeat = RUNS;
	attributes.test.data_in = (uintptr_t)packet;
	attributes.test.data_size_in = sizeof(packet);
	return bpf(BPF_PROG_TEST_RUN, &attributes) == 0 || run_stop;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "first_loop", "second_loop" };
	struct run run = run_begin(argc, argv);
	int lives = argc > 3 ? atoi(argv[3]) : 1;

	if (lives < 1 || lives > LIVES_MAX)
		return 2;
	run_ready();
	for (int i = 0; i < lives; i++) {
		double end = run.begin + run.seconds * (i + 1) / lives;
		int program = load_loop(names[i % 2]);

		if (program < 0) {
			perror("bpfloop: bpf");
			return 1;
		}
		while (!run_stop && clock_seconds(run.clock) < end) {
			if (!run_loop(program))
				return 1;
		}
		close(program);
	}
	run_report_process("bpfloop");
	return 0;
}
