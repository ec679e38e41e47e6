// SPDX-License-Identifier: Apache-2.0
/*
 *	off_cpu_pace SHORT_US LONG_US REST_MS SECONDS
 *
 * One thread asks another one to spin, and waits for it: for SHORT_US in wait_short(), then for
 * LONG_US in wait_long(), over and over for that many seconds; and, when REST_MS is not 0, sleeps
 * that long in wait_rest() after each REST_ASKS pairs. They share a CPU, so that each asking is two
 * switches, and who asks waits for as long as the other one spins. At the end:
 *
 *	waited FUNCTION NS    by CLOCK_MONOTONIC
 *	life asker|spinner    the clocks of their lives (off_cpu.h)
 */
#include "tests/programs/off_cpu.h"

#include <pthread.h>
#include <sched.h>

#define NS_PER_US   1000u
#define US_MAX      100000
#define REST_MS_MAX 900
#define REST_ASKS   50

struct pair {
	unsigned short_us, long_us, rest_ms;
	double seconds;
	int asked[2], answered[2]; /* pipes: how many microseconds, and one byte back */
	uint64_t short_ns, long_ns, rest_ns;
};

struct member {
	struct pair *pair;
	pthread_t thread;
	int tid;
	struct clocks clocks;
};

static inline void wait_for_answer(struct pair *pair, unsigned us, uint64_t *ns)
{
	uint64_t begin;
	char byte;

	if (write(pair->asked[1], &us, sizeof(us)) != sizeof(us))
		die("write");
	begin = clock_ns(CLOCK_MONOTONIC);
	if (read(pair->answered[0], &byte, 1) != 1)
		die("read");
	*ns += clock_ns(CLOCK_MONOTONIC) - begin;
}

FRAME void wait_short(struct pair *pair)
{
	wait_for_answer(pair, pair->short_us, &pair->short_ns);
	KEEP_FRAME();
}

FRAME void wait_long(struct pair *pair)
{
	wait_for_answer(pair, pair->long_us, &pair->long_ns);
	KEEP_FRAME();
}

FRAME void wait_rest(struct pair *pair)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);

	nap(pair->rest_ms);
	pair->rest_ns += clock_ns(CLOCK_MONOTONIC) - begin;
}

FRAME void *asker_main(void *argument)
{
	struct member *member = argument;
	struct pair *pair = member->pair;
	double begin = clock_seconds(CLOCK_MONOTONIC);

	member->tid = thread_id();
	pthread_setname_np(pthread_self(), "asker");
	while (clock_seconds(CLOCK_MONOTONIC) - begin < pair->seconds) {
		wait_short(pair);
		wait_long(pair);
		if (++member->clocks.times % REST_ASKS == 0 && pair->rest_ms)
			wait_rest(pair);
	}
	close(pair->asked[1]);
	end_clocks(&member->clocks);
	return NULL;
}

FRAME unsigned wait_for_question(struct pair *pair)
{
	unsigned us;

	return read(pair->asked[0], &us, sizeof(us)) == sizeof(us) ? us : 0;
}

FRAME void spin_us(unsigned us)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + (uint64_t)us * NS_PER_US;

	while (clock_ns(CLOCK_MONOTONIC) < end)
		;
	KEEP_FRAME();
}

FRAME void *spinner_main(void *argument)
{
	struct member *member = argument;
	struct pair *pair = member->pair;
	unsigned us;

	member->tid = thread_id();
	pthread_setname_np(pthread_self(), "spinner");
	while ((us = wait_for_question(pair)) != 0) {
		spin_us(us);
		if (write(pair->answered[1], "", 1) != 1)
			die("write");
		member->clocks.times++;
	}
	end_clocks(&member->clocks);
	return NULL;
}

static void use_one_cpu(void)
{
	cpu_set_t one;
	int cpu = sched_getcpu();

	CPU_ZERO(&one);
	CPU_SET(cpu < 0 ? 0 : cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one) != 0)
		die("sched_setaffinity");
}

static void begin_member(struct member *member, void *(*body)(void *argument))
{
	member->clocks.made_ns = clock_ns(CLOCK_MONOTONIC);
	if (pthread_create(&member->thread, NULL, body, member) != 0)
		die("pthread_create");
}

static unsigned number(const char *text, int most)
{
	int value = atoi(text);

	if (value >= 0 && value <= most)
		return (unsigned)value;
	fprintf(stderr, "%s is not between 0 and %d\n", text, most);
	exit(2);
}

int main(int argc, char **argv)
{
	struct pair pair = { 0 };
	struct member asker = { .pair = &pair }, spinner = { .pair = &pair };

	if (argc != 5) {
		fprintf(stderr, "usage: %s SHORT_US LONG_US REST_MS SECONDS\n", argv[0]);
		return 2;
	}
	pair.short_us = number(argv[1], US_MAX);
	pair.long_us = number(argv[2], US_MAX);
	pair.rest_ms = number(argv[3], REST_MS_MAX);
	pair.seconds = atof(argv[4]);
	alarm((unsigned)pair.seconds + RUN_SLACK_SECONDS);
	if (pipe(pair.asked) != 0 || pipe(pair.answered) != 0)
		die("pipe");
	use_one_cpu();
	begin_member(&spinner, spinner_main);
	begin_member(&asker, asker_main);
	pthread_join(asker.thread, NULL);
	pthread_join(spinner.thread, NULL);
	printf("waited wait_short %llu\nwaited wait_long %llu\nwaited wait_rest %llu\n",
	       (unsigned long long)pair.short_ns, (unsigned long long)pair.long_ns,
	       (unsigned long long)pair.rest_ns);
	print_clocks("life", "asker", asker.tid, &asker.clocks);
	print_clocks("life", "spinner", spinner.tid, &spinner.clocks);
	return 0;
}
