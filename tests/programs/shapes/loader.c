// SPDX-License-Identifier: Apache-2.0
/*
 * loader SHAPE LIBRARY...: opens libraries while it runs, and burns CPU in loaded_entry() of each.
 *
 *	opened   the first one, once
 *	swapped  one after the other, never two at a time: each may lie where another has been
 *	fresh    each once, for a moment; then it ends
 */
#include <dlfcn.h>

#include "tests/programs/shapes/shape.h"

typedef uint64_t (*loaded_entry)(uint64_t count);

static char *const *libraries;

static loaded_entry open_library(const char *path, void **ret)
{
	loaded_entry entry;
	void *library = dlopen(path, RTLD_NOW);

	if (library)
		*(void **)&entry = dlsym(library, "loaded_entry");
	if (!library || !entry) {
		fprintf(stderr, "loader: %s\n", dlerror());
		exit(1);
	}
	*ret = library;
	return entry;
}

/* Some 10 ms: it is the change of libraries that matters. */
FRAME uint64_t call_loaded(loaded_entry entry)
{
	return entry(8ULL * SPINS) + 1;
}

static void opened(void)
{
	static loaded_entry entry;
	void *library;

	if (!entry)
		entry = open_library(libraries[0], &library);
	call_loaded(entry);
}

static void swapped(void)
{
	for (size_t i = 0; libraries[i]; i++) {
		void *library;

		call_loaded(open_library(libraries[i], &library));
		dlclose(library);
	}
}

static void fresh(void)
{
	void *library;

	for (size_t i = 0; libraries[i]; i++)
		call_loaded(open_library(libraries[i], &library));
	exit(0);
}

static const struct shape shapes[] = {
	{ "opened", opened },
	{ "swapped", swapped },
	{ "fresh", fresh },
};

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	libraries = argv + 2;
	return shape_main(argc, argv, shapes, sizeof(shapes) / sizeof(shapes[0]));
}
