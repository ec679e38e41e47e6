/* SPDX-License-Identifier: Apache-2.0 */
#include "web/reception.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "flamegraph/call_tree_merge.h"
#include "flamegraph/pprof_read.h"
#include "flamegraph/readers.h"
#include "web/answer.h"

/* Of a profile, decompressed. A million stacks of 60 frames have a little more. */
#define PROFILE_BYTES_MAX ((size_t)128 << 20)

/*
 * A tree of that many nodes takes a few MiB, and does not wait for the store behind the gate: with
 * ClickHouse hundreds wait together.
 */
#define LIGHT_NODES 32768

/* Of a parameter's name, in an error. */
#define SHOWN_MAX 64

void reception_init(struct reception *reception, const struct receive_limits *limits,
		    struct http_answer *answer)
{
	reception->limits = limits;
	reception->profile = (struct store_profile){ .labels = reception->labels };
	reception->answer = answer;
	reception->is_behind = false;
}

int reception_wrong(struct reception *reception, const char *what, const char *name)
{
	answer_error(reception->answer, MHD_HTTP_BAD_REQUEST, "%s: '%.*s'", what, SHOWN_MAX, name);
	return -EINVAL;
}

int reception_add_label(struct reception *reception, const char *name, const char *value)
{
	struct store_profile *profile = &reception->profile;
	size_t at = profile->label_count;

	if (store_is_own_label(name))
		return reception_wrong(reception, "a label has a name that is taken", name);
	if (at == STORE_LABELS_MAX) {
		answer_error(reception->answer, MHD_HTTP_BAD_REQUEST, "more than %d labels",
			     STORE_LABELS_MAX);
		return -E2BIG;
	}
	/* What is empty is no label, as elsewhere in this field. */
	if (!*value)
		return 0;
	while (at > 0 && strcmp(reception->labels[at - 1].name, name) > 0) {
		reception->labels[at] = reception->labels[at - 1];
		at--;
	}
	if (at > 0 && strcmp(reception->labels[at - 1].name, name) == 0)
		return reception_wrong(reception, "there are two labels of one name", name);
	reception->labels[at] = (struct store_label){ name, value };
	profile->label_count++;
	return 0;
}

static void go_behind(struct reception *reception)
{
	gate_enter(reception->limits->profiles);
	reception->is_behind = true;
}

static void come_back(struct reception *reception)
{
	if (reception->is_behind)
		gate_leave(reception->limits->profiles);
	reception->is_behind = false;
}

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

static int check_times(const struct reception *reception)
{
	const struct receive_limits *limits = reception->limits;
	const struct store_profile *profile = &reception->profile;
	uint64_t now_s = clock_ns(CLOCK_REALTIME) / NS_PER_SECOND;

	if (profile->until_s > now_s + limits->ahead_s) {
		answer_error(reception->answer, MHD_HTTP_UNPROCESSABLE_CONTENT,
			     "the window ends in the future: is a clock wrong?");
		return -EINVAL;
	}
	if (limits->age_s && limits->age_s < now_s && profile->until_s < now_s - limits->age_s) {
		answer_error(reception->answer, MHD_HTTP_UNPROCESSABLE_CONTENT,
			     "the window is older than what is kept");
		return -EINVAL;
	}
	return 0;
}

/* What all of these kinds count is one unit: one profile of another would be in the way of all. */
static int unify_unit(struct reception *reception, struct call_tree *tree)
{
	static const struct {
		const char *unit;
		uint64_t factor;
	} times[] = {
		{ "nanoseconds", 1 },
		{ "microseconds", 1000 },
		{ "milliseconds", 1000000 },
		{ "seconds", NS_PER_SECOND },
	};
	struct store_profile *profile = &reception->profile;

	if (strcmp(profile->kind, "on-cpu") != 0 && strcmp(profile->kind, "off-cpu") != 0)
		return 0;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (strcmp(profile->unit, times[i].unit) != 0)
			continue;
		profile->unit = times[0].unit;
		return call_tree_multiply(tree, times[i].factor, 0);
	}
	answer_error(reception->answer, MHD_HTTP_UNPROCESSABLE_CONTENT,
		     "profiles of kind %s count time, and this one counts '%.*s'", profile->kind,
		     SHOWN_MAX, profile->unit);
	return -EMEDIUMTYPE;
}

static int keep(struct reception *reception, struct store *store, struct call_tree *tree,
		bool *ret_is_new)
{
	int err = check_times(reception);

	if (err < 0)
		return err;
	err = unify_unit(reception, tree);
	if (err == -EOVERFLOW)
		answer_store_error(reception->answer, err);
	if (err < 0)
		return err;
	if (call_tree_node_count(tree) <= LIGHT_NODES)
		come_back(reception);
	reception->profile.tree = tree;
	err = store_put(store, &reception->profile);
	reception->profile.tree = NULL;
	*ret_is_new = !err;
	if (!err || err == -EEXIST)
		return 0;
	if (err == -EINVAL || err == -E2BIG)
		answer_error(
			reception->answer, MHD_HTTP_UNPROCESSABLE_CONTENT,
			"a text is no UTF-8, or longer than it may be, or counts are too large");
	else
		answer_store_error(reception->answer, err);
	return err;
}

