/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/jitdump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "symbolize/file_change.h"
#include "symbolize/jit_store.h"
#include "symbolize/jitdump_lines.h"
#include "symbolize/jitdump_reader.h"

/* Runtimes that add to it mean a new version; more than a page is not a header. */
#define HEADER_SIZE_MAX 4096

/* Compilers of several threads: each writes a function's lines, then the function. */
#define LINES_WAITING 4

/* Records are written while we read; nobody's clock is this far ahead if it is the same as ours. */
#define FUTURE_MAX_NS (UINT64_C(10) * NS_PER_SECOND)

/* What the store keeps about a function. After it: its lines, its name, and the names of files. */
struct about {
	uint64_t code_index;
	uint32_t line_count;
	uint32_t unused;
	struct jitdump_line lines[];
};

struct jitdump {
	struct jit_store store;
	struct jitdump_stats stats;
	struct jitdump_header header; /* all 0: none was read yet */
	uint64_t offset;              /* all before has been read */
	struct stat file;             /* as of the last reading; all 0 before */
	bool is_behind;               /* the budget has ended it */
	int broken;                   /* why it is read no further; or 0 */
	bool is_untimed;
	struct jitdump_lines waiting[LINES_WAITING]; /* for their functions to be loaded */
	size_t next_waiting;
	char *about; /* in the making */
	size_t about_capacity;
};

/* What one call of jitdump_read() knows. */
struct reading {
	struct jitdump *dump;
	struct jitdump_window window;
	uint64_t now_ns;
	uint64_t budget; /* bytes left */
};

int jitdump_new(size_t bytes_max, struct jitdump **ret)
{
	struct jitdump *dump = calloc(1, sizeof(*dump));

	if (!dump)
		return -ENOMEM;
	dump->store.bytes_max = bytes_max;
	*ret = dump;
	return 0;
}

void jitdump_free(struct jitdump *dump)
{
	if (!dump)
		return;
	jit_store_done(&dump->store);
	for (size_t i = 0; i < LINES_WAITING; i++)
		jitdump_lines_done(&dump->waiting[i]);
	free(dump->about);
	free(dump);
}

static void restart(struct jitdump *dump)
{
	if (dump->offset) {
		jit_store_clear(&dump->store);
		dump->stats.restarts++;
	}
	for (size_t i = 0; i < LINES_WAITING; i++)
		dump->waiting[i].count = 0;
	dump->offset = 0;
	dump->broken = 0;
	dump->is_untimed = false;
	dump->header = (struct jitdump_header){ 0 };
}

static uint64_t time_of(const struct reading *reading, const struct jitdump_record *record)
{
	struct jitdump *dump = reading->dump;

	if (record->timestamp > reading->now_ns + FUTURE_MAX_NS)
		dump->is_untimed = true;
	return dump->is_untimed ? 0 : record->timestamp;
}

/* What does not fit is counted; what is left is -ENOMEM. */
static int place(struct jitdump *dump, uint64_t start, uint64_t end, uint64_t since_ns,
		 uint32_t code)
{
	int err =
		jit_store_place(&dump->store, &(struct jit_range){ start, end, since_ns, code, 0 });

	dump->stats.entries += !err && code != JIT_CODE_NONE;
	return err;
}

static bool is_range(uint64_t start, uint64_t size)
{
	return size <= JIT_CODE_SIZE_MAX && start + size >= start;
}

static struct jitdump_lines *find_lines(struct jitdump *dump, uint64_t code_address)
{
	for (size_t i = 0; i < LINES_WAITING; i++) {
		if (dump->waiting[i].count && dump->waiting[i].code_address == code_address)
			return &dump->waiting[i];
	}
	return NULL;
}

static int make_about(struct jitdump *dump, uint64_t code_index, const char *name,
		      const struct jitdump_lines *lines, size_t *ret_size)
{
	size_t name_size = strlen(name) + 1, count = lines ? lines->count : 0;
	size_t lines_size = count * sizeof(struct jitdump_line);
	size_t files_size = count ? lines->files_used : 0;
	size_t size = sizeof(struct about) + lines_size + name_size + files_size;
	struct about *about;
	char *text;

	if (size > dump->about_capacity) {
		char *grown = realloc(dump->about, size);

		if (!grown)
			return -ENOMEM;
		dump->about = grown;
		dump->about_capacity = size;
	}
	about = (struct about *)dump->about;
	*about = (struct about){ .code_index = code_index, .line_count = (uint32_t)count };
	text = (char *)&about->lines[count];
	memcpy(text, name, name_size);
	if (count) {
		memcpy(about->lines, lines->items, lines_size);
		memcpy(text + name_size, lines->files, files_size);
	}
	*ret_size = size;
	return 0;
}

