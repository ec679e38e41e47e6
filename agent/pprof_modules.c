/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pprof_modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/pprof_kinds.h"

/* As frames have it. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static struct pprof_module *find(struct pprof_modules *modules, const char *name)
{
	for (size_t i = 0; i < modules->count; i++) {
		if (strcmp(modules->list[i].name, name) == 0)
			return &modules->list[i];
	}
	return NULL;
}

static void add_binary(struct pprof_modules *modules, const struct stats_module *binary)
{
	const char *name = base_name(binary->path);
	struct pprof_module *found = find(modules, name);

	if (!found)
		modules->list[modules->count++] =
			(struct pprof_module){ .name = name, .build_id = binary->build_id };
	else if (strcmp(found->build_id, binary->build_id) != 0)
		found->build_id = "";
}

static void add_kernel(struct pprof_modules *modules, const char *notes_path)
{
	CLEANUP(cleanup_fd) int fd = open(notes_path, O_RDONLY | O_CLOEXEC);
	struct build_id id;

	if (fd < 0 || build_id_read_notes(fd, &id) < 0)
		return;
	for (size_t i = 0; i < id.size; i++)
		(void)snprintf(modules->kernel_id + 2 * i, 3, "%02x", id.bytes[i]);
	modules->list[modules->count++] =
		(struct pprof_module){ PPROF_KERNEL_MAPPING, modules->kernel_id };
}

int pprof_modules_make(const struct stats_module *binaries, size_t count, const char *notes_path,
		       struct pprof_modules *ret)
{
	*ret = (struct pprof_modules){ .list = calloc(count + 1, sizeof(*ret->list)) };
	if (!ret->list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		add_binary(ret, &binaries[i]);
	add_kernel(ret, notes_path);
	return 0;
}

void pprof_modules_done(struct pprof_modules *modules)
{
	free(modules->list);
	*modules = (struct pprof_modules){ 0 };
}
