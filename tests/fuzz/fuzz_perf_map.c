/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbolize/perf_map.h"

/* So little that it is soon used up. */
#define BYTES_MAX (48u << 10)

#define STEPS 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct perf_map *map, uint64_t address)
{
	const char *name = perf_map_find(map, address);

	if (name && !name[0])
		abort();
}

/* A file that grows while it is read, and is then written anew. The first byte is its rhythm. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("perf.map", MFD_CLOEXEC);
	size_t written = 0, step = size ? 1 + data[0] : 1;
	struct perf_map_stats stats;
	struct perf_map *map;
	uint64_t budget;

	if (fd < 0 || perf_map_new(BYTES_MAX, &map) < 0)
		abort();
	for (int i = 0; i < STEPS && written < size; i++) {
		size_t count = i == STEPS - 1 || step > size - written ? size - written : step;

		if (pwrite(fd, data + written, count, (off_t)written) != (ssize_t)count)
			abort();
		written += count;
		budget = i % 3 ? UINT64_MAX : count / 2;
		if (perf_map_read(map, fd, &budget) < 0)
			abort();
	}
	for (unsigned int shift = 0; shift < 64; shift++)
		ask(map, UINT64_C(1) << shift);
	for (uint64_t address = 0; address < 4096; address += 7)
		ask(map, address);
	perf_map_read_stats(map, &stats);
	if (stats.bytes > size || perf_map_bytes(map) > 16 * BYTES_MAX)
		abort();
	budget = UINT64_MAX;
	if (ftruncate(fd, (off_t)(size / 2)) < 0 || perf_map_read(map, fd, &budget) < 0)
		abort();
	perf_map_free(map);
	(void)close(fd);
	return 0;
}
