// SPDX-License-Identifier: Apache-2.0
/*
 * Children, one after another, that fill memory and exit: taking it back is the kernel's work, and
 * falls into the exit. Reported: the CPU time of the children, and of it what came after _exit().
 */
#include "tests/programs/work.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define CHILDREN    40
#define CHILD_BYTES (32u << 20)

/* Page by page: huge ones would be given back in no time. */
FRAME bool fill_memory(void)
{
	char *memory =
		mmap(NULL, CHILD_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long page = sysconf(_SC_PAGESIZE);

	if (memory == MAP_FAILED)
		return false;
	(void)madvise(memory, CHILD_BYTES, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < CHILD_BYTES; i += (size_t)page)
		memory[i] = 1;
	return true;
}

/* Adds the CPU time of one child's exit to *exit_cpu. */
FRAME bool run_child(volatile double *lived, double *children_cpu, double *exit_cpu)
{
	struct rusage usage;
	double cpu;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		bool filled = fill_memory();

		*lived = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
		_exit(filled ? 0 : 1);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || status != 0)
		return false;
	cpu = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
	      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	*children_cpu += cpu;
	*exit_cpu += cpu - *lived;
	return true;
}

int main(void)
{
	double children_cpu = 0, exit_cpu = 0;
	double *lived = mmap(NULL, sizeof(*lived), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (lived == MAP_FAILED)
		return 1;
	alarm(RUN_SLACK_SECONDS);
	run_ready();
	for (int i = 0; i < CHILDREN; i++) {
		if (!run_child(lived, &children_cpu, &exit_cpu))
			return 1;
	}
	run_report("children", children_cpu);
	run_report("exits", exit_cpu);
	run_report_process("exiter");
	return 0;
}
