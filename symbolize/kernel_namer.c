/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/kallsyms names everything, but the kernel takes tens of milliseconds to write its hundred
 * thousand lines, for the few hundred addresses that a profile has. So its beginning is read to see
 * whether addresses are shown to us, and then the look-up is asked. The whole file is read where
 * there is no look-up. What the look-up cannot name is looked for in the text: trampolines of
 * ftrace and kprobes are there.
 */
#include "symbolize/kernel_namer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hashmap.h"
#include "symbolize/kernel_names.h"
#include "symbolize/string_pool.h"

/* What a busy machine samples in ten minutes; when full, all are forgotten and asked for again. */
#define ANSWERS_MAX       8192
/* So many addresses are looked for in the text alone; for more, its table is made and kept. */
#define LOOKS_MAX         3
/* Of their strings, which are never forgotten: all names of a kernel are a tenth of it. */
#define STRINGS_BYTES_MAX (UINT64_C(64) << 20)
/* On all architectures that we know. */
#define KERNEL_HALF       (UINT64_C(1) << 63)

struct answer {
	const char *name; /* NULL: none */
	const char *module;
	uint64_t generation; /* when it was asked for */
	bool is_listed;      /* there is a look-up, and it is not that one's */
};

struct kernel_namer {
	const char *path; /* borrowed, as context is */
	kernel_name_lookup lookup;
	void *context;
	struct kernel_names_table *table; /* NULL: not read, or unreadable */
	uint64_t table_generation;        /* 0: never read */
	struct kernel_names_table *near;  /* of the last address that was looked for; NULL: none */
	unsigned int looks;               /* since the last rest */
	uint64_t generation;              /* one more with each change */
	uint64_t without_s;               /* the last rest at which there was no table */
	enum kernel_names state;
	bool has_state;
	struct hashmap index; /* address -> index in answers */
	struct answer *answers;
	size_t count;
	struct string_pool strings;
};

int kernel_namer_new(struct kernel_namer **ret)
{
	CLEANUP(cleanup_free) struct kernel_namer *namer = calloc(1, sizeof(*namer));

	if (!namer)
		return -ENOMEM;
	namer->path = "/proc/kallsyms";
	namer->generation = 1;
	namer->strings.bytes_max = STRINGS_BYTES_MAX;
	/* Pages that are never written cost nothing. */
	namer->answers = calloc(ANSWERS_MAX, sizeof(*namer->answers));
	if (!namer->answers)
		return -ENOMEM;
	*ret = TAKE(namer);
	return 0;
}

void kernel_namer_free(struct kernel_namer *namer)
{
	if (!namer)
		return;
	kernel_names_free(namer->table);
	kernel_names_free(namer->near);
	hashmap_done(&namer->index);
	free(namer->answers);
	string_pool_done(&namer->strings);
	free(namer);
}

void kernel_namer_set_kallsyms(struct kernel_namer *namer, const char *path)
{
	namer->path = path;
}

void kernel_namer_set_lookup(struct kernel_namer *namer, kernel_name_lookup lookup, void *context)
{
	namer->lookup = lookup;
	namer->context = context;
}

void kernel_namer_changed(struct kernel_namer *namer)
{
	namer->generation++;
}

/* Who has a look-up needs the table for few addresses, and it takes megabytes. */
void kernel_namer_rest(struct kernel_namer *namer, uint64_t now_s)
{
	namer->looks = 0;
	if (!namer->table)
		namer->without_s = now_s;
	if (!namer->lookup || now_s - namer->without_s < KERNEL_NAMER_REST_S)
		return;
	kernel_names_free(namer->table);
	namer->table = NULL;
	namer->table_generation = 0;
}

static enum kernel_names peek(const char *path)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool hidden;

	if (fd < 0 || kernel_names_peek(fd, &hidden) < 0)
		return KERNEL_NAMES_UNREADABLE;
	return hidden ? KERNEL_NAMES_HIDDEN : KERNEL_NAMES_OK;
}

/* Keeps the table before when the file cannot be read. */
static void read_table(struct kernel_namer *namer)
{
	CLEANUP(cleanup_fd) int fd = open(namer->path, O_RDONLY | O_CLOEXEC);
	struct kernel_names_table *table;

	namer->table_generation = namer->generation;
	if (fd >= 0 && kernel_names_read(fd, &table) == 0) {
		kernel_names_free(namer->table);
		namer->table = table;
	}
	if (namer->lookup)
		return; /* the state is the beginning's */
	if (!namer->table)
		namer->state = KERNEL_NAMES_UNREADABLE;
	else if (kernel_names_hidden(namer->table))
		namer->state = KERNEL_NAMES_HIDDEN;
	else
		namer->state = KERNEL_NAMES_OK;
}

