/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of flamegraph/: trees from folded text, and what writers make of them. */
#ifndef EPROF_TESTS_UNIT_TREE_H
#define EPROF_TESTS_UNIT_TREE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flamegraph/flamegraph.h"
#include "flamegraph/readers.h"

#define FRAMES(...) ((const struct frame[]){ __VA_ARGS__ })

/* Adds what bytes say; the report says how it went. */
static inline struct read_report read_folded(struct call_tree *tree, const char *bytes,
					     size_t length)
{
	struct read_report report;
	FILE *in = fmemopen((void *)bytes, length, "r");

	assert_non_null(in);
	assert_int_equal(folded_read(in, tree, NULL, &report), 0);
	assert_int_equal(fclose(in), 0);
	return report;
}

static inline struct call_tree *new_tree(void)
{
	struct call_tree *tree;

	assert_int_equal(call_tree_new(&tree), 0);
	return tree;
}

/* A sorted tree, which the caller frees. */
static inline struct call_tree *tree_of(const char *folded)
{
	struct call_tree *tree = new_tree();

	(void)read_folded(tree, folded, strlen(folded));
	assert_int_equal(call_tree_sort(tree), 0);
	return tree;
}

/* A chain of depth frames "f", counted once. */
static inline struct call_tree *chain_tree(size_t depth)
{
	struct call_tree *tree = new_tree();
	struct frame *frames = calloc(depth, sizeof(*frames));

	assert_non_null(frames);
	for (size_t i = 0; i < depth; i++)
		frames[i] = (struct frame){ .name = "f", .kind = FRAME_USER };
	assert_int_equal(call_tree_add(tree, frames, depth, 1), 0);
	assert_int_equal(call_tree_sort(tree), 0);
	free(frames);
	return tree;
}

/* A tree of one frame whose name is length times the letter. */
static inline struct call_tree *long_name_tree(char letter, size_t length)
{
	struct call_tree *tree = new_tree();
	char *name = malloc(length + 1);

	assert_non_null(name);
	memset(name, letter, length);
	name[length] = '\0';
	assert_int_equal(call_tree_add(tree, FRAMES({ .name = name }), 1, 1), 0);
	free(name);
	return tree;
}

/* What one of the writers that take a picture wrote, as a string that the caller frees. */
typedef int (*picture_writer)(const struct call_tree *, const struct picture *, FILE *);

static inline char *drawn(picture_writer writer, const struct call_tree *tree,
			  const struct picture *picture)
{
	char *bytes = NULL;
	size_t length;
	FILE *out = open_memstream(&bytes, &length);

	assert_non_null(out);
	assert_int_equal(writer(tree, picture, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(bytes), length);
	return bytes;
}

static inline void assert_full_disk_is_noticed(picture_writer writer)
{
	struct call_tree *tree = tree_of("a;b 1\n");
	struct picture picture = { .unit = "samples" };
	FILE *out = fopen("/dev/full", "w");

	assert_non_null(out);
	assert_int_equal(writer(tree, &picture, out), -EIO);
	(void)fclose(out);
	call_tree_free(tree);
}

/* Adds more to a text, which has room for it. */
static inline void append_text(char *text, size_t size, const char *more)
{
	size_t length = strlen(text), added = strlen(more) + 1;

	assert_in_range(added, 0, size - length);
	memmove(text + length, more, added);
}

static inline void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is missing", part);
}

static inline void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' should not be there", part);
}

/* By hand: with a sanitizer strstr() looks at the whole text each time. */
static inline size_t count_of(const char *text, const char *part)
{
	size_t length = strlen(part);
	size_t n = 0;

	for (; *text; text++) {
		if (*text == *part && strncmp(text, part, length) == 0)
			n++;
	}
	return n;
}

#endif
