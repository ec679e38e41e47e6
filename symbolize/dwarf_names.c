/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three binary searches: which unit, which function of it, which line. Names and paths are only
 * read when they are first asked for, as most never are.
 */
#include "symbolize/dwarf_names.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hashmap.h"
#include "symbolize/dwarf_die.h"
#include "symbolize/dwarf_file.h"
#include "symbolize/dwarf_index.h"
#include "symbolize/dwarf_units.h"
#include "symbolize/string_pool.h"

#define BYTES_MAX_DEFAULT    (256ULL << 20)
#define INFLATED_MAX_DEFAULT (2ULL << 30)

/*
 * Names that were asked for are kept for good, in a quarter of the budget. libdw has half of it, so
 * that there is always room for indexes.
 */
#define POOL_PART 4

/* Which entry has which name is forgotten when it takes more than that part. */
#define ORIGINS_PART 8

/* What libdw keeps of a unit whose entries were read, mostly abbreviations. */
#define LIBDW_INDEXED_BYTES (16 << 10)

/*
 * To begin anew costs a millisecond for each 2,000 units, as libdw reads the headers of all up to
 * the one that it is asked for: of a file with more than that, it has to be worth it.
 */
#define UNITS_FEW     4096
#define RENEW_INDEXED 256

/* From an instance to what it is an instance of, to its declaration: three in practice. */
#define ORIGINS_MAX 16

/* A file or a function that has been asked about, in vain. */
static const char nameless[] = "";

struct dwarf_names {
	struct dwarf_file file;
	struct dwarf_stats stats;
	uint64_t bytes_max;

	bool has_units; /* read, or refused */
	struct dwarf_units units;
	uint64_t units_bytes;

	/* Units that are indexed. */
	struct dwarf_index *newest, *oldest;
	uint64_t index_bytes;
	uint32_t libdw;         /* how often it was begun */
	uint64_t libdw_indexed; /* units that it has read of since */

	struct string_pool pool;
	struct hashmap origins; /* entry, as a pointer -> its name in the pool, or nameless */
};

static void cleanup_names(struct dwarf_names **names)
{
	dwarf_names_free(*names);
}

int dwarf_names_open(int fd, const struct dwarf_options *options, struct dwarf_names **ret)
{
	CLEANUP(cleanup_fd) int owned_fd = fd;
	CLEANUP(cleanup_names) struct dwarf_names *names = calloc(1, sizeof(*names));
	uint64_t inflated_max = options ? options->inflated_max : 0;
	int err;

	if (!names)
		return -ENOMEM;
	names->file.fd = names->file.alternate_fd = -1;
	names->libdw = 1;
	names->bytes_max = options && options->bytes_max ? options->bytes_max : BYTES_MAX_DEFAULT;
	names->pool.bytes_max = names->bytes_max / POOL_PART;
	err = dwarf_file_open(TAKE_FD(owned_fd), inflated_max ? inflated_max : INFLATED_MAX_DEFAULT,
			      &names->stats, &names->file);
	if (err < 0)
		return err;
	*ret = TAKE(names);
	return 0;
}

static void drop_index(struct dwarf_names *names, struct dwarf_index *index)
{
	if (index->newer)
		index->newer->older = index->older;
	else
		names->newest = index->older;
	if (index->older)
		index->older->newer = index->newer;
	else
		names->oldest = index->newer;
	names->units.items[index->unit].index = NULL;
	names->index_bytes -= dwarf_index_bytes(index);
	names->stats.indexed--;
	dwarf_index_free(index);
}

void dwarf_names_free(struct dwarf_names *names)
{
	if (!names)
		return;
	while (names->oldest)
		drop_index(names, names->oldest);
	dwarf_units_done(&names->units);
	dwarf_file_done(&names->file);
	string_pool_done(&names->pool);
	hashmap_done(&names->origins);
	free(names);
}

int dwarf_names_set_alternate(struct dwarf_names *names, int fd)
{
	return dwarf_file_set_alternate(&names->file, fd);
}

static uint64_t held_bytes(const struct dwarf_names *names)
{
	return names->units_bytes + names->index_bytes + names->pool.bytes +
	       hashmap_bytes(&names->origins) + names->libdw_indexed * LIBDW_INDEXED_BYTES;
}

static void drop_all(struct dwarf_names *names)
{
	while (names->oldest)
		drop_index(names, names->oldest);
	hashmap_clear(&names->origins);
}

static void reopen(struct dwarf_names *names)
{
	drop_all(names);
	names->libdw++;
	names->libdw_indexed = 0;
	names->stats.reopenings++;
	(void)dwarf_file_reopen(&names->file);
}

/* Indexes say where entries are, and libdw is only asked for names that they do not have yet: of
 * the C library it has taken as much as they have. */
