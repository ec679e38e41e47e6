/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "symbolize/symbolize.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An ELF file of a stranger: found by build id, named at offsets all over it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symbolizer *symbolizer;
	struct module *module;
	struct frame frame;

	if (symbolizer_new(&symbolizer) < 0)
		abort();
	if (symbolizer_add_image(symbolizer, data, size, "fuzz", &module) == 0) {
		for (uint64_t offset = 0; offset < size; offset += 1 + size / 64)
			(void)symbolize_user(symbolizer, module, offset, &frame, 1);
		if (symbolizer_find(symbolizer, module_build_id(module)) != module &&
		    module_build_id(module)->size)
			abort();
	}
	symbolizer_free(symbolizer);
	return 0;
}
