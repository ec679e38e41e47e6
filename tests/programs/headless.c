// SPDX-License-Identifier: Apache-2.0
/* Its first thread has ended; another one works and waits in turn. */
#include "tests/programs/work.h"

#include <pthread.h>

#define NAP_NS 20000000

FRAME void left_behind_spins(void)
{
	spin_here(SPINS);
	KEEP_FRAME();
}

FRAME void left_behind_naps(void)
{
	struct timespec time = { 0, NAP_NS };

	nanosleep(&time, NULL);
	KEEP_FRAME();
}

/* Its state follows its name in brackets; the name is the program's. */
static bool first_has_ended(void)
{
	FILE *file;
	char path[64], state = '?';

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)getpid());
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	fclose(file);
	return state == 'Z';
}

FRAME void *left_behind(void *argument)
{
	const struct run *run = argument;

	while (!first_has_ended())
		;
	run_ready();
	while (!run_is_over(run)) {
		left_behind_spins();
		left_behind_naps();
	}
	run_report_process("headless");
	exit(0);
}

int main(int argc, char **argv)
{
	static struct run run;
	pthread_t thread;

	run = run_begin(argc, argv);
	if (pthread_create(&thread, NULL, left_behind, &run) != 0)
		return 1;
	pthread_exit(NULL);
}
