/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent's user-space half costs on machines of several sizes: made-up rows of windows of a
 * minute (scale_rows.h) are named, sorted, sealed, drawn, spooled and sent to a directory, as the
 * agent does it, each size in a process of its own. Fails when a stage, or the memory, grows worse
 * than linearly.
 *	agent_scale [-w WINDOWS] [-s SERVICES] -n CPUS... FILE...	code that is run, such as
 *libc.so.6 Columns of CPU time: split, svg and pprof are once more alone, into nothing, what write
 *is together, with the spool. The first window is cold: it is printed, but nothing is asked of it.
 */
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/bench/scale_pipeline.h"

#define SIZES_MAX   16
#define WINDOWS_MAX 64
#define MIB         (1024.0 * 1024.0)

/* A size is asked to take at most so many times what a smaller one makes it expect. */
#define WORSE_THAN_LINEAR 2

/* What is less than this is the same: it is mostly what any size takes, or noise. */
#define SAME_SECONDS 0.02
#define SAME_BYTES   (8 * MIB)

struct size {
	size_t cpus;
	struct scale_result windows[WINDOWS_MAX];
};

struct bench {
	char directory[PATH_MAX];
	char *const *files;
	size_t window_count, size_count, services;
	struct size sizes[SIZES_MAX];
};

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static void remove_directory(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool write_all(int fd, const void *bytes, size_t size)
{
	return write(fd, bytes, size) == (ssize_t)size;
}

/* In a process of its own: measures, and tells of each window. */
static int measure(const struct bench *bench, const struct size *size, int out)
{
	struct scale_pipeline *pipeline;
	char path[PATH_MAX + 32];
	int err;

	(void)snprintf(path, sizeof(path), "%s/%zu", bench->directory, size->cpus);
	if (mkdir(path, 0700) < 0)
		return -errno;
	err = scale_pipeline_new(size->cpus, bench->services, bench->files, path, &pipeline);
	if (err < 0)
		return err;
	for (size_t i = 0; !err && i < bench->window_count; i++) {
		struct scale_result result = { 0 };

		err = scale_pipeline_run(pipeline, &result);
		if (!err && !write_all(out, &result, sizeof(result)))
			err = -EIO;
	}
	scale_pipeline_free(pipeline);
	return err;
}

static void print_window(const struct size *size, size_t window)
{
	const struct scale_result *result = &size->windows[window];

	printf("%5zu %2zu %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " ", size->cpus, window + 1,
	       result->samples, result->rows, result->nodes);
	for (size_t i = 0; i < SCALE_STAGES; i++)
		printf(" %7.3f", result->cpu_s[i]);
	printf("  %7.2f %7.2f %7.2f  %6.0f %6.0f %6.0f %6.1f\n", result->wall_s[SCALE_NAME],
	       result->wall_s[SCALE_WRITE], result->wall_s[SCALE_UPLOAD],
	       (double)result->peak_bytes / MIB, (double)result->rss_bytes / MIB,
	       (double)result->heap_bytes / MIB, (double)result->sent_bytes / MIB);
	(void)fflush(stdout);
}

static bool run_size(const struct bench *bench, struct size *size)
{
	CLEANUP(cleanup_fd) int in = -1;
	int ends[2], status;
	bool is_good = true;
	pid_t pid;

	if (pipe(ends) < 0)
		return false;
	in = ends[0];
	pid = fork();
	if (pid == 0) {
		int err = measure(bench, size, ends[1]);

		if (err < 0)
			(void)fprintf(stderr, "%zu CPUs: %s\n", size->cpus, strerror(-err));
		_exit(err < 0);
	}
	(void)close(ends[1]);
	for (size_t i = 0; pid > 0 && is_good && i < bench->window_count; i++) {
		is_good = read(in, &size->windows[i], sizeof(size->windows[i])) ==
			  (ssize_t)sizeof(size->windows[i]);
		if (is_good)
			print_window(size, i);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 && is_good;
}

/* The warm windows together, or the only one. */
static struct scale_result average(const struct bench *bench, const struct size *size)
{
	size_t first = bench->window_count > 1, count = bench->window_count - first;
	struct scale_result sum = { 0 };

	for (size_t i = first; i < bench->window_count; i++) {
		const struct scale_result *result = &size->windows[i];

		for (size_t k = 0; k < SCALE_STAGES; k++)
			sum.cpu_s[k] += result->cpu_s[k] / (double)count;
		sum.peak_bytes += result->peak_bytes / count;
		sum.sent_bytes += result->sent_bytes / count;
	}
	return sum;
}

/* Prints the ratio of the two, and of that to linear. False: it is too much. */
static bool check(double small, double large, double sizes, double same)
{
	double base = small > same ? small : same;
	bool is_good = large <= WORSE_THAN_LINEAR * sizes * base;

	if (small > 0)
		printf(" %7.1f %5.2f%s", large / small, large / small / sizes, is_good ? " " : "!");
	else
		printf(" %7s %5s ", "-", "-");
	return is_good;
}

static bool compare(const struct bench *bench, size_t from, size_t to)
{
	struct scale_result small = average(bench, &bench->sizes[from]);
	struct scale_result large = average(bench, &bench->sizes[to]);
	double sizes = (double)bench->sizes[to].cpus / (double)bench->sizes[from].cpus;
	bool is_good = true;

	printf("%5zu/%-5zu", bench->sizes[to].cpus, bench->sizes[from].cpus);
	for (size_t i = 0; i < SCALE_STAGES; i++)
		is_good &= check(small.cpu_s[i], large.cpu_s[i], sizes, SAME_SECONDS);
	is_good &= check((double)small.peak_bytes, (double)large.peak_bytes, sizes, SAME_BYTES);
	is_good &= check((double)small.sent_bytes, (double)large.sent_bytes, sizes, SAME_BYTES);
	putchar('\n');
	return is_good;
}

static bool compare_all(const struct bench *bench)
{
	bool is_good = true;

	printf("\nwarm windows: times as much, and that as a part of linear ('!': too much)\n%11s",
	       "CPUs");
	for (size_t i = 0; i < SCALE_STAGES; i++)
		printf(" %13s ", scale_stage_name((enum scale_stage)i));
	printf(" %13s  %13s\n", "peak", "sent");
	for (size_t to = 1; to < bench->size_count; to++) {
		is_good &= compare(bench, 0, to);
		if (to > 1)
			is_good &= compare(bench, to - 1, to);
	}
	return is_good;
}

static bool run(struct bench *bench)
{
	printf("%5s %2s %8s %8s %8s ", "CPUs", "w", "samples", "rows", "nodes");
	for (size_t i = 0; i < SCALE_STAGES; i++)
		printf(" %7s", scale_stage_name((enum scale_stage)i));
	printf("  %7s %7s %7s  %6s %6s %6s %6s\n%36s %s\n", "name", "write", "upload", "peak",
	       "RSS", "heap", "sent", "",
	       "CPU seconds; seconds as they pass; MiB (the first two: beyond the empty one's)");
	for (size_t i = 0; i < bench->size_count; i++) {
		if (!run_size(bench, &bench->sizes[i]))
			return false;
	}
	return compare_all(bench);
}

/* Sizes in ascending order. */
static bool parse(int argc, char **argv, struct bench *bench)
{
	int option;

	bench->window_count = 3;
	while ((option = getopt(argc, argv, "w:s:n:")) != -1) {
		size_t number = optarg ? strtoul(optarg, NULL, 10) : 0;

		if (!number || (option == 'w' && number > WINDOWS_MAX) ||
		    bench->size_count == SIZES_MAX)
			return false;
		if (option == 'w')
			bench->window_count = number;
		else if (option == 's')
			bench->services = number;
		else if (option == 'n')
			bench->sizes[bench->size_count++].cpus = number;
		else
			return false;
	}
	bench->files = argv + optind;
	return bench->size_count > 0 && argc > optind;
}

int main(int argc, char **argv)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	bool is_good;

	if (!bench || !parse(argc, argv, bench)) {
		(void)fprintf(stderr, "usage: agent_scale [-w WINDOWS] [-s SERVICES] "
				      "-n CPUS... FILE...\n");
		return 2;
	}
	(void)snprintf(bench->directory, sizeof(bench->directory), "%s/eprof-scale-XXXXXX",
		       getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	if (!mkdtemp(bench->directory)) {
		perror(bench->directory);
		return 1;
	}
	is_good = run(bench);
	remove_directory(bench->directory);
	free(bench);
	return !is_good;
}