static int add_function(struct jitdump *dump, const struct jitdump_load *load, const char *name,
			uint64_t since_ns)
{
	struct jitdump_lines *lines = find_lines(dump, load->code_address);
	size_t line_count = lines ? lines->count : 0, size;
	uint32_t code;
	int err = make_about(dump, load->code_index, name, lines, &size);

	if (err < 0)
		return err;
	if (lines)
		lines->count = 0;
	err = jit_store_keep(&dump->store, dump->about, size, &code);
	if (err == -ENOSPC) {
		dump->stats.no_room++;
		return 0;
	}
	if (err < 0)
		return err;
	dump->stats.lines += line_count;
	return place(dump, load->code_address, load->code_address + load->code_size, since_ns,
		     code);
}

static int take_load(struct reading *reading, const struct jitdump_record *record)
{
	struct jitdump *dump = reading->dump;
	uint64_t end = dump->offset + record->total_size, since_ns = time_of(reading, record);
	struct jitdump_load load;
	const char *bytes;
	int err;

	if (record->total_size < sizeof(load))
		return -EINVAL;
	err = jitdump_window_look(&reading->window, dump->offset, sizeof(load), &bytes);
	if (err < 0)
		return err;
	memcpy(&load, bytes, sizeof(load));
	if (!is_range(load.code_address, load.code_size) ||
	    load.code_size > record->total_size - sizeof(load))
		return -EINVAL;
	err = jitdump_window_string(&reading->window, dump->offset + sizeof(load),
				    end - load.code_size, &bytes);
	if (err < 0)
		return err;
	if (load.pid != dump->header.pid) {
		dump->stats.foreign++;
		return 0;
	}
	if (!bytes[0])
		return -EINVAL;
	return load.code_size ? add_function(dump, &load, bytes, since_ns) : 0;
}

static int take_move(struct reading *reading, const struct jitdump_record *record)
{
	struct jitdump *dump = reading->dump;
	uint64_t since_ns = time_of(reading, record);
	const struct about *about;
	struct jitdump_move move;
	struct jit_found found;
	const char *bytes;
	int err;

	if (record->total_size < sizeof(move))
		return -EINVAL;
	err = jitdump_window_look(&reading->window, dump->offset, sizeof(move), &bytes);
	if (err < 0)
		return err;
	memcpy(&move, bytes, sizeof(move));
	if (move.pid != dump->header.pid) {
		dump->stats.foreign++;
		return 0;
	}
	/* One piece where it was, which is nobody's from now on, and one where it is. */
	err = jit_store_room(&dump->store, 2);
	if (err == -ENOSPC) {
		dump->stats.no_room++;
		return 0;
	}
	if (err < 0)
		return err;
	if (!move.code_size || !is_range(move.new_address, move.code_size) ||
	    !jit_store_find(&dump->store, move.old_address, UINT64_MAX, &found))
		return -EINVAL;
	about = found.about;
	if (about->code_index != move.code_index || found.offset)
		return -EINVAL;
	err = place(dump, move.old_address, found.end, since_ns, JIT_CODE_NONE);
	return err < 0 ? err
		       : place(dump, move.new_address, move.new_address + move.code_size, since_ns,
			       found.code);
}

static int take_lines(struct reading *reading, const struct jitdump_record *record)
{
	struct jitdump *dump = reading->dump;
	struct jitdump_lines *lines = &dump->waiting[dump->next_waiting];

	dump->next_waiting = (dump->next_waiting + 1) % LINES_WAITING;
	return jitdump_lines_read(&reading->window, dump->offset, record->total_size, lines);
}

static int take_record(struct reading *reading, const struct jitdump_record *record)
{
	int err = 0;

	switch (record->id) {
	case JITDUMP_LOAD:
		err = take_load(reading, record);
		break;
	case JITDUMP_MOVE:
		err = take_move(reading, record);
		break;
	case JITDUMP_DEBUG_INFO:
		err = take_lines(reading, record);
		break;
	default:
		break;
	}
	if (err != -EINVAL)
		return err;
	if (record->id == JITDUMP_DEBUG_INFO)
		reading->dump->stats.lines_refused++;
	else
		reading->dump->stats.refused++;
	return 0;
}