static int read_pprof(struct reception *reception, const uint8_t *bytes, size_t size,
		      struct call_tree *tree, struct pprof_contents *contents)
{
	struct pprof_reason reason = { "it is empty" };
	const struct pprof_options options = { .reason = &reason, .bytes_max = PROFILE_BYTES_MAX };
	CLEANUP(cleanup_file) FILE *in = NULL;
	int err = -EBADMSG;

	if (size) {
		in = fmemopen((void *)bytes, size, "r");
		err = in ? pprof_read(in, tree, &options, contents) : -ENOMEM;
	}
	if (err == -ENOMEM)
		answer_store_error(reception->answer, err);
	else if (err < 0)
		answer_error(reception->answer, MHD_HTTP_UNPROCESSABLE_CONTENT,
			     "the body is no pprof profile: %s", reason.text);
	return err;
}

/* What other profilers call time on a CPU, and off it. */
static const char *kind_of_type(const char *type)
{
	if (strcmp(type, "cpu") == 0)
		return "on-cpu";
	if (strcmp(type, "off_cpu") == 0)
		return "off-cpu";
	return *type ? type : "unknown";
}

/* As the file says, or until now, where nobody said when it was. */
static void find_times(struct store_profile *profile, const struct pprof_contents *contents)
{
	uint64_t seconds = 1;

	if (contents->duration_ns > 0)
		seconds = ((uint64_t)contents->duration_ns + NS_PER_SECOND - 1) / NS_PER_SECOND;
	if (seconds > STORE_WINDOW_MAX)
		seconds = STORE_WINDOW_MAX;
	if (contents->time_ns > 0) {
		profile->from_s = (uint64_t)contents->time_ns / NS_PER_SECOND;
		profile->until_s = profile->from_s + seconds;
		return;
	}
	profile->until_s = clock_ns(CLOCK_REALTIME) / NS_PER_SECOND;
	profile->from_s = profile->until_s - seconds;
}

static int put_pprof(struct reception *reception, struct store *store, const uint8_t *bytes,
		     size_t size, bool *ret_is_new)
{
	struct store_profile *profile = &reception->profile;
	CLEANUP(cleanup_tree) struct call_tree *tree = NULL;
	CLEANUP(pprof_contents_done) struct pprof_contents contents = { 0 };
	const char *kind = profile->kind;
	int err = call_tree_new(&tree);

	if (err < 0) {
		answer_store_error(reception->answer, err);
		return err;
	}
	call_tree_limit(tree, STORE_NODES_MAX);
	err = read_pprof(reception, bytes, size, tree, &contents);
	if (err < 0)
		return err;
	profile->unit = contents.unit && *contents.unit ? contents.unit : "count";
	if (!kind)
		profile->kind = kind_of_type(contents.type ? contents.type : "");
	if (!profile->until_s)
		find_times(profile, &contents);
	err = keep(reception, store, tree, ret_is_new);
	profile->unit = NULL;
	profile->kind = kind;
	return err;
}

int reception_put_pprof(struct reception *reception, struct store *store, const uint8_t *bytes,
			size_t size, bool *ret_is_new)
{
	int err;

	go_behind(reception);
	err = put_pprof(reception, store, bytes, size, ret_is_new);
	come_back(reception);
	return err;
}

static int put_folded(struct reception *reception, struct store *store, const uint8_t *bytes,
		      size_t size, const struct reception_folded *counts, bool *ret_is_new)
{
	CLEANUP(cleanup_tree) struct call_tree *tree = NULL;
	CLEANUP(cleanup_file) FILE *in = size ? fmemopen((void *)bytes, size, "r") : NULL;
	struct read_report report = { 0 };
	int err = call_tree_new(&tree);

	if (!err)
		call_tree_limit(tree, STORE_NODES_MAX);
	if (!err && size)
		err = in ? folded_read(in, tree, NULL, &report) : -ENOMEM;
	if (!err)
		err = call_tree_multiply(tree, counts->factor, 0);
	if (err < 0) {
		answer_store_error(reception->answer, err);
		return err;
	}
	if (report.bad_lines || !report.stacks) {
		answer_error(reception->answer, MHD_HTTP_UNPROCESSABLE_CONTENT,
			     "the body has no folded stacks, or a line that %s",
			     report.bad_lines ? bad_line_text(report.first[0].reason) : "is empty");
		return -EBADMSG;
	}
	reception->profile.unit = counts->unit;
	err = keep(reception, store, tree, ret_is_new);
	reception->profile.unit = NULL;
	return err;
}

int reception_put_folded(struct reception *reception, struct store *store, const uint8_t *bytes,
			 size_t size, const struct reception_folded *counts, bool *ret_is_new)
{
	int err;

	go_behind(reception);
	err = put_folded(reception, store, bytes, size, counts, ret_is_new);
	come_back(reception);
	return err;
}
