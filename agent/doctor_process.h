/* SPDX-License-Identifier: Apache-2.0 */
/* What `eprof doctor -p` has to know of a process: what it maps to run, and who tells names. */
#ifndef EPROF_AGENT_DOCTOR_PROCESS_H
#define EPROF_AGENT_DOCTOR_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbolize/debug_source.h"
#include "symbolize/frame_pointers.h"

/* A browser has 200; the rest of a process that maps more is counted. */
#define DOCTOR_MODULES_MAX 512
#define PACKAGE_NAME_MAX   128

enum module_symbols {
	SYMBOLS_NONE,     /* stripped, and nothing exported */
	SYMBOLS_EXPORTED, /* .dynsym only */
	SYMBOLS_ALL,
};

struct doctor_module {
	char *path;          /* as in /proc/PID/maps */
	uint64_t start, end; /* of its first mapping */
	uint64_t inode, device;
	uint64_t text_bytes; /* mapped for execution */
	bool is_late;        /* the time for this was used up before it was looked at */
	int err;             /* of opening it or reading its headers: 0 or -errno */
	struct build_id build_id;
	bool has_unwind; /* call frame information that eprof goes by */
	bool is_go, is_static;
	bool is_foreign; /* for another machine than x86-64 */
	struct frame_pointer_census census;
	enum module_symbols own_symbols;
	enum debug_source_kind symbols_from, dwarf_from, alt_from;
	bool lacks_alt;                 /* its DWARF refers to a file that was not found */
	char package[PACKAGE_NAME_MAX]; /* to be installed for its debug file; "" not known */
};

enum doctor_runtime {
	RUNTIME_NONE,
	RUNTIME_JAVA,
	RUNTIME_NODE,
	RUNTIME_PYTHON,
	RUNTIME_DOTNET,
	RUNTIME_OTHER, /* something that makes code at run time */
};

struct doctor_process {
	int32_t pid;
	int err;        /* -ESRCH, or why what it has mapped cannot be read */
	int32_t leader; /* the process, where pid is another thread's number; else 0 */
	bool has_ended; /* a zombie */
	bool is_kernel; /* a kernel thread */
	char name[64];  /* of its first thread */
	struct doctor_module *modules;
	size_t module_count;
	uint64_t dropped;         /* mappings of modules beyond DOCTOR_MODULES_MAX */
	uint64_t anonymous_bytes; /* mapped for execution without a file */
	enum doctor_runtime runtime;
	bool has_jit_flag; /* its command line asks for what profilers need */
	int map_err;       /* of opening its perf map: 0, -ENOENT, -EPERM, -ESTALE, ... */
	bool has_dump;     /* it has mapped a jitdump */
};

/* What cannot be read is a fact, too. 0 or -ENOMEM. */
int doctor_process_read(int32_t pid, struct doctor_process *ret);
void doctor_process_done(struct doctor_process *process); /* the zero value is fine */

/*
 * Looks into one module of pid; root_fd as process_roots_find() has it. What is wrong is in the
 * module.
 */
void doctor_module_read(int32_t pid, int root_fd, struct link_crcs *crcs,
			struct doctor_module *module);

/*
 * Names the packages with debug files of those modules that have none: of Debian and its kin, whose
 * lists below root ("") say which package a file is of.
 */
void doctor_packages_find(const char *root, struct doctor_module *modules, size_t count);

/* The package of debug files that belongs to another one: NAME-dbgsym, but for libc6. */
void doctor_package_name(const char *package, char *ret, size_t size);

#endif
