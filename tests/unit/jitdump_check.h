/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of symbolize/jitdump*.c: a file, what was read of it, and what it should be. */
#ifndef EPROF_TESTS_UNIT_JITDUMP_CHECK_H
#define EPROF_TESTS_UNIT_JITDUMP_CHECK_H

#include <stdlib.h>

#include "symbolize/jitdump.h"
#include "tests/unit/jitdump_file.h"

/* What the clock says when a file is read: 100 s after the machine was started. */
#define NOW UINT64_C(100000000000)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
	struct jitdump *dump;
	int fd;
};

/* A file that has no header. */
static inline int set_up_empty(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture)
		return -1;
	fixture->fd = memfd_create("jit.dump", MFD_CLOEXEC);
	return fixture->fd < 0 || jitdump_new(1 << 20, &fixture->dump) < 0 ? -1 : 0;
}

static inline int set_up(void **state)
{
	struct jitdump_header header = dump_header();

	if (set_up_empty(state) < 0)
		return -1;
	dump_bytes(((struct fixture *)*state)->fd, &header, sizeof(header));
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *fixture = *state;

	jitdump_free(fixture->dump);
	(void)close(fixture->fd);
	free(fixture);
	return 0;
}

static inline void read_as(struct fixture *fixture, int result)
{
	uint64_t budget = UINT64_MAX;

	assert_int_equal(jitdump_read(fixture->dump, fixture->fd, NOW, &budget), result);
}

static inline void read_now(struct fixture *fixture)
{
	read_as(fixture, 0);
}

static inline void check_at(const struct fixture *fixture, uint64_t address, uint64_t time_ns,
			    const char *name)
{
	struct jitdump_code code;

	assert_int_equal(jitdump_find(fixture->dump, address, time_ns, &code), name != NULL);
	if (name)
		assert_string_equal(code.name, name);
}

static inline void check(const struct fixture *fixture, uint64_t address, const char *name)
{
	check_at(fixture, address, NOW, name);
}

static inline void check_line(const struct fixture *fixture, uint64_t address, const char *file,
			      uint32_t line)
{
	struct jitdump_code code;

	assert_true(jitdump_find(fixture->dump, address, NOW, &code));
	assert_int_equal(code.line, line);
	assert_int_equal(code.file != NULL, file != NULL);
	if (file)
		assert_string_equal(code.file, file);
}

static inline struct jitdump_stats stats_of(const struct fixture *fixture)
{
	struct jitdump_stats stats;

	jitdump_read_stats(fixture->dump, &stats);
	return stats;
}

#endif
