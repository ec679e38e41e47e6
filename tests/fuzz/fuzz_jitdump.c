/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbolize/jitdump.h"

/* So little that it is soon used up. */
#define BYTES_MAX (48u << 10)

#define NOW   UINT64_C(1000000)
#define STEPS 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct jitdump *dump, uint64_t address)
{
	struct jitdump_code code;

	for (uint64_t time_ns = 0; time_ns < 64; time_ns += 9) {
		if (!jitdump_find(dump, address, time_ns, &code))
			continue;
		/* Both end, whatever was in the file. */
		if (strlen(code.name) == 0 || (code.file && strlen(code.file) > BYTES_MAX))
			abort();
	}
}

/* A file that grows while it is read, and is then written anew. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("jit.dump", MFD_CLOEXEC);
	size_t written = 0, step = size / STEPS + 1;
	struct jitdump_stats stats;
	struct jitdump *dump;
	uint64_t budget;

	if (fd < 0 || jitdump_new(BYTES_MAX, &dump) < 0)
		abort();
	while (written < size) {
		size_t count = step > size - written ? size - written : step;

		if (pwrite(fd, data + written, count, (off_t)written) != (ssize_t)count)
			abort();
		written += count;
		budget = written % 3 ? UINT64_MAX : step / 2;
		(void)jitdump_read(dump, fd, NOW, &budget);
		jitdump_forget(dump, written % 32);
	}
	for (unsigned int shift = 0; shift < 64; shift++)
		ask(dump, UINT64_C(1) << shift);
	for (uint64_t address = 0; address < 4096; address += 16)
		ask(dump, address);
	jitdump_read_stats(dump, &stats);
	if (stats.bytes > size || jitdump_bytes(dump) > 16 * BYTES_MAX)
		abort();
	if (ftruncate(fd, (off_t)(size / 2)) < 0)
		abort();
	budget = UINT64_MAX;
	(void)jitdump_read(dump, fd, NOW, &budget);
	jitdump_free(dump);
	(void)close(fd);
	return 0;
}
