/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child of ours calls its way to a known place and stops. Its registers and its stack are
 * recorded, the tables of its binaries built, and the walk over them is compared with what its
 * functions say about where they return to.
 */
#include "tests/unit/unwind_host.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "symbolize/unwind_table.h"

#if defined(__x86_64__)

#define CHAIN_MAX 64

/* Where the functions of the child return to, in memory that both have. */
struct chain {
	size_t count;
	uint64_t addresses[CHAIN_MAX]; /* the outermost first */
	uint64_t interrupted_at;       /* by a signal; 0: there is none */
};

struct fixture {
	struct chain *chain;
	pid_t child;
	char *stack;        /* recorded */
	char *signal_stack; /* NULL: none */
	struct host_walk walk;
};

/* What the child runs; it never comes back. */
typedef void (*child_function)(struct chain *chain);

/* The chain of the child, for callbacks without a context. */
static struct chain *child_chain;

__attribute__((noinline)) static void note(void *return_address)
{
	child_chain->addresses[child_chain->count++] = (uint64_t)return_address;
}

#define NOTE() note(__builtin_return_address(0))

/* No tail calls: they would leave no frame. */
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

__attribute__((noinline)) static void stop(void)
{
	NOTE();
	(void)raise(SIGSTOP);
	KEEP_FRAME();
}

__attribute__((noinline)) static void recurse(int depth, void (*last)(void))
{
	NOTE();
	if (depth > 0)
		recurse(depth - 1, last);
	else
		last();
	KEEP_FRAME();
}

static void run_recursion(struct chain *chain)
{
	child_chain = chain;
	recurse(20, stop);
}

static int compare(const void *a, const void *b)
{
	NOTE();
	recurse(3, stop);
	return *(const int *)a - *(const int *)b;
}

/* Through the C library, whose functions have no frame pointers. */
static void run_callback(struct chain *chain)
{
	int numbers[] = { 3, 1, 2 };

	child_chain = chain;
	qsort(numbers, 3, sizeof(numbers[0]), compare);
}

/* Its very first instruction is refused: the byte before it is in another function. */
void refused_instruction(void);
__asm__(".pushsection .text\n"
	".balign 16\n"
	".type refused_instruction, @function\n"
	"refused_instruction:\n"
	".cfi_startproc\n"
	"ud2\n"
	"ret\n"
	".cfi_endproc\n"
	".size refused_instruction, . - refused_instruction\n"
	".popsection\n");

static void handle(int number)
{
	(void)number;
	recurse(2, stop);
	KEEP_FRAME();
}

static void run_signal(struct chain *chain, void *stack, size_t size)
{
	const stack_t signal_stack = { .ss_sp = stack, .ss_size = size };
	struct sigaction action = { .sa_handler = handle, .sa_flags = stack ? SA_ONSTACK : 0 };

	child_chain = chain;
	if (stack)
		(void)sigaltstack(&signal_stack, NULL);
	(void)sigaction(SIGILL, &action, NULL);
	chain->interrupted_at = (uint64_t)refused_instruction;
	recurse(5, refused_instruction);
}

static void run_handler(struct chain *chain)
{
	run_signal(chain, NULL, 0);
}

#define SIGNAL_STACK_SIZE 65536

static void run_handler_elsewhere(struct chain *chain)
{
	run_signal(chain, malloc(SIGNAL_STACK_SIZE), SIGNAL_STACK_SIZE);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture)
		return -1;
	host_reset();
	fixture->chain = mmap(NULL, sizeof(*fixture->chain), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return fixture->chain == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	if (fixture->child > 0) {
		(void)kill(fixture->child, SIGKILL);
		(void)waitpid(fixture->child, NULL, 0);
	}
	(void)munmap(fixture->chain, sizeof(*fixture->chain));
	free(fixture->stack);
	free(fixture->signal_stack);
	free(fixture);
	host_reset();
	return 0;
}

/* Starts a child and waits until it has stopped itself. */
static void run_child(struct fixture *fixture, child_function function)
{
	int status, number;

	fixture->child = fork();
	assert_true(fixture->child >= 0);
	if (fixture->child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(2);
		function(fixture->chain);
		_exit(1);
	}
	for (;;) {
		assert_int_equal(waitpid(fixture->child, &status, 0), fixture->child);
		if (!WIFSTOPPED(status)) {
			fixture->child = 0;
			if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
				skip(); /* tracing is not permitted */
			fail_msg("the child ended: %#x", (unsigned int)status);
		}
		number = WSTOPSIG(status);
		if (number == SIGSTOP)
			return;
		assert_int_equal(ptrace(PTRACE_CONT, fixture->child, NULL, number), 0);
	}
}

static void read_registers(struct fixture *fixture)
{
	struct unwind_state *state = &fixture->walk.state;
	struct user_regs_struct from;

	assert_int_equal(ptrace(PTRACE_GETREGS, fixture->child, NULL, &from), 0);
	state->registers[0] = from.rax;
	state->registers[1] = from.rdx;
	state->registers[2] = from.rcx;
	state->registers[3] = from.rbx;
	state->registers[4] = from.rsi;
	state->registers[5] = from.rdi;
	state->registers[UNWIND_RBP] = from.rbp;
	state->registers[UNWIND_RSP] = from.rsp;
	state->registers[8] = from.r8;
	state->registers[9] = from.r9;
	state->registers[10] = from.r10;
	state->registers[11] = from.r11;
	state->registers[12] = from.r12;
	state->registers[13] = from.r13;
	state->registers[14] = from.r14;
	state->registers[15] = from.r15;
	state->pc = from.rip;
}

