/* SPDX-License-Identifier: Apache-2.0 */
#include "web/receive.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <string.h>

#include "web/answer.h"
#include "web/reception.h"
#include "web/selection.h"

#define LABEL_BEGINNING "label."

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
		return reception_add_label(reception, name + strlen(LABEL_BEGINNING), value);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(name, known[i].name) != 0)
			continue;
		if (known[i].text)
			*known[i].text = value;
		else if (selection_time(value, known[i].time) < 0)
			return reception_wrong(reception, "no time in seconds since 1970", value);
		return 0;
	}
	return reception_wrong(reception, "unknown parameter", name);
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
		return reception_wrong(reception, "a parameter is missing", missing);
	if (profile->until_s <= profile->from_s ||
	    profile->until_s - profile->from_s > STORE_WINDOW_MAX) {
		answer_error(reception->answer, MHD_HTTP_BAD_REQUEST,
			     "from %" PRIu64 " until %" PRIu64 " is no window of 1 s to %d s",
			     profile->from_s, profile->until_s, STORE_WINDOW_MAX);
		return -EINVAL;
	}
	return 0;
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

void receive_profile(struct store *store, const struct receive_limits *limits,
		     const struct http_request *request, struct http_answer *ret)
{
	struct reception reception;
	const uint8_t *body;
	bool is_new;
	size_t size;

	reception_init(&reception, limits, ret);
	if (http_request_parameters(request, take_parameter, &reception) < 0 ||
	    check_parameters(&reception) < 0)
		return;
	body = http_request_body(request, &size);
	if (reception_put_pprof(&reception, store, body, size, &is_new) < 0)
		return;
	http_answer_count(ret, is_new);
	answer_stored(&reception, is_new);
}
