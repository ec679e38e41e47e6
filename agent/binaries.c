/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/binaries.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "agent/jit.h"
#include "agent/mapped_file.h"
#include "agent/process_roots.h"
#include "agent/unwinder.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hashmap.h"
#include "symbolize/file_change.h"

/*
 * Each holds a descriptor until its symbols are read, and whoever writes files and maps them can
 * make as many as they like. A machine with 5,000 processes has some 2,000.
 */
#define BINARIES_MAX 16384

/* Where hundreds of programs are started in a second they are the same few. */
#define KNOWN_THERE_NS NS_PER_SECOND

/* The vDSO is two pages today (arch/x86/entry/vdso); a mapping beyond this is not it. */
#define VDSO_SIZE_MAX 65536

struct binaries {
	struct symbolizer *symbolizer;
	struct unwinder *unwinder; /* or NULL */
	struct jit *jit;           /* or NULL */
	struct binary **items;
	size_t count, capacity;
	struct hashmap by_key; /* hash of a binary_key -> binary */
	uint64_t seed;
	uint64_t dropped;
	struct process_roots roots;
};

int binaries_new(struct symbolizer *symbolizer, struct unwinder *unwinder, struct binaries **ret)
{
	struct binaries *binaries = calloc(1, sizeof(*binaries));

	if (!binaries)
		return -ENOMEM;
	binaries->symbolizer = symbolizer;
	binaries->unwinder = unwinder;
	binaries->seed = hash_seed();
	*ret = binaries;
	return 0;
}

void binaries_set_jit(struct binaries *binaries, struct jit *jit)
{
	binaries->jit = jit;
}

static void binary_free(struct binary *binary)
{
	if (!binary)
		return;
	free(binary->name);
	free(binary->key.path);
	free(binary);
}

static void cleanup_binary(struct binary **binary)
{
	binary_free(*binary);
}

void binaries_free(struct binaries *binaries)
{
	if (!binaries)
		return;
	for (size_t i = 0; i < binaries->count; i++)
		binary_free(binaries->items[i]);
	free(binaries->items);
	hashmap_done(&binaries->by_key);
	process_roots_done(&binaries->roots);
	free(binaries);
}

enum binary_kind binary_kind_of(const char *path)
{
	if (!strcmp(path, "[vdso]"))
		return BINARY_VDSO;
	if (!path[0] || !strncmp(path, "//anon", 6) || !strncmp(path, "[anon:", 6))
		return BINARY_ANONYMOUS;
	return path[0] == '/' ? BINARY_FILE : BINARY_SPECIAL;
}

char *binary_plain_path(const char *path)
{
	static const char deleted[] = " (deleted)";
	char *copy = strdup(path);
	size_t length;

	if (!copy)
		return NULL;
	length = strlen(copy);
	if (length > sizeof(deleted) - 1 && !strcmp(copy + length - sizeof(deleted) + 1, deleted) &&
	    copy[length - sizeof(deleted)] != '/')
		copy[length - sizeof(deleted) + 1] = '\0';
	return copy;
}

static char *base_name(const char *path)
{
	CLEANUP(cleanup_free) char *copy = binary_plain_path(path);
	const char *slash = copy && path[0] != '[' ? strrchr(copy, '/') : NULL;

	return slash ? strdup(slash + 1) : TAKE(copy);
}

/* Every 64-bit process has the vDSO that we have ourselves; 32-bit ones map a smaller one. */
static struct module *add_vdso(struct binaries *binaries, const struct mapping_source *source)
{
	const void *image = (const void *)getauxval(AT_SYSINFO_EHDR);
	uint64_t size = source->end - source->start;
	struct module *module;

	if (!image || size > VDSO_SIZE_MAX)
		return NULL;
	if (symbolizer_add_image(binaries->symbolizer, image, size, "[vdso]", &module) < 0)
		return NULL;
	return module;
}

uint64_t binaries_roots_no_room(const struct binaries *binaries)
{
	return __atomic_load_n(&binaries->roots.no_room, __ATOMIC_RELAXED);
}

static struct module *add_file(struct binaries *binaries, const struct mapping_source *source,
			       struct stat *ret_file)
{
	CLEANUP(cleanup_free) char *path = binary_plain_path(source->path);
	CLEANUP(cleanup_fd) int fd = path ? mapped_file_open(source) : -1;
	struct module *module;
	int root;

	if (fd < 0 || fstat(fd, ret_file) < 0)
		return NULL;
	root = process_roots_find(&binaries->roots, source->pid);
	if (symbolizer_add_file(binaries->symbolizer, TAKE_FD(fd), path, root, &module) < 0)
		return NULL;
	return module;
}

static void open_module(struct binaries *binaries, const struct mapping_source *source,
			struct binary *binary)
{
	struct module *module = NULL;

	if (binary->kind == BINARY_VDSO)
		module = add_vdso(binaries, source);
	if (binary->kind == BINARY_FILE)
		module = add_file(binaries, source, &binary->file);
	/* Before anybody reads its symbols, and with them closes the file. */
	if (module && binaries->unwinder)
		binary->unwind_slot = unwinder_add(binaries->unwinder, module);
	__atomic_store_n(&binary->module, module, __ATOMIC_RELEASE);
}

