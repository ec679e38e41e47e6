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
	struct module *module, *again;
	struct frame frame;

	if (symbolizer_new(&symbolizer) < 0)
		abort();
	if (symbolizer_add_image(symbolizer, data, size, "fuzz", &module) == 0) {
		for (uint64_t offset = 0; offset < size; offset += 1 + size / 64)
			(void)symbolize_user(symbolizer, module, offset, &frame, 1);
		(void)module_is_entry(module, size / 2);
		if (symbolizer_add_image(symbolizer, data, size, "again", &again) == 0 &&
		    module_build_id(module)->size && again != module)
			abort();
	}
	symbolizer_free(symbolizer);
	return 0;
}