/* Where records end, so does reading: for now, or for good. */
static int read_records(struct reading *reading)
{
	struct jitdump *dump = reading->dump;

	while (reading->budget > 0) {
		struct jitdump_record record;
		const char *bytes;
		int err =
			jitdump_window_look(&reading->window, dump->offset, sizeof(record), &bytes);

		if (err < 0)
			return err;
		memcpy(&record, bytes, sizeof(record));
		if (record.total_size < sizeof(record))
			return dump->broken = -EBADMSG;
		if (record.total_size > reading->window.file_size - dump->offset)
			return -ENODATA;
		err = take_record(reading, &record);
		if (err < 0)
			return err;
		dump->offset += record.total_size;
		dump->stats.bytes += record.total_size;
		reading->budget -=
			record.total_size < reading->budget ? record.total_size : reading->budget;
	}
	dump->is_behind = dump->offset < reading->window.file_size;
	return 0;
}

static int check_header(const struct jitdump_header *header)
{
	if (header->magic != JITDUMP_MAGIC)
		return -ENOEXEC;
	if (header->version != JITDUMP_VERSION || (header->flags & ~JITDUMP_FLAG_ARCH_TIMESTAMPS) ||
	    header->total_size < sizeof(*header) || header->total_size > HEADER_SIZE_MAX)
		return -EPROTO;
	return 0;
}

static int read_header(struct reading *reading)
{
	struct jitdump *dump = reading->dump;
	struct jitdump_header header;
	const char *bytes;
	int err = jitdump_window_look(&reading->window, 0, sizeof(header), &bytes);

	if (err == -ENODATA)
		restart(dump);
	if (err < 0)
		return err;
	memcpy(&header, bytes, sizeof(header));
	if (dump->header.magic && !memcmp(&header, &dump->header, sizeof(header)) &&
	    dump->offset <= reading->window.file_size)
		return dump->broken;
	restart(dump);
	dump->broken = check_header(&header);
	if (!dump->broken && header.total_size > reading->window.file_size)
		return -ENODATA;
	dump->header = header;
	if (dump->broken)
		return dump->broken;
	dump->offset = header.total_size;
	dump->stats.bytes += header.total_size;
	dump->is_untimed = header.flags & JITDUMP_FLAG_ARCH_TIMESTAMPS;
	return 0;
}

static int read_on(struct reading *reading)
{
	int err = read_header(reading);

	return err < 0 ? err : read_records(reading);
}

int jitdump_read(struct jitdump *dump, int fd, uint64_t now_ns, uint64_t *budget)
{
	struct reading reading = { .dump = dump, .now_ns = now_ns, .budget = *budget };
	struct stat file;
	int err;

	if (fstat(fd, &file) < 0)
		return -errno;
	if (!dump->is_behind && file_is_unchanged(&file, &dump->file))
		return dump->broken;
	if (!file_is_same(&file, &dump->file))
		restart(dump);
	dump->file = file;
	dump->is_behind = false;
	reading.window = (struct jitdump_window){ .fd = fd, .file_size = (uint64_t)file.st_size };
	err = read_on(&reading);
	jitdump_window_done(&reading.window);
	*budget = reading.budget;
	/* The rest is still being written. */
	return err == -ENODATA ? 0 : err;
}

bool jitdump_is_behind(const struct jitdump *dump)
{
	return dump->is_behind;
}

bool jitdump_find(const struct jitdump *dump, uint64_t address, uint64_t time_ns,
		  struct jitdump_code *ret)
{
	const struct jitdump_line *line;
	const struct about *about;
	struct jit_found found;
	const char *name;

	if (!jit_store_find(&dump->store, address, time_ns, &found))
		return false;
	about = found.about;
	name = (const char *)&about->lines[about->line_count];
	line = jitdump_lines_find(about->lines, about->line_count, found.offset);
	*ret = (struct jitdump_code){ .name = name };
	if (!line)
		return true;
	ret->file = name + strlen(name) + 1 + line->file;
	ret->line = line->line;
	return true;
}

void jitdump_forget(struct jitdump *dump, uint64_t before_ns)
{
	jit_store_forget(&dump->store, before_ns);
}

uint64_t jitdump_version(const struct jitdump *dump)
{
	return dump->store.replaced;
}

size_t jitdump_bytes(const struct jitdump *dump)
{
	return jit_store_bytes(&dump->store);
}

void jitdump_read_stats(const struct jitdump *dump, struct jitdump_stats *ret)
{
	*ret = dump->stats;
}
