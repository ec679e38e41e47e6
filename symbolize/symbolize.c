/* SPDX-License-Identifier: Apache-2.0 */
#include "symbolize/symbolize.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hashmap.h"
#include "symbolize/kernel_namer.h"
#include "symbolize/module.h"
#include "symbolize/user_names.h"

#define IMAGE_SIZE_MAX (1 << 20)

/* Files that stay open: a machine that builds runs new programs all day. */
#define RESTS_MAX 4096

struct symbolizer {
	/* Of who adds modules. */
	struct module *modules;
	struct hashmap by_build_id; /* elf_file_hash() -> module */
	uint64_t seed;
	/* Of who names. */
	struct module *loaded;
	struct kernel_namer *kernel;
	struct user_names names;
	struct module_sources sources;
	struct link_crcs crcs;
	struct symbol_budget symbols;
	uint64_t now_s;    /* of the last symbolizer_rest(); 0: there was none */
	size_t rests_left; /* modules whose file may stay open for that */
	int root;          /* ours */
};

int symbolizer_new(struct symbolizer **ret)
{
	CLEANUP(cleanup_free) struct symbolizer *symbolizer = calloc(1, sizeof(*symbolizer));
	int err;

	if (!symbolizer)
		return -ENOMEM;
	err = kernel_namer_new(&symbolizer->kernel);
	if (err < 0)
		return err;
	symbolizer->seed = hash_seed();
	symbolizer->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	symbolizer->sources.search = (struct debug_search){
		.symfs = -1,
		.roots = &symbolizer->root,
		.root_count = symbolizer->root >= 0,
		.debug_directory = "/usr/lib/debug",
		.crcs = &symbolizer->crcs,
	};
	link_crcs_init(&symbolizer->crcs, LINK_CRC_BYTES_MAX);
	symbolizer->symbols.bytes_left = MODULE_SYMBOL_BYTES_MAX;
	symbolizer->sources.symbols = &symbolizer->symbols;
	*ret = TAKE(symbolizer);
	return 0;
}

void symbolizer_set_debug_directory(struct symbolizer *symbolizer, const char *path)
{
	symbolizer->sources.search.debug_directory = path;
}

void symbolizer_set_symfs(struct symbolizer *symbolizer, int directory_fd)
{
	symbolizer->sources.search.symfs = directory_fd;
}

void symbolizer_set_symbol_bytes_max(struct symbolizer *symbolizer, uint64_t bytes_max)
{
	symbolizer->symbols.bytes_left = bytes_max;
}

uint64_t symbolizer_symbols_refused(const struct symbolizer *symbolizer)
{
	return symbolizer ? symbolizer->symbols.refused : 0;
}

void symbolizer_set_dwarf(struct symbolizer *symbolizer, const struct dwarf_lookup *dwarf)
{
	symbolizer->sources.dwarf = *dwarf;
}

void symbolizer_set_missing(struct symbolizer *symbolizer, missing_debug_handler handler,
			    void *context)
{
	symbolizer->sources.missing = handler;
	symbolizer->sources.missing_context = context;
}

void symbolizer_free(struct symbolizer *symbolizer)
{
	if (!symbolizer)
		return;
	while (symbolizer->modules) {
		struct module *next = symbolizer->modules->next;

		module_free(symbolizer->modules);
		symbolizer->modules = next;
	}
	hashmap_done(&symbolizer->by_build_id);
	kernel_namer_free(symbolizer->kernel);
	user_names_done(&symbolizer->names);
	link_crcs_done(&symbolizer->crcs);
	cleanup_fd(&symbolizer->root);
	free(symbolizer);
}

/* Finds the module of a copy of file, and the free number under which a new one would go. */
static struct module *find_module(const struct symbolizer *symbolizer, const struct elf_file *file,
				  uint64_t *ret_free_key)
{
	uint64_t key = elf_file_hash(file, symbolizer->seed), found;

	while (hashmap_get(&symbolizer->by_build_id, key, &found)) {
		struct module *module = (struct module *)(uintptr_t)found;

		if (elf_file_is_copy(module->file, file))
			return module;
		key++;
	}
	*ret_free_key = key;
	return NULL;
}

