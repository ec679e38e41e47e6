/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cgroup_paths.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cgroup_table.h"
#include "agent/cgroup_walk.h"
#include "agent/log.h"
#include "agent/preflight.h"
#include "base/clock.h"
#include "bpf/abi.h"
#include "cgroups.skel.h"

/* Longer than a window is named and waits for debug files. */
#define GONE_KEPT_NS (300 * NS_PER_SECOND)

/* Looking at all of the hierarchy again takes one part in so many of the time. */
#define WALK_SHARE 100

struct cgroup_paths {
	struct cgroups_bpf *skeleton; /* NULL: nobody tells us */
	struct ring_buffer *ring;
	char *mount; /* NULL: there is no unified hierarchy to look at */
	struct cgroup_table *table;
	uint64_t walked_ns, walk_took_ns;
	bool wants_walk;
	uint64_t kernel_lost; /* as of the last look */
	uint64_t lost;        /* besides these */
	int err;              /* of take_event(), which cannot return it */
};

static int take_path(void *context, uint64_t id, const char *path)
{
	struct cgroup_paths *paths = context;
	int added = cgroup_table_add(paths->table, id, path);

	paths->lost += added == 0;
	return added < 0 ? added : 0;
}

static int walk(struct cgroup_paths *paths)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	int err;

	paths->wants_walk = false;
	paths->walked_ns = now;
	cgroup_table_begin_walk(paths->table);
	err = cgroup_walk(paths->mount, take_path, paths);
	paths->walk_took_ns = clock_ns(CLOCK_MONOTONIC) - now;
	if (!err)
		cgroup_table_end_walk(paths->table, now);
	return err;
}

static int take_event(void *context, void *data, size_t size)
{
	const size_t head = offsetof(struct cgroup_event, path);
	struct cgroup_paths *paths = context;
	const struct cgroup_event *event = data;
	int err = 0;

	if (size < head || event->path_size > size - head)
		return 0;
	if (event->is_gone)
		cgroup_table_gone(paths->table, event->id, clock_ns(CLOCK_MONOTONIC));
	else if (event->path_size && !event->path[event->path_size - 1])
		err = take_path(paths, event->id, event->path);
	if (err < 0)
		paths->err = err;
	return 0;
}

static int listen_to_kernel(struct cgroup_paths *paths)
{
	struct cgroups_bpf *skeleton;
	int err;

	libbpf_set_print(NULL);
	skeleton = cgroups_bpf__open_and_load();
	if (!skeleton)
		return errno ? -errno : -EINVAL;
	err = cgroups_bpf__attach(skeleton);
	if (!err) {
		paths->ring = ring_buffer__new(bpf_map__fd(skeleton->maps.events), take_event,
					       paths, NULL);
		err = paths->ring ? 0 : -errno;
	}
	if (err < 0)
		cgroups_bpf__destroy(skeleton);
	else
		paths->skeleton = skeleton;
	return err;
}

/* Before the walk, so that none comes unseen between it and this. */
static void begin_listening(struct cgroup_paths *paths)
{
	int err = listen_to_kernel(paths);

	if (err < 0)
		log_warning("cannot listen to cgroups that come and go: %s; those that live "
			    "shortly have no name",
			    strerror(-err));
}

int cgroup_paths_new(struct cgroup_paths **ret)
{
	struct cgroup_paths *paths = calloc(1, sizeof(*paths));
	int err;

	if (!paths)
		return -ENOMEM;
	err = cgroup_table_new(CGROUP_PATHS_MAX, CGROUP_PATHS_BYTES_MAX, &paths->table);
	if (err < 0) {
		free(paths);
		return err;
	}
	err = preflight_cgroup2_mount("/proc/self/mountinfo", &paths->mount);
	if (err < 0) {
		log_warning("there is no cgroup2 mount to be found: services are found by "
			    "/proc/PID/cgroup, while their processes live");
	} else {
		begin_listening(paths);
		err = walk(paths);
		if (err < 0)
			log_warning("cannot read the cgroups below '%s': %s", paths->mount,
				    strerror(-err));
	}
	if (err == -ENOMEM) {
		cgroup_paths_free(paths);
		return err;
	}
	*ret = paths;
	return 0;
}

void cgroup_paths_free(struct cgroup_paths *paths)
{
	if (!paths)
		return;
	ring_buffer__free(paths->ring);
	cgroups_bpf__destroy(paths->skeleton);
	cgroup_table_free(paths->table);
	free(paths->mount);
	free(paths);
}

static int hear(struct cgroup_paths *paths)
{
	uint64_t kernel_lost = __atomic_load_n(&paths->skeleton->bss->lost, __ATOMIC_RELAXED);
	int err = ring_buffer__consume(paths->ring);

	if (kernel_lost != paths->kernel_lost)
		paths->wants_walk = true;
	paths->kernel_lost = kernel_lost;
	if (err >= 0)
		err = paths->err;
	paths->err = 0;
	return err < 0 ? err : 0;
}

int cgroup_paths_catch_up(struct cgroup_paths *paths)
{
	int err = paths->skeleton ? hear(paths) : 0;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (!err && paths->mount && paths->wants_walk &&
	    now - paths->walked_ns >= WALK_SHARE * paths->walk_took_ns)
		err = walk(paths);
	if (err < 0 || now < GONE_KEPT_NS)
		return err;
	return cgroup_table_forget(paths->table, now - GONE_KEPT_NS);
}

const char *cgroup_paths_find(struct cgroup_paths *paths, uint64_t id)
{
	const char *path = cgroup_table_find(paths->table, id);

	if (path)
		return path;
	paths->lost++;
	/* Nobody tells of those that come, or there was no room for it. */
	paths->wants_walk = true;
	return NULL;
}

uint64_t cgroup_paths_lost(const struct cgroup_paths *paths)
{
	return paths->lost + paths->kernel_lost;
}
