/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdw reads by mapping the file, read-only (what DWARF_C_READ means): of a file of 500 MB only
 * what is looked at gets into memory. Compressed sections are the exception, libdw inflates all of
 * them at once; so their sizes are added up before.
 */
#include "symbolize/dwarf_file.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <gelf.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "symbolize/elf_reader.h"

/* .zdebug_*: "ZLIB", and the size in big-endian order. */
#define GNU_MAGIC "ZLIB"

/* A kilobyte each. dwz makes some for each unit of the files that share it. */
#define ALTERNATE_UNITS_MAX (1 << 18)

struct gnu_header {
	char magic[4];
	uint8_t size[8];
};

static const char *section_name(const struct elf_reader *reader, size_t i)
{
	return elf_reader_section_name(reader, &reader->sections[i]);
}

/* How large a section gets that is compressed; 0 for others. */
static int read_inflated(struct elf_reader *reader, const Elf64_Shdr *section, uint64_t *ret)
{
	struct gnu_header gnu;
	Elf64_Chdr wide;
	Elf32_Chdr narrow;
	int err;

	*ret = 0;
	if (section->sh_type == SHT_NOBITS)
		return 0;
	if (section->sh_flags & SHF_COMPRESSED && reader->is_64bit) {
		err = elf_reader_read(reader, section->sh_offset, &wide, sizeof(wide));
		if (!err)
			*ret = wide.ch_size;
		return err;
	}
	if (section->sh_flags & SHF_COMPRESSED) {
		err = elf_reader_read(reader, section->sh_offset, &narrow, sizeof(narrow));
		if (!err)
			*ret = narrow.ch_size;
		return err;
	}
	if (strncmp(elf_reader_section_name(reader, section), ".zdebug", 7) != 0)
		return 0;
	err = elf_reader_read(reader, section->sh_offset, &gnu, sizeof(gnu));
	if (err < 0 || memcmp(gnu.magic, GNU_MAGIC, sizeof(gnu.magic)) != 0)
		return err;
	for (size_t i = 0; i < sizeof(gnu.size); i++)
		*ret = *ret << 8 | gnu.size[i];
	return 0;
}

int dwarf_file_check_inflated(struct elf_reader *reader, uint64_t max)
{
	uint64_t sum = 0, size;

	for (size_t i = 0; i < reader->section_count; i++) {
		int err = read_inflated(reader, &reader->sections[i], &size);

		if (err < 0)
			return err;
		if (size > max - sum)
			return -EFBIG;
		sum += size;
	}
	return 0;
}

static int compare_code(const void *a, const void *b)
{
	const struct dwarf_code *left = a, *right = b;

	return (left->low > right->low) - (left->low < right->low);
}

static int read_code(const struct elf_reader *reader, struct dwarf_file *file)
{
	file->code = reallocarray(NULL, reader->section_count + 1, sizeof(*file->code));
	if (!file->code)
		return -ENOMEM;
	for (size_t i = 0; i < reader->section_count; i++) {
		const Elf64_Shdr *section = &reader->sections[i];

		if (!(section->sh_flags & SHF_ALLOC) || !(section->sh_flags & SHF_EXECINSTR) ||
		    !section->sh_size || section->sh_size > UINT64_MAX - section->sh_addr)
			continue;
		file->code[file->code_count++] = (struct dwarf_code){
			.low = section->sh_addr,
			.high = section->sh_addr + section->sh_size,
		};
	}
	if (!file->code_count)
		return 0;
	qsort(file->code, file->code_count, sizeof(*file->code), compare_code);
	file->code_low = file->code[0].low;
	for (size_t i = 0; i < file->code_count; i++) {
		if (file->code[i].high > file->code_high)
			file->code_high = file->code[i].high;
	}
	/* Places are 32 bits wide, and the last one means nobody. */
	if (file->code_high - file->code_low >= UINT32_MAX)
		file->code_high = file->code_low + UINT32_MAX - 1;
	return 0;
}

static bool has_section(const struct elf_reader *reader, const char *name)
{
	for (size_t i = 0; i < reader->section_count; i++) {
		if (strcmp(section_name(reader, i), name) == 0 &&
		    reader->sections[i].sh_type != SHT_NOBITS)
			return true;
	}
	return false;
}

/* Checks what libelf and libdw would take on trust, and notes what is needed of the sections. */
static int read_headers(int fd, struct dwarf_file *file)
{
	CLEANUP(elf_reader_done) struct elf_reader reader = { .fd = -1 };
	uint16_t type;
	int err = elf_reader_open(fd, &reader);

	if (err < 0)
		return err;
	err = elf_reader_read(&reader, offsetof(Elf64_Ehdr, e_type), &type, sizeof(type));
	if (err < 0)
		return err;
	/* What is not linked yet has addresses that only relocations tell apart. */
	if (type != ET_EXEC && type != ET_DYN)
		return -ENOEXEC;
	err = elf_reader_read_sections(&reader);
	if (err < 0)
		return err;
	err = dwarf_file_check_inflated(&reader, file->inflated_max);
	if (err < 0)
		return err;
	file->has_info =
		has_section(&reader, ".debug_info") || has_section(&reader, ".zdebug_info");
	return read_code(&reader, file);
}

