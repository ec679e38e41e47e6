/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/process_threads.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Of the kernel's flags of a thread (include/linux/sched.h). */
#define PF_KTHREAD 0x00200000u

static void cleanup_directory(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

/* /proc does not list threads at its top, but it knows them there. */
static FILE *open_text(const char *root, int32_t tid, const char *name)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/proc/%" PRId32 "/%s", root, tid, name);
	return fopen(path, "re");
}

/* Field 9 of man 5 proc_pid_stat; the name before may have anything in it. */
static bool is_kernel_thread(const char *root, int32_t tid)
{
	CLEANUP(cleanup_file) FILE *file = open_text(root, tid, "stat");
	unsigned int flags;
	const char *fields;
	char text[1024];
	size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	text[size] = '\0';
	fields = strrchr(text, ')');
	return fields && sscanf(fields, ") %*c %*s %*s %*s %*s %*s %u", &flags) == 1 &&
	       flags & PF_KTHREAD;
}

/* The process and whether it has ended. */
static int read_status(const char *root, int32_t tid, struct process_thread *ret)
{
	CLEANUP(cleanup_file) FILE *file = open_text(root, tid, "status");
	char line[256], state;
	int32_t pid;

	*ret = (struct process_thread){ 0 };
	while (file && !ret->pid && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "State: %c", &state) == 1)
			ret->has_ended = state == 'Z' || state == 'X';
		else if (sscanf(line, "Tgid: %" SCNd32, &pid) == 1)
			ret->pid = pid;
	}
	return ret->pid ? 0 : -ESRCH;
}

int process_thread_read(const char *root, int32_t tid, struct process_thread *ret)
{
	struct process_thread thread;
	int err = read_status(root, tid, &thread);

	if (err < 0)
		return err;
	thread.is_kernel = is_kernel_thread(root, tid);
	*ret = thread;
	return 0;
}

int32_t process_threads_living(const char *root, int32_t pid)
{
	CLEANUP(cleanup_directory) DIR *directory = NULL;
	struct process_thread thread;
	struct dirent *entry;
	char path[4096];

	if (read_status(root, pid, &thread) < 0 || !thread.has_ended)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/proc/%" PRId32 "/task", root, pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		int32_t tid = (int32_t)strtol(entry->d_name, NULL, 10);

		if (isdigit((unsigned char)entry->d_name[0]) &&
		    read_status(root, tid, &thread) == 0 && !thread.has_ended)
			return tid;
	}
	return 0;
}

static int open_of(int32_t tid, const char *name, int flags)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%" PRId32 "/%s", tid, name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int process_open(int32_t pid, const char *name, int flags)
{
	int32_t tid;
	int fd;

	/* Of the short programs of a busy machine most are gone: the least that tells. */
	if (kill(pid, 0) < 0 && errno == ESRCH)
		return -ENOENT;
	fd = open_of(pid, name, flags);
	tid = fd == -ENOENT || fd == -ESRCH ? process_threads_living("", pid) : 0;

	return tid ? open_of(tid, name, flags) : fd;
}
