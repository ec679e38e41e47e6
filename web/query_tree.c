/* SPDX-License-Identifier: Apache-2.0 */
/* Questions whose answer is made of a merged tree. */
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "flamegraph/differential.h"
#include "web/answer.h"
#include "web/functions.h"
#include "web/merged_file.h"
#include "web/query.h"
#include "web/selection.h"

#define NOTHING_KEPT "no profile was kept of what is selected"

#define FUNCTIONS_SHOWN 100
#define FUNCTIONS_MAX   100000

static uint64_t now_s(void)
{
	return clock_ns(CLOCK_REALTIME) / NS_PER_SECOND + 1;
}

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

/* What was merged becomes a file in memory, and the answer's body. */
static void answer_file(struct http_answer *ret, const struct merged_format *format,
			const struct merged_file *file)
{
	FILE *out = open_memstream(&ret->body, &ret->size);
	int err = out ? merged_file_write(file, format, out) : -ENOMEM;

	if (out && fclose(out) != 0 && !err)
		err = -ENOMEM;
	if (!err) {
		ret->status = MHD_HTTP_OK;
		ret->type = format->type;
		ret->file_extension = format->extension;
		return;
	}
	free(ret->body);
	ret->body = NULL;
	answer_store_error(ret, err);
}

/* NULL after an answer. */
static const struct merged_format *find_format(const char *name, bool compares,
					       struct http_answer *ret)
{
	const struct merged_format *format = merged_format_find(name ? name : "svg");

	if (format && (format->can_compare || !compares))
		return format;
	answer_error(ret, MHD_HTTP_BAD_REQUEST, "the format is one of svg, folded, html, picture%s",
		     compares ? "" : ", pprof");
	return NULL;
}

/* The tree of a selection that has been read; < 0 after an answer. */
static int merge(struct store *store, const struct selection *selection, struct call_tree **ret,
		 struct store_merged *merged)
{
	struct http_answer *answer = selection->answer;
	int err;

	if (!selection->selector.kind) {
		answer_error(answer, MHD_HTTP_BAD_REQUEST, "a parameter is missing: 'kind'");
		return -EINVAL;
	}
	err = call_tree_new(ret);
	if (!err)
		err = store_merge(store, &selection->selector, *ret, merged);
	if (err < 0) {
		answer_store_error(answer, err);
		return err;
	}
	if (merged->profiles)
		return 0;
	answer_error(answer, MHD_HTTP_NOT_FOUND, NOTHING_KEPT);
	return -ENOENT;
}

/* To browsers 404 is an error of the page that asked, and our page asks for what may not be there.
 */
static void make_empty(struct http_answer *answer, const struct merged_format *format)
{
	if (answer->status != MHD_HTTP_NOT_FOUND || format->extension)
		return;
	free(answer->body);
	answer->body = NULL;
	answer->size = 0;
	answer->status = MHD_HTTP_NO_CONTENT;
}

void query_merge(struct store *store, const struct http_request *request, struct http_answer *ret)
{
	struct selection_option options[] = { { "format", NULL } };
	struct selection selection = { .options = options, .option_count = 1, .answer = ret };
	CLEANUP(cleanup_tree) struct call_tree *tree = NULL;
	const struct merged_format *format;
	struct store_merged merged;

	if (selection_read(&selection, request, now_s()) < 0)
		return;
	format = find_format(options[0].value, false, ret);
	if (!format)
		return;
	if (merge(store, &selection, &tree, &merged) < 0) {
		make_empty(ret, format);
		return;
	}
	answer_file(ret, format,
		    &(struct merged_file){
			    .tree = &tree, .kind = selection.selector.kind, .merged = &merged });
}

/* Both sides in *ret; < 0 after an answer. */
static int compare(struct store *store, const struct selection *before,
		   const struct selection *after, struct call_tree **ret,
		   struct store_merged *ret_before, struct store_merged *ret_after)
{
	CLEANUP(cleanup_tree) struct call_tree *tree_before = NULL;
	CLEANUP(cleanup_tree) struct call_tree *tree_after = NULL;
	int err = merge(store, after, &tree_after, ret_after);

