/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses to names. A symbolizer holds opened binaries (modules) and the kernel's symbols; it
 * reads files it is handed (and separate debug files), has no privileges of its own, prints
 * nothing. Every file is a stranger's: sizes are bounded and errors name what was wrong.
 *
 * Two threads may use it, each its own part: one adds and finds modules, the other one names, in
 * modules that it has been handed. Nothing else is thread-safe.
 */
#ifndef EPROF_SYMBOLIZE_SYMBOLIZE_H
#define EPROF_SYMBOLIZE_SYMBOLIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/frame.h"

#define BUILD_ID_SIZE_MAX 20

struct build_id {
	uint8_t size; /* 0: none */
	uint8_t bytes[BUILD_ID_SIZE_MAX];
};

/* Two that are none are equal, too. */
static inline bool build_id_equal(const struct build_id *a, const struct build_id *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

struct symbolizer;
/* One binary, or the vDSO. Lives as long as its symbolizer. */
struct module;

int symbolizer_new(struct symbolizer **ret);
void symbolizer_free(struct symbolizer *symbolizer); /* NULL is fine */

/*
 * Where separate debug files are looked for (symbolize/debug_source.h): in this directory of each
 * root; borrowed. "/usr/lib/debug" unless set.
 */
void symbolizer_set_debug_directory(struct symbolizer *symbolizer, const char *path);

/* Files and their debug files are looked for below this directory first; borrowed. -1: nowhere. */
void symbolizer_set_symfs(struct symbolizer *symbolizer, int directory_fd);

/*
 * How much memory the symbols of all modules may take; 1 GiB unless set, before the first name is
 * looked up. Those of a module that do not fit any more are left out, as its error says.
 */
void symbolizer_set_symbol_bytes_max(struct symbolizer *symbolizer, uint64_t bytes_max);

/* How many symbol tables were left out: beyond that, or beyond the limits of one. Of NULL 0. */
uint64_t symbolizer_symbols_refused(const struct symbolizer *symbolizer);

/*
 * For who names without end: symbols of binaries that nobody asks for are given up, and read again
 * when somebody does. Each binary keeps its file open for that. So is the list of the kernel's
 * functions, after half a minute, where a look-up names most of them. Before the first address is
 * named; and then symbolizer_rest() from time to time, by who names: now_s of any clock that goes
 * forward, idle_s how long nobody has asked. What this has handed out stays.
 */
void symbolizer_set_rests(struct symbolizer *symbolizer);
void symbolizer_rest(struct symbolizer *symbolizer, uint64_t now_s, uint64_t idle_s);

struct dwarf_frame;

/* Frames of address number index, as dwarf_names_find() has them; strings live until it returns. */
typedef void (*dwarf_answer)(void *context, size_t index, const struct dwarf_frame *frames,
			     size_t count);

/* Who reads debug information (symbolize/dwarf_names.h). */
struct dwarf_lookup {
	/* Takes the descriptors, also when it fails; alt_fd may be -1. 0 or -errno. */
	int (*open)(void *context, int fd, int alt_fd, uint32_t *ret_file);
	/* Answers n addresses (1 to DWARF_LOOKUP_MAX). -errno: the file is of no use any more. */
	int (*find)(void *context, uint32_t file, const uint64_t *addresses, size_t n,
		    dwarf_answer answer, void *answer_context);
	void *context;
};

#define DWARF_LOOKUP_MAX 256

/* Copied; its context is borrowed. Unless set, there are no inlined functions and no lines. */
void symbolizer_set_dwarf(struct symbolizer *symbolizer, const struct dwarf_lookup *dwarf);

/*
 * Told of a build whose debug information was not found, or not all of it: that of a module, or of
 * a file that several share (.gnu_debugaltlink). Once for each module, while names are looked up.
 */
typedef void (*missing_debug_handler)(void *context, const struct build_id *id);

/* context is borrowed. To be set before the first name is looked up. */
void symbolizer_set_missing(struct symbolizer *symbolizer, missing_debug_handler handler,
			    void *context);

/* None of those that are missing will come any more: what is kept for their coming is closed. */
void symbolizer_give_up_debug_files(struct symbolizer *symbolizer);

/*
 * Hands over the debug file of such a build; takes fd, also when it fails. What is named from here
 * on has its names; strings that were handed out stay. For the thread that names. 0; -ENOENT nobody
 * lacks it (any more); -ESTALE it is another build's; -ENODATA it has nothing that was lacking;
 * -errno when it cannot be read.
 */
int symbolizer_add_debug_file(struct symbolizer *symbolizer, const struct build_id *id, int fd);

/*
 * Hands over fd (consumed on success *and* failure), an ELF file opened for reading. path is where
 * the process that has mapped it finds it, and root_fd (O_PATH; borrowed for as long as the
 * symbolizer lives) that process's root directory; -1: ours. The path is copied. Reads the headers
 * and the build id only; the symbols are read at the first look-up, after which the descriptor is
 * closed. *ret belongs to the symbolizer. Modules are shared by build id: the second file with the
 * same id, owner, size and layout of the code gives the same module. 0, or -errno: -ENOEXEC not an
 * ELF file (or one that contradicts itself), -ENOMEM, -EIO.
 */
int symbolizer_add_file(struct symbolizer *symbolizer, int fd, const char *path, int root_fd,
			struct module **ret);

/* The same for an ELF image in memory (the vDSO), copied; -EFBIG beyond 1 MiB. */
int symbolizer_add_image(struct symbolizer *symbolizer, const void *image, size_t size,
			 const char *name, struct module **ret);

const struct build_id *module_build_id(const struct module *module);
const char *module_name(const struct module *module); /* base name of the path */

/* Whether file_offset lies where a program or its loader begins (its first bytes), named or not. */
bool module_is_entry(const struct module *module, uint64_t file_offset);

/* The address that ELF tools (nm, addr2line) give the code at file_offset; file_offset itself when
 * no segment holds it. */
uint64_t module_address(const struct module *module, uint64_t file_offset);

/*
 * The address that ELF tools give the byte of the file at file_offset, where size bytes from there
 * on are mapped for execution. A mapping begins at a page: file_offset may lie before its segment.
 */
uint64_t module_mapped_address(const struct module *module, uint64_t file_offset, uint64_t size);

/* A descriptor of the file, the caller's to close; -EBADF once the symbols are read, or -errno. */
int module_dup_fd(const struct module *module);

/* What went wrong reading the symbols: NULL so far nothing. Lives as long as the module. */
const char *module_error(const struct module *module);

/*
 * Whether the file was written to between being added and its symbols being read, so that they are
 * those of another build: it has no names then.
 */
bool module_is_rewritten(const struct module *module);

/* Where it was found: as given. */
const char *module_path(const struct module *module);

/* What symbolize_user() has used of a module. */
struct module_names {
	const char *symbols_from, *dwarf_from; /* debug_source_name() (symbolize/debug_source.h) */
	uint64_t frames, unnamed;
};

void module_read_names(const struct module *module, struct module_names *ret);

/*
 * All modules, in no order; the first one after NULL, NULL after the last one. While nobody adds
 * any.
 */
const struct module *symbolizer_next_module(const struct symbolizer *symbolizer,
					    const struct module *module);

/* Notes that this will be asked for next: of several addresses together each is cheaper. */
void symbolize_want(struct symbolizer *symbolizer, struct module *module, uint64_t file_offset);

/*
 * Names the code at file_offset of module: ret[0] is the innermost (inlined) frame, the last one
 * the function itself; where there are more than n, those next to it are left out. Returns how many
 * were written: 1..n, or 0 when no symbol covers it.
 * Strings live as long as the symbolizer. For return addresses the caller passes the offset of the
 * call: one byte back.
 */
size_t symbolize_user(struct symbolizer *symbolizer, struct module *module, uint64_t file_offset,
		      struct frame *ret, size_t n);

/*
 * How many names and paths of user code are missing, as those before them take all the room there
 * is: frames show their addresses, or no lines. Of NULL 0.
 */
uint64_t symbolizer_names_unkept(const struct symbolizer *symbolizer);

enum kernel_names {
	KERNEL_NAMES_OK,
	KERNEL_NAMES_HIDDEN, /* kptr_restrict or missing CAP_SYSLOG: all addresses read as 0 */
	KERNEL_NAMES_UNREADABLE,
};

/* The list of the kernel's symbols; borrowed. "/proc/kallsyms" unless set. */
void symbolizer_set_kallsyms(struct symbolizer *symbolizer, const char *path);

/*
 * The running kernel's own answer about one address: 1, or 0 when it has no name, or -errno when
 * the kernel cannot be asked. *ret_module is "kernel" for what is built in, "bpf" for BPF programs;
 * both strings live until the next call.
 */
typedef int (*kernel_name_lookup)(void *context, uint64_t address, const char **ret_name,
				  const char **ret_module);

/*
 * Spares most of the reading of kallsyms: only its beginning, which shows whether names are hidden
 * from us, and all of it when lookup has no name for an address or fails (it is not called again
 * then). context is borrowed. To be set before the first kernel address is named.
 */
void symbolizer_set_kernel_lookup(struct symbolizer *symbolizer, kernel_name_lookup lookup,
				  void *context);

/*
 * The kernel's symbols have changed: each address is asked for again when it is needed next.
 * kallsyms is read again only for an address that has no name.
 */
void symbolizer_kernel_changed(struct symbolizer *symbolizer);

/* Reads of kallsyms what it takes to tell, once. */
enum kernel_names symbolizer_kernel_names(struct symbolizer *symbolizer);

/* Names a kernel address (FRAME_KERNEL). 1, or 0 when no symbol covers it or names are hidden. */
size_t symbolize_kernel(struct symbolizer *symbolizer, uint64_t address, struct frame *ret);

/*
 * Demangles a C++ or Rust (legacy, v0) name. Returns a malloc()ed string, or NULL when it is not
 * mangled, longer than the demangler is trusted with (C++: 1 KiB, Rust: 16 KiB), nested deeper, or
 * would be longer than 64 KiB.
 */
char *demangle(const char *mangled);

/* Reads the build id from an open ELF file without changing its offset. 0, -ENOENT none, -errno. */
int build_id_read(int fd, struct build_id *ret);

/* The same of a file that is nothing but notes, as the kernel's: /sys/kernel/notes. */
int build_id_read_notes(int fd, struct build_id *ret);

#endif
