// SPDX-License-Identifier: Apache-2.0
/*
 * dlopener SECONDS: prints its ready line, waits for a line on stdin, opens libplugin.so next to
 * the program and burns CPU in it. Between the two it burns nothing and the plugin is not mapped.
 */
#include "tests/programs/work.h"

#include <dlfcn.h>
#include <limits.h>

static void *open_plugin(void)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - sizeof("libplugin.so"));
	char *name;

	if (length <= 0)
		return NULL;
	path[length] = '\0';
	name = strrchr(path, '/');
	if (!name)
		return NULL;
	memcpy(name + 1, "libplugin.so", sizeof("libplugin.so"));
	return dlopen(path, RTLD_NOW);
}

int main(int argc, char **argv)
{
	struct run run = run_begin(argc, argv);
	uint64_t (*entry)(uint64_t);
	void *plugin;

	run_ready();
	if (getchar() == EOF)
		return 1;
	plugin = open_plugin();
	if (!plugin) {
		fprintf(stderr, "dlopener: %s\n", dlerror());
		return 1;
	}
	/* The cast that POSIX asks for: ISO C has no way from an object to a function pointer. */
	*(void **)&entry = dlsym(plugin, "plugin_entry");
	if (!entry)
		return 1;
	while (!run_is_over(&run))
		entry(SPINS);
	run_report_process("dlopener");
	return 0;
}
