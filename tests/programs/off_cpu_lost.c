// SPDX-License-Identifier: Apache-2.0
/*
 *	off_cpu_lost LOST COUNT
 *
 * LOST threads sleep LOST_MS at a time, called by code whose unwind rules lead to an address where
 * nothing is mapped (x86-64 only). COUNT threads have begun to sleep before it is ready, each once:
 * the first for FIRST_MS, the next for STEP_MS longer, and so on. After that they wait, as the
 * first thread does, until the process is ended.
 */
#include "tests/programs/off_cpu.h"

#include <pthread.h>

#define COUNT_MAX     2000
#define STACK_SIZE    (64u << 10)
#define ALARM_SECONDS 120
#define LOST_MS       3
#define STEP_MS       6
#define FIRST_MS      300

#if defined(__x86_64__)

/*
 * void call_lost(void (*function)(void)): the rule says that the return address is where there is
 * another number.
 */
__asm__(".text\n"
	".type call_lost, @function\n"
	"call_lost:\n"
	".cfi_startproc\n"
	"	subq $24, %rsp\n"
	".cfi_def_cfa %rsp, 16\n"
	"	movq $0x1234567, 8(%rsp)\n"
	"	call *%rdi\n"
	"	addq $24, %rsp\n"
	".cfi_def_cfa %rsp, 8\n"
	"	ret\n"
	".cfi_endproc\n"
	".size call_lost, . - call_lost\n");

void call_lost(void (*function)(void));

#else

static void call_lost(void (*function)(void))
{
	function();
}

#endif

FRAME void lost_sleep(void)
{
	nap(LOST_MS);
	KEEP_FRAME();
}

FRAME void *lost_main(void *argument)
{
	(void)argument;
	for (;;)
		call_lost(lost_sleep);
	return NULL;
}

struct sleeper {
	unsigned ms;
	pthread_barrier_t *begin;
};

FRAME void long_sleep(unsigned ms)
{
	struct timespec time = { ms / 1000, (long)(ms % 1000) * NS_PER_MS };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
	KEEP_FRAME();
}

FRAME void sleep_for_good(void)
{
	for (;;)
		pause();
}

FRAME void *sleeper_main(void *argument)
{
	const struct sleeper *sleeper = argument;

	pthread_barrier_wait(sleeper->begin);
	long_sleep(sleeper->ms);
	sleep_for_good();
	return NULL;
}

static void start(void *(*body)(void *), void *argument)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	if (pthread_create(&thread, &attributes, body, argument) != 0)
		die("pthread_create");
}

int main(int argc, char **argv)
{
	static struct sleeper sleepers[COUNT_MAX];
	int lost = argc == 3 ? atoi(argv[1]) : -1, count = argc == 3 ? atoi(argv[2]) : -1;
	pthread_barrier_t begin;

	if (lost < 0 || count < 0 || lost > COUNT_MAX || count > COUNT_MAX) {
		fprintf(stderr, "usage: %s LOST COUNT\n", argv[0]);
		return 2;
	}
	alarm(ALARM_SECONDS);
	pthread_barrier_init(&begin, NULL, (unsigned)count + 1);
	for (int i = 0; i < count; i++) {
		sleepers[i].ms = FIRST_MS + STEP_MS * (unsigned)i;
		sleepers[i].begin = &begin;
		start(sleeper_main, &sleepers[i]);
	}
	for (int i = 0; i < lost; i++)
		start(lost_main, NULL);
	pthread_barrier_wait(&begin);
	run_ready();
	sleep_for_good();
}
