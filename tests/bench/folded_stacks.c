/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folded_stacks COUNT [SEED]: writes so many folded stacks, all different, in no order. The same
 * arguments give the same bytes. They are as those of large programs: depths of 20 to 59, 28 bytes
 * for a frame, 20,000 functions of which some are called much more often than others, and each
 * stack has about three frames that no stack before it had.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/hashmap.h"

#define DEPTH_MIN      20
#define DEPTH_MAX      59
#define NAMES          20000
#define NAME_SIZE      64
#define PROCESSES      12
#define NEW_MAX        24
#define KERNEL_PERCENT 8
#define COUNT_MAX      200
#define COUNT_SIZE     16

struct node {
	uint32_t parent;
	uint32_t name;
};

/* All nodes of one depth. */
struct level {
	uint32_t *nodes;
	size_t count;
	size_t capacity;
};

struct stacks {
	uint64_t random;
	char (*names)[NAME_SIZE];
	struct node *nodes; /* 0 is no node */
	size_t count;
	size_t capacity;
	struct level levels[DEPTH_MAX + 1];
	struct hashmap children; /* parent and name: so that what is new is new */
};

static uint32_t draw(struct stacks *stacks, uint32_t below)
{
	stacks->random += UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)((hash_u64(stacks->random) >> 32) * below >> 32);
}

static void die_without_memory(void)
{
	fprintf(stderr, "folded_stacks: out of memory\n");
	exit(1);
}

static void make_name(struct stacks *stacks, uint32_t i)
{
	static const char *const spaces[] = { "std", "core",         "json",  "net",
					      "db",  "http::server", "alloc", "app" };
	static const char *const verbs[] = { "read", "parse", "get_or_insert", "visit",
					     "poll", "run",   "emit",          "encode" };
	static const char *const nouns[] = { "row", "key",  "connection", "buffer",
					     "ctx", "item", "node",       "table" };
	static const char *const ends[] = { "",    "(int)",          "(char const*)",
					    "<T>", "(size_t, bool)", "(void)",
					    "",    "(view)" };
	bool is_kernel = draw(stacks, 100) < KERNEL_PERCENT;

	if (i < PROCESSES)
		(void)snprintf(stacks->names[i], NAME_SIZE, "process-%" PRIu32, i);
	else if (is_kernel)
		(void)snprintf(stacks->names[i], NAME_SIZE, "__%s_%s_%" PRIu32 "_[k]",
			       verbs[draw(stacks, 8)], nouns[draw(stacks, 8)], i);
	else
		(void)snprintf(stacks->names[i], NAME_SIZE, "%s::%s_%s%" PRIu32 "%s",
			       spaces[draw(stacks, 8)], verbs[draw(stacks, 8)],
			       nouns[draw(stacks, 8)], i, ends[draw(stacks, 8)]);
}

/* Those with small numbers are drawn most often. */
static uint32_t draw_name(struct stacks *stacks)
{
	uint32_t a = draw(stacks, NAMES - PROCESSES), b = draw(stacks, NAMES - PROCESSES);

	return PROCESSES + (uint32_t)((uint64_t)a * b / NAMES);
}

static uint32_t add_node(struct stacks *stacks, uint32_t parent, uint32_t name, size_t depth)
{
	struct level *level = &stacks->levels[depth];
	struct node *nodes =
		array_reserve(stacks->nodes, stacks->count, &stacks->capacity, sizeof(*nodes));
	uint32_t *numbers =
		array_reserve(level->nodes, level->count, &level->capacity, sizeof(*numbers));

	if (!nodes || !numbers ||
	    hashmap_put(&stacks->children, (uint64_t)parent << 32 | name, stacks->count) < 0)
		die_without_memory();
	stacks->nodes = nodes;
	level->nodes = numbers;
	numbers[level->count++] = (uint32_t)stacks->count;
	nodes[stacks->count] = (struct node){ .parent = parent, .name = name };
	return (uint32_t)stacks->count++;
}

static uint32_t add_new(struct stacks *stacks, uint32_t parent, size_t depth)
{
	uint64_t found;
	uint32_t name;

	do {
		name = depth == 1 ? draw(stacks, PROCESSES) : draw_name(stacks);
	} while (hashmap_get(&stacks->children, (uint64_t)parent << 32 | name, &found));
	return add_node(stacks, parent, name, depth);
}

/* Most stacks differ from another one near their leaf, a few in most of their frames. */
static size_t draw_new(struct stacks *stacks)
{
	uint32_t percent = draw(stacks, 100);

	if (percent < 60)
		return 1;
	if (percent < 78)
		return 2;
	return percent < 87 ? 3 : 4 + draw(stacks, NEW_MAX - 3);
}

/* The leaf of a stack that was not there before. */
static uint32_t add_stack(struct stacks *stacks)
{
	size_t depth = DEPTH_MIN + draw(stacks, DEPTH_MAX - DEPTH_MIN + 1);
	size_t new = draw_new(stacks);
	size_t known = new < depth ? depth - new : 1;
	const struct level *level = &stacks->levels[known];
	uint32_t node = level->nodes[draw(stacks, (uint32_t)level->count)];

	while (known < depth)
		node = add_new(stacks, node, ++known);
	return node;
}

static void put_stack(const struct stacks *stacks, uint32_t leaf, uint32_t count)
{
	char line[DEPTH_MAX * (NAME_SIZE + 1) + COUNT_SIZE];
	size_t start = sizeof(line) - COUNT_SIZE;
	size_t length = (size_t)snprintf(line + start, COUNT_SIZE, " %" PRIu32 "\n", count);

	for (uint32_t i = leaf; i; i = stacks->nodes[i].parent) {
		const char *name = stacks->names[stacks->nodes[i].name];
		size_t n = strnlen(name, NAME_SIZE);

		if (i != leaf) {
			line[--start] = ';';
			length++;
		}
		start -= n;
		length += n;
		memcpy(line + start, name, n);
	}
	(void)fwrite(line + start, 1, length, stdout);
}

int main(int argc, char **argv)
{
	struct stacks stacks = { .random = argc > 2 ? strtoull(argv[2], NULL, 0) : 1, .count = 1 };
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 0) : 0;
	uint32_t trunk = 0;

	if (count == 0 || argc > 3) {
		fprintf(stderr, "usage: folded_stacks COUNT [SEED]\n");
		return 2;
	}
	stacks.names = calloc(NAMES, sizeof(*stacks.names));
	stacks.nodes = calloc(1, sizeof(*stacks.nodes));
	stacks.capacity = 1;
	if (!stacks.names || !stacks.nodes)
		die_without_memory();
	for (uint32_t i = 0; i < NAMES; i++)
		make_name(&stacks, i);
	for (uint32_t i = 0; i < PROCESSES; i++) {
		trunk = add_node(&stacks, 0, i, 1);
		for (size_t depth = 2; depth <= DEPTH_MAX; depth++)
			trunk = add_new(&stacks, trunk, depth);
	}
	for (uint64_t i = 0; i < count; i++) {
		uint32_t leaf = add_stack(&stacks);

		put_stack(&stacks, leaf, 1 + draw(&stacks, 1 + draw(&stacks, COUNT_MAX)));
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
