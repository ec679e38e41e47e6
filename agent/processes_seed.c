/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "agent/pid_list.h"
#include "agent/processes.h"
#include "base/cleanup.h"

static void cleanup_directory(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

static int seed_one(struct processes *processes, int32_t pid, uint64_t time_ns)
{
	int err = processes_seed_at(processes, pid, time_ns);

	/* Gone meanwhile, or not ours to read: its frames stay addresses. */
	return err == -ESRCH || err == -EACCES || err == -EPERM ? 0 : err;
}

static int seed_each(struct processes *processes, uint64_t time_ns)
{
	CLEANUP(cleanup_directory) DIR *directory = opendir("/proc");
	struct dirent *entry;

	if (!directory)
		return -errno;
	while ((entry = readdir(directory))) {
		int err;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		err = seed_one(processes, (int32_t)strtol(entry->d_name, NULL, 10), time_ns);
		if (err < 0)
			return err;
	}
	return 0;
}

int processes_seed(struct processes *processes, int32_t pid)
{
	return processes_seed_at(processes, pid, 0);
}

int processes_seed_all(struct processes *processes)
{
	return seed_each(processes, 0);
}

int processes_reread(struct processes *processes, uint64_t time_ns)
{
	CLEANUP(pid_list_done) struct pid_list known = { 0 };
	int err = processes_list_known(processes, &known);

	for (size_t i = 0; !err && i < known.count; i++)
		err = seed_one(processes, known.items[i], time_ns);
	if (!err && processes_follows_all(processes))
		err = seed_each(processes, time_ns);
	return err;
}
