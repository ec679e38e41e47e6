// SPDX-License-Identifier: Apache-2.0
/* Stacks that do not begin with main(), and frames that no compiler made. */
#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "tests/programs/shapes/shape.h"

#define STACK_SIZE (256 << 10)

FRAME uint64_t leaf(void)
{
	return shape_burn();
}

/* --- signals --- */

FRAME void set_handler(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = handler;
	action.sa_flags = SA_SIGINFO | flags;
	sigaction(number, &action, NULL);
}

/*
 * Traps in its first instruction: the byte before it is another function's. Nothing is between the
 * two.
 */
void trap_first(void);
__asm__(".text\n"
	"	.type before_trap, @function\n"
	"before_trap:\n"
	"	.cfi_startproc\n"
	"	ret\n"
	"	.cfi_endproc\n"
	"	.size before_trap, . - before_trap\n"
	"	.type trap_first, @function\n"
	"trap_first:\n"
	"	.cfi_startproc\n"
	"	ud2\n"
	"	ret\n"
	"	.cfi_endproc\n"
	"	.size trap_first, . - trap_first\n");

#define TRAP_SIZE 2

FRAME void on_trap(int number, siginfo_t *info, void *context)
{
	ucontext_t *interrupted = context;

	(void)number;
	(void)info;
	leaf();
	interrupted->uc_mcontext.gregs[REG_RIP] += TRAP_SIZE;
}

FRAME void trapped(void)
{
	trap_first();
	__asm__ volatile("");
}

static void signal_here(void)
{
	set_handler(SIGILL, on_trap, 0);
	trapped();
}

static void use_other_stack(void)
{
	static char memory[STACK_SIZE];
	stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };

	sigaltstack(&stack, NULL);
}

static void signal_elsewhere(void)
{
	use_other_stack();
	set_handler(SIGILL, on_trap, SA_ONSTACK);
	trapped();
}

/* Of user time; the handler takes many times as much. */
static void start_timer(void)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 1000 } };

	setitimer(ITIMER_VIRTUAL, &soon, NULL);
}

FRAME void on_timer(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	(void)context;
	leaf();
	start_timer();
}

/* Interrupted wherever it is, while rbp has some value of its own. */
FRAME uint64_t interrupted(uint64_t a)
{
	uint64_t b = a, c = a, d = a, e = a, f = a;

	for (uint64_t i = 0; i < SHAPE_SPINS / 4; i++) {
		a = a * 5 + b;
		f += e;
		__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
	}
	return a + b + c + d + e + f;
}

static void timer(void)
{
	static bool is_set;

	if (!is_set) {
		use_other_stack();
		set_handler(SIGVTALRM, on_timer, SA_ONSTACK);
		start_timer();
		is_set = true;
	}
	/* Seldom between two calls of it. */
	for (int i = 0; i < 20; i++)
		interrupted(1);
}

/* --- threads, coroutines, processes --- */

FRAME uint64_t thread_work(void)
{
	return leaf() + 1;
}

static void *thread_main(void *argument)
{
	struct run *run = argument;

	while (!run_is_over(run))
		thread_work();
	return NULL;
}

static void thread(void)
{
	struct run run = shape_begin((char *[]){ "thread" });
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_main, &run))
		exit(1);
	pthread_join(thread, NULL);
}

static ucontext_t outside, inside;

FRAME uint64_t coroutine_work(void)
{
	return leaf() + 1;
}

static void coroutine(void)
{
	for (;;) {
		coroutine_work();
		swapcontext(&inside, &outside);
	}
}

static void context(void)
{
	static char stack[STACK_SIZE];

	if (!inside.uc_stack.ss_sp) {
		getcontext(&inside);
		inside.uc_stack.ss_sp = stack;
		inside.uc_stack.ss_size = sizeof(stack);
		inside.uc_link = &outside;
		makecontext(&inside, coroutine, 0);
	}
	swapcontext(&outside, &inside);
}

FRAME uint64_t child_work(void)
{
	return leaf() + 1;
}

FRAME void burn_in_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		child_work();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void fork_child(void)
{
	burn_in_child();
}

/* The child runs on its parent's stack, which waits. */
FRAME void burn_in_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		child_work();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void vfork_child(void)
{
	burn_in_vfork();
}

/* The child is the program spin from next to this one. */
FRAME void burn_in_other_program(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("spin"));
	char *name;
	pid_t pid;

	if (length <= 0)
		exit(1);
	path[length] = '\0';
	name = strrchr(path, '/');
	memcpy(name + 1, "spin", sizeof("spin"));
	pid = vfork();
	if (pid == 0) {
		execl(path, "spin", "0.2", (char *)NULL);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
}

static void vfork_exec(void)
{
	burn_in_other_program();
}

/* --- code that is nobody's --- */

/* push %rbp; mov %rsp,%rbp; mov $FUNCTION,%rax; call *%rax; pop %rbp; ret */
#define JIT_FUNCTION_AT 6
static const uint8_t jit_code[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0xb8, 0,    0,    0,
				    0,    0,    0,    0,    0,    0xff, 0xd0, 0x5d, 0xc3 };

FRAME uint64_t called_from_jit(void)
{
	return leaf() + 1;
}

FRAME void call_jit(void (*code)(void))
{
	code();
	__asm__ volatile("");
}

static void jit(void)
{
	static uint8_t *page;
	uint64_t (*function)(void) = called_from_jit;
	void (*code)(void);

	if (!page) {
		page = mmap(NULL, sizeof(jit_code), PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page == MAP_FAILED)
			exit(1);
		memcpy(page, jit_code, sizeof(jit_code));
		memcpy(page + JIT_FUNCTION_AT, &function, sizeof(function));
	}
	memcpy(&code, &page, sizeof(code));
	call_jit(code);
}

/* --- the kernel --- */

FRAME uint64_t ask_time(void)
{
	struct timespec now;
	uint64_t sum = 0;

	for (int i = 0; i < 4000000; i++) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		sum += (uint64_t)now.tv_nsec;
	}
	return sum;
}

static void vdso(void)
{
	ask_time();
}

FRAME void ask_parent(void)
{
	for (int i = 0; i < 500000; i++)
		syscall(SYS_getppid);
}

static void system_call(void)
{
	ask_parent();
}

static const struct shape shapes[] = {
	{ "signal_here", signal_here },
	{ "signal_elsewhere", signal_elsewhere },
	{ "timer", timer },
	{ "thread", thread },
	{ "context", context },
	{ "fork_child", fork_child },
	{ "vfork_child", vfork_child },
	{ "vfork_exec", vfork_exec },
	{ "jit", jit },
	{ "vdso", vdso },
	{ "system_call", system_call },
};

SHAPE_MAIN(shapes)