static void rest_libdw(struct dwarf_names *names)
{
	bool has_few = names->stats.units <= UNITS_FEW;
	int err;

	if (names->libdw_indexed < (has_few ? 1 : RENEW_INDEXED))
		return;
	err = dwarf_file_renew(&names->file);
	if (err == -EOPNOTSUPP)
		return;
	if (err < 0) {
		reopen(names);
		return;
	}
	names->libdw++;
	names->libdw_indexed = 0;
	for (struct dwarf_index *index = names->oldest; index; index = index->newer)
		index->dwarf = names->file.dwarf;
}

void dwarf_names_rest(struct dwarf_names *names)
{
	rest_libdw(names);
	dwarf_file_rest(&names->file);
}

void dwarf_names_forget(struct dwarf_names *names)
{
	struct dwarf_index *newer;

	for (struct dwarf_index *index = names->oldest; index; index = newer) {
		newer = index->newer;
		if (index->is_asked)
			index->is_asked = false;
		else
			drop_index(names, index);
	}
	/* Of entries of any unit, and cheap to read again. */
	hashmap_done(&names->origins);
}

void dwarf_names_stats(const struct dwarf_names *names, struct dwarf_stats *ret)
{
	*ret = names->stats;
	ret->bytes = held_bytes(names);
}

static void keep_newest(struct dwarf_names *names, struct dwarf_index *index)
{
	index->newer = NULL;
	index->older = names->newest;
	if (names->newest)
		names->newest->newer = index;
	else
		names->oldest = index;
	names->newest = index;
}

static void touch(struct dwarf_names *names, struct dwarf_index *index)
{
	if (!index->newer)
		return;
	index->newer->older = index->older;
	if (index->older)
		index->older->newer = index->newer;
	else
		names->oldest = index->newer;
	keep_newest(names, index);
}

/* libdw never forgets: half of the budget is for it, and then it has to begin anew. */
static void limit_libdw(struct dwarf_names *names)
{
	if (names->libdw_indexed * LIBDW_INDEXED_BYTES > names->bytes_max / 2)
		reopen(names);
}

/* It keeps what it has read of a unit, also when the index is dropped. */
static void note_libdw(struct dwarf_names *names, struct dwarf_unit *unit)
{
	names->libdw_indexed += unit->libdw != names->libdw;
	unit->libdw = names->libdw;
}

static struct dwarf_index *index_unit(struct dwarf_names *names, uint32_t number)
{
	struct dwarf_unit *unit = &names->units.items[number];
	struct dwarf_index *index = unit->index;
	int err;

	if (index) {
		touch(names, index);
		index->is_asked = true;
		return index;
	}
	if (unit->is_refused)
		return NULL;
	limit_libdw(names);
	if (!names->file.dwarf)
		return NULL;
	note_libdw(names, unit);
	names->stats.indexings++;
	err = dwarf_index_read(&names->file, unit->die, names->bytes_max, &index);
	if (err < 0) {
		unit->is_refused = true;
		dwarf_refuse(&names->file,
			     err == -EBADMSG ? DWARF_REFUSED_MALFORMED : DWARF_REFUSED_LARGE);
		return NULL;
	}
	index->unit = number;
	index->is_asked = true;
	unit->index = index;
	keep_newest(names, index);
	names->stats.indexed++;
	names->index_bytes += dwarf_index_bytes(index);
	while (names->oldest != index && held_bytes(names) > names->bytes_max) {
		names->stats.evictions++;
		drop_index(names, names->oldest);
	}
	return index;
}

static void read_units(struct dwarf_names *names)
{
	int err = dwarf_units_read(&names->file, names->bytes_max, &names->units);

	if (err < 0)
		dwarf_refuse(&names->file, DWARF_REFUSED_LARGE);
	names->has_units = true;
	names->units_bytes = dwarf_units_bytes(&names->units, names->stats.units);
}

/* Asks the functions of those units that do not say themselves where their code is. */
static void close_units(struct dwarf_names *names)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < names->units.count; i++) {
		const struct dwarf_index *index;

		if (!names->units.items[i].is_open)
			continue;
		index = index_unit(names, i);
		err = dwarf_units_close(&names->units, i, index ? &index->functions : NULL);
	}
	if (!err)
		err = dwarf_units_map(&names->units);
	if (err < 0)
		dwarf_refuse(&names->file, DWARF_REFUSED_LARGE);
	names->units.open_count = 0;
	names->units_bytes = dwarf_units_bytes(&names->units, names->stats.units);
}

static struct dwarf_index *find_unit(struct dwarf_names *names, uint32_t place)
{
	uint32_t unit;

	if (!names->has_units)
		read_units(names);
	unit = dwarf_units_find(&names->units, place);
	if (unit == DWARF_NOBODY && names->units.open_count) {
		close_units(names);
		unit = dwarf_units_find(&names->units, place);
	}
	return unit == DWARF_NOBODY ? NULL : index_unit(names, unit);
}

