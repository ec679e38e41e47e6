/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbolize/kernel_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kernel_names_table *table = NULL;
	int fd = memfd_create("kallsyms", MFD_CLOEXEC);
	const char *module;

	if (fd < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (kernel_names_read(fd, &table) == 0) {
		for (unsigned int shift = 0; shift < 64; shift++)
			(void)kernel_names_find(table, UINT64_MAX << shift, &module);
	}
	kernel_names_free(table);
	close(fd);
	return 0;
}
