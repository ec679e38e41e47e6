/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/process_memory.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"

uint64_t process_resident_bytes(pid_t pid)
{
	CLEANUP(cleanup_file) FILE *file = NULL;
	uint64_t pages = 0;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%*u %" SCNu64, &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t own_heap_bytes(void)
{
	struct mallinfo2 heap = mallinfo2();

	return heap.uordblks + heap.hblkhd;
}
