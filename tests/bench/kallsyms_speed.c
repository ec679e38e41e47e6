/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long it takes to read /proc/kallsyms, all of it and its beginning, beside what the kernel
 * takes to write it. kallsyms_speed [MAX_MS]: fails when all of it takes longer.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "symbolize/kernel_names.h"

#define RUNS 9

typedef int (*reader)(int fd);

static int read_plainly(int fd)
{
	static char buffer[65536];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		;
	return n < 0 ? -1 : 0;
}

static int read_names(int fd)
{
	struct kernel_names_table *table;
	int err = kernel_names_read(fd, &table);

	if (!err)
		kernel_names_free(table);
	return err;
}

static int peek(int fd)
{
	bool hidden;

	return kernel_names_peek(fd, &hidden);
}

/* CPU time in milliseconds, the least of some runs; negative when it fails. */
static double measure(reader read_file)
{
	double least = -1;

	for (int i = 0; i < RUNS; i++) {
		int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
		uint64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		int err = fd < 0 ? -1 : read_file(fd);
		double ms = (double)(clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / 1e6;

		if (fd >= 0)
			(void)close(fd);
		if (err < 0)
			return -1;
		least = least < 0 || ms < least ? ms : least;
	}
	return least;
}

int main(int argc, char **argv)
{
	double plain = measure(read_plainly), names = measure(read_names), begin = measure(peek);

	if (plain < 0 || names < 0 || begin < 0) {
		(void)fprintf(stderr, "cannot read /proc/kallsyms\n");
		return 1;
	}
	printf("/proc/kallsyms: %.1f ms to read, %.1f ms with its names; %.2f ms its beginning\n",
	       plain, names, begin);
	return argc > 1 && names > atof(argv[1]);
}
