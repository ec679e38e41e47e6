// SPDX-License-Identifier: Apache-2.0
/* Burns SECONDS of CPU in before_exec(), then becomes the program spin next to it for as long. */
#include "tests/programs/work.h"

#include <limits.h>

FRAME uint64_t before_leaf(uint64_t count)
{
	return spin_here(count);
}

FRAME void before_exec(const struct run *run)
{
	while (!run_is_over(run))
		before_leaf(SPINS);
}

int main(int argc, char **argv)
{
	struct run run = run_begin(argc, argv);
	char path[PATH_MAX];
	char seconds[32];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("spin"));
	char *name;

	if (length <= 0)
		return 1;
	path[length] = '\0';
	name = strrchr(path, '/');
	if (!name)
		return 1;
	memcpy(name + 1, "spin", sizeof("spin"));
	run_ready();
	before_exec(&run);
	/* CPU time goes on counting over an exec: spin's clock starts where it begins. */
	run_report_process("before");
	snprintf(seconds, sizeof(seconds), "%f", run.seconds);
	execl(path, "spin", seconds, (char *)NULL);
	perror(path);
	return 1;
}
