/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of agent/processes.c: made-up records, and what is looked up after them. */
#ifndef EPROF_TESTS_UNIT_PROCESSES_FIXTURE_H
#define EPROF_TESTS_UNIT_PROCESSES_FIXTURE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/processes.h"

/* Above any pid_max: nobody has them. */
#define NOBODY 1000000001
#define CHILD  1000000002
#define PARENT 1000000003

struct fixture {
	struct symbolizer *symbolizer;
	struct binaries *binaries;
	struct processes *processes;
};

static inline int set_up(void **state, bool follow_all)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	return !fixture || symbolizer_new(&fixture->symbolizer) < 0 ||
			       binaries_new(fixture->symbolizer, NULL, &fixture->binaries) < 0 ||
			       processes_new(fixture->binaries, NULL, follow_all,
					     &fixture->processes) < 0
		       ? -1
		       : 0;
}

static inline int follow_all(void **state)
{
	return set_up(state, true);
}

static inline int follow_known(void **state)
{
	return set_up(state, false);
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;

	processes_free(fixture->processes);
	binaries_free(fixture->binaries);
	symbolizer_free(fixture->symbolizer);
	free(fixture);
	return 0;
}

static inline void apply(const struct fixture *fixture, const struct sideband_record *record)
{
	assert_int_equal(processes_apply(fixture->processes, record), 0);
}

static inline void map(const struct fixture *fixture, uint64_t time_ns, int32_t pid, uint64_t start,
		       const char *path)
{
	apply(fixture, &(struct sideband_record){ .type = SIDEBAND_MMAP,
						  .time_ns = time_ns,
						  .pid = pid,
						  .tid = pid,
						  .start = start,
						  .length = 0x1000,
						  .file_offset = 0x300,
						  .path = path });
}

static inline void tell(const struct fixture *fixture, uint64_t time_ns, enum sideband_type type,
			int32_t pid, int32_t parent)
{
	apply(fixture,
	      &(struct sideband_record){
		      .type = type, .time_ns = time_ns, .pid = pid, .tid = pid, .parent = parent });
}

/* name NULL: nothing is known to be there. */
static inline void check(const struct fixture *fixture, uint64_t time_ns, int32_t pid,
			 uint64_t address, const char *name)
{
	struct mapping mapping;
	bool is_located = processes_locate(fixture->processes, pid, time_ns, address, &mapping);

	assert_int_equal(is_located, name != NULL);
	if (!name)
		return;
	assert_in_range(address, mapping.start, mapping.end - 1);
	assert_string_equal(mapping.binary->name, name);
}

#define ALL(test)   cmocka_unit_test_setup_teardown(test, follow_all, tear_down)
#define KNOWN(test) cmocka_unit_test_setup_teardown(test, follow_known, tear_down)

#endif
