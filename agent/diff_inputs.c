/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/diff_inputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "base/cleanup.h"

/* In the order in which they are looked for: profiles know their unit. Both are of one form, for
 * these count different things. */
static const char *const endings[] = { ".pb.gz", ".folded" };
#define ENDINGS_COUNT (sizeof(endings) / sizeof(endings[0]))
_Static_assert(ENDINGS_COUNT == 2, "each is the other one of the other");

static const char *const kinds[DIFF_PAIRS_MAX] = { "on-cpu", "off-cpu" };

static bool is_directory(const char *path)
{
	struct stat st;

	return strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

void diff_pairs_done(struct diff_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		free(pairs->list[i].before);
		free(pairs->list[i].after);
	}
	*pairs = (struct diff_pairs){ 0 };
}

/* The file itself, or one in the directory; -ENOENT: there is none in it. */
static int find_file(const char *path, const char *kind, const char *ending, char **ret)
{
	CLEANUP(cleanup_free) char *file = NULL;

	if (!is_directory(path)) {
		*ret = strdup(path);
		return *ret ? 0 : -ENOMEM;
	}
	if (asprintf(&file, "%s/%s%s", path, kind, ending) < 0) {
		file = NULL;
		return -ENOMEM;
	}
	if (access(file, F_OK) < 0)
		return -ENOENT;
	*ret = TAKE(file);
	return 0;
}

static int find_both(const struct diff_options *options, const char *kind, const char *ending,
		     struct diff_pair *ret)
{
	CLEANUP(cleanup_free) char *before = NULL;
	CLEANUP(cleanup_free) char *after = NULL;
	int err = find_file(options->before, kind, ending, &before);

	if (!err)
		err = find_file(options->after, kind, ending, &after);
	if (err < 0)
		return err;
	ret->before = TAKE(before);
	ret->after = TAKE(after);
	return 0;
}

static bool ends_in(const char *path, const char *ending)
{
	size_t length = strlen(path), ending_length = strlen(ending);

	return length >= ending_length && strcmp(path + length - ending_length, ending) == 0;
}

/* Whether the argument that is a file, if one is, is by its name of the other form. */
static bool is_other_form(const struct diff_options *options, size_t form)
{
	const char *file = is_directory(options->before) ? options->after : options->before;

	return !is_directory(file) && ends_in(file, endings[1 - form]);
}

static int add_kind(const struct diff_options *options, size_t kind, struct diff_pairs *pairs)
{
	struct diff_pair pair = { .is_of_directory = true, .is_off_cpu = kind > 0 };
	int err = -ENOENT;

	for (size_t i = 0; err == -ENOENT && i < ENDINGS_COUNT; i++) {
		if (!is_other_form(options, i))
			err = find_both(options, kinds[kind], endings[i], &pair);
	}
	if (err < 0)
		return err;
	pairs->list[pairs->count++] = pair;
	return 0;
}

/* Those that are asked for, or all that there are and fit the output. */
static int add_kinds(const struct diff_options *options, struct diff_pairs *pairs)
{
	const bool asked[DIFF_PAIRS_MAX] = { options->on_cpu, options->off_cpu };
	bool is_default = !options->on_cpu && !options->off_cpu;
	size_t most = options->form == OUTPUT_HTML ? DIFF_PAIRS_MAX : 1;

	for (size_t kind = 0; kind < DIFF_PAIRS_MAX && pairs->count < most; kind++) {
		int err = asked[kind] || is_default ? add_kind(options, kind, pairs) : 0;

		if (err == -ENOENT && !is_default) {
			log_error("'%s' and '%s' have no file %s%s, or %s%s, to compare",
				  options->before, options->after, kinds[kind], endings[0],
				  kinds[kind], endings[1]);
			return err;
		}
		if (err < 0 && err != -ENOENT)
			return err;
	}
	if (pairs->count > 0)
		return 0;
	log_error("'%s' and '%s' have no files to compare: of a directory of 'eprof record' it is "
		  "on-cpu.pb.gz or on-cpu.folded, or off-cpu...",
		  options->before, options->after);
	return -ENOENT;
}

int diff_pairs_find(const struct diff_options *options, struct diff_pairs *ret)
{
	CLEANUP(diff_pairs_done) struct diff_pairs pairs = { 0 };
	int err;

	if (is_directory(options->before) || is_directory(options->after)) {
		err = add_kinds(options, &pairs);
	} else if (options->on_cpu || options->off_cpu) {
		log_error("--on-cpu and --off-cpu are about directories, and neither '%s' nor '%s' "
			  "is one",
			  options->before, options->after);
		err = -EINVAL;
	} else {
		err = find_both(options, "", "", &pairs.list[0]);
		pairs.count = err < 0 ? 0 : 1;
	}
	if (err == -ENOMEM)
		log_error("cannot compare '%s' and '%s': %s", options->before, options->after,
			  strerror(-err));
	if (err < 0)
		return err;
	*ret = pairs;
	pairs.count = 0;
	return 0;
}
