/* SPDX-License-Identifier: Apache-2.0 */
#include "web/merged_file.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "flamegraph/flamegraph.h"

#define NS_PER_US 1000
#define DATE_SIZE 32
#define TEXT_SIZE 128

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

/* Functions without their lines; times in microseconds, as pictures and folded stacks have them. */
static int make_shown(const struct merged_file *file)
{
	struct call_tree *shown = NULL;
	int err = call_tree_merge_lines(*file->tree, false, &shown);

	if (err < 0)
		return err;
	replace(file->tree, shown);
	if (!is_time(file))
		return 0;
	err = call_tree_divide(*file->tree, NS_PER_US, &shown);
	if (!err)
		replace(file->tree, shown);
	return err;
}

static void write_date(uint64_t time_s, char ret[DATE_SIZE])
{
	time_t seconds = (time_t)time_s;
	struct tm date;

	ret[0] = '\0';
	if (gmtime_r(&seconds, &date))
		(void)strftime(ret, DATE_SIZE, "%Y-%m-%d %H:%M:%S", &date);
}

typedef int (*picture_writer)(const struct call_tree *tree, const struct picture *picture,
			      FILE *out);

static int write_picture(const struct merged_file *file, picture_writer write, FILE *out)
{
	char from[DATE_SIZE], until[DATE_SIZE], subtitle[TEXT_SIZE];
	struct picture picture = {
		.title = is_off_cpu(file) ? "Off-CPU" : "On-CPU",
		.subtitle = subtitle,
		.unit = is_time(file) ? "microseconds" : file->merged->unit,
		.waits = is_off_cpu(file),
	};
	int err = make_shown(file);

	if (err < 0)
		return err;
	if (!is_off_cpu(file) && strcmp(file->kind, "on-cpu") != 0)
		picture.title = file->kind;
	write_date(file->merged->from_s, from);
	write_date(file->merged->until_s, until);
	(void)snprintf(subtitle, sizeof(subtitle), "%s to %s UTC, %llu profiles", from, until,
		       (unsigned long long)file->merged->profiles);
	return write(*file->tree, &picture, out);
}

static int write_svg(const struct merged_file *file, FILE *out)
{
	return write_picture(file, svg_write, out);
}

static int write_html(const struct merged_file *file, FILE *out)
{
	return write_picture(file, html_write, out);
}

static int write_folded(const struct merged_file *file, FILE *out)
{
	int err = make_shown(file);

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

static const struct merged_format formats[] = {
	{ "svg", "image/svg+xml", write_svg },
	{ "folded", "text/plain; charset=utf-8", write_folded },
	{ "pprof", "application/octet-stream", write_pprof },
	{ "html", "text/html; charset=utf-8", write_html },
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
