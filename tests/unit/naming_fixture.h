/* SPDX-License-Identifier: Apache-2.0 */
/* This process's own stacks, and one that nobody has, to be named. */
#ifndef EPROF_TESTS_UNIT_NAMING_FIXTURE_H
#define EPROF_TESTS_UNIT_NAMING_FIXTURE_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/naming.h"
#include "base/cleanup.h"

#define NOBODY 1000000001 /* above any pid_max */

struct fixture {
	struct symbolizer *symbolizer;
	struct binaries *binaries;
	struct processes *processes;
	struct naming *naming;
	struct named_stack stack; /* what name() made */
};

static inline int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	return !fixture || symbolizer_new(&fixture->symbolizer) < 0 ||
			       binaries_new(fixture->symbolizer, NULL, &fixture->binaries) < 0 ||
			       processes_new(fixture->binaries, NULL, true, &fixture->processes) <
				       0 ||
			       processes_seed(fixture->processes, (int32_t)getpid()) < 0 ||
			       naming_new(fixture->symbolizer, fixture->processes,
					  &fixture->naming) < 0
		       ? -1
		       : 0;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;

	naming_free(fixture->naming);
	processes_free(fixture->processes);
	binaries_free(fixture->binaries);
	symbolizer_free(fixture->symbolizer);
	free(fixture);
	return 0;
}

/* Our own process, with these user addresses. */
static inline struct sample sample_of(const uint64_t *user, size_t depth)
{
	return (struct sample){
		.tgid = (uint32_t)getpid(),
		.first_ns = 1000,
		.process_name = "demo",
		.thread_name = "",
		.user = user,
		.user_depth = depth,
		.stop = STOP_COMPLETE,
		.count = 1,
	};
}

static inline void name(struct fixture *fixture, const struct sample *sample)
{
	naming_name(fixture->naming, sample, &fixture->stack);
	assert_in_range(fixture->stack.count, 1, FRAMES_MAX);
	assert_int_equal(fixture->stack.frames[0].kind, FRAME_PROCESS);
}

static inline void check_frame(const struct fixture *fixture, size_t index, const char *expected,
			       enum frame_kind kind)
{
	assert_in_range(index, 0, fixture->stack.count - 1);
	assert_string_equal(fixture->stack.frames[index].name, expected);
	assert_int_equal(fixture->stack.frames[index].kind, kind);
}

static inline void check_unnamed(const struct fixture *fixture, uint64_t user, uint64_t kernel)
{
	struct naming_stats stats;

	naming_read_stats(fixture->naming, &stats);
	assert_true(stats.unnamed_user_frames == user);
	assert_true(stats.unnamed_kernel_frames == kernel);
}

/* A path of MMAP records below which nothing can be opened. */
static inline void map_file(const struct fixture *fixture, const char *path)
{
	assert_int_equal(processes_apply(fixture->processes,
					 &(struct sideband_record){ .type = SIDEBAND_MMAP,
								    .time_ns = 10,
								    .pid = NOBODY,
								    .start = 0x10000,
								    .length = 0x1000,
								    .file_offset = 0x2000,
								    .path = path }),
			 0);
}

/* An address inside of the call that led here. */
__attribute__((noinline, unused)) static uint64_t inner_function(void)
{
	return (uint64_t)__builtin_return_address(0) - 1;
}

__attribute__((noinline, unused)) static uint64_t outer_function(void)
{
	uint64_t address = inner_function();

	__asm__ volatile("" ::: "memory"); /* no tail call: it would have no return address */
	return address;
}

/* Of a function that every kernel has; 0 when we may not know. */
static inline uint64_t kernel_address_of_schedule(void)
{
	CLEANUP(cleanup_file) FILE *file = fopen("/proc/kallsyms", "re");
	char line[512], symbol[256];
	uint64_t address;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%" SCNx64 " %*c %255s", &address, symbol) == 2 &&
		    !strcmp(symbol, "schedule"))
			return address;
	}
	return 0;
}

#endif
