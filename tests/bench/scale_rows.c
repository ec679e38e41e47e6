/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/scale_rows.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"

/* Of a machine with so many CPUs. */
#define SAMPLES_PER_DRAIN   (SCALE_HZ * SCALE_DRAIN_SECONDS)
#define STACKS_PER_CPU      500
#define OFF_STACKS_PER_CPU  250
#define OFF_ROWS_PER_DRAIN  100
#define PROCESSES_PER_CPU   2
#define SERVICES_MIN        10
#define SERVICES_PER_DOUBLE 6.25 /* 60 on 256 CPUs */

#define NEVER_AGAIN     20 /* one sample of so many */
#define WITH_KERNEL     3  /* the same, on a CPU */
#define UNWALKED        10 /* the same, whose stacks miss something */
#define OFF_CPU_NS_MEAN 5000000

#define DEPTH_MIN      20
#define DEPTH_MAX      60
#define OWN_FRAMES_MAX 16
#define FUNCTIONS      20000 /* places in code that are called from */

#define KERNEL_START     UINT64_C(0xffffffff81000000)
#define KERNEL_SYMBOLS   4000
#define KERNEL_SIZE      0x400
#define KERNEL_STACKS    300
#define KERNEL_DEPTH_MIN 5
#define KERNEL_DEPTH_MAX 12

#define CODE_MAX  16
#define FIRST_PID 1000000001 /* above any pid_max */

/* Who and where: one row of a drain is all that have the same. */
#define OFF_CPU_BIT    (UINT64_C(1) << 63)
#define SERVICE_SHIFT  48
#define RANK_MASK      ((UINT64_C(1) << SERVICE_SHIFT) - 1)
#define NEW_RANKS_FROM (UINT64_C(1) << 40)
_Static_assert(USER_FRAMES_MAX >= DEPTH_MAX, "no stack is deeper than the kernel half walks");

struct code {
	void *start;
	size_t size;
};

struct scale_rows {
	struct code code[CODE_MAX];
	size_t code_count;
	size_t cpus, services, processes_per_service;
	uint64_t random;   /* its state */
	uint64_t new_rank; /* of the next stack that never comes again */
	uint64_t *drawn;   /* of a drain */
	size_t drawn_count;
};

static uint64_t random_bits(struct scale_rows *rows)
{
	rows->random += UINT64_C(0x9e3779b97f4a7c15);
	return hash_u64(rows->random);
}

/* Below n, the lower the more often: each doubling is as likely as the one before. */
static uint64_t skewed(uint64_t bits, uint64_t n)
{
	double unit = (double)(bits >> 11) * 0x1p-53;
	uint64_t rank = (uint64_t)(exp(unit * log((double)n + 1)) - 1);

	return rank < n ? rank : n - 1;
}

static int map_segment(struct scale_rows *rows, int fd, const Elf64_Phdr *segment)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), before = segment->p_offset % page;
	void *start = mmap(NULL, segment->p_filesz + before, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
			   (off_t)(segment->p_offset - before));

	if (start == MAP_FAILED)
		return -errno;
	rows->code[rows->code_count++] = (struct code){ (char *)start + before, segment->p_filesz };
	return 0;
}

static int map_code(struct scale_rows *rows, const char *path)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_Phdr segment;
	Elf64_Ehdr head;

	if (fd < 0)
		return -errno;
	if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
	    memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof(segment))
		return -ENOEXEC;
	for (size_t i = 0; i < head.e_phnum && rows->code_count < CODE_MAX; i++) {
		off_t at = (off_t)(head.e_phoff + i * sizeof(segment));

		if (pread(fd, &segment, sizeof(segment), at) != (ssize_t)sizeof(segment))
			return -ENOEXEC;
		if (segment.p_type == PT_LOAD && segment.p_flags & PF_X)
			return map_segment(rows, fd, &segment);
	}
	return -ENOEXEC;
}

static void cleanup_rows(struct scale_rows **rows)
{
	scale_rows_free(*rows);
}

