/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long unwind tables take to build, and how large they are: a line for each file that is given,
 * with the memory that a process of its own needed at most, and the sum for each directory. Files
 * are read once before, so that the disk is not measured; one thread.
 *	unwind_speed PATH...
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "symbolize/unwind_table.h"
#include "tests/bench/elf_paths.h"

/* The best of so many for a file; a directory is gone through once to warm up, and once more. */
#define RUNS 10

struct sum {
	uint64_t tables, read_rows, rows, bytes;
	double ms;
};

static double now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Adds one file to the sum; false when it has no table. */
static bool measure(int fd, struct sum *sum)
{
	double start = now_ms();
	struct unwind_table table;
	const char *error;

	if (unwind_table_build(fd, &table, &error) < 0)
		return false;
	sum->ms += now_ms() - start;
	sum->tables++;
	sum->read_rows += table.read_row_count;
	sum->rows += table.row_count;
	sum->bytes += table.word_count * sizeof(*table.words);
	unwind_table_done(&table);
	return true;
}

static void print_sum(const char *path, const struct sum *sum)
{
	double read_rows = (double)(sum->read_rows ? sum->read_rows : 1);
	double rows = (double)(sum->rows ? sum->rows : 1);

	printf("%s: %" PRIu64 " tables, %" PRIu64 " rows read, %.2f ms, %.1f ns a row, "
	       "%.2f million rows/s; %" PRIu64 " rows kept, %.2f bytes each",
	       path, sum->tables, sum->read_rows, sum->ms, sum->ms * 1e6 / read_rows,
	       read_rows / sum->ms / 1e3, sum->rows, (double)sum->bytes / rows);
}

/* The most memory of a child that builds the table (is_building), or does not; in KiB. */
static long peak_memory(int fd, bool is_building)
{
	struct rusage usage = { 0 };
	struct sum sum = { 0 };
	pid_t pid = fork();

	if (pid == 0)
		_exit(is_building && !measure(fd, &sum));
	if (pid < 0 || wait4(pid, NULL, 0, &usage) != pid)
		return 0;
	return usage.ru_maxrss;
}

static void measure_file(const char *path, int fd, void *context)
{
	struct sum best = { 0 };
	long memory;

	(void)context;
	for (int i = 0; i < RUNS; i++) {
		struct sum sum = { 0 };

		if (!measure(fd, &sum)) {
			printf("%s: no table\n", path);
			return;
		}
		if (i == 0 || sum.ms < best.ms)
			best = sum;
	}
	memory = peak_memory(fd, true) - peak_memory(fd, false);
	print_sum(path, &best);
	printf("; at most %.1f MiB\n", (double)memory / 1024);
}

static void add_file(const char *path, int fd, void *context)
{
	(void)path;
	(void)measure(fd, context);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		(void)fprintf(stderr, "usage: unwind_speed PATH...\n");
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		char *const paths[] = { argv[i], NULL };
		struct sum sum = { 0 };
		struct stat status;

		if (stat(argv[i], &status) < 0) {
			perror(argv[i]);
			return 1;
		}
		if (!S_ISDIR(status.st_mode)) {
			(void)visit_elf_paths(paths, measure_file, NULL);
			continue;
		}
		(void)visit_elf_paths(paths, add_file, &sum);
		sum = (struct sum){ 0 };
		(void)visit_elf_paths(paths, add_file, &sum);
		print_sum(argv[i], &sum);
		putchar('\n');
	}
	return 0;
}