enum kernel_names kernel_namer_state(struct kernel_namer *namer)
{
	if (namer->has_state)
		return namer->state;
	namer->has_state = true;
	if (namer->lookup)
		namer->state = peek(namer->path);
	else
		read_table(namer);
	return namer->state;
}

static bool ask_lookup(struct kernel_namer *namer, uint64_t address, struct answer *ret)
{
	int found;

	if (!namer->lookup)
		return false;
	found = namer->lookup(namer->context, address, &ret->name, &ret->module);
	if (found < 0)
		namer->lookup = NULL; /* it would fail again */
	return found > 0;
}

static bool find_in(const struct kernel_names_table *table, uint64_t address, struct answer *ret)
{
	if (!table)
		return false;
	ret->name = kernel_names_find(table, address, &ret->module);
	return ret->name;
}

/* Without the table, which takes megabytes. */
static bool look_for(struct kernel_namer *namer, uint64_t address, struct answer *ret)
{
	CLEANUP(cleanup_fd) int fd = open(namer->path, O_RDONLY | O_CLOEXEC);

	kernel_names_free(namer->near);
	namer->near = NULL;
	namer->looks++;
	if (fd < 0 || kernel_names_read_near(fd, address, &namer->near) < 0)
		return false;
	return find_in(namer->near, address, ret);
}

static bool ask_table(struct kernel_namer *namer, uint64_t address, struct answer *ret)
{
	if (find_in(namer->table, address, ret))
		return true;
	if (namer->table_generation == namer->generation)
		return false;
	if (namer->lookup && namer->looks < LOOKS_MAX)
		return look_for(namer, address, ret);
	read_table(namer);
	return find_in(namer->table, address, ret);
}

/* Makes the strings of answer ours, to be shown. */
static int keep(struct kernel_namer *namer, struct answer *answer)
{
	CLEANUP(cleanup_free) char *demangled = demangle(answer->name);

	answer->name = string_pool_keep(&namer->strings, demangled ? demangled : answer->name);
	answer->module = string_pool_keep(&namer->strings, answer->module);
	return answer->name && answer->module ? 0 : -ENOMEM;
}

/*
 * answer is the one so far. Stacks are named some time after they were sampled: what had a name and
 * has none now is gone since, and the name before is the right one, unless kallsyms has another.
 */
static int ask(struct kernel_namer *namer, uint64_t address, struct answer *answer)
{
	bool may_be_listed =
		!answer->name || answer->is_listed || namer->table_generation >= answer->generation;
	struct answer asked = { 0 };

	if (!ask_lookup(namer, address, &asked) && may_be_listed)
		asked.is_listed = ask_table(namer, address, &asked) && namer->lookup;
	if (asked.name) {
		int err = keep(namer, &asked);

		if (err < 0)
			return err;
		*answer = asked;
	}
	answer->generation = namer->generation;
	return 0;
}

static int add_answer(struct kernel_namer *namer, uint64_t address, const struct answer *answer)
{
	int err;

	if (namer->count == ANSWERS_MAX) {
		hashmap_clear(&namer->index);
		namer->count = 0;
	}
	err = hashmap_put(&namer->index, address, namer->count);
	if (err < 0)
		return err;
	namer->answers[namer->count++] = *answer;
	return 0;
}

/* The answer about address that holds now, asked for if need be. */
static int find_answer(struct kernel_namer *namer, uint64_t address, struct answer *ret)
{
	struct answer answer = { 0 };
	uint64_t index;
	int err;

	if (hashmap_get(&namer->index, address, &index)) {
		struct answer *known = &namer->answers[index];

		err = known->generation == namer->generation ? 0 : ask(namer, address, known);
		if (!err)
			*ret = *known;
		return err;
	}
	err = ask(namer, address, &answer);
	if (!err)
		err = add_answer(namer, address, &answer);
	if (!err)
		*ret = answer;
	return err;
}

bool kernel_namer_find(struct kernel_namer *namer, uint64_t address, const char **ret_name,
		       const char **ret_module)
{
	struct answer answer = { 0 };

	if (address < KERNEL_HALF || kernel_namer_state(namer) != KERNEL_NAMES_OK)
		return false;
	if (find_answer(namer, address, &answer) < 0 || !answer.name)
		return false;
	*ret_name = answer.name;
	*ret_module = answer.module;
	return true;
}