static void cleanup_module(struct module **module)
{
	module_free(*module);
}

/* Makes a module of file, which it takes also when it fails. */
static int add_module(struct symbolizer *symbolizer, struct elf_file *file, const char *path,
		      int root_fd, struct module **ret)
{
	CLEANUP(cleanup_module) struct module *module = NULL;
	const struct build_id *id = elf_file_build_id(file);
	uint64_t key = 0;
	int err = module_new(file, path, root_fd, &module);

	if (err < 0)
		return err;
	if (id->size) {
		struct module *known = find_module(symbolizer, file, &key);

		if (known) {
			*ret = known;
			return 0;
		}
		err = hashmap_put(&symbolizer->by_build_id, key, (uintptr_t)module);
		if (err < 0)
			return err;
	}
	module->next = symbolizer->modules;
	symbolizer->modules = module;
	*ret = TAKE(module);
	return 0;
}

int symbolizer_add_file(struct symbolizer *symbolizer, int fd, const char *path, int root_fd,
			struct module **ret)
{
	struct elf_file *file;
	int err = elf_file_open(fd, &file);

	if (err < 0)
		return err;
	return add_module(symbolizer, file, path, root_fd, ret);
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

int symbolizer_add_image(struct symbolizer *symbolizer, const void *image, size_t size,
			 const char *name, struct module **ret)
{
	CLEANUP(cleanup_fd) int fd = -1;
	int err;

	if (size > IMAGE_SIZE_MAX)
		return -EFBIG;
	/* A file in memory: so everything below reads one kind of input, checked in one place. */
	fd = memfd_create("image", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write_all(fd, image, size);
	if (err < 0)
		return err;
	return symbolizer_add_file(symbolizer, TAKE_FD(fd), name, -1, ret);
}

const struct build_id *module_build_id(const struct module *module)
{
	return elf_file_build_id(module->file);
}

const char *module_name(const struct module *module)
{
	return module->name;
}

uint64_t module_address(const struct module *module, uint64_t file_offset)
{
	return elf_file_address(module->file, file_offset);
}

uint64_t module_mapped_address(const struct module *module, uint64_t file_offset, uint64_t size)
{
	return elf_file_mapped_address(module->file, file_offset, size);
}

bool module_is_entry(const struct module *module, uint64_t file_offset)
{
	return elf_file_is_entry(module->file, file_offset);
}

const char *module_path(const struct module *module)
{
	return module->path;
}

void module_read_names(const struct module *module, struct module_names *ret)
{
	*ret = (struct module_names){
		.symbols_from = debug_source_name(module->symbols_from),
		.dwarf_from = debug_source_name(module->dwarf_from),
		.frames = module->frames,
		.unnamed = module->unnamed,
	};
}

const struct module *symbolizer_next_module(const struct symbolizer *symbolizer,
					    const struct module *module)
{
	return module ? module->next : symbolizer->modules;
}

int module_dup_fd(const struct module *module)
{
	return elf_file_dup_fd(module->file);
}

const char *module_error(const struct module *module)
{
	return module->error;
}

bool module_is_rewritten(const struct module *module)
{
	return elf_file_is_rewritten(module->file);
}

static void load(struct symbolizer *symbolizer, struct module *module)
{
	bool is_new = !module->is_loaded;

	module->used_s = symbolizer->now_s;
	if (!is_new && !module->is_resting)
		return;
	symbolizer->sources.can_rest = module->is_resting || symbolizer->rests_left;
	module_load(module, &symbolizer->sources);
	if (!is_new)
		return;
	symbolizer->rests_left -= module->can_rest;
	module->next_loaded = symbolizer->loaded;
	symbolizer->loaded = module;
}

void symbolizer_set_rests(struct symbolizer *symbolizer)
{
	symbolizer->rests_left = RESTS_MAX;
}

void symbolizer_rest(struct symbolizer *symbolizer, uint64_t now_s, uint64_t idle_s)
{
	bool is_first = symbolizer->now_s == 0;

	symbolizer->now_s = now_s;
	for (struct module *module = symbolizer->loaded; module; module = module->next_loaded) {
		if (is_first)
			module->used_s = now_s;
		if (now_s - module->used_s >= idle_s && module_rest(module, &symbolizer->sources))
			user_names_rest(&symbolizer->names, module);
	}
	kernel_namer_rest(symbolizer->kernel, now_s);
}

/*
 * The file goes to all who lack it: several programs may share it, and several files may have one
 * build id, not all of them rightly.
 */
typedef int (*debug_file_taker)(struct module *module, const struct module_sources *sources,
				int fd);

static int hand_out(struct symbolizer *symbolizer, const struct build_id *id, int fd,
		    const struct build_id *(*wanted_id)(const struct module *module),
		    debug_file_taker take)
{
	int result = -ENOENT;

	for (struct module *module = symbolizer->loaded; module; module = module->next_loaded) {
		int copy, err;

		if (!build_id_equal(wanted_id(module), id))
			continue;
		copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		if (copy < 0)
			return -errno;
		err = take(module, &symbolizer->sources, copy);
		if (result != 0 && err != -ENOENT)
			result = err;
	}
	return result;
}

static const struct build_id *missing_alt(const struct module *module)
{
	return &module->missing_alt;
}

int symbolizer_add_debug_file(struct symbolizer *symbolizer, const struct build_id *id, int fd)
{
	CLEANUP(cleanup_fd) int owned_fd = fd;
	int err;

	if (!id->size)
		return -ENOENT;
	err = hand_out(symbolizer, id, owned_fd, module_build_id, module_add_debug_file);
	return err == -ENOENT ? hand_out(symbolizer, id, owned_fd, missing_alt, module_add_alt)
			      : err;
}

void symbolizer_give_up_debug_files(struct symbolizer *symbolizer)
{
	for (struct module *module = symbolizer->loaded; module; module = module->next_loaded)
		module_give_up_alt(module);
}

void symbolize_want(struct symbolizer *symbolizer, struct module *module, uint64_t file_offset)
{
	load(symbolizer, module);
	user_names_want(module, file_offset);
}

size_t symbolize_user(struct symbolizer *symbolizer, struct module *module, uint64_t file_offset,
		      struct frame *ret, size_t n)
{
	size_t count;

	load(symbolizer, module);
	count = user_names_find(&symbolizer->names, &symbolizer->sources.dwarf, symbolizer->loaded,
				module, file_offset, ret, n);
	module->frames += count ? count : 1;
	module->unnamed += !count;
	return count;
}

uint64_t symbolizer_names_unkept(const struct symbolizer *symbolizer)
{
	return symbolizer ? symbolizer->names.unkept : 0;
}

void symbolizer_set_kallsyms(struct symbolizer *symbolizer, const char *path)
{
	kernel_namer_set_kallsyms(symbolizer->kernel, path);
}

void symbolizer_set_kernel_lookup(struct symbolizer *symbolizer, kernel_name_lookup lookup,
				  void *context)
{
	kernel_namer_set_lookup(symbolizer->kernel, lookup, context);
}

void symbolizer_kernel_changed(struct symbolizer *symbolizer)
{
	kernel_namer_changed(symbolizer->kernel);
}

enum kernel_names symbolizer_kernel_names(struct symbolizer *symbolizer)
{
	return kernel_namer_state(symbolizer->kernel);
}

size_t symbolize_kernel(struct symbolizer *symbolizer, uint64_t address, struct frame *ret)
{
	const char *name, *module;

	if (!kernel_namer_find(symbolizer->kernel, address, &name, &module))
		return 0;
	ret[0] = (struct frame){ .name = name, .module = module, .kind = FRAME_KERNEL };
	return 1;
}
