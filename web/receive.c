/* SPDX-License-Identifier: Apache-2.0 */
#include "web/receive.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/pprof_read.h"
#include "web/answer.h"
#include "web/selection.h"

#define LABEL_BEGINNING "label."

/* Of a parameter's name, in an error. */
#define SHOWN_MAX 64

struct reception {
	struct store_profile profile;
	struct store_label labels[STORE_LABELS_MAX];
	struct http_answer *answer; /* what is wrong */
};

static int wrong(struct reception *reception, const char *what, const char *name)
{
	answer_error(reception->answer, MHD_HTTP_BAD_REQUEST, "%s: '%.*s'", what, SHOWN_MAX, name);
	return -EINVAL;
}

static int add_label(struct reception *reception, const char *name, const char *value)
{
	struct store_profile *profile = &reception->profile;
	size_t at = profile->label_count;

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
		return wrong(reception, "there are two labels of one name", name);
	reception->labels[at] = (struct store_label){ name, value };
	profile->label_count++;
	return 0;
}

/* An http_parameter_handler. */
static int take_parameter(void *context, const char *name, const char *value)
{
	struct reception *reception = context;
	struct store_profile *profile = &reception->profile;
	const struct {
		const char *name;
		const char **text;
		uint64_t *time;
	} known[] = {
		{ "id", &profile->id, NULL },       { "service", &profile->service, NULL },
		{ "host", &profile->host, NULL },   { "kind", &profile->kind, NULL },
		{ "from", NULL, &profile->from_s }, { "until", NULL, &profile->until_s },
	};

	if (strncmp(name, LABEL_BEGINNING, strlen(LABEL_BEGINNING)) == 0)
		return add_label(reception, name + strlen(LABEL_BEGINNING), value);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(name, known[i].name) != 0)
			continue;
		if (known[i].text)
			*known[i].text = value;
		else if (selection_time(value, known[i].time) < 0)
			return wrong(reception, "no time in seconds since 1970", value);
		return 0;
	}
	return wrong(reception, "unknown parameter", name);
}

static int check_parameters(struct reception *reception)
{
	const struct store_profile *profile = &reception->profile;
	const char *missing = NULL;

	if (!profile->id || !*profile->id)
		missing = "id";
	else if (!profile->service || !*profile->service)
		missing = "service";
	else if (!profile->host || !*profile->host)
		missing = "host";
	else if (!profile->kind || !*profile->kind)
		missing = "kind";
	else if (!profile->until_s)
		missing = "until";
	if (missing)
		return wrong(reception, "a parameter is missing", missing);
	if (profile->until_s <= profile->from_s ||
	    profile->until_s - profile->from_s > STORE_WINDOW_MAX) {
		answer_error(reception->answer, MHD_HTTP_BAD_REQUEST,
			     "from %" PRIu64 " until %" PRIu64 " is no window of 1 s to %d s",
			     profile->from_s, profile->until_s, STORE_WINDOW_MAX);
		return -EINVAL;
	}
	return 0;
}

static void cleanup_tree(struct call_tree **tree)
{
	call_tree_free(*tree);
}

static int read_profile(struct reception *reception, const struct http_request *request,
			struct call_tree *tree, struct pprof_contents *contents)
{
	struct pprof_reason reason = { "it is empty" };
	const struct pprof_options options = { .reason = &reason };
	CLEANUP(cleanup_file) FILE *in = NULL;
	size_t size;
	const uint8_t *body = http_request_body(request, &size);
	int err = -EBADMSG;

	if (size) {
		in = fmemopen((void *)body, size, "r");
		err = in ? pprof_read(in, tree, &options, contents) : -ENOMEM;
	}
	if (err == -ENOMEM)
		answer_store_error(reception->answer, err);
	else if (err < 0)
		answer_error(reception->answer, MHD_HTTP_UNPROCESSABLE_CONTENT,
			     "the body is no pprof profile: %s", reason.text);
	return err;
}

static void answer_stored(struct reception *reception, bool is_new)
{
	cJSON *json = cJSON_CreateObject();

	if (json && (!cJSON_AddStringToObject(json, "id", reception->profile.id) ||
		     !cJSON_AddBoolToObject(json, "stored", is_new))) {
		cJSON_Delete(json);
		json = NULL;
	}
	answer_json(reception->answer, MHD_HTTP_OK, json);
}

void receive_profile(struct store *store, const struct http_request *request,
		     struct http_answer *ret)
{
	struct reception reception = { .answer = ret };
	CLEANUP(cleanup_tree) struct call_tree *tree = NULL;
	CLEANUP(pprof_contents_done) struct pprof_contents contents = { 0 };
	int err;

	reception.profile.labels = reception.labels;
	if (http_request_parameters(request, take_parameter, &reception) < 0 ||
	    check_parameters(&reception) < 0)
		return;
	err = call_tree_new(&tree);
	if (err < 0) {
		answer_store_error(ret, err);
		return;
	}
	if (read_profile(&reception, request, tree, &contents) < 0)
		return;
	reception.profile.tree = tree;
	reception.profile.unit = contents.unit && *contents.unit ? contents.unit : "count";
	err = store_put(store, &reception.profile);
	if (!err || err == -EEXIST)
		answer_stored(&reception, !err);
	else if (err == -EINVAL || err == -E2BIG)
		answer_error(
			ret, MHD_HTTP_UNPROCESSABLE_CONTENT,
			"a text is no UTF-8, or longer than it may be, or counts are too large");
	else
		answer_store_error(ret, err);
}
