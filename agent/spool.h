/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles on their way to where they are uploaded, on disk: what was put is there after a crash or
 * a reboot, whole, until it was sent, was refused, or is pushed out by newer ones.
 *
 *	DIR/lock                 held by the agent that writes
 *	DIR/tmp/                 not whole yet; emptied when the writer opens
 *	DIR/queue/TARGET/NAME    to be sent, in the order of the names, which begin with the time
 *	DIR/dead/TARGET/NAME     refused by the target; NAME.txt has its answer
 *
 * TARGET is spool_target_id() of the URL. A file of several targets is one file with several links.
 * An item begins with a head in JSON, one line that says what the file is, and where its bytes
 * begin. Names are made of what is in it alone, so that putting or sending it twice is harmless.
 * The writer (the agent) puts and enforces the limits, the reader (the uploader, another process)
 * takes and parks: each works while the other does not.
 */
#ifndef EPROF_AGENT_SPOOL_H
#define EPROF_AGENT_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/profile_file.h"

#define SPOOL_TARGET_ID_SIZE 17 /* 16 hexadecimal digits */
#define SPOOL_NAME_MAX       255

/* By the URL without user and password, so that other credentials find the same queue. */
void spool_target_id(const char *url, char ret[SPOOL_TARGET_ID_SIZE]);

struct spool_limits {
	uint64_t bytes; /* of each target, queue and dead together; the oldest go first */
	uint64_t age_s;
};

/* What a target's part of the spool holds, and what it lost since the writer opened it. */
struct spool_usage {
	uint64_t files, bytes;  /* to be sent */
	uint64_t oldest_unix_s; /* when the oldest of them was recorded; 0: there is none */
	uint64_t dead_files, dead_bytes;
	uint64_t dropped_for_bytes, dropped_for_age; /* files */
};

struct spool_writer;

/*
 * Makes what is missing of DIR (its parent must exist; directories 0750, files 0640), takes the
 * lock, and removes what was not whole. ids: 64 at most, no two alike (-EINVAL: they would get each
 * other's files). Queues of other targets stay until they are too old. One line and -errno on
 * failure (-EBUSY: another agent has it; -EPERM: a stranger owns it, or everybody may write to it);
 * on success the caller owns *ret.
 */
int spool_writer_open(const char *dir, const struct spool_limits *limits,
		      const char (*ids)[SPOOL_TARGET_ID_SIZE], size_t count,
		      struct spool_writer **ret);
void spool_writer_close(struct spool_writer *writer); /* NULL is fine */

/*
 * Other targets and limits, after a reload; spool_enforce() goes by them. 0 or -errno as above,
 * without a line: then nothing has changed.
 */
int spool_writer_change(struct spool_writer *writer, const struct spool_limits *limits,
			const char (*ids)[SPOOL_TARGET_ID_SIZE], size_t count);

/*
 * Writes one file by write(), syncs it, and links it into the queues of the targets whose bits are
 * set; when it returns 0 it survives a crash. The oldest of a target that is full make room first,
 * and a few of the oldest where the disk is full: then write() is called once more. The same file
 * put again takes the place of the first. -errno on failure (-ENOSPC, -EFBIG: larger than the
 * limit; -E2BIG: its names and labels are too long; or what write() returned): nothing stays.
 */
typedef int (*spool_content)(const void *context, FILE *out);
int spool_put(struct spool_writer *writer, const struct profile_file *file, uint64_t targets,
	      spool_content write, const void *context);

/*
 * Drops what is too old or too much, also when nothing is put, and counts anew. Age is the time in
 * an item's name against now: what seems to come from the future, after the clock was set back,
 * stays until its time or until it is the oldest of too much, and makes nothing else older. 0 or
 * -errno.
 */
int spool_enforce(struct spool_writer *writer, uint64_t now_unix_s);

/* With what spool_put() put, and what the reader took by the last spool_enforce(). */
void spool_usage_of(const struct spool_writer *writer, size_t target, struct spool_usage *ret);

struct spool_reader;

/*
 * One target's queue, which a writer has made (-ENOENT); what is in it is seen when it comes. 0 or
 * -errno.
 */
int spool_reader_open(const char *dir, const char *target_id, struct spool_reader **ret);
void spool_reader_close(struct spool_reader *reader); /* NULL is fine */

/* An item that was taken. Pointers are the item's; its file is open and stays readable. */
struct spool_item {
	struct profile_file file;
	char name[SPOOL_NAME_MAX + 1];
	int fd;
	uint64_t offset, size; /* of the profile's bytes in fd */
};

/*
 * The oldest one that is there; the same again until it is done, parked or dropped. 1, 0 (there is
 * none) or -errno (-EACCES: the writer is another user). What is no item, or whose head makes no
 * sense, is parked with a text that says so, and the next one is taken; directories, and what
 * cannot be parked, are passed over with one line.
 */
int spool_take(struct spool_reader *reader, struct spool_item **ret);
void spool_item_free(struct spool_item *item); /* NULL is fine; it stays in the queue */

/* It was sent: it goes, durably. 0 or -errno; one that was dropped meanwhile is no error. */
int spool_done(struct spool_reader *reader, const struct spool_item *item);
/*
 * It was refused for good: it goes to the dead ones, with the text (4 KiB of it at most; without,
 * and with a line, where it cannot be written). 0 or -errno.
 */
int spool_park(struct spool_reader *reader, const struct spool_item *item, const char *text);

#endif
