// SPDX-License-Identifier: Apache-2.0
/*
 *	off_cpu_crowd COUNT
 *
 * Threads that all wait for a byte that nobody writes, until the process is ended.
 */
#include "tests/programs/off_cpu.h"

#include <pthread.h>

#define COUNT_MAX     2000
#define STACK_SIZE    (64u << 10)
#define ALARM_SECONDS 120

struct crowd {
	int empty_pipe[2];
	pthread_barrier_t begin;
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

int main(int argc, char **argv)
{
	int count = argc == 2 ? atoi(argv[1]) : 0;
	struct crowd crowd;
	pthread_attr_t attributes;

	if (count <= 0 || count > COUNT_MAX) {
		fprintf(stderr, "usage: %s COUNT\n", argv[0]);
		return 2;
	}
	alarm(ALARM_SECONDS);
	if (pipe(crowd.empty_pipe) != 0)
		die("pipe");
	pthread_barrier_init(&crowd.begin, NULL, (unsigned)count + 1);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	for (int i = 0; i < count; i++) {
		pthread_t thread;

		if (pthread_create(&thread, &attributes, crowd_main, &crowd) != 0)
			die("pthread_create");
	}
	pthread_barrier_wait(&crowd.begin);
	run_ready();
	for (;;)
		pause();
}
