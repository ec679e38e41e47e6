/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/perf_map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "symbolize/file_change.h"
#include "symbolize/jit_store.h"

#define BUFFER_SIZE (256u << 10)

/* Names with a path of 4,095 bytes, and then some. */
#define LINE_MAX_BYTES 8192
_Static_assert(2 * LINE_MAX_BYTES < BUFFER_SIZE, "a buffer has whole lines");

/* What stands right before the place where reading goes on: is it still the same file? */
#define SEEN_MAX 64

struct perf_map {
	struct jit_store store;
	struct perf_map_stats stats;
	uint64_t offset; /* all before has been read */
	char seen[SEEN_MAX];
	size_t seen_size;
	struct stat file; /* as of the last reading; all 0 before */
	bool is_behind;   /* the budget has ended it */
	bool is_skipping; /* a line that is too long, until its end */
};

int perf_map_new(size_t bytes_max, struct perf_map **ret)
{
	struct perf_map *map = calloc(1, sizeof(*map));

	if (!map)
		return -ENOMEM;
	map->store.bytes_max = bytes_max;
	*ret = map;
	return 0;
}

void perf_map_free(struct perf_map *map)
{
	if (!map)
		return;
	jit_store_done(&map->store);
	free(map);
}

static void restart(struct perf_map *map)
{
	if (!map->offset)
		return;
	jit_store_clear(&map->store);
	map->stats.restarts++;
	map->offset = 0;
	map->seen_size = 0;
	map->is_skipping = false;
}

/* -1: no hex digit. */
static int digit_of(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	character |= 0x20;
	return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* A number and the blanks behind it, at least one; what follows, or NULL. */
static const char *parse_number(const char *text, uint64_t *ret)
{
	uint64_t number = 0;
	const char *digits;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		text += 2;
	for (digits = text; digit_of(*text) >= 0; text++) {
		if (number >> 60)
			return NULL;
		number = number << 4 | (uint64_t)digit_of(*text);
	}
	if (text == digits || (*text != ' ' && *text != '\t'))
		return NULL;
	while (*text == ' ' || *text == '\t')
		text++;
	*ret = number;
	return text;
}

/* line ends in a NUL in place of its line break, and has none inside. */
static int take_line(struct perf_map *map, const char *line, size_t length)
{
	struct jit_range range = { 0 };
	uint64_t size;
	const char *name = parse_number(line, &range.start);
	int err;

	if (name)
		name = parse_number(name, &size);
	if (!name || !name[0] || size > JIT_CODE_SIZE_MAX || range.start + size < range.start) {
		map->stats.refused++;
		return 0;
	}
	if (!size) {
		map->stats.empty++;
		return 0;
	}
	range.end = range.start + size;
	err = jit_store_keep(&map->store, name, (size_t)(line + length - name) + 1, &range.code);
	if (!err)
		err = jit_store_place(&map->store, &range);
	if (err == -ENOSPC) {
		map->stats.no_room++;
		return 0;
	}
	map->stats.entries += !err;
	return err;
}

/* One whole line, of length bytes with its line break, which is overwritten. */
static int end_line(struct perf_map *map, char *line, size_t length)
{
	bool is_rest = map->is_skipping;

	map->is_skipping = false;
	length--;
	if (length > 0 && line[length - 1] == '\r')
		length--;
	if (is_rest || length == 0)
		return 0;
	if (length > LINE_MAX_BYTES || memchr(line, '\0', length)) {
		map->stats.refused++;
		return 0;
	}
	line[length] = '\0';
	return take_line(map, line, length);
}

/* The lines in bytes; *ret_taken is what the whole ones have, or all that is too long for one. */
static int take_lines(struct perf_map *map, char *bytes, size_t size, size_t *ret_taken)
{
	size_t taken = 0;

	while (taken < size) {
		char *line = bytes + taken, *end = memchr(line, '\n', size - taken);
		int err;

		if (!end)
			break;
		err = end_line(map, line, (size_t)(end - line) + 1);
		if (err < 0)
			return err;
		taken += (size_t)(end - line) + 1;
	}
	if (size - taken > LINE_MAX_BYTES) {
		map->stats.refused += !map->is_skipping;
		map->is_skipping = true;
		taken = size;
	}
	*ret_taken = taken;
	return 0;
}

/* Before they are overwritten: the last of the bytes that are going to be taken. */
static void note_seen(struct perf_map *map, const char *bytes, size_t size)
{
	size_t kept = size < SEEN_MAX ? SEEN_MAX - size : 0;

	if (kept > map->seen_size)
		kept = map->seen_size;
	if (size > SEEN_MAX) {
		bytes += size - SEEN_MAX;
		size = SEEN_MAX;
	}
	memmove(map->seen, map->seen + map->seen_size - kept, kept);
	memcpy(map->seen + kept, bytes, size);
	map->seen_size = kept + size;
}

/* What take_lines() is going to take. */
static size_t whole_lines(const char *bytes, size_t size)
{
	const char *end = memrchr(bytes, '\n', size);
	size_t whole = end ? (size_t)(end - bytes) + 1 : 0;

	return size - whole > LINE_MAX_BYTES ? size : whole;
}

static int read_on(struct perf_map *map, int fd, uint64_t *budget)
{
	CLEANUP(cleanup_free) char *bytes = malloc(BUFFER_SIZE);

	if (!bytes)
		return -ENOMEM;
	while (*budget > 0) {
		ssize_t size = pread(fd, bytes, BUFFER_SIZE, (off_t)map->offset);
		size_t taken;
		int err;

		if (size < 0)
			return -errno;
		taken = whole_lines(bytes, (size_t)size);
		if (!taken)
			return 0; /* the end, but for a line that is being written */
		note_seen(map, bytes, taken);
		err = take_lines(map, bytes, (size_t)size, &taken);
		if (err < 0)
			return err;
		map->offset += taken;
		map->stats.bytes += taken;
		*budget -= taken < *budget ? taken : *budget;
	}
	map->is_behind = map->offset < (uint64_t)map->file.st_size;
	return 0;
}

static bool is_as_seen(const struct perf_map *map, int fd)
{
	char bytes[SEEN_MAX];

	return pread(fd, bytes, map->seen_size, (off_t)(map->offset - map->seen_size)) ==
		       (ssize_t)map->seen_size &&
	       !memcmp(bytes, map->seen, map->seen_size);
}

int perf_map_read(struct perf_map *map, int fd, uint64_t *budget)
{
	struct stat file;

	if (fstat(fd, &file) < 0)
		return -errno;
	if (!map->is_behind && file_is_unchanged(&file, &map->file))
		return 0;
	if (!file_is_same(&file, &map->file) || !is_as_seen(map, fd))
		restart(map);
	map->file = file;
	map->is_behind = false;
	jit_store_forget(&map->store, 0);
	return read_on(map, fd, budget);
}

bool perf_map_is_behind(const struct perf_map *map)
{
	return map->is_behind;
}

const char *perf_map_find(const struct perf_map *map, uint64_t address)
{
	struct jit_found found;

	return jit_store_find(&map->store, address, UINT64_MAX, &found) ? found.about : NULL;
}

uint64_t perf_map_version(const struct perf_map *map)
{
	return map->store.replaced;
}

size_t perf_map_bytes(const struct perf_map *map)
{
	return jit_store_bytes(&map->store);
}

void perf_map_read_stats(const struct perf_map *map, struct perf_map_stats *ret)
{
	*ret = map->stats;
}
