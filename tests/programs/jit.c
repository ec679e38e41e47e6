// SPDX-License-Identifier: Apache-2.0
/*
 * jit HOW [SECONDS [cpu|wall]]: makes code while it runs, and tells of it as HOW says:
 *
 *	map	in /tmp/perf-PID.map, each piece before it runs
 *	late	there, all of it at the end
 *	dump	in /tmp/jit-PID.dump, with lines, each piece before it runs
 *	none	nowhere
 *
 * main, run_code, then "jit first", "jit second" and "jit third", each for a third of the time. The
 * third lies where the first one was. With late, there are the first two only.
 */
#include "tests/programs/work.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define CODE_SIZE 4096

/* The loops of different pieces are at different places in them, as those of compilers are. */
#define PADDING 256

/* Lines of jit.src: of the function, and of its loop, 1 more. */
#define LINE_FIRST 100

/*
 * Keeps a frame pointer, and counts its argument down to 0, about as fast as spin_here(), after
 * some instructions that do nothing.
 */
#if defined(__x86_64__)
static const unsigned char prologue[] = { 0x55, 0x48, 0x89, 0xe5 };
static const unsigned char padding[] = { 0x90 };
static const unsigned char body[] = {
	0x48, 0x89, 0xf8,       /* mov %rdi, %rax */
	0x48, 0x0f, 0xaf, 0xc0, /* 1: imul %rax, %rax */
	0x48, 0xff, 0xcf,       /* dec %rdi */
	0x75, 0xf7,             /* jnz 1b */
	0x5d, 0xc3,             /* pop %rbp; ret */
};
#elif defined(__aarch64__)
static const uint32_t prologue[] = { 0xa9bf7bfd, 0x910003fd }; /* stp; mov x29, sp */
static const uint32_t padding[] = { 0xd503201f };              /* nop */
static const uint32_t body[] = {
	0x9b017c21, /* 1: mul x1, x1, x1 */
	0xf1000400, /* subs x0, x0, #1 */
	0x54ffffc1, /* b.ne 1b */
	0xa8c17bfd, /* ldp x29, x30, [sp], #16 */
	0xd65f03c0, /* ret */
};
#endif

struct header {
	uint32_t magic, version, size, machine, unused, pid;
	uint64_t time_ns, flags;
};

struct record {
	uint32_t id, size;
	uint64_t time_ns;
};

struct load {
	struct record record;
	uint32_t pid, tid;
	uint64_t vma, address, size, index;
};

struct lines {
	struct record record;
	uint64_t address, count;
};

struct line {
	uint64_t address;
	uint32_t line, column;
	char file[8];
};

struct piece {
	const char *name;
	unsigned char *code;
	size_t size, loop;
	uint32_t line;
};

static FILE *map, *dump;

FRAME void run_code(const struct piece *piece)
{
	((void (*)(uint64_t))(void *)piece->code)(SPINS);
	KEEP_FRAME();
}

static void write_code(struct piece *piece, int number)
{
	size_t at = sizeof(prologue);

	memcpy(piece->code, prologue, sizeof(prologue));
	for (int i = 0; i < number * PADDING; i++, at += sizeof(padding))
		memcpy(piece->code + at, padding, sizeof(padding));
	piece->loop = at;
	memcpy(piece->code + at, body, sizeof(body));
	piece->size = at + sizeof(body);
	__builtin___clear_cache((char *)piece->code, (char *)piece->code + piece->size);
}

static uint64_t now_ns(void)
{
	return (uint64_t)(clock_seconds(CLOCK_MONOTONIC) * 1e9);
}

static void write_or_exit(const void *bytes, size_t size, FILE *out)
{
	if (fwrite(bytes, 1, size, out) != size || fflush(out) != 0)
		exit(1);
}

static FILE *open_file(const char *format, const char *mode)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), format, (int)getpid());
	file = fopen(path, mode);
	if (!file) {
		perror(path);
		exit(1);
	}
	return file;
}

/* The mapping of its first page is what tells of it. */
static void open_dump(void)
{
	struct header header = { 0x4a695444, 1, sizeof(header), 62, 0, (uint32_t)getpid(), 0, 0 };

	dump = open_file("/tmp/jit-%d.dump", "w+");
	header.time_ns = now_ns();
	write_or_exit(&header, sizeof(header), dump);
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(dump), 0) == MAP_FAILED)
		exit(1);
}

static void tell_dump(const struct piece *piece)
{
	uint64_t address = (uint64_t)piece->code;
	struct {
		struct lines head;
		struct line lines[2];
	} info = {
		.head = { { 2, sizeof(info), now_ns() }, address, 2 },
		.lines = { { address, piece->line, 0, "jit.src" },
			   { address + piece->loop, piece->line + 1, 0, "jit.src" } },
	};
	size_t name_size = strlen(piece->name) + 1;
	struct load load = {
		.record = { 0, (uint32_t)(sizeof(load) + name_size + piece->size), now_ns() },
		.pid = (uint32_t)getpid(),
		.tid = (uint32_t)getpid(),
		.vma = address,
		.address = address,
		.size = piece->size,
		.index = piece->line,
	};

	write_or_exit(&info, sizeof(info), dump);
	write_or_exit(&load, sizeof(load), dump);
	write_or_exit(piece->name, name_size, dump);
	write_or_exit(piece->code, piece->size, dump);
}

static void tell(const struct piece *piece)
{
	if (dump)
		tell_dump(piece);
	if (!map)
		return;
	fprintf(map, "%lx %zx %s\n", (unsigned long)piece->code, piece->size, piece->name);
	fflush(map);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "none";
	struct run run = run_begin(argc - 1, argv + 1);
	unsigned char *memory = mmap(NULL, 2 * CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct piece pieces[] = {
		{ "jit first", memory, 0, 0, LINE_FIRST },
		{ "jit second", memory + CODE_SIZE, 0, 0, 2 * LINE_FIRST },
		{ "jit third", memory, 0, 0, 3 * LINE_FIRST },
	};
	int count = strcmp(how, "late") ? 3 : 2;

	if (memory == MAP_FAILED)
		return 1;
	if (!strcmp(how, "map"))
		map = open_file("/tmp/perf-%d.map", "w");
	if (!strcmp(how, "dump"))
		open_dump();
	run_ready();
	for (int i = 0; i < count; i++) {
		struct run part = run;
		double begin = clock_seconds(run.clock);

		write_code(&pieces[i], i);
		tell(&pieces[i]);
		part.seconds = run.seconds / count;
		part.begin = begin;
		while (!run_is_over(&part))
			run_code(&pieces[i]);
		run_report(pieces[i].name + strlen("jit "), clock_seconds(run.clock) - begin);
	}
	if (!strcmp(how, "late")) {
		map = open_file("/tmp/perf-%d.map", "w");
		tell(&pieces[0]);
		tell(&pieces[1]);
	}
	run_report_process("jit");
	return 0;
}
