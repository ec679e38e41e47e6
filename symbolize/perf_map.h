/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader of perf maps: the text in which runtimes tell what code they have made, a line for each
 * piece, "START SIZE NAME", numbers in hex, with or without 0x; the name is all the rest. A line is
 * true from when it is written on, and until one about the same memory follows.
 *
 * The writer is a stranger, and still writing: the file is read on from where reading has ended, by
 * whole lines. Not thread-safe.
 */
#ifndef EPROF_SYMBOLIZE_PERF_MAP_H
#define EPROF_SYMBOLIZE_PERF_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct perf_map;

struct perf_map_stats {
	uint64_t bytes;    /* of the file, read so far */
	uint64_t entries;  /* lines understood, of code that is not empty */
	uint64_t empty;    /* lines about code of no size: they name no address */
	uint64_t refused;  /* lines that are no entries, or too long, or of absurd size */
	uint64_t no_room;  /* entries beyond the limit of memory */
	uint64_t restarts; /* the file was truncated, replaced or written anew */
};

/* bytes_max: memory for names and addresses, below 2 GiB. On success the caller owns *ret. */
int perf_map_new(size_t bytes_max, struct perf_map **ret);
void perf_map_free(struct perf_map *map); /* NULL is fine */

/*
 * Takes in what has been added to the file, a regular one, since the last call; from its beginning
 * when it is another file or no longer begins with what was read. At most *budget bytes, and then
 * some to the end of a line; what was read is taken off it. The rest is for the next calls. Nothing
 * about the descriptor is kept or changed. 0 or -errno.
 */
int perf_map_read(struct perf_map *map, int fd, uint64_t *budget);

/*
 * Whether the budget has ended the last reading: what is known is the older part of the file, and
 * any name in it may have been replaced since.
 */
bool perf_map_is_behind(const struct perf_map *map);

/* The name of the code at address, which lives until the next reading; NULL: it has none. */
const char *perf_map_find(const struct perf_map *map, uint64_t address);

/* Grows when an address may have another name than before. */
uint64_t perf_map_version(const struct perf_map *map);

size_t perf_map_bytes(const struct perf_map *map); /* of memory */
void perf_map_read_stats(const struct perf_map *map, struct perf_map_stats *ret);

#endif
