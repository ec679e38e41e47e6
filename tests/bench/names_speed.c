/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the DWARF of a file says of addresses: reads them from standard input, one a line, and
 *writes for each a line with its number of frames and then, for each frame, innermost first,
 *"NAME\tFILE\tLINE" (with ?? for what is not known). On standard error: how long the first and the
 *second time took. names_speed [-q] [-c] [-b BYTES] [-a DWZ_FILE] FILE
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "symbolize/dwarf_names.h"

#define FRAMES_MAX    256
#define ADDRESSES_MAX (1 << 20)

/* A second time that is so short is not to be measured: it is done over and over. */
#define WARM_RUNS 20

static double now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void print(const struct dwarf_frame *frames, size_t count)
{
	printf("%zu\n", count);
	for (size_t i = 0; i < count; i++)
		printf("%s\t%s\t%" PRIu32 "\n", frames[i].name ? frames[i].name : "??",
		       frames[i].file ? frames[i].file : "??", frames[i].line);
}

static size_t read_addresses(uint64_t *ret)
{
	size_t count = 0;
	char line[64];

	while (count < ADDRESSES_MAX && fgets(line, sizeof(line), stdin))
		ret[count++] = strtoull(line, NULL, 0);
	return count;
}

/* Memory that is ours alone: of a mapped file, pages count as resident that others use, too. */
static long anonymous_kib(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	long kib = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			break;
	if (file)
		(void)fclose(file);
	return kib;
}

static void run(struct dwarf_names *names, const uint64_t *addresses, size_t count, bool is_quiet,
		size_t warm_runs)
{
	static struct dwarf_frame frames[FRAMES_MAX];
	double begin = now_ms(), first, second;
	struct dwarf_stats stats;
	struct rusage usage;

	for (size_t i = 0; i < count; i++) {
		size_t found = dwarf_names_find(names, addresses[i], frames, FRAMES_MAX);

		if (!is_quiet)
			print(frames, found);
	}
	first = now_ms();
	for (size_t n = 0; n < warm_runs; n++)
		for (size_t i = 0; i < count; i++)
			(void)dwarf_names_find(names, addresses[i], frames, FRAMES_MAX);
	second = now_ms();
	(void)getrusage(RUSAGE_SELF, &usage);
	dwarf_names_stats(names, &stats);
	fprintf(stderr,
		"cold_ms %.3f warm_ms %.3f rss_kib %ld anon_kib %ld units %" PRIu64
		" indexings %" PRIu64 " evictions %" PRIu64 " reopenings %" PRIu64 " bytes %" PRIu64
		" refused",
		first - begin, warm_runs ? (second - first) / (double)warm_runs : 0,
		usage.ru_maxrss, anonymous_kib(), stats.units, stats.indexings, stats.evictions,
		stats.reopenings, stats.bytes);
	for (size_t i = 0; i < DWARF_REFUSALS; i++)
		fprintf(stderr, " %" PRIu64, stats.refused[i]);
	fputc('\n', stderr);
}

int main(int argc, char **argv)
{
	static uint64_t addresses[ADDRESSES_MAX];
	struct dwarf_options options = { 0 };
	const char *alternate = NULL;
	struct dwarf_names *names;
	bool is_quiet = false;
	size_t warm_runs = WARM_RUNS;
	int option, err;

	while ((option = getopt(argc, argv, "qcb:a:")) != -1) {
		switch (option) {
		case 'q':
			is_quiet = true;
			break;
		case 'c':
			warm_runs = 0;
			break;
		case 'b':
			options.bytes_max = strtoull(optarg, NULL, 0);
			break;
		case 'a':
			alternate = optarg;
			break;
		default:
			return 2;
		}
	}
	if (optind + 1 != argc)
		return 2;
	err = dwarf_names_open(open(argv[optind], O_RDONLY | O_CLOEXEC), &options, &names);
	if (!err && alternate)
		err = dwarf_names_set_alternate(names, open(alternate, O_RDONLY | O_CLOEXEC));
	if (err < 0) {
		fprintf(stderr, "%s: error %d\n", argv[optind], -err);
		return 1;
	}
	run(names, addresses, read_addresses(addresses), is_quiet, warm_runs);
	dwarf_names_free(names);
	return 0;
}
