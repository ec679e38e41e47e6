/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/target.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/process_threads.h"
#include "base/cleanup.h"

#define NAME_SIZE 64

/* Empty, as who has it may have made it. */
static void read_comm(int32_t id, char *ret, size_t size)
{
	CLEANUP(cleanup_file) FILE *file = NULL;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%" PRId32 "/comm", id);
	file = fopen(path, "re");
	if (!file || !fgets(ret, (int)size, file))
		(void)snprintf(ret, size, "%" PRId32, id);
	ret[strcspn(ret, "\n")] = '\0';
}

static const char *word_of_ids(const struct record_options *options)
{
	return options->target == TARGET_PIDS ? "pid" : "tid";
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static void short_name(const struct record_options *options, char *ret, size_t size)
{
	switch (options->target) {
	case TARGET_PIDS:
	case TARGET_TIDS:
		read_comm(options->ids[0], ret, size);
		return;
	case TARGET_CGROUP:
		(void)snprintf(ret, size, "%s", base_of(options->cgroup));
		return;
	case TARGET_COMMAND:
		(void)snprintf(ret, size, "%s", base_of(options->command[0]));
		return;
	case TARGET_ALL:
	case TARGET_NONE:
		(void)snprintf(ret, size, "all");
	}
}

void target_describe(const struct record_options *options, char ret[TARGET_TEXT_SIZE])
{
	char name[NAME_SIZE];
	int length;

	short_name(options, name, sizeof(name));
	switch (options->target) {
	case TARGET_PIDS:
	case TARGET_TIDS:
		length = snprintf(ret, TARGET_TEXT_SIZE, "%s (%s %" PRId32,
				  name[0] ? name : "[unnamed]", word_of_ids(options),
				  options->ids[0]);
		if (options->id_count > 1)
			length += snprintf(ret + length, TARGET_TEXT_SIZE - (size_t)length,
					   " and %zu more", options->id_count - 1);
		(void)snprintf(ret + length, TARGET_TEXT_SIZE - (size_t)length, ")");
		return;
	case TARGET_CGROUP:
		(void)snprintf(ret, TARGET_TEXT_SIZE, "cgroup %s", options->cgroup);
		return;
	case TARGET_COMMAND:
		(void)snprintf(ret, TARGET_TEXT_SIZE, "%s", name);
		return;
	case TARGET_ALL:
	case TARGET_NONE:
		(void)snprintf(ret, TARGET_TEXT_SIZE, "the whole machine");
	}
}

void target_directory(const struct record_options *options, time_t now, char ret[TARGET_TEXT_SIZE])
{
	char name[NAME_SIZE], stamp[32];
	struct tm utc;

	short_name(options, name, sizeof(name));
	if (!name[0] && options->id_count)
		(void)snprintf(name, sizeof(name), "%s-%" PRId32, word_of_ids(options),
			       options->ids[0]);
	/* A process names itself as it likes; a shell, and whoever types the path, must cope. */
	for (char *c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("._+-", *c))
			*c = '_';
	}
	(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
	(void)snprintf(ret, TARGET_TEXT_SIZE, "eprof-%s-%s", name, stamp);
}

int32_t target_process(int32_t tid)
{
	struct process_thread thread;

	return process_thread_read("", tid, &thread) < 0 ? tid : thread.pid;
}

/* A process's first thread stays as a zombie until the others have ended. */
static bool is_alive(int32_t tid)
{
	struct process_thread thread;

	return process_thread_read("", tid, &thread) == 0 && !thread.has_ended;
}

bool target_threads_alive(const struct record_options *options)
{
	for (size_t i = 0; i < options->id_count; i++) {
		if (is_alive(options->ids[i]))
			return true;
	}
	return false;
}