int scale_rows_new(size_t cpus, size_t services, char *const *files, struct scale_rows **ret)
{
	CLEANUP(cleanup_rows) struct scale_rows *rows = calloc(1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	rows->cpus = cpus;
	rows->services = services;
	if (!services)
		rows->services = SERVICES_MIN + (size_t)(SERVICES_PER_DOUBLE * log2((double)cpus));
	rows->processes_per_service = 1 + PROCESSES_PER_CPU * cpus / rows->services;
	rows->new_rank = NEW_RANKS_FROM;
	rows->drawn = calloc(cpus, (SAMPLES_PER_DRAIN + OFF_ROWS_PER_DRAIN) * sizeof(*rows->drawn));
	if (!rows->drawn)
		return -ENOMEM;
	for (; *files; files++) {
		if (map_code(rows, *files) < 0)
			(void)fprintf(stderr, "%s: left out\n", *files);
	}
	if (!rows->code_count)
		return -ENOENT;
	*ret = TAKE(rows);
	return 0;
}

void scale_rows_free(struct scale_rows *rows)
{
	if (!rows)
		return;
	for (size_t i = 0; i < rows->code_count; i++)
		(void)munmap(rows->code[i].start, rows->code[i].size);
	free(rows->drawn);
	free(rows);
}

int scale_rows_begin(const struct scale_rows *rows, struct processes *processes)
{
	int err = processes_seed(processes, getpid());

	for (size_t i = 0; !err && i < rows->services * rows->processes_per_service; i++) {
		int32_t pid = FIRST_PID + (int32_t)i;

		err = processes_apply(processes, &(struct sideband_record){ .type = SIDEBAND_FORK,
									    .time_ns = i + 1,
									    .pid = pid,
									    .tid = pid,
									    .parent = getpid() });
	}
	return err;
}

/* --- stacks --- */

static uint64_t code_address(const struct scale_rows *rows, uint64_t bits)
{
	uint64_t function = skewed(bits, FUNCTIONS);
	const struct code *code = &rows->code[function % rows->code_count];

	return (uint64_t)code->start + hash_u64(function) % code->size;
}

/* A stack has all but its innermost frames from the one that it grew out of. Outermost first. */
static size_t fill_user(const struct scale_rows *rows, uint64_t service, uint64_t rank,
			uint64_t *frames)
{
	uint64_t bits = hash_u64(rank * 64 + service + 1), from = 0, at;
	uint64_t depth = DEPTH_MIN + bits % (DEPTH_MAX - DEPTH_MIN + 1);

	if (rank > 0) {
		uint64_t parent =
			rank >= NEW_RANKS_FROM ? skewed(hash_u64(bits), STACKS_PER_CPU) : rank / 3;
		uint64_t common = fill_user(rows, service, parent, frames);

		from = depth - 1 - hash_u64(bits + 1) % OWN_FRAMES_MAX;
		from = from < common ? from : common;
	}
	for (at = from; at < depth; at++)
		frames[at] = code_address(rows, hash_u64(bits + at));
	return depth;
}

static size_t fill_kernel(uint64_t stack, uint64_t *frames)
{
	size_t depth = KERNEL_DEPTH_MIN + stack % (KERNEL_DEPTH_MAX - KERNEL_DEPTH_MIN);

	for (size_t i = 0; i < depth; i++) {
		uint64_t symbol = hash_u64(stack / (1 + i * KERNEL_STACKS / depth)) + i;

		frames[i] = KERNEL_START + symbol % KERNEL_SYMBOLS * KERNEL_SIZE + 16;
	}
	return depth;
}

static uint64_t draw(struct scale_rows *rows, uint64_t stacks)
{
	uint64_t service = skewed(random_bits(rows), rows->services);
	uint64_t rank = skewed(random_bits(rows), 1 + stacks / rows->services);

	if (random_bits(rows) % NEVER_AGAIN == 0)
		rank = rows->new_rank++;
	return service << SERVICE_SHIFT | rank;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* A row of so many draws. */
static int hand_over(struct scale_rows *rows, uint64_t what, uint64_t draws, uint64_t now_ns,
		     sample_handler handler, void *context)
{
	uint64_t service = (what & ~OFF_CPU_BIT) >> SERVICE_SHIFT, rank = what & RANK_MASK;
	uint64_t outermost[DEPTH_MAX + 1], user[DEPTH_MAX + 1], kernel[KERNEL_DEPTH_MAX];
	uint64_t process = service * rows->processes_per_service +
			   hash_u64(what) % rows->processes_per_service;
	size_t depth = fill_user(rows, service, rank, outermost);
	bool is_off_cpu = what & OFF_CPU_BIT;
	struct sample sample = {
		.id = hash_u64(what + 1),
		.generation = process + 1,
		.tgid = (uint32_t)(FIRST_PID + process),
		.first_ns = now_ns,
		.thread_name = "",
		.user = user,
		.user_depth = depth,
		.kernel = kernel,
		.stop = hash_u64(what) % UNWALKED ? STOP_COMPLETE : STOP_NO_RULE,
		.is_off_cpu = is_off_cpu,
		.state = OFF_SLEEP,
		.count = is_off_cpu ? draws * (random_bits(rows) % (2 * OFF_CPU_NS_MEAN)) : draws,
	};
	char name[COMM_SIZE];

	(void)snprintf(name, sizeof(name), "service%" PRIu64, service);
	sample.process_name = name;
	for (size_t i = 0; i < depth; i++)
		user[i] = outermost[depth - 1 - i];
	if (is_off_cpu || rank % WITH_KERNEL == 0)
		sample.kernel_depth = fill_kernel(rank % KERNEL_STACKS, kernel);
	return handler(context, &sample);
}

int scale_rows_drain(struct scale_rows *rows, sample_handler handler, void *context,
		     uint64_t *ret_samples)
{
	size_t on = rows->cpus * SAMPLES_PER_DRAIN, count = on + rows->cpus * OFF_ROWS_PER_DRAIN;
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int err = 0;

	for (size_t i = 0; i < count; i++)
		rows->drawn[i] = i < on ? draw(rows, STACKS_PER_CPU * rows->cpus)
					: draw(rows, OFF_STACKS_PER_CPU * rows->cpus) | OFF_CPU_BIT;
	qsort(rows->drawn, count, sizeof(*rows->drawn), compare);
	for (size_t i = 0, next; !err && i < count; i = next) {
		for (next = i + 1; next < count && rows->drawn[next] == rows->drawn[i];)
			next++;
		err = hand_over(rows, rows->drawn[i], next - i, now_ns, handler, context);
	}
	*ret_samples = on;
	return err;
}

int scale_rows_write_symbols(const char *path)
{
	CLEANUP(cleanup_file) FILE *file = fopen(path, "we");

	if (!file)
		return -errno;
	for (uint64_t i = 0; i < KERNEL_SYMBOLS; i++)
		(void)fprintf(file, "%016" PRIx64 " T kernel_function_%" PRIu64 "\n",
			      KERNEL_START + i * KERNEL_SIZE, i);
	return ferror(file) ? -EIO : 0;
}