	if (!err)
		err = merge(store, before, &tree_before, ret_before);
	if (err < 0)
		return err;
	err = strcmp(ret_before->unit, ret_after->unit) != 0 ? -EMEDIUMTYPE : 0;
	if (!err)
		err = differential_make(tree_before, tree_after, ret);
	if (!err && (!call_tree_node(tree_before, 0)->total || !call_tree_node(*ret, 0)->total)) {
		answer_error(after->answer, MHD_HTTP_NOT_FOUND,
			     "nothing was counted on one of the two sides");
		return -ENODATA;
	}
	if (err < 0)
		answer_store_error(after->answer, err);
	return err;
}

/* "0" or "1"; < 0 after an answer. */
static int read_flag(const struct selection_option *option, bool otherwise, bool *ret,
		     struct http_answer *answer)
{
	*ret = option->value ? strcmp(option->value, "1") == 0 : otherwise;
	if (!option->value || *ret || strcmp(option->value, "0") == 0)
		return 0;
	answer_error(answer, MHD_HTTP_BAD_REQUEST, "%s is 0 or 1", option->name);
	return -EINVAL;
}

void query_diff(struct store *store, const struct http_request *request, struct http_answer *ret)
{
	struct selection_option options[] = { { "format", NULL }, { "normalize", NULL } };
	struct selection after = { .options = options, .option_count = 2, .answer = ret };
	struct selection before = { .answer = ret };
	CLEANUP(cleanup_tree) struct call_tree *tree = NULL;
	const struct merged_format *format;
	struct store_merged merged_before, merged_after;
	bool is_normalized;

	if (selection_read_pair(&before, &after, request, now_s()) < 0 ||
	    read_flag(&options[1], true, &is_normalized, ret) < 0)
		return;
	format = find_format(options[0].value, true, ret);
	if (!format)
		return;
	if (compare(store, &before, &after, &tree, &merged_before, &merged_after) < 0) {
		make_empty(ret, format);
		return;
	}
	answer_file(ret, format,
		    &(struct merged_file){ .tree = &tree,
					   .kind = after.selector.kind,
					   .merged = &merged_after,
					   .before = &merged_before,
					   .keeps_totals = !is_normalized });
}

/* 0, or -EINVAL after an answer. */
static int read_limit(const struct selection_option *option, size_t *ret,
		      struct http_answer *answer)
{
	uint64_t limit = FUNCTIONS_SHOWN;

	if (option->value &&
	    (selection_time(option->value, &limit) < 0 || !limit || limit > FUNCTIONS_MAX)) {
		answer_error(answer, MHD_HTTP_BAD_REQUEST, "limit is a number from 1 to %d",
			     FUNCTIONS_MAX);
		return -EINVAL;
	}
	*ret = (size_t)limit;
	return 0;
}

void query_top(struct store *store, const struct http_request *request, struct http_answer *ret)
{
	struct selection_option options[] = { { "by", NULL }, { "limit", NULL } };
	struct selection selection = { .options = options, .option_count = 2, .answer = ret };
	CLEANUP(cleanup_tree) struct call_tree *tree = NULL;
	struct functions_wanted wanted = { 0 };
	struct store_merged merged;

	if (selection_read(&selection, request, now_s()) < 0)
		return;
	if (options[0].value && strcmp(options[0].value, "self") != 0 &&
	    strcmp(options[0].value, "total") != 0) {
		answer_error(ret, MHD_HTTP_BAD_REQUEST, "by is self or total");
		return;
	}
	wanted.by_total = options[0].value && strcmp(options[0].value, "total") == 0;
	if (read_limit(&options[1], &wanted.limit, ret) < 0 ||
	    merge(store, &selection, &tree, &merged) < 0)
		return;
	answer_json(ret, MHD_HTTP_OK, functions_top(tree, merged.unit, &wanted));
}

void query_callers(struct store *store, const struct http_request *request, struct http_answer *ret)
{
	struct selection_option options[] = { { "function", NULL }, { "limit", NULL } };
	struct selection selection = { .options = options, .option_count = 2, .answer = ret };
	CLEANUP(cleanup_tree) struct call_tree *tree = NULL;
	struct store_merged merged;
	size_t limit;

	if (selection_read(&selection, request, now_s()) < 0)
		return;
	if (!options[0].value) {
		answer_error(ret, MHD_HTTP_BAD_REQUEST, "a parameter is missing: 'function'");
		return;
	}
	if (read_limit(&options[1], &limit, ret) < 0 ||
	    merge(store, &selection, &tree, &merged) < 0)
		return;
	answer_json(ret, MHD_HTTP_OK, functions_around(tree, merged.unit, options[0].value, limit));
}
