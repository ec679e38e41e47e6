/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A spool and a way to send that do what a test says, also in another process: all is in the
 * directory that the spool is in, and uploader_fakes.c stands in for agent/spool.h and
 * agent/upload_send.h.
 *
 *	DIR/queue/TARGET/NAME, DIR/dead/TARGET/NAME, NAME.txt	as in agent/spool.h; any bytes
 *	DIR/script-NAME		of the target of this name: one line for each attempt
 *	DIR/events		a pipe: one line for each attempt
 *
 * Lines of a script, of which the first is taken each time; without one it is sent:
 *
 *	later SECONDS TEXT	fails; SECONDS is what it asks for
 *	refused TEXT
 *	long			fails with thousands of letters of two bytes each
 *	hang			until it is told to stop
 *	deaf			for ever
 */
#ifndef EPROF_TESTS_UNIT_UPLOADER_FAKES_H
#define EPROF_TESTS_UNIT_UPLOADER_FAKES_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent_config.h"
#include "agent/spool.h"

#define FAKE_PATH_SIZE  4096
#define FAKE_EVENT_SIZE 256

struct fake_spool {
	char dir[64];
	FILE *events;
};

static inline void fake_must(bool works)
{
	if (!works)
		abort();
}

/* DIR/FOLDER/TARGET, which is made. */
static inline void fake_path(const char *dir, const char *folder, const char *url,
			     char ret[FAKE_PATH_SIZE])
{
	char id[SPOOL_TARGET_ID_SIZE];

	spool_target_id(url, id);
	(void)snprintf(ret, FAKE_PATH_SIZE, "%s/%s", dir, folder);
	(void)mkdir(ret, 0700);
	(void)snprintf(ret, FAKE_PATH_SIZE, "%s/%s/%s", dir, folder, id);
	(void)mkdir(ret, 0700);
}

/* The pipe has a reader and a writer from the beginning, so that nobody waits for one. */
static inline void fake_spool_make(struct fake_spool *ret)
{
	char path[FAKE_PATH_SIZE];
	int fd;

	(void)snprintf(ret->dir, sizeof(ret->dir), "/tmp/eprof-uploader-XXXXXX");
	fake_must(mkdtemp(ret->dir));
	(void)snprintf(path, sizeof(path), "%s/events", ret->dir);
	fake_must(mkfifo(path, 0600) == 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	fake_must(fd >= 0);
	ret->events = fdopen(fd, "r");
	fake_must(ret->events);
}

static inline void fake_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	fake_must(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static inline void fake_put(const struct fake_spool *spool, const char *url, const char *name)
{
	char dir[FAKE_PATH_SIZE], path[FAKE_PATH_SIZE + 256];

	fake_path(spool->dir, "queue", url, dir);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fake_write(path, "profile");
}

static inline void fake_script(const struct fake_spool *spool, const char *target, const char *text)
{
	char path[FAKE_PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/script-%s", spool->dir, target);
	fake_write(path, text);
}

/* Waits for the next attempt: "TARGET ITEM OUTCOME". */
static inline const char *fake_event(const struct fake_spool *spool, char ret[FAKE_EVENT_SIZE])
{
	fake_must(fgets(ret, FAKE_EVENT_SIZE, spool->events));
	ret[strcspn(ret, "\n")] = '\0';
	return ret;
}

static inline size_t fake_count(const struct fake_spool *spool, const char *folder, const char *url)
{
	char path[FAKE_PATH_SIZE];
	const struct dirent *entry;
	size_t n = 0;
	DIR *dir;

	fake_path(spool->dir, folder, url, path);
	dir = opendir(path);
	fake_must(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

static inline void fake_spool_remove(struct fake_spool *spool)
{
	char command[FAKE_PATH_SIZE];

	(void)fclose(spool->events);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", spool->dir);
	fake_must(system(command) == 0);
}

#endif
