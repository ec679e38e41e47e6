/* SPDX-License-Identifier: Apache-2.0 */
/* The part of doctor_process.h that looks into one binary. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/doctor_process.h"
#include "agent/mapped_file.h"
#include "agent/process_roots.h"
#include "base/cleanup.h"
#include "symbolize/cfi_records.h"
#include "symbolize/elf_reader.h"

#define DEBUG_DIRECTORY   "/usr/lib/debug"
/* The root of the process, and ours. */
#define ROOTS             2
/* How many entries of a .dynsym are looked at for one that is defined. */
#define DYNAMIC_SYMBOLS   65536
#define SYMBOLS_AT_A_TIME 256

static void cleanup_debug_files(struct debug_files *files)
{
	debug_files_done(files);
}

static bool is_function(const Elf64_Sym *symbol)
{
	unsigned int type = ELF64_ST_TYPE(symbol->st_info);

	return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol->st_shndx != SHN_UNDEF;
}

static bool exports_in(struct elf_reader *reader, const Elf64_Shdr *section)
{
	Elf64_Sym symbols[SYMBOLS_AT_A_TIME];
	uint64_t count = section->sh_size / sizeof(symbols[0]);

	if (count > DYNAMIC_SYMBOLS)
		count = DYNAMIC_SYMBOLS;
	for (uint64_t at = 0; at < count; at += SYMBOLS_AT_A_TIME) {
		size_t n = count - at < SYMBOLS_AT_A_TIME ? count - at : SYMBOLS_AT_A_TIME;

		if (elf_reader_read(reader, section->sh_offset + at * sizeof(symbols[0]), symbols,
				    n * sizeof(symbols[0])) < 0)
			return false;
		for (size_t i = 0; i < n; i++) {
			if (is_function(&symbols[i]))
				return true;
		}
	}
	return false;
}

static enum module_symbols own_symbols(struct elf_reader *reader)
{
	enum module_symbols symbols = SYMBOLS_NONE;

	for (size_t i = 0; i < reader->section_count; i++) {
		const Elf64_Shdr *section = &reader->sections[i];

		if (!section->sh_size || !elf_reader_has_bytes(reader, section))
			continue;
		if (section->sh_type == SHT_SYMTAB)
			return SYMBOLS_ALL;
		if (section->sh_type == SHT_DYNSYM && reader->is_64bit &&
		    exports_in(reader, section))
			symbols = SYMBOLS_EXPORTED;
	}
	return symbols;
}

/* A library has neither a loader nor, when it is one itself, the place of a program. */
static bool has_segment(const struct elf_reader *reader, uint32_t type)
{
	for (size_t i = 0; i < reader->segment_count; i++) {
		if (reader->segments[i].p_type == type)
			return true;
	}
	return false;
}

static void read_unwind(struct elf_reader *reader, struct doctor_module *module)
{
	CLEANUP(cfi_records_done) struct cfi_records records = { 0 };

	if (module->is_foreign)
		return;
	if (cfi_records_read(reader, &records) < 0)
		records = (struct cfi_records){ 0 };
	module->has_unwind = records.function_count > 0;
	frame_pointers_count(reader, &records, &module->census);
}

static void read_headers(struct elf_reader *reader, struct doctor_module *module)
{
	module->is_foreign = reader->machine != EM_X86_64 || !reader->is_64bit;
	module->is_static = !has_segment(reader, PT_INTERP) && !has_segment(reader, PT_DYNAMIC);
	/* Headers of sections that contradict themselves are none: programs run without. */
	if (elf_reader_read_sections(reader) == 0) {
		module->is_go = cfi_is_go(reader);
		module->own_symbols = own_symbols(reader);
	}
	read_unwind(reader, module);
}

static void find_debug_files(int fd, int root_fd, struct link_crcs *crcs,
			     struct doctor_module *module)
{
	CLEANUP(cleanup_debug_files)
	struct debug_files files = { .symbols.fd = -1, .dwarf.fd = -1, .alt.fd = -1 };
	CLEANUP(cleanup_fd) int our_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct debug_search search = {
		.symfs = -1,
		.debug_directory = DEBUG_DIRECTORY,
		.wants_dwarf = true,
		.crcs = crcs,
	};
	int roots[ROOTS];
	CLEANUP(cleanup_free) char *path = binary_plain_path(module->path);
	struct stat status;

	if (our_root < 0 || !path || fstat(fd, &status) < 0)
		return;
	if (root_fd >= 0)
		roots[search.root_count++] = root_fd;
	roots[search.root_count++] = our_root;
	search.roots = roots;
	if (debug_source_find(&search,
			      &(struct debug_module){ .fd = fd,
						      .path = path,
						      .build_id = &module->build_id,
						      .status = &status },
			      &files) < 0)
		return;
	module->symbols_from = files.symbols.kind;
	module->dwarf_from = files.dwarf.kind;
	module->alt_from = files.alt.kind;
	module->lacks_alt = files.alt_id.size && files.alt.kind == DEBUG_NONE;
}

void doctor_module_read(int32_t pid, int root_fd, struct link_crcs *crcs,
			struct doctor_module *module)
{
	const struct mapping_source source = {
		.pid = pid,
		.start = module->start,
		.end = module->end,
		.path = module->path,
		.device = module->device,
		.inode = module->inode,
	};
	CLEANUP(elf_reader_done) struct elf_reader reader = { .fd = -1 };
	CLEANUP(cleanup_fd) int fd = mapped_file_open(&source);

	module->err = fd < 0 ? fd : elf_reader_open(fd, &reader);
	if (module->err < 0)
		return;
	(void)build_id_read(fd, &module->build_id);
	read_headers(&reader, module);
	find_debug_files(fd, root_fd, crcs, module);
}
