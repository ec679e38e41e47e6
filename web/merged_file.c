/* SPDX-License-Identifier: Apache-2.0 */
#include "web/merged_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "flamegraph/call_tree_prune.h"
#include "flamegraph/call_tree_removed.h"
#include "flamegraph/differential.h"
#include "flamegraph/flamegraph.h"
#include "flamegraph/svg.h"

#define NS_PER_US 1000
#define DATE_SIZE 32
#define TEXT_SIZE 128

/* Of a picture at first; a node takes some 30 bytes, and a new name as many again. */
#define PICTURE_NODES_MAX 100000

static bool is_off_cpu(const struct merged_file *file)
{
	return strcmp(file->kind, "off-cpu") == 0;
}

static bool is_time(const struct merged_file *file)
{
	return strcmp(file->merged->unit, "nanoseconds") == 0;
}

static void replace(struct call_tree **tree, struct call_tree *by)
{
	if (!by)
		return;
	call_tree_free(*tree);
	*tree = by;
}

static int merge_lines(const struct merged_file *file)
{
	struct call_tree *merged = NULL;
	int err = 0;

	/* A differential has been made without. */
	if (!file->before)
		err = call_tree_merge_lines(*file->tree, false, &merged);
	replace(file->tree, merged);
	return err;
}

static int prune(const struct merged_file *file, size_t nodes_max)
{
	struct call_tree *pruned = NULL;
	int err = nodes_max ? call_tree_prune(*file->tree, nodes_max, &pruned) : 0;

	replace(file->tree, pruned);
	return err;
}

/* Functions without their lines; times in microseconds, as pictures and folded stacks have them.
 * nodes_max 0: as many as there are. */
static int make_shown(const struct merged_file *file, size_t nodes_max)
{
	struct call_tree *shown = NULL;
	int err = merge_lines(file);

	if (!err)
		err = prune(file, nodes_max);
	if (!err && is_time(file))
		err = call_tree_divide(*file->tree, NS_PER_US, &shown);
	if (err < 0)
		return err;
	replace(file->tree, shown);
	return 0;
}

static void write_date(uint64_t time_s, char ret[DATE_SIZE])
{
	time_t seconds = (time_t)time_s;
	struct tm date;

	ret[0] = '\0';
	if (gmtime_r(&seconds, &date))
		(void)strftime(ret, DATE_SIZE, "%Y-%m-%d %H:%M:%S", &date);
}

static void write_span(const struct store_merged *merged, char ret[TEXT_SIZE])
{
	char from[DATE_SIZE], until[DATE_SIZE];

	write_date(merged->from_s, from);
	write_date(merged->until_s, until);
	(void)snprintf(ret, TEXT_SIZE, "%s to %s UTC, %llu %s", from, until,
		       (unsigned long long)merged->profiles,
		       merged->profiles == 1 ? "profile" : "profiles");
}

static const char *title_of(const struct merged_file *file)
{
	if (is_off_cpu(file))
		return file->before ? "Off-CPU, before and after" : "Off-CPU";
	if (strcmp(file->kind, "on-cpu") == 0)
		return file->before ? "On-CPU, before and after" : "On-CPU";
	return file->kind;
}

/* The words around a picture. */
struct words {
	char subtitle[2 * TEXT_SIZE + sizeof("before: ; after: ")];
};

static void describe(const struct merged_file *file, struct words *words, struct picture *ret)
{
	char before[TEXT_SIZE], after[TEXT_SIZE];

	ret->unit = is_time(file) ? "microseconds" : file->merged->unit;
	ret->subtitle = words->subtitle;
	ret->title = title_of(file);
	write_span(file->merged, after);
	if (!file->before) {
		ret->waits = is_off_cpu(file);
		(void)snprintf(words->subtitle, sizeof(words->subtitle), "%s", after);
		return;
	}
	write_span(file->before, before);
	(void)snprintf(words->subtitle, sizeof(words->subtitle), "before: %s; after: %s", before,
		       after);
}

/* Counts before are scaled where that is wanted, and what has gone gets a place. */
static void prepare_sides(const struct merged_file *file, struct picture *picture)
{
	uint64_t divisor = is_time(file) ? NS_PER_US : 1;

	picture->sides.before_total = call_tree_before(*file->tree, 0).total / divisor;
	picture->sides.is_normalized = !file->keeps_totals;
	if (!file->keeps_totals)
		differential_normalize(*file->tree, !is_time(file));
}

