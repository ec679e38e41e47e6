/* SPDX-License-Identifier: Apache-2.0 */
/*
 * golden FOLDER NAME FORMAT [--update]: what FOLDER/NAME.folded becomes in a format is compared
 * with FOLDER/NAME.FORMAT, or written there. The script and the style sheet of a picture are
 * left out: they are the same in all of them, and a change to them should not change every file
 * here.
 *
 * Inputs called "lines..." have places (placed_tree.h), "waits..." are off-CPU time, "sides..." are
 * differentials, drawn with words that strangers chose. Format "lines" is folded stacks with lines
 * behind names, "pprof" the text of what is in such a file.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/call_tree_removed.h"
#include "flamegraph/flamegraph.h"
#include "flamegraph/readers.h"
#include "tests/golden/placed_tree.h"
#include "tests/golden/pprof_text.h"

#define PATH_SIZE 4096

static const struct picture picture = {
	.title = "Golden <&\">",
	.subtitle = "what the test draws",
	.notes = "lost: 3 samples (\x01)",
	.unit = "samples",
};

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

static const struct picture picture_of_waits = {
	.title = "Off-CPU",
	.subtitle = "what the test draws",
	.notes = "7 intervals",
	.unit = "microseconds",
	.width = 800,
	.waits = true,
};

/* Nothing that people say may get out of its text. */
static const struct picture picture_of_sides = {
	.title = "</title><script>alert(1)</script>",
	.subtitle = "\xff\xed\xa0\x80\x1b]]>",
	.notes = "-- <!-- &amp; ' \"",
	.unit = "\" onload=\"alert(1)",
	.nametype = "<![CDATA[",
	.sides = { .before = "<a>\n&", .after = "\x01\"b\"", .is_normalized = true },
};

static bool begins_with(const char *name, const char *start)
{
	return strncmp(name, start, strlen(start)) == 0;
}

static const struct picture *picture_of(const char *name)
{
	if (begins_with(name, "waits"))
		return &picture_of_waits;
	return begins_with(name, "sides") ? &picture_of_sides : &picture;
}

static int write_as(const char *name, const char *format, const struct call_tree *tree, FILE *out)
{
	const struct picture *wanted = picture_of(name);

	if (strcmp(format, "svg") == 0)
		return svg_write(tree, wanted, out);
	if (strcmp(format, "html") == 0)
		return html_write(tree, wanted, out);
	if (strcmp(format, "json") == 0)
		return speedscope_write(tree, wanted, out);
	if (strcmp(format, "out") == 0 || strcmp(format, "lines") == 0)
		return folded_write(tree, out);
	if (strcmp(format, "pprof") == 0)
		return pprof_text_write(tree, out);
	return -EINVAL;
}

/* What is in all elements of the name. */
static void cut_elements(char *bytes, size_t *length, const char *start, const char *end)
{
	char *from = bytes, *to;

	while ((from = strstr(from, start)) && (to = strstr(from, end))) {
		from += strlen(start);
		memmove(from, to, *length - (size_t)(to - bytes) + 1);
		*length -= (size_t)(to - from);
	}
}

static void replace_tree(struct call_tree **tree, struct call_tree *by)
{
	if (!by)
		return;
	call_tree_free(*tree);
	*tree = by;
}

/* The tree as the writer of the format is to see it. */
static int prepare_tree(const char *name, const char *format, struct call_tree **tree)
{
	struct call_tree *changed = NULL;
	int err = begins_with(name, "sides") ? call_tree_removed(*tree, CALL_TREE_BY_NAME)
					     : call_tree_sort(*tree);

	if (!err && begins_with(name, "lines"))
		err = placed_tree_make(*tree, &changed);
	if (err < 0)
		return err;
	replace_tree(tree, changed);
	if (strcmp(format, "pprof") == 0)
		return 0;
	err = call_tree_merge_lines(*tree, strcmp(format, "lines") == 0, &changed);
	if (err < 0)
		return err;
	replace_tree(tree, changed);
	return 0;
}

/* What the input becomes; the caller frees it. */
static int render(const char *path, const char *name, const char *format, char **ret,
		  size_t *ret_length)
{
	CLEANUP(cleanup_tree) struct call_tree *tree = NULL;
	CLEANUP(cleanup_file) FILE *in = fopen(path, "r");
	const struct folded_options options = { .differential = begins_with(name, "sides") };
	struct read_report report;
	FILE *out = open_memstream(ret, ret_length);
	int err;

	if (!in || !out)
		return -EIO;
	err = call_tree_new(&tree);
	if (err == 0)
		err = folded_read(in, tree, &options, &report);
	if (err == 0)
		err = prepare_tree(name, format, &tree);
	if (err == 0)
		err = write_as(name, format, tree, out);
	(void)fclose(out);
	if (err == 0 && (strcmp(format, "svg") == 0 || strcmp(format, "html") == 0)) {
		cut_elements(*ret, ret_length, "<script>", "</script>");
		cut_elements(*ret, ret_length, "<style>", "</style>");
	}
	return err;
}

static int update(const char *path, const char *bytes, size_t length)
{
	FILE *out = fopen(path, "w");
	bool failed = !out || fwrite(bytes, 1, length, out) != length;

	if (out && fclose(out) != 0)
		failed = true;
	if (failed)
		fprintf(stderr, "cannot write '%s': %s\n", path, strerror(errno));
	return failed;
}

static int compare(const char *path, const char *bytes, size_t length)
{
	CLEANUP(cleanup_file) FILE *expected = fopen(path, "r");
	size_t line = 1;

	if (!expected) {
		fprintf(stderr, "cannot open '%s': %s\n", path, strerror(errno));
		return 1;
	}
	for (size_t i = 0; i <= length; i++) {
		int wanted = getc(expected);
		int have = i < length ? (unsigned char)bytes[i] : EOF;

		if (wanted != have) {
			fprintf(stderr,
				"'%s' differs in line %zu; run the target update-golden "
				"and look at the difference\n",
				path, line);
			return 1;
		}
		if (have == '\n')
			line++;
	}
	return 0;
}

int main(int argc, char **argv)
{
	CLEANUP(cleanup_free) char *bytes = NULL;
	char input[PATH_SIZE], expected[PATH_SIZE];
	size_t length = 0;
	int err;

	if (argc < 4)
		return 2;
	(void)snprintf(input, sizeof(input), "%s/%s.folded", argv[1], argv[2]);
	(void)snprintf(expected, sizeof(expected), "%s/%s.%s", argv[1], argv[2], argv[3]);
	err = render(input, argv[2], argv[3], &bytes, &length);
	if (err < 0) {
		fprintf(stderr, "'%s': %s\n", input, strerror(-err));
		return 1;
	}
	if (argc > 4 && strcmp(argv[4], "--update") == 0)
		return update(expected, bytes, length);
	return compare(expected, bytes, length);
}
