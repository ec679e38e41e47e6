/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/save.h"

#include <errno.h>
#include <string.h>

#include "agent/log.h"
#include "base/cleanup.h"
#include "flamegraph/flamegraph.h"

struct save {
	const struct profile *profile;
	const struct report *report;
	const struct call_tree *merged; /* without lines */
	struct output *output;
	struct picture picture;
};

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

static int write_svg(const struct save *save, FILE *out)
{
	return svg_write(save->merged, &save->picture, out);
}

static int write_folded(const struct save *save, FILE *out)
{
	return folded_write(save->merged, out);
}

static int write_html(const struct save *save, FILE *out)
{
	return html_write(save->merged, &save->picture, out);
}

static int write_speedscope(const struct save *save, FILE *out)
{
	return speedscope_write(save->merged, &save->picture, out);
}

static int write_pprof(const struct save *save, FILE *out)
{
	const struct recording_stats *stats = &save->report->stats;
	struct pprof_info info = {
		.sample_type = "samples",
		.value_type = "cpu",
		.time_ns = stats->started_at_unix_ns,
		.duration_ns = (uint64_t)(stats->seconds * 1e9),
		.period_ns = 1000000000 / stats->sample_hz,
		.comment = save->report->notes,
	};

	return pprof_write(save->profile->tree, &info, out);
}

static int write_stats(const struct save *save, FILE *out)
{
	return stats_json_write(&save->report->stats, out);
}

static const struct {
	const char *name; /* in a directory */
	enum output_form form;
	int (*write)(const struct save *save, FILE *out);
} writers[] = {
	{ "on-cpu.svg", OUTPUT_SVG, write_svg },
	{ "on-cpu.folded", OUTPUT_FOLDED, write_folded },
	{ "on-cpu.pb.gz", OUTPUT_PPROF, write_pprof },
	{ "index.html", OUTPUT_HTML, write_html },
	{ "stats.json", OUTPUT_DIRECTORY, write_stats },
	{ NULL, OUTPUT_STDOUT, write_folded },
	{ NULL, OUTPUT_SPEEDSCOPE, write_speedscope },
};

static bool is_wanted(enum output_form form, size_t i)
{
	return form == OUTPUT_DIRECTORY ? writers[i].name != NULL : writers[i].form == form;
}

static int write_files(const struct save *save)
{
	struct output *output = save->output;

	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		FILE *out;
		int err;

		if (!is_wanted(output_form(output), i))
			continue;
		out = output_stream(output, writers[i].name);
		if (!out)
			return -errno;
		err = writers[i].write(save, out);
		/* -EIO: output_commit() knows the stream's own error and says it. */
		if (err < 0 && err != -EIO) {
			log_error("cannot make '%s': %s",
				  writers[i].name ? writers[i].name : "the profile",
				  strerror(-err));
			return err;
		}
	}
	return output_commit(output);
}

int save_profile(const struct profile *profile, const struct report *report, bool name_lines,
		 struct output *output)
{
	CLEANUP(cleanup_tree) struct call_tree *merged = NULL;
	struct save save = {
		.profile = profile,
		.report = report,
		.output = output,
		.picture = { .title = "On-CPU",
			     .subtitle = report->stats.target,
			     .notes = report->notes,
			     .unit = "samples" },
	};

	if (output_form(output) != OUTPUT_PPROF) {
		int err = call_tree_merge_lines(profile->tree, name_lines, &merged);

		if (err < 0) {
			log_error("cannot make the profile: %s", strerror(-err));
			return err;
		}
	}
	save.merged = merged ? merged : profile->tree;
	return write_files(&save);
}