typedef int (*picture_writer)(const struct call_tree *tree, const struct picture *picture,
			      FILE *out);

static int write_picture(const struct merged_file *file, picture_writer write, size_t nodes_max,
			 FILE *out)
{
	struct words words;
	struct picture picture = { 0 };
	int err;

	describe(file, &words, &picture);
	if (file->before)
		prepare_sides(file, &picture);
	err = make_shown(file, nodes_max);
	if (!err && file->before)
		err = call_tree_removed(*file->tree, CALL_TREE_BY_NAME);
	if (err < 0)
		return err;
	/* Below a time axis one begins to read at the top. */
	picture.is_inverted = nodes_max > 0;
	return write(*file->tree, &picture, out);
}

static int write_svg(const struct merged_file *file, FILE *out)
{
	return write_picture(file, svg_write, 0, out);
}

static int write_html(const struct merged_file *file, FILE *out)
{
	return write_picture(file, html_write, 0, out);
}

static int put_element(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	int err = svg_put_element(tree, picture, SVG_IN_PAGE, out);

	return !err && ferror(out) ? -EIO : err;
}

static int write_folded(const struct merged_file *file, FILE *out)
{
	int err = make_shown(file, 0);

	return err < 0 ? err : folded_write(*file->tree, out);
}

static int write_pprof(const struct merged_file *file, FILE *out)
{
	const struct store_merged *merged = file->merged;
	struct pprof_info info = {
		.sample_type = is_off_cpu(file) ? "intervals" : "samples",
		.value_type = is_off_cpu(file) ? "off_cpu" : "cpu",
		.time_ns = merged->from_s * NS_PER_SECOND,
		.duration_ns = (merged->until_s - merged->from_s) * NS_PER_SECOND,
		.unit_ns = 1,
		.state = is_off_cpu(file) ? "sleep" : NULL,
	};

	if (!is_time(file)) {
		info.value_type = file->kind;
		info.value_unit = merged->unit;
	}
	return pprof_write(*file->tree, &info, out);
}

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

/* A try, of a copy: what is left out is not known before. */
static int try_element(const struct merged_file *file, size_t nodes_max, char **ret_text,
		       size_t *ret_size)
{
	CLEANUP(cleanup_tree) struct call_tree *tree = NULL;
	struct merged_file tried = *file;
	FILE *out = NULL;
	int err = call_tree_divide(*file->tree, 1, &tree);

	tried.tree = &tree;
	if (!err) {
		out = open_memstream(ret_text, ret_size);
		err = out ? write_picture(&tried, put_element, nodes_max, out) : -ENOMEM;
	}
	if (out && fclose(out) != 0 && !err)
		err = -ENOMEM;
	return err;
}

static int write_element(const struct merged_file *file, FILE *out)
{
	size_t nodes_max = PICTURE_NODES_MAX, size = 0;
	int err;

	do {
		CLEANUP(cleanup_free) char *text = NULL;

		err = try_element(file, nodes_max, &text, &size);
		if (!err && size <= PICTURE_BYTES_MAX && fwrite(text, 1, size, out) != size)
			err = -EIO;
		nodes_max /= 2;
	} while (!err && size > PICTURE_BYTES_MAX && nodes_max > 1);
	return !err && size > PICTURE_BYTES_MAX ? -E2BIG : err;
}

static const struct merged_format formats[] = {
	{ "svg", "image/svg+xml", "svg", true, write_svg },
	{ "folded", "text/plain; charset=utf-8", "folded", true, write_folded },
	{ "pprof", "application/octet-stream", "pb.gz", false, write_pprof },
	{ "html", "text/html; charset=utf-8", "html", true, write_html },
	{ "picture", "image/svg+xml", NULL, true, write_element },
};

const struct merged_format *merged_format_find(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	}
	return NULL;
}

int merged_file_write(const struct merged_file *file, const struct merged_format *format, FILE *out)
{
	int err = call_tree_sort(*file->tree);

	return err < 0 ? err : format->write(file, out);
}
