// SPDX-License-Identifier: Apache-2.0
/*
 *	sleepers COUNT
 *
 * So many children that sleep until this process is ended.
 */
#include "tests/programs/off_cpu.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#define COUNT_MAX     20000
#define ALARM_SECONDS 180

FRAME void sleeper_wait(void)
{
	for (;;)
		pause();
}

static void start_sleeper(pid_t parent)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sleeper_wait();
}

int main(int argc, char **argv)
{
	int count = argc == 2 ? atoi(argv[1]) : 0;
	pid_t pid = getpid();

	if (count <= 0 || count > COUNT_MAX) {
		fprintf(stderr, "usage: %s COUNT\n", argv[0]);
		return 2;
	}
	alarm(ALARM_SECONDS);
	for (int i = 0; i < count; i++)
		start_sleeper(pid);
	run_ready();
	for (;;)
		pause();
}
