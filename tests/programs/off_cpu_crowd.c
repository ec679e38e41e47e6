// SPDX-License-Identifier: Apache-2.0
/*
 *	off_cpu_crowd COUNT [MORTALS MS]
 *
 * Threads that all wait for a byte that nobody writes, until the process is ended. Beside them
 *there are always so many that live for MS milliseconds.
 */
#include "tests/programs/off_cpu.h"

#include <pthread.h>

#define COUNT_MAX     2000
#define MS_MAX        999
#define STACK_SIZE    (64u << 10)
#define ALARM_SECONDS 120

struct crowd {
	int empty_pipe[2];
	pthread_barrier_t begin;
	unsigned mortal_ms;
};

FRAME void crowd_wait(struct crowd *crowd)
{
	char byte;

	if (read(crowd->empty_pipe[0], &byte, 1) != 0)
		die("read");
}

FRAME void *crowd_main(void *argument)
{
	struct crowd *crowd = argument;

	printf("thread crowd %d\n", thread_id());
	pthread_barrier_wait(&crowd->begin);
	crowd_wait(crowd);
	KEEP_FRAME();
	return NULL;
}

FRAME void *mortal_main(void *argument)
{
	const struct crowd *crowd = argument;

	nap(crowd->mortal_ms);
	KEEP_FRAME();
	return NULL;
}

static pthread_t start(void *(*body)(void *), struct crowd *crowd)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	if (pthread_create(&thread, &attributes, body, crowd) != 0)
		die("pthread_create");
	pthread_attr_destroy(&attributes);
	return thread;
}

FRAME void *parent_main(void *argument)
{
	for (;;)
		pthread_join(start(mortal_main, argument), NULL);
	return NULL;
}

int main(int argc, char **argv)
{
	int count = argc == 2 || argc == 4 ? atoi(argv[1]) : 0;
	int mortals = argc == 4 ? atoi(argv[2]) : 0, ms = argc == 4 ? atoi(argv[3]) : 0;
	struct crowd crowd = { .mortal_ms = (unsigned)ms };

	if (count <= 0 || count > COUNT_MAX || mortals < 0 || mortals > COUNT_MAX || ms < 0 ||
	    ms > MS_MAX) {
		fprintf(stderr, "usage: %s COUNT [MORTALS MS]\n", argv[0]);
		return 2;
	}
	alarm(ALARM_SECONDS);
	if (pipe(crowd.empty_pipe) != 0)
		die("pipe");
	pthread_barrier_init(&crowd.begin, NULL, (unsigned)count + 1);
	for (int i = 0; i < count; i++)
		start(crowd_main, &crowd);
	pthread_barrier_wait(&crowd.begin);
	for (int i = 0; i < mortals; i++)
		start(parent_main, &crowd);
	run_ready();
	for (;;)
		pause();
}