/* Keeps a string; nameless when it is none, or there is no room. */
static const char *keep(struct dwarf_names *names, const char *string)
{
	const char *kept;

	if (!string || !*string)
		return nameless;
	kept = string_pool_keep(&names->pool, string);
	if (!kept)
		dwarf_refuse(&names->file, DWARF_REFUSED_LARGE);
	return kept ? kept : nameless;
}

/* The name of an entry: its own, or of what it is an instance of. A linkage name goes before. */
static const char *read_name(struct dwarf_names *names, Dwarf_Die *die)
{
	const struct dwarf_file *file = &names->file;
	const char *name = NULL, *linkage_name = NULL;
	Dwarf_Die origin = *die;

	for (size_t i = 0; i < ORIGINS_MAX && !linkage_name; i++) {
		struct dwarf_die attributes;

		if (!dwarf_die_read(&origin, &attributes))
			break;
		linkage_name = dwarf_die_string(file, attributes.linkage_name);
		if (!name)
			name = dwarf_die_string(file, attributes.name);
		if (!dwarf_die_refer(file, attributes.origin, &origin))
			break;
	}
	return keep(names, linkage_name ? linkage_name : name);
}

/* Instances of one function are many; its name is read once. */
static const char *read_origin_name(struct dwarf_names *names, Dwarf_Die *origin)
{
	uint64_t key = (uintptr_t)origin->addr, found;
	const char *name;

	if (hashmap_get(&names->origins, key, &found))
		return (const char *)(uintptr_t)found;
	if (hashmap_bytes(&names->origins) > names->bytes_max / ORIGINS_PART)
		hashmap_done(&names->origins);
	name = read_name(names, origin);
	(void)hashmap_put(&names->origins, key, (uintptr_t)name);
	return name;
}

static const char *function_name(struct dwarf_names *names, struct dwarf_index *index,
				 struct dwarf_function *function)
{
	struct dwarf_die attributes;
	Dwarf_Die die, origin;

	if (function->name)
		return function->name;
	note_libdw(names, &names->units.items[index->unit]);
	if (!dwarf_offdie(index->dwarf, index->die + function->die, &die) ||
	    !dwarf_die_read(&die, &attributes))
		function->name = nameless;
	else if (!attributes.linkage_name.valp && !attributes.name.valp &&
		 dwarf_die_refer(&names->file, attributes.origin, &origin))
		function->name = read_origin_name(names, &origin);
	else
		function->name = read_name(names, &die);
	return function->name;
}

/* The path of a file by the number it has in the lines. */
static const char *line_path(struct dwarf_names *names, const struct dwarf_index *index,
			     uint32_t number)
{
	struct dwarf_line_file *file = dwarf_lines_file(&index->lines, number);
	char path[PATH_MAX];

	if (!file)
		return NULL;
	if (!file->path &&
	    dwarf_lines_path(&index->lines, file, index->directory, path, sizeof(path)))
		file->path = keep(names, path);
	else if (!file->path)
		file->path = nameless;
	return file->path == nameless ? NULL : file->path;
}

/* The same for where a function was called. */
static const char *call_path(struct dwarf_names *names, const struct dwarf_index *index,
			     uint32_t number)
{
	const char **path;

	if (!index->has_split_files)
		return line_path(names, index, number);
	if (number >= index->split_count)
		return NULL;
	path = &index->split_paths[number];
	if (!*path)
		*path = keep(names, dwarf_filesrc(index->split_files, number, NULL, NULL));
	return *path == nameless ? NULL : *path;
}

static size_t answer(struct dwarf_names *names, struct dwarf_index *index, uint32_t place,
		     struct dwarf_frame *ret, size_t n)
{
	const struct dwarf_line_row *row = dwarf_lines_find(&index->lines, place);
	uint32_t at = dwarf_map_find(&index->functions.map, place);
	struct dwarf_frame frame = { 0 };
	size_t count = 0;

	if (row) {
		frame.file = line_path(names, index, row->file);
		frame.line = row->line;
	}
	if (at == DWARF_NOBODY && row)
		ret[count++] = frame;
	while (at != DWARF_NOBODY && count < n) {
		struct dwarf_function *function = &index->functions.items[at];
		const char *name = function_name(names, index, function);

		at = function->parent;
		frame.name = name == nameless ? NULL : name;
		frame.is_inlined = at != DWARF_NOBODY;
		/* What was inlined and has no name is a part of its caller. */
		if (frame.name || !frame.is_inlined)
			ret[count++] = frame;
		frame.file = call_path(names, index, function->call_file);
		frame.line = function->call_line;
	}
	return count;
}

size_t dwarf_names_find(struct dwarf_names *names, uint64_t address, struct dwarf_frame *ret,
			size_t n)
{
	const struct dwarf_file *file = &names->file;
	struct dwarf_index *index;
	uint32_t place;

	if (!n || !file->dwarf || address < file->code_low || address >= file->code_high)
		return 0;
	place = (uint32_t)(address - file->code_low);
	index = find_unit(names, place);
	return index ? answer(names, index, place, ret, n) : 0;
}