struct dwarf_section dwarf_file_section(Dwarf *dwarf, const char *name)
{
	Elf *elf = dwarf_getelf(dwarf);
	struct dwarf_section none = { 0 };
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return none;
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
		GElf_Shdr header;
		const char *found;
		Elf_Data *data;

		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		found = elf_strptr(elf, names, header.sh_name);
		/* .debug_line, or .zdebug_line. */
		if (!found || (strcmp(found, name) != 0 &&
			       (strncmp(found, ".z", 2) != 0 || strcmp(found + 2, name + 1) != 0)))
			continue;
		/* libdw has inflated what was compressed. */
		data = elf_rawdata(section, NULL);
		if (!data || !data->d_buf ||
		    gelf_getshdr(section, &header)->sh_flags & SHF_COMPRESSED)
			return none;
		return (struct dwarf_section){ .bytes = data->d_buf, .size = data->d_size };
	}
	return none;
}

/* libelf goes by mmap(), too, and reads in pieces where that fails. */
static bool can_be_mapped(int fd)
{
	struct stat st;
	void *image;

	if (fstat(fd, &st) < 0 || st.st_size <= 0)
		return false;
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	return image != MAP_FAILED && munmap(image, (size_t)st.st_size) == 0;
}

static int begin_dwarf(struct dwarf_file *file)
{
	file->dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
	if (!file->dwarf)
		return -ENOEXEC;
	if (file->alternate)
		dwarf_setalt(file->dwarf, file->alternate);
	return 0;
}

static void end_dwarf(struct dwarf_file *file)
{
	(void)dwarf_end(file->dwarf);
	file->dwarf = NULL;
}

/* What is compressed still, or was and does not tell, libdw would inflate at each beginning. */
static bool is_all_inflated(Elf *elf)
{
	size_t names;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return false;
	for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
		GElf_Shdr header;
		const char *name;

		if (!gelf_getshdr(section, &header) || header.sh_flags & SHF_COMPRESSED)
			return false;
		name = elf_strptr(elf, names, header.sh_name);
		if (!name || strncmp(name, ".zdebug", 7) == 0)
			return false;
	}
	return true;
}

static int begin(struct dwarf_file *file)
{
	int err;

	(void)elf_version(EV_CURRENT);
	file->is_mapped = can_be_mapped(file->fd);
	file->elf = elf_begin(file->fd, ELF_C_READ_MMAP, NULL);
	if (!file->elf)
		return -ENOEXEC;
	err = begin_dwarf(file);
	if (err < 0)
		return err;
	file->can_be_renewed = is_all_inflated(file->elf);
	file->line = dwarf_file_section(file->dwarf, ".debug_line");
	file->line_str = dwarf_file_section(file->dwarf, ".debug_line_str");
	file->str = dwarf_file_section(file->dwarf, ".debug_str");
	return 0;
}

static void cleanup_dwarf_file(struct dwarf_file *file)
{
	dwarf_file_done(file);
}

int dwarf_file_open(int fd, uint64_t inflated_max, struct dwarf_stats *stats,
		    struct dwarf_file *ret)
{
	CLEANUP(cleanup_dwarf_file)
	struct dwarf_file file = {
		.fd = fd,
		.inflated_max = inflated_max,
		.alternate_fd = -1,
		.stats = stats,
	};
	int err = read_headers(fd, &file);

	if (err < 0)
		return err;
	err = file.has_info ? begin(&file) : 0;
	if (err < 0)
		return err;
	*ret = file;
	file = (struct dwarf_file){ .fd = -1, .alternate_fd = -1 };
	return 0;
}

void dwarf_file_done(struct dwarf_file *file)
{
	end_dwarf(file);
	(void)elf_end(file->elf);
	(void)dwarf_end(file->alternate);
	cleanup_fd(&file->fd);
	cleanup_fd(&file->alternate_fd);
	free(file->code);
	*file = (struct dwarf_file){ .fd = -1, .alternate_fd = -1 };
}

static void rest(Dwarf *dwarf, bool is_mapped)
{
	char *image;
	size_t size;

	/* What is not mapped elf_rawfile() would read. */
	if (!dwarf || !is_mapped)
		return;
	image = elf_rawfile(dwarf_getelf(dwarf), &size);
	if (image && (uintptr_t)image % (uintptr_t)sysconf(_SC_PAGESIZE) == 0)
		(void)madvise(image, size, MADV_DONTNEED);
}

