/* SPDX-License-Identifier: Apache-2.0 */
/* What the files spool_*.c share; nobody else includes it. */
#ifndef EPROF_AGENT_SPOOL_PARTS_H
#define EPROF_AGENT_SPOOL_PARTS_H

#include <sys/stat.h>

#include <cjson/cJSON.h>

#include "agent/spool.h"
#include "base/hashmap.h"

#define SPOOL_FILE_MODE     0640
#define SPOOL_TEXT_ENDING   ".txt" /* of what a target answered, after the name of the item */
/* Such a text has a name, too. */
#define SPOOL_ITEM_NAME_MAX (SPOOL_NAME_MAX - (sizeof(SPOOL_TEXT_ENDING) - 1))

/*
 * spool_directory.c
 */

/*
 * Opens a directory for reading and syncing; with may_make, it and its name are made durable where
 * it is missing. Below another one it may not be a link, and a stranger's, or one that everybody
 * may write to, is refused with -EPERM. 0 or -errno.
 */
int spool_directory_open(int parent_fd, const char *name, bool may_make, int *ret_fd);

/*
 * What is in a directory, or the outermost one (AT_FDCWD). False: it was made by somebody who had
 * no business there, or everybody may write to it.
 */
bool spool_is_ours(int parent_fd, const struct stat *status);

/* Each name of the directory but "." and ".."; ends at the first that is < 0, and returns it. */
typedef int (*spool_visit)(void *context, int directory_fd, const char *name);
int spool_directory_visit(int fd, spool_visit visit, void *context);

/*
 * spool_head.c: {"size":"00000000000000001234","kind":...} and a line feed. Numbers are strings, as
 * those of JSON are doubles for most who read them.
 */
#define SPOOL_HEAD_MAX        65536 /* with its line feed */
#define SPOOL_HEAD_LABELS_MAX 256

/* The caller frees *ret. Bytes that are no UTF-8 are replaced. 0, -E2BIG or -ENOMEM. */
int spool_head_make(const struct profile_file *file, char **ret);
/* Writes the size of the profile's bytes into the head, which is at the file's beginning. */
int spool_head_set_size(int fd, uint64_t size);

/* What was read; file points into the other two. The zero value is an empty one. */
struct spool_head {
	struct profile_file file;
	uint64_t size;
	cJSON *json;
	struct profile_label *labels;
};
void spool_head_done(struct spool_head *head);
/* A line without its line feed. 0, -ENOMEM, or -EBADMSG with *ret_reason, in words. */
int spool_head_parse(const char *line, size_t length, struct spool_head *ret,
		     const char **ret_reason);

/*
 * spool_item.c
 */

/* At most SPOOL_ITEM_NAME_MAX bytes: the time first, then what else tells it from others. */
int spool_name_make(const struct profile_file *file, char ret[SPOOL_NAME_MAX + 1]);
/* When what has this name was recorded; false: it is not a name of ours. */
bool spool_name_time(const char *name, uint64_t *ret_ns);
bool spool_name_is_text(const char *name);

/*
 * 0 and the caller's *ret; -ENOENT: it is gone; -EBADMSG: it is no item, *ret_reason says why, in
 * words; -EISDIR: nor can it be put away; otherwise nothing can be read for now.
 */
int spool_item_open(int queue_fd, const char *name, struct spool_item **ret,
		    const char **ret_reason);

/*
 * spool_oldest.c: the first names of directories that may have very many, in their order. What is
 * beyond them is seen when they are used up, and the directories are read again.
 */
struct spool_entry {
	uint64_t time_ns;
	uint64_t size;
	char *name;
	bool is_dead;
};

struct spool_oldest {
	struct spool_entry *entries;
	size_t first, count; /* entries[first] to entries[count - 1] */
	bool is_all;         /* nothing is beyond them */
};

/* Made empty before the first, and closed after the last is offered. The name is copied. */
int spool_oldest_begin(struct spool_oldest *oldest);
int spool_oldest_offer(struct spool_oldest *oldest, const struct spool_entry *entry);
void spool_oldest_end(struct spool_oldest *oldest);
/* One that came since. 0 or -ENOMEM: then it is beyond the others. */
int spool_oldest_add(struct spool_oldest *oldest, const struct spool_entry *entry);
/* NULL: all are used. */
const struct spool_entry *spool_oldest_first(const struct spool_oldest *oldest);
void spool_oldest_pop(struct spool_oldest *oldest);
void spool_oldest_done(struct spool_oldest *oldest);
/* The order: by time, then by name. */
int spool_entry_compare(const struct spool_entry *a, const struct spool_entry *b);

/*
 * spool_limits.c: what the writer knows of one target's part.
 */
struct spool_part {
	char id[SPOOL_TARGET_ID_SIZE];
	int queue_fd, dead_fd;
	struct spool_usage usage;
	uint64_t seed;
	struct hashmap sizes; /* of each name, so that a file is looked at once */
	struct spool_oldest oldest;
};

/* Counts what is there. 0 and *ret, to be ended with spool_part_done(), or -errno. */
int spool_part_open(int queues_fd, int deads_fd, const char *id, struct spool_part *ret);
void spool_part_done(struct spool_part *part);
/* Reads the directories. 0 or -errno: then the figures stay as they were. */
int spool_part_count(struct spool_part *part);
/* A file of that size is in the queue. */
int spool_part_added(struct spool_part *part, const char *name, uint64_t size, bool is_again);
/* Drops the oldest until there is room for size more. 0 or -errno. */
int spool_part_make_room(struct spool_part *part, uint64_t limit, uint64_t size);
/* Drops those of before; also where nothing was counted. 0 or -errno. */
int spool_part_age_out(struct spool_part *part, uint64_t before_ns);
/*
 * Drops the oldest one for its bytes; *freed grows by what the disk got back, if no other target
 * has it. 1, 0 (there is none) or -errno.
 */
int spool_part_drop_oldest(struct spool_part *part, uint64_t *freed);

/*
 * spool_writer.c
 */
struct spool_writer {
	int fd, lock_fd, tmp_fd, queues_fd, deads_fd;
	struct spool_limits limits;
	struct spool_part *parts;
	size_t part_count;
	uint64_t next_temporary;
};

#endif
