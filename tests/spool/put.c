/* SPDX-License-Identifier: Apache-2.0 */
/* put DIR FIRST: puts one file after the other, and prints the number of each that is there. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/spool/content.h"

#define SECOND_NS    UINT64_C(1000000000)
#define ENFORCED_PER 16

static int write_content(const void *context, FILE *out)
{
	uint64_t number = *(const uint64_t *)context;

	for (size_t i = 0; i < content_size(number); i++) {
		if (putc(content_byte(number, i), out) == EOF)
			return -EIO;
	}
	return 0;
}

static int put(struct spool_writer *writer, uint64_t number)
{
	char service[32];
	struct profile_file file = { .format = PROFILE_PPROF, .service = service, .host = "host" };

	(void)snprintf(service, sizeof(service), "%" PRIu64, number);
	file.from_ns = number * SECOND_NS;
	file.until_ns = file.from_ns + SECOND_NS;
	return spool_put(writer, &file, (1 << TARGET_COUNT) - 1, write_content, &number);
}

int main(int argc, char **argv)
{
	const struct spool_limits limits = { .bytes = UINT64_MAX, .age_s = UINT64_MAX };
	struct spool_writer *writer;
	char line[32];
	int length;

	if (argc != 3 || spool_writer_open(argv[1], &limits, target_ids, TARGET_COUNT, &writer) < 0)
		return 1;
	for (uint64_t number = strtoull(argv[2], NULL, 10);; number++) {
		int err = put(writer, number);

		if (!err && number % ENFORCED_PER == 0)
			err = spool_enforce(writer, number);
		if (err < 0) {
			(void)fprintf(stderr, "put %" PRIu64 ": %d\n", number, err);
			return 1;
		}
		length = snprintf(line, sizeof(line), "%" PRIu64 "\n", number);
		/* Whole: it is shorter than PIPE_BUF. */
		if (write(STDOUT_FILENO, line, (size_t)length) != length)
			return 1;
	}
}