/* ret->path is the source's. Where it lies, add_place() says. */
static void key_of(const struct mapping_source *source, enum binary_kind kind,
		   struct binary_key *ret)
{
	*ret = (struct binary_key){ 0 };
	if (kind == BINARY_ANONYMOUS) {
		ret->path = (char *)"";
	} else if (!mapped_file_has_id(source)) {
		ret->path = (char *)source->path;
		ret->device = source->device;
		ret->inode = source->inode;
	} else {
		ret->id = *source->build_id;
	}
}

static uint64_t hash_of(const struct binaries *binaries, const struct binary_key *key)
{
	uint64_t hash = key->path ? hash_bytes_seeded(binaries->seed, key->path, strlen(key->path))
				  : hash_bytes_seeded(binaries->seed, key->id.bytes, key->id.size);

	return hash_u64(hash_u64(hash + key->device) + key->inode);
}

static bool has_place(const struct binary_key *key)
{
	return key->device || key->inode;
}

/* Whether the binary is what the key asks for: of an id without a place, the first that had it. */
static bool is_asked_for(const struct binary *binary, const struct binary_key *key)
{
	const struct binary_key *own = &binary->key;
	bool is_there = own->device == key->device && own->inode == key->inode;

	if (!key->path != !own->path)
		return false;
	if (key->path)
		return is_there && !strcmp(key->path, own->path);
	return own->id.size == key->id.size &&
	       !memcmp(own->id.bytes, key->id.bytes, key->id.size) && (is_there || !has_place(key));
}

/* *ret_hash: where it is found, or is to be put. */
static struct binary *look_up(const struct binaries *binaries, const struct binary_key *key,
			      uint64_t *ret_hash)
{
	uint64_t hash = hash_of(binaries, key), found;

	for (; hashmap_get(&binaries->by_key, hash, &found); hash++) {
		struct binary *binary = (struct binary *)(uintptr_t)found;

		if (is_asked_for(binary, key)) {
			*ret_hash = hash;
			return binary;
		}
	}
	*ret_hash = hash;
	return NULL;
}

static void set_place(struct binary_key *key, const struct stat *file)
{
	key->device = file->st_dev;
	key->inode = file->st_ino;
}

static struct binary_key without_place(const struct binary_key *key)
{
	struct binary_key id = *key;

	id.device = id.inode = 0;
	return id;
}

/* Whether the file at that path in our root is a binary that is open. */
static bool is_known_by_path(const struct binaries *binaries, const struct mapping_source *source,
			     struct binary_key *key)
{
	struct binary_key known = *key;
	const struct binary *binary;
	struct stat file;
	uint64_t hash;

	if (stat(source->path, &file) < 0)
		return false;
	set_place(&known, &file);
	binary = look_up(binaries, &known, &hash);
	if (!binary || !binary->module)
		return false;
	*key = known;
	return true;
}

/* The first binary of this id, if it was opened for that path; or NULL. */
static struct binary *met_there(const struct binaries *binaries,
				const struct mapping_source *source, const struct binary_key *key)
{
	struct binary_key id = without_place(key);
	uint64_t hash;
	struct binary *binary = look_up(binaries, &id, &hash);

	return binary && binary->module && !strcmp(module_path(binary->module), source->path)
		       ? binary
		       : NULL;
}

/* Whether the file that was met at that path is there; looked at once in KNOWN_THERE_NS. */
static bool is_known_there(const struct binaries *binaries, const struct mapping_source *source,
			   struct binary_key *key)
{
	struct binary *binary = met_there(binaries, source, key);
	uint64_t now_ns;

	if (!binary)
		return false;
	now_ns = clock_ns(CLOCK_MONOTONIC);
	if (has_place(&binary->key) && binary->there_ns + KNOWN_THERE_NS > now_ns) {
		key->device = binary->key.device;
		key->inode = binary->key.inode;
		return true;
	}
	if (!is_known_by_path(binaries, source, key))
		return false;
	if (key->device == binary->key.device && key->inode == binary->key.inode)
		binary->there_ns = now_ns;
	return true;
}

/*
 * Anybody can put the build id of a well-known library into a file of their own, and must not have
 * it taken for that one: the id tells which files may be the same, their numbers which are. A path
 * leads to the file that was mapped only where that has the id: the process may have had another
 * root than ours.
 *
 * Most are met again and again, where they were: that costs the least to find out. A process that
 * has another file at such a path, in a root of its own or for the moment, and with this id,
 * misleads about itself.
 */
static void add_place(const struct binaries *binaries, const struct mapping_source *source,
		      struct binary_key *key)
{
	CLEANUP(cleanup_fd) int fd = -1;
	struct stat file;

	if (key->path || !mapped_file_has_id(source) || binary_kind_of(source->path) != BINARY_FILE)
		return;
	if (is_known_there(binaries, source, key))
		return;
	if (mapped_file_stat(source, &file)) {
		set_place(key, &file);
		return;
	}
	/* What is there had the id when it was opened. */
	if (is_known_by_path(binaries, source, key))
		return;
	fd = mapped_file_open_by_path(source);
	if (fd >= 0 && fstat(fd, &file) == 0)
		set_place(key, &file);
}