/* A copy of the child's memory, which the walker reads from here on. */
static char *record(const struct fixture *fixture, uint64_t start, size_t size)
{
	char *copy = malloc(size);
	struct iovec to = { copy, size }, from = { (void *)start, size };

	assert_non_null(copy);
	assert_int_equal(process_vm_readv(fixture->child, &to, 1, &from, 1, 0), (ssize_t)size);
	host_add_region(start, copy, size);
	return copy;
}

/* The table of a file at a place of its own; the slot's number. */
static uint32_t add_file(const char *path, uint32_t *place, struct unwind_table *table)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *error;
	uint32_t slot;

	assert_true(fd >= 0);
	assert_int_equal(unwind_table_build(fd, table, &error), 0);
	host_put_image(*place, table->words, table->word_count);
	slot = host_add_slot(&(struct unwind_slot){ .code_start = table->code_start,
						    .image = *place,
						    .first_block = table->first_block,
						    .block_count = table->block_count,
						    .state = TABLE_READY });
	*place += (uint32_t)host_next_page(table->word_count);
	return slot;
}

/* Where file_offset is linked: both binaries here have one executable segment. */
static uint64_t linked_address(const char *path, uint64_t file_offset)
{
	CLEANUP(cleanup_file) FILE *file = fopen(path, "re");
	Elf64_Ehdr header;
	Elf64_Phdr segment;

	assert_non_null(file);
	assert_int_equal(fread(&header, sizeof(header), 1, file), 1);
	for (int i = 0; i < header.e_phnum; i++) {
		assert_int_equal(fseek(file, (long)(header.e_phoff + (uint64_t)i * sizeof(segment)),
				       SEEK_SET),
				 0);
		assert_int_equal(fread(&segment, sizeof(segment), 1, file), 1);
		if (segment.p_type == PT_LOAD && segment.p_flags & PF_X)
			return segment.p_vaddr + file_offset - segment.p_offset;
	}
	fail_msg("%s has no code", path);
	return 0;
}

/* Code is what we have at the same address: the child is a copy of us. */
static void add_code(uint64_t start, uint64_t end, uint64_t offset, const char *path,
		     uint32_t *place)
{
	CLEANUP(unwind_table_done) struct unwind_table table = { 0 };
	uint32_t slot = add_file(path, place, &table);

	host_add_mapping(start, end - start, linked_address(path, offset), slot);
	host_add_region(start, (const void *)start, end - start);
}

/* Reads /proc/PID/maps: the binaries, and the stack from rsp on. */
static void read_mappings(struct fixture *fixture)
{
	uint64_t rsp = fixture->walk.state.registers[UNWIND_RSP], start, end, offset;
	CLEANUP(cleanup_file) FILE *file = NULL;
	char line[512], access[5], path[400];
	uint32_t place = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)fixture->child);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		path[0] = '\0';
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %399s", &start,
			   &end, access, &offset, path) < 4)
			continue;
		if (!strcmp(path, "[stack]")) {
			/* On a stack of its own, the handler's caller is above all the same. */
			fixture->stack = record(fixture, start, end - start);
		} else if (rsp >= start && rsp < end) {
			fixture->signal_stack = record(fixture, start, end - start);
		}
		if (strchr(access, 'x') && path[0] == '/')
			add_code(start, end, offset, path, &place);
	}
	assert_non_null(fixture->stack);
}

/* All of the chain is found, in its order, and the walk ends where the program begins. */
static void check_chain(const struct fixture *fixture)
{
	const struct chain *chain = fixture->chain;
	const struct host_walk *walk = &fixture->walk;
	size_t left = chain->count, interrupted = 0;

	assert_int_equal(walk->stop, STOP_COMPLETE);
	for (size_t i = 0; i < walk->depth; i++) {
		left -= left > 0 && walk->addresses[i] == chain->addresses[left - 1] - 1;
		if (chain->interrupted_at && walk->addresses[i] == chain->interrupted_at)
			interrupted++;
	}
	assert_int_equal(left, 0);
	assert_int_equal(interrupted, chain->interrupted_at != 0);
	/* raise() and what is below it is a few frames, cmocka and what is above it a few more. */
	assert_in_range(walk->depth, chain->count, chain->count + 30);
}

static void replay(void **state, child_function function, size_t least)
{
	struct fixture *fixture = *state;

	run_child(fixture, function);
	assert_in_range(fixture->chain->count, least, CHAIN_MAX);
	read_registers(fixture);
	read_mappings(fixture);
	host_walk(&fixture->walk);
	check_chain(fixture);
}

static void a_recursion_is_walked_to_the_entry(void **state)
{
	replay(state, run_recursion, 22);
}

static void a_callback_from_the_c_library_is_walked(void **state)
{
	replay(state, run_callback, 6);
}

static void a_signal_handler_is_walked_into_what_it_interrupted(void **state)
{
	replay(state, run_handler, 10);
}

static void a_signal_handler_on_a_stack_of_its_own_is_walked(void **state)
{
	replay(state, run_handler_elsewhere, 10);
	assert_non_null(((struct fixture *)*state)->signal_stack);
}

#define REPLAY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		REPLAY(a_recursion_is_walked_to_the_entry),
		REPLAY(a_callback_from_the_c_library_is_walked),
		REPLAY(a_signal_handler_is_walked_into_what_it_interrupted),
		REPLAY(a_signal_handler_on_a_stack_of_its_own_is_walked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* Unwind tables are for x86-64. */
int main(void)
{
	return 0;
}

#endif