void dwarf_file_rest(const struct dwarf_file *file)
{
	rest(file->dwarf, file->is_mapped);
	rest(file->alternate, file->alternate_is_mapped);
}

int dwarf_file_reopen(struct dwarf_file *file)
{
	end_dwarf(file);
	(void)elf_end(file->elf);
	file->elf = NULL;
	file->has_split = false;
	file->package = DWARF_UNKNOWN;
	if (file->alternate) {
		(void)dwarf_end(file->alternate);
		file->alternate_is_mapped = can_be_mapped(file->alternate_fd);
		file->alternate = dwarf_begin(file->alternate_fd, DWARF_C_READ);
	}
	return begin(file);
}

int dwarf_file_renew(struct dwarf_file *file)
{
	/* Nothing of the dwz file would go, which has most of the entries then; and names that were
	 * looked up go by where entries of split files are. */
	if (!file->dwarf || !file->can_be_renewed || file->alternate || file->has_split)
		return -EOPNOTSUPP;
	end_dwarf(file);
	return begin_dwarf(file);
}

/* The build id of the dwz file that this one shares entries with; false when there is none. */
static bool alternate_id(const struct dwarf_file *file, struct build_id *ret_id)
{
	const void *id;
	const char *path;
	ssize_t size;

	if (!file->dwarf)
		return false;
	size = dwelf_dwarf_gnu_debugaltlink(file->dwarf, &path, &id);
	if (size <= 0 || size > BUILD_ID_SIZE_MAX)
		return false;
	*ret_id = (struct build_id){ .size = (uint8_t)size };
	memcpy(ret_id->bytes, id, (size_t)size);
	return true;
}

/* True when libdw, which keeps all units up to the one that it looks for, does not need too much.
 */
static bool has_few_units(Dwarf *dwarf)
{
	Dwarf_Off at = 0, next;
	size_t header_size;

	for (size_t count = 0; count < ALTERNATE_UNITS_MAX; count++) {
		if (dwarf_nextcu(dwarf, at, &next, &header_size, NULL, NULL, NULL) != 0)
			return true;
		at = next;
	}
	return false;
}

int dwarf_file_set_alternate(struct dwarf_file *file, int fd)
{
	CLEANUP(cleanup_fd) int owned_fd = fd;
	CLEANUP(elf_reader_done) struct elf_reader reader = { .fd = -1 };
	struct build_id wanted, found;
	Dwarf *alternate;
	int err;

	if (file->alternate || !alternate_id(file, &wanted))
		return -EINVAL;
	err = build_id_read(fd, &found);
	if (err == -ENOENT)
		return -ESTALE;
	if (err < 0)
		return err;
	if (!build_id_equal(&found, &wanted))
		return -ESTALE;
	err = elf_reader_open(fd, &reader);
	if (err < 0)
		return err;
	err = elf_reader_read_sections(&reader);
	if (err < 0)
		return err;
	err = dwarf_file_check_inflated(&reader, file->inflated_max);
	if (err < 0)
		return err;
	alternate = dwarf_begin(fd, DWARF_C_READ);
	if (!alternate)
		return -ENOEXEC;
	if (!has_few_units(alternate)) {
		(void)dwarf_end(alternate);
		return -EFBIG;
	}
	file->alternate = alternate;
	file->alternate_is_mapped = can_be_mapped(fd);
	file->alternate_fd = TAKE_FD(owned_fd);
	dwarf_setalt(file->dwarf, file->alternate);
	return 0;
}

static bool is_code(const struct dwarf_file *file, uint64_t address)
{
	size_t low = 0, high = file->code_count;

	/* The last section that begins at or before address. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (file->code[middle].low <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address < file->code[low - 1].high;
}

bool dwarf_file_place(const struct dwarf_file *file, uint64_t low, uint64_t high, uint32_t *ret_low,
		      uint32_t *ret_high)
{
	if (low >= high || low >= file->code_high || !is_code(file, low))
		return false;
	if (high > file->code_high)
		high = file->code_high;
	*ret_low = (uint32_t)(low - file->code_low);
	*ret_high = (uint32_t)(high - file->code_low);
	return true;
}

uint64_t dwarf_file_extent(Dwarf_Die *unit)
{
	Dwarf *dwarf = dwarf_cu_getdwarf(unit->cu);
	uint64_t die = dwarf_dieoffset(unit), next;
	struct dwarf_section info = dwarf_file_section(dwarf, ".debug_info");
	size_t header_size;

	if (!info.bytes)
		info = dwarf_file_section(dwarf, ".debug_info.dwo");
	if (dwarf_nextcu(dwarf, die - dwarf_cuoffset(unit), &next, &header_size, NULL, NULL,
			 NULL) != 0 ||
	    next > info.size)
		next = info.size;
	return next > die ? next - die : 0;
}
