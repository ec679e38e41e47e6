/* SPDX-License-Identifier: Apache-2.0 */
/* Spools in the directory of a test: what is put into them, and what is found there. */
#ifndef EPROF_TESTS_UNIT_SPOOL_FIXTURE_H
#define EPROF_TESTS_UNIT_SPOOL_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>

#include "agent/spool.h"
#include "tests/unit/output_fixture.h"

#define SECOND_NS UINT64_C(1000000000)
#define LARGE     (1 << 30)

static const char ids[3][SPOOL_TARGET_ID_SIZE] = { "0000000000000001", "0000000000000002",
						   "0000000000000003" };
static const struct spool_limits no_limits = { .bytes = LARGE, .age_s = LARGE };

static inline struct spool_writer *open_writer(const struct spool_limits *limits, size_t count)
{
	struct spool_writer *writer;

	assert_int_equal(spool_writer_open("spool", limits, ids, count, &writer), 0);
	return writer;
}

static inline struct spool_reader *open_reader(size_t target)
{
	struct spool_reader *reader;

	assert_int_equal(spool_reader_open("spool", ids[target], &reader), 0);
	return reader;
}

/* Recorded in the second that is given. */
static inline struct profile_file profile_at(uint64_t second, const char *service)
{
	return (struct profile_file){ .format = PROFILE_FOLDED,
				      .service = service,
				      .host = "host",
				      .from_ns = second * SECOND_NS,
				      .until_ns = (second + 60) * SECOND_NS,
				      .sample_hz = 99 };
}

static inline int write_words(const void *context, FILE *out)
{
	return fputs(context, out) < 0 ? -EIO : 0;
}

/* So many bytes. */
static inline int write_bytes(const void *context, FILE *out)
{
	const size_t *count = context;

	for (size_t i = 0; i < *count; i++) {
		if (putc('x', out) == EOF)
			return -EIO;
	}
	return 0;
}

static inline int put_at(struct spool_writer *writer, uint64_t second, uint64_t targets,
			 const char *text)
{
	struct profile_file file = profile_at(second, "service");

	return spool_put(writer, &file, targets, write_words, text);
}

static inline int put_bytes_at(struct spool_writer *writer, uint64_t second, uint64_t targets,
			       size_t count)
{
	struct profile_file file = profile_at(second, "service");

	return spool_put(writer, &file, targets, write_bytes, &count);
}

static inline void check_usage(const struct spool_writer *writer, size_t target, uint64_t files,
			       uint64_t dead_files, uint64_t for_bytes, uint64_t for_age)
{
	struct spool_usage usage;

	spool_usage_of(writer, target, &usage);
	assert_int_equal(usage.files, files);
	assert_int_equal(usage.dead_files, dead_files);
	assert_int_equal(usage.dropped_for_bytes, for_bytes);
	assert_int_equal(usage.dropped_for_age, for_age);
	assert_int_equal(usage.files == 0, usage.bytes == 0);
	assert_int_equal(usage.files == 0, usage.oldest_unix_s == 0);
}

/* The bytes of the profile are that text. */
static inline void check_item(const struct spool_item *item, const char *text)
{
	char bytes[256];

	assert_int_equal(item->size, strlen(text));
	assert_int_equal(pread(item->fd, bytes, sizeof(bytes), (off_t)item->offset), item->size);
	assert_memory_equal(bytes, text, item->size);
}

/* The next one has that text; it is done. */
static inline void take_and_check(struct spool_reader *reader, const char *text)
{
	struct spool_item *item;

	assert_int_equal(spool_take(reader, &item), 1);
	check_item(item, text);
	assert_int_equal(spool_done(reader, item), 0);
	spool_item_free(item);
}

static inline void check_empty(struct spool_reader *reader)
{
	struct spool_item *item;

	assert_int_equal(spool_take(reader, &item), 0);
}

#endif
