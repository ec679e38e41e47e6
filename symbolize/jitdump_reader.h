/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a jitdump file as they stand in it, and a window over a file that is growing. */
#ifndef EPROF_SYMBOLIZE_JITDUMP_READER_H
#define EPROF_SYMBOLIZE_JITDUMP_READER_H

#include <stddef.h>
#include <stdint.h>

#define JITDUMP_MAGIC                UINT32_C(0x4a695444) /* "JiTD", read as a number */
#define JITDUMP_VERSION              1
#define JITDUMP_FLAG_ARCH_TIMESTAMPS UINT64_C(1)

struct jitdump_header {
	uint32_t magic;
	uint32_t version;
	uint32_t total_size;
	uint32_t machine;
	uint32_t unused;
	uint32_t pid;
	uint64_t timestamp;
	uint64_t flags;
};
_Static_assert(sizeof(struct jitdump_header) == 40, "as in the file");

enum jitdump_record_id {
	JITDUMP_LOAD = 0,
	JITDUMP_MOVE = 1,
	JITDUMP_DEBUG_INFO = 2,
	/* 3: the end of the runtime, 4: unwinding information */
};

struct jitdump_record {
	uint32_t id;
	uint32_t total_size;
	uint64_t timestamp;
};
_Static_assert(sizeof(struct jitdump_record) == 16, "as in the file");

/* After it: the name, zero-terminated, and the code. */
struct jitdump_load {
	struct jitdump_record record;
	uint32_t pid, tid;
	uint64_t vma;
	uint64_t code_address;
	uint64_t code_size;
	uint64_t code_index;
};
_Static_assert(sizeof(struct jitdump_load) == 56, "as in the file");

struct jitdump_move {
	struct jitdump_record record;
	uint32_t pid, tid;
	uint64_t vma;
	uint64_t old_address;
	uint64_t new_address;
	uint64_t code_size;
	uint64_t code_index;
};
_Static_assert(sizeof(struct jitdump_move) == 64, "as in the file");

/* After it: its entries. It comes before the function is loaded. */
struct jitdump_debug_info {
	struct jitdump_record record;
	uint64_t code_address;
	uint64_t entry_count;
};
_Static_assert(sizeof(struct jitdump_debug_info) == 32, "as in the file");

/* After it: the name of the file, zero-terminated; "\xff" is that of the entry before. */
struct jitdump_debug_entry {
	uint64_t address;
	uint32_t line;
	uint32_t column;
};
_Static_assert(sizeof(struct jitdump_debug_entry) == 16, "as in the file");

#define JITDUMP_SAME_FILE "\xff"

/* Most that can be looked at in one piece. */
#define JITDUMP_WINDOW 65536u

/* The zero value, with descriptor and size of the file set, has read nothing. */
struct jitdump_window {
	int fd;
	uint64_t file_size;
	char *bytes;
	uint64_t offset; /* in the file, of bytes */
	size_t count;
};

void jitdump_window_done(struct jitdump_window *window);

/*
 * size bytes at offset, at most JITDUMP_WINDOW, which live until the next look. 0, -ENODATA: the
 * file ends before, -ENOMEM, -errno.
 */
int jitdump_window_look(struct jitdump_window *window, uint64_t offset, size_t size,
			const char **ret);

/* A string there that ends before end; as above, or -EINVAL: it does not, or is too long. */
int jitdump_window_string(struct jitdump_window *window, uint64_t offset, uint64_t end,
			  const char **ret);

#endif
