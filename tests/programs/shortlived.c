// SPDX-License-Identifier: Apache-2.0
/* shortlived [COUNT]: runs the program burst next to it COUNT times (500), two at a time. */
#include "tests/programs/work.h"

#include <limits.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define COUNT_MAX 10000

FRAME bool start_burst(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(path, "burst", (char *)NULL);
		_exit(127);
	}
	return pid > 0;
}

/* Whether a child ended, and well. */
static bool wait_burst(void)
{
	int status;

	return wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 500;
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("burst"));
	struct rusage usage;
	char *name;

	if (length <= 0 || count < 2 || count > COUNT_MAX)
		return 2;
	path[length] = '\0';
	name = strrchr(path, '/');
	if (!name)
		return 1;
	memcpy(name + 1, "burst", sizeof("burst"));
	alarm((unsigned int)RUN_SECONDS_MAX + RUN_SLACK_SECONDS);
	run_ready();
	for (int i = 0; i < count; i++) {
		if (!start_burst(path) || (i > 0 && !wait_burst()))
			return 1;
	}
	if (!wait_burst())
		return 1;
	getrusage(RUSAGE_CHILDREN, &usage);
	run_report("children",
		   (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
			   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	return 0;
}
