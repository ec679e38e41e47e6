/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/process_maps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "agent/process_threads.h"
#include "base/cleanup.h"

static FILE *open_maps(int32_t tid)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%" PRId32 "/maps", tid);
	return fopen(path, "re");
}

/* Nothing is taken from it. */
static bool has_lines(FILE *file)
{
	int c = getc(file);

	return c != EOF && ungetc(c, file) != EOF;
}

int process_maps_open(int32_t pid, FILE **ret)
{
	CLEANUP(cleanup_file) FILE *file = open_maps(pid);
	int err = file ? 0 : -errno;
	struct process_thread thread;
	int32_t tid;

	if (err && err != -ENOENT && err != -ESRCH)
		return err;
	/* A thread without memory: of newer kernels it has no such file (-ESRCH). */
	if (!file || !has_lines(file)) {
		if (process_thread_read("", pid, &thread) < 0)
			return -ESRCH;
		tid = process_threads_living("", pid);
		if (file)
			(void)fclose(file);
		file = tid ? open_maps(tid) : NULL;
	}
	*ret = TAKE(file);
	return 0;
}

/* One line of /proc/PID/maps (man 5 proc); anything else is passed over. */
static int hand_out_line(int32_t pid, char *line, process_maps_handler handler, void *context)
{
	struct mapping_source source = { .pid = pid };
	unsigned int major, minor;
	uint64_t offset;
	char access[5];
	int path_at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n",
		   &source.start, &source.end, access, &offset, &major, &minor, &source.inode,
		   &path_at) < 7 ||
	    !path_at)
		return 0;
	if (!strchr(access, 'x'))
		return 0;
	line[strcspn(line, "\n")] = '\0';
	source.device = makedev(major, minor);
	source.path = line + path_at;
	return handler(context, &source, offset);
}

int process_maps_read(FILE *file, int32_t pid, process_maps_handler handler, void *context)
{
	CLEANUP(cleanup_free) char *line = NULL;
	size_t line_size = 0;

	while (file && getline(&line, &line_size, file) > 0) {
		int err = hand_out_line(pid, line, handler, context);

		if (err < 0)
			return err;
	}
	return 0;
}
