/* SPDX-License-Identifier: Apache-2.0 */
/* Writes jitdump files as runtimes do, and as they should not. */
#ifndef EPROF_TESTS_UNIT_JITDUMP_FILE_H
#define EPROF_TESTS_UNIT_JITDUMP_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "symbolize/jitdump_reader.h"

#define DUMP_PID 4242

static inline void dump_bytes(int fd, const void *bytes, size_t size)
{
	assert_true(lseek(fd, 0, SEEK_END) >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
}

static inline struct jitdump_header dump_header(void)
{
	return (struct jitdump_header){
		.magic = JITDUMP_MAGIC,
		.version = JITDUMP_VERSION,
		.total_size = sizeof(struct jitdump_header),
		.machine = 62,
		.pid = DUMP_PID,
		.timestamp = 1,
	};
}

/* A function that fits all it says. */
static inline struct jitdump_load dump_load(const char *name, uint64_t address, uint32_t size,
					    uint64_t time_ns)
{
	return (struct jitdump_load){
		.record = { .id = JITDUMP_LOAD,
			    .total_size = (uint32_t)(sizeof(struct jitdump_load) + strlen(name) +
						     1 + size),
			    .timestamp = time_ns },
		.pid = DUMP_PID,
		.tid = DUMP_PID,
		.vma = address,
		.code_address = address,
		.code_size = size,
		.code_index = address,
	};
}

static inline void dump_write_load(int fd, const struct jitdump_load *load, const char *name)
{
	static const char code[4096];
	uint64_t left = load->code_size;

	dump_bytes(fd, load, sizeof(*load));
	dump_bytes(fd, name, strlen(name) + 1);
	for (; left > 0; left -= left < sizeof(code) ? left : sizeof(code))
		dump_bytes(fd, code, left < sizeof(code) ? left : sizeof(code));
}

static inline void dump_function(int fd, const char *name, uint64_t address, uint32_t size,
				 uint64_t time_ns)
{
	struct jitdump_load load = dump_load(name, address, size, time_ns);

	dump_write_load(fd, &load, name);
}

static inline struct jitdump_move dump_move(uint64_t from, uint64_t to, uint64_t size,
					    uint64_t code_index, uint64_t time_ns)
{
	return (struct jitdump_move){
		.record = { JITDUMP_MOVE, sizeof(struct jitdump_move), time_ns },
		.pid = DUMP_PID,
		.tid = DUMP_PID,
		.vma = to,
		.old_address = from,
		.new_address = to,
		.code_size = size,
		.code_index = code_index,
	};
}

struct dump_line {
	uint64_t address;
	uint32_t line;
	const char *file;
};

static inline void dump_lines_of(int fd, uint64_t address, const struct dump_line *lines,
				 size_t count, uint64_t count_told)
{
	struct jitdump_debug_info info = {
		.record = { JITDUMP_DEBUG_INFO, sizeof(info), 1 },
		.code_address = address,
		.entry_count = count_told,
	};

	for (size_t i = 0; i < count; i++)
		info.record.total_size +=
			(uint32_t)(sizeof(struct jitdump_debug_entry) + strlen(lines[i].file) + 1);
	dump_bytes(fd, &info, sizeof(info));
	for (size_t i = 0; i < count; i++) {
		struct jitdump_debug_entry entry = { lines[i].address, lines[i].line, 7 };

		dump_bytes(fd, &entry, sizeof(entry));
		dump_bytes(fd, lines[i].file, strlen(lines[i].file) + 1);
	}
}

#endif
