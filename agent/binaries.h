/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files behind executable mappings, each opened once, as early as possible and through the
 * process that mapped it, so that containers, deleted files and processes that end keep names.
 */
#ifndef EPROF_AGENT_BINARIES_H
#define EPROF_AGENT_BINARIES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "symbolize/symbolize.h"

enum binary_kind {
	BINARY_FILE,
	BINARY_VDSO,
	BINARY_ANONYMOUS, /* JIT code, trampolines */
	BINARY_SPECIAL,   /* [uprobes], [vsyscall], ... */
};

/* What is mapped there, by its path as /proc/PID/maps has it. */
enum binary_kind binary_kind_of(const char *path);
/* Such a path without " (deleted)"; the caller's to free, or NULL without memory. */
char *binary_plain_path(const char *path);

/* What a binary is told by: its build id, and its path where it has none. */
struct binary_key {
	char *path; /* NULL: by the id */
	struct build_id id;
	uint64_t device, inode; /* 0, 0: not known */
};

/* Lives as long as its binaries. */
struct binary {
	struct binary_key key;
	enum binary_kind kind;
	char *name;            /* base name, without " (deleted)" */
	struct module *module; /* NULL: could not be opened (yet). For readers: binary_module() */
	uint32_t unwind_slot;  /* unwinder_add(); 0: its code is walked along frame pointers */
	bool is_sampled;       /* a sample fell into it: set by who names it */
	struct stat file;      /* what it was when it was opened */
	uint64_t there_ns;     /* CLOCK_MONOTONIC: when its file was last seen at its path; or 0 */
};

/* What is known of a mapping when it is seen. */
struct mapping_source {
	int32_t pid;
	uint64_t start, end;
	const char *path;                /* as in /proc/PID/maps or an MMAP2 record */
	const struct build_id *build_id; /* NULL or size 0: unknown */
	uint64_t device, inode;          /* 0, 0: unknown */
	uint64_t program_ns;             /* when pid began to run what has mapped it; 0: before */
	bool is_new;                     /* mapped just now, and not before we looked */
};

struct binaries;
struct unwinder;
struct jit;

/* The symbolizer and the unwinder (or NULL) stay the caller's and outlive the binaries. */
int binaries_new(struct symbolizer *symbolizer, struct unwinder *unwinder, struct binaries **ret);
void binaries_free(struct binaries *binaries); /* NULL is fine */

/* Who is told of code that is in no file; borrowed. NULL: nobody, as it is without this. */
void binaries_set_jit(struct binaries *binaries, struct jit *jit);

/*
 * 0 and *ret, which belongs to binaries. A file that cannot be opened is no error. -ENOMEM; -E2BIG
 * when there are too many, which is counted.
 */
int binaries_find(struct binaries *binaries, const struct mapping_source *source,
		  struct binary **ret);

/* The module, for a thread that did not find the binary itself. */
static inline struct module *binary_module(const struct binary *binary)
{
	return __atomic_load_n(&binary->module, __ATOMIC_ACQUIRE);
}

/* How many mappings were refused because there were too many files. */
uint64_t binaries_dropped(const struct binaries *binaries);

/* How many files had samples in them, but could not be opened. */
uint64_t binaries_unopened(const struct binaries *binaries);

/* How many files had samples in them, but were written to before their symbols were read. */
uint64_t binaries_rewritten(const struct binaries *binaries);

/* Processes whose root directory could not be kept, so that debug files in it are not found. */
uint64_t binaries_roots_no_room(const struct binaries *binaries);

#endif