/*
 * A binary that was hidden, or gone, when it was met is known by its build id alone. Now that a
 * file with this id is seen, it is this one, if it has not turned out to be another since.
 */
static struct binary *find_placeless(struct binaries *binaries, const struct binary_key *key,
				     uint64_t hash)
{
	struct binary_key id = without_place(key);
	struct binary *binary;
	uint64_t id_hash;

	if (key->path || !has_place(key))
		return NULL;
	binary = look_up(binaries, &id, &id_hash);
	if (!binary || has_place(&binary->key))
		return NULL;
	if (binary->module &&
	    (binary->file.st_dev != key->device || binary->file.st_ino != key->inode))
		return NULL;
	if (hashmap_put(&binaries->by_key, hash, (uintptr_t)binary) < 0)
		return NULL;
	binary->key.device = key->device;
	binary->key.inode = key->inode;
	return binary;
}

/* Makes binary known; the first with its build id also to who knows no more than that. */
static int put_binary(struct binaries *binaries, struct binary *binary, uint64_t hash)
{
	struct binary_key id = without_place(&binary->key);
	uint64_t id_hash;
	int err = hashmap_put(&binaries->by_key, hash, (uintptr_t)binary);

	/* Without memory the next of that id opens it again. */
	if (!err && !binary->key.path && has_place(&binary->key) &&
	    !look_up(binaries, &id, &id_hash))
		(void)hashmap_put(&binaries->by_key, id_hash, (uintptr_t)binary);
	return err;
}

static int reserve(struct binaries *binaries)
{
	size_t capacity = binaries->capacity ? 2 * binaries->capacity : 64;
	struct binary **items;

	if (binaries->count < binaries->capacity)
		return 0;
	items = realloc(binaries->items, capacity * sizeof(*binaries->items));
	if (!items)
		return -ENOMEM;
	binaries->items = items;
	binaries->capacity = capacity;
	return 0;
}

static int add_binary(struct binaries *binaries, const struct mapping_source *source,
		      const struct binary_key *key, uint64_t hash, struct binary **ret)
{
	CLEANUP(cleanup_binary) struct binary *binary = calloc(1, sizeof(*binary));
	int err = reserve(binaries);

	if (!binary || err < 0)
		return -ENOMEM;
	binary->kind = binary_kind_of(source->path);
	binary->name = base_name(source->path);
	binary->key = *key;
	binary->key.path = key->path ? strdup(key->path) : NULL;
	if (!binary->name || (key->path && !binary->key.path))
		return -ENOMEM;
	err = put_binary(binaries, binary, hash);
	if (err < 0)
		return err;
	open_module(binaries, source, binary);
	*ret = binaries->items[binaries->count++] = TAKE(binary);
	return 0;
}

/*
 * A file without a build id is known by its path and number, which stay when it is written to, and
 * which another file may get when it is gone.
 */
static bool has_changed(const struct binary *binary, const struct mapping_source *source)
{
	struct stat now;

	if (!source->is_new || binary->kind != BINARY_FILE || mapped_file_has_id(source) ||
	    !mapped_file_stat_any(source, &now))
		return false;
	return file_is_same(&now, &binary->file) && !file_is_unchanged(&now, &binary->file);
}

static int find_binary(struct binaries *binaries, const struct mapping_source *source,
		       struct binary **ret)
{
	struct binary_key key;
	struct binary *binary;
	uint64_t hash;

	key_of(source, binary_kind_of(source->path), &key);
	add_place(binaries, source, &key);
	binary = look_up(binaries, &key, &hash);
	if (!binary)
		binary = find_placeless(binaries, &key, hash);
	/* A process that had ended too early may have hidden the file; this one may live. */
	if (binary && !binary->module)
		open_module(binaries, source, binary);
	if (binary && !has_changed(binary, source)) {
		*ret = binary;
		return 0;
	}
	if (binaries->count < BINARIES_MAX)
		return add_binary(binaries, source, &key, hash, ret);
	binaries->dropped++;
	return -E2BIG;
}

int binaries_find(struct binaries *binaries, const struct mapping_source *source,
		  struct binary **ret)
{
	int err = find_binary(binaries, source, ret);

	if (!err && binaries->jit)
		jit_mapped(binaries->jit, source, *ret);
	return err;
}

uint64_t binaries_unopened(const struct binaries *binaries)
{
	uint64_t count = 0;

	for (size_t i = 0; i < binaries->count; i++) {
		const struct binary *binary = binaries->items[i];

		count += binary->is_sampled && binary->kind == BINARY_FILE && !binary->module;
	}
	return count;
}

uint64_t binaries_rewritten(const struct binaries *binaries)
{
	uint64_t count = 0;

	for (size_t i = 0; i < binaries->count; i++) {
		const struct binary *binary = binaries->items[i];

		count +=
			binary->is_sampled && binary->module && module_is_rewritten(binary->module);
	}
	return count;
}

uint64_t binaries_dropped(const struct binaries *binaries)
{
	return binaries->dropped;
}
