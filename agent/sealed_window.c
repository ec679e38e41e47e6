/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sealed_window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/pprof_modules.h"
#include "agent/report_modules.h"
#include "base/cleanup.h"

#define KERNEL_NOTES "/sys/kernel/notes"

static void cleanup_window(struct sealed_window **window)
{
	sealed_window_free(*window);
}

static int copy_modules(struct sealed_window *window, const struct pprof_modules *from)
{
	window->modules = calloc(from->count + 1, sizeof(*window->modules));
	if (!window->modules)
		return -ENOMEM;
	for (size_t i = 0; i < from->count; i++) {
		struct pprof_module *module = &window->modules[window->module_count++];

		module->name = strdup(from->list[i].name);
		module->build_id = strdup(from->list[i].build_id);
		if (!module->name || !module->build_id)
			return -ENOMEM;
	}
	return 0;
}

int sealed_window_new(struct profile *profile, const struct symbolizer *symbolizer,
		      struct sealed_window **ret)
{
	CLEANUP(cleanup_window) struct sealed_window *window = calloc(1, sizeof(*window));
	CLEANUP(cleanup_free) struct stats_module *binaries = NULL;
	CLEANUP(pprof_modules_done) struct pprof_modules modules = { 0 };
	size_t count;
	int err;

	if (!window)
		return -ENOMEM;
	err = report_modules_make(symbolizer, &binaries, &count);
	if (!err)
		err = pprof_modules_make(binaries, count, KERNEL_NOTES, &modules);
	if (!err)
		err = copy_modules(window, &modules);
	if (err < 0)
		return err;
	window->profile = *profile;
	*profile = (struct profile){ 0 };
	*ret = TAKE(window);
	return 0;
}

void sealed_window_free(struct sealed_window *window)
{
	if (!window)
		return;
	profile_done(&window->profile);
	for (size_t i = 0; i < window->module_count; i++) {
		free((char *)window->modules[i].name);
		free((char *)window->modules[i].build_id);
	}
	free(window->modules);
	free(window);
}
