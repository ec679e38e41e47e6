/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/report_modules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static int compare(const void *left, const void *right)
{
	const struct stats_module *a = left, *b = right;

	if (a->frames != b->frames)
		return a->frames > b->frames ? -1 : 1;
	return strcmp(a->path, b->path);
}

static void describe(const struct module *module, struct stats_module *ret)
{
	const struct build_id *id = module_build_id(module);
	struct module_names names;

	module_read_names(module, &names);
	*ret = (struct stats_module){
		.path = module_path(module),
		.symbols = names.symbols_from,
		.debug_information = names.dwarf_from,
		.error = module_error(module),
		.frames = names.frames,
		.unnamed_frames = names.unnamed,
	};
	for (size_t i = 0; i < id->size; i++)
		(void)snprintf(ret->build_id + 2 * i, 3, "%02x", id->bytes[i]);
}

int report_modules_make(const struct symbolizer *symbolizer, struct stats_module **ret,
			size_t *ret_count)
{
	CLEANUP(cleanup_free) struct stats_module *modules = NULL;
	size_t count = 0, all = 0;

	*ret = NULL;
	*ret_count = 0;
	for (const struct module *module = symbolizer_next_module(symbolizer, NULL); module;
	     module = symbolizer_next_module(symbolizer, module))
		all++;
	if (!all)
		return 0;
	modules = calloc(all, sizeof(*modules));
	if (!modules)
		return -ENOMEM;
	for (const struct module *module = symbolizer_next_module(symbolizer, NULL); module;
	     module = symbolizer_next_module(symbolizer, module)) {
		describe(module, &modules[count]);
		count += modules[count].frames > 0;
	}
	qsort(modules, count, sizeof(*modules), compare);
	*ret_count = count < REPORT_MODULES_MAX ? count : REPORT_MODULES_MAX;
	*ret = TAKE(modules);
	return 0;
}
