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
#include "symbolize/debug_file.h"
#include "symbolize/elf_file.h"
#include "symbolize/kernel_namer.h"
#include "symbolize/string_pool.h"

#define IMAGE_SIZE_MAX (1 << 20)

struct module {
	struct module *next; /* of all modules, for freeing */
	struct elf_file *file;
	char *path;
	const char *name;     /* inside path */
	struct hashmap names; /* name in file -> name to show: each is demangled once */
	bool is_loaded;
	const char *error;
};

struct symbolizer {
	struct module *modules;
	struct hashmap by_build_id; /* hash -> module */
	struct kernel_namer *kernel;
	struct string_pool strings; /* what was handed out */
	const char *debug_directory;
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
	symbolizer->debug_directory = "/usr/lib/debug";
	*ret = TAKE(symbolizer);
	return 0;
}

void symbolizer_set_debug_directory(struct symbolizer *symbolizer, const char *path)
{
	symbolizer->debug_directory = path;
}

static void module_free(struct module *module)
{
	elf_file_free(module->file);
	hashmap_done(&module->names);
	free(module->path);
	free(module);
}

static void cleanup_module(struct module **module)
{
	if (*module)
		module_free(*module);
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
	string_pool_done(&symbolizer->strings);
	free(symbolizer);
}

static bool is_same_id(const struct build_id *a, const struct build_id *b)
{
	return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Finds a module by build id, and the free number under which a new one with it would go. */
static struct module *find_module(const struct symbolizer *symbolizer, const struct build_id *id,
				  uint64_t *ret_free_key)
{
	uint64_t key = hash_bytes(id->bytes, id->size), found;

	while (hashmap_get(&symbolizer->by_build_id, key, &found)) {
		struct module *module = (struct module *)(uintptr_t)found;

		if (is_same_id(module_build_id(module), id))
			return module;
		key++;
	}
	*ret_free_key = key;
	return NULL;
}

struct module *symbolizer_find(struct symbolizer *symbolizer, const struct build_id *id)
{
	uint64_t free_key;

	if (!id->size || id->size > BUILD_ID_SIZE_MAX)
		return NULL;
	return find_module(symbolizer, id, &free_key);
}

/* Makes a module of file, which it takes also when it fails. */
static int add_module(struct symbolizer *symbolizer, struct elf_file *file, const char *path,
		      struct module **ret)
{
	CLEANUP(cleanup_module) struct module *module = calloc(1, sizeof(*module));
	const struct build_id *id;
	uint64_t key = 0;
	char *slash;

	if (!module) {
		elf_file_free(file);
		return -ENOMEM;
	}
	module->file = file;
	module->path = strdup(path);
	if (!module->path)
		return -ENOMEM;
	slash = strrchr(module->path, '/');
	module->name = slash && slash[1] ? slash + 1 : module->path;
	id = elf_file_build_id(file);
	if (id->size) {
		struct module *known = find_module(symbolizer, id, &key);
		int err;

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

int symbolizer_add_file(struct symbolizer *symbolizer, int fd, const char *name,
			struct module **ret)
{
	struct elf_file *file;
	int err = elf_file_open(fd, &file);

	if (err < 0)
		return err;
	return add_module(symbolizer, file, name, ret);
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
	return symbolizer_add_file(symbolizer, TAKE_FD(fd), name, ret);
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

int module_dup_fd(const struct module *module)
{
	return elf_file_dup_fd(module->file);
}

const char *module_error(const struct module *module)
{
	return module->error;
}

/* A stripped file's other names, where the distribution's debug package is installed. */
static void add_debug_names(struct module *module, const char *directory)
{
	int fd;

	if (elf_file_has_symtab(module->file))
		return;
	if (debug_file_open(directory, elf_file_build_id(module->file), &fd) == 0)
		(void)elf_file_add_debug(module->file, fd);
}

static void load_once(const struct symbolizer *symbolizer, struct module *module)
{
	if (module->is_loaded)
		return;
	module->is_loaded = true;
	/* What could be read is used even where something was wrong. */
	(void)elf_file_load(module->file);
	module->error = elf_file_error(module->file);
	add_debug_names(module, symbolizer->debug_directory);
}

/* The name to show for one in the file; NULL without memory. */
static const char *shown_name(struct symbolizer *symbolizer, struct module *module,
			      const char *name)
{
	CLEANUP(cleanup_free) char *demangled = NULL;
	const char *shown;
	uint64_t known;

	if (hashmap_get(&module->names, (uintptr_t)name, &known))
		return (const char *)(uintptr_t)known;
	demangled = demangle(name);
	shown = string_pool_keep(&symbolizer->strings, demangled ? demangled : name);
	if (!shown || hashmap_put(&module->names, (uintptr_t)name, (uintptr_t)shown) < 0)
		return NULL;
	return shown;
}

size_t symbolize_user(struct symbolizer *symbolizer, struct module *module, uint64_t file_offset,
		      struct frame *ret, size_t n)
{
	const char *name;

	if (!n)
		return 0;
	load_once(symbolizer, module);
	name = elf_file_find(module->file, file_offset);
	if (name)
		name = shown_name(symbolizer, module, name);
	if (!name)
		return 0;
	ret[0] = (struct frame){ .name = name, .module = module->name, .kind = FRAME_USER };
	return 1;
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
