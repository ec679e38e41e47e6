/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader of jitdump files (tools/perf/Documentation/jitdump-specification.txt in the kernel's
 * tree): binary records of what code a runtime has made, moved, and which source lines it is from,
 * each with its time. Where memory is used again, the time tells which code it was.
 *
 * The writer is a stranger, and still writing: the file is read on from where reading has ended, by
 * whole records. The code itself and its unwinding information are passed over. Files of machines
 * of the other byte order are refused. Not thread-safe.
 */
#ifndef EPROF_SYMBOLIZE_JITDUMP_H
#define EPROF_SYMBOLIZE_JITDUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jitdump;

struct jitdump_stats {
	uint64_t bytes;         /* of the file, read or passed over so far */
	uint64_t entries;       /* functions loaded or moved, that are not empty */
	uint64_t lines;         /* of loaded functions */
	uint64_t refused;       /* records that contradict themselves; without those about lines */
	uint64_t lines_refused; /* those: functions without lines */
	uint64_t foreign;       /* records of another process, that has inherited the file */
	uint64_t no_room;       /* functions loaded or moved beyond the limit of memory */
	uint64_t restarts;      /* the file was truncated, replaced or written anew */
};

/* What is known of an address. Strings live until the next reading. */
struct jitdump_code {
	const char *name;
	const char *file; /* or NULL */
	uint32_t line;    /* 0: unknown */
};

/* bytes_max: memory for what is kept, below 2 GiB. On success the caller owns *ret. */
int jitdump_new(size_t bytes_max, struct jitdump **ret);
void jitdump_free(struct jitdump *dump); /* NULL is fine */

/*
 * Takes in what has been added to the file, a regular one, since the last call: at most *budget
 * bytes of it, by whole records; that is taken off. now_ns is the clock of the times that are asked
 * about: records that are from later have another clock, and no time (nor have those of a file that
 * says so). Nothing about the descriptor is kept or changed.
 *
 * 0, or -errno, -EIO and -ENOMEM for instance; -ENOEXEC: no jitdump file of this machine, -EPROTO:
 * of another version or with unknown flags, -EBADMSG: a record whose size cannot be. After these
 * three the file is read no further until it begins otherwise; what was read before stays.
 */
int jitdump_read(struct jitdump *dump, int fd, uint64_t now_ns, uint64_t *budget);

/* Whether the budget has ended the last reading: what has been replaced since is not known yet. */
bool jitdump_is_behind(const struct jitdump *dump);

/*
 * The code at address at a time: what was written last before it; what was written first after it,
 * when nothing was, as functions are often told of after they have begun to run. False: none.
 */
bool jitdump_find(const struct jitdump *dump, uint64_t address, uint64_t time_ns,
		  struct jitdump_code *ret);

/* Nobody will ask about times before. */
void jitdump_forget(struct jitdump *dump, uint64_t before_ns);

/* Grows when an address may have another name than before. */
uint64_t jitdump_version(const struct jitdump *dump);

size_t jitdump_bytes(const struct jitdump *dump); /* of memory */
void jitdump_read_stats(const struct jitdump *dump, struct jitdump_stats *ret);

#endif
