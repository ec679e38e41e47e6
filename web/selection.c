/* SPDX-License-Identifier: Apache-2.0 */
#include "web/selection.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "web/answer.h"

#define LABEL_BEGINNING "label."
#define SPAN_S          3600

/* Of a parameter, in an error. */
#define SHOWN_MAX 64

int selection_time(const char *text, uint64_t *ret)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || *end || *ret > STORE_TIME_MAX ? -EINVAL : 0;
}

static int wrong(const struct selection *selection, const char *what, const char *text)
{
	answer_error(selection->answer, MHD_HTTP_BAD_REQUEST, "%s: '%.*s'", what, SHOWN_MAX, text);
	return -EINVAL;
}

/* In the order of their names. */
static int add_matcher(struct selection *selection, const char *name, const char *value)
{
	struct store_selector *selector = &selection->selector;
	size_t at = selector->matcher_count;

	if (at == STORE_MATCHERS_MAX)
		return wrong(selection, "too many values are selected, and one more", value);
	while (at > 0 && strcmp(selection->matchers[at - 1].name, name) > 0) {
		selection->matchers[at] = selection->matchers[at - 1];
		at--;
	}
	selection->matchers[at] = (struct store_label){ name, value };
	selector->matcher_count++;
	return 0;
}

/* An http_parameter_handler. */
static int take(void *context, const char *name, const char *value)
{
	struct selection *selection = context;
	struct store_selector *selector = &selection->selector;

	if (strcmp(name, "service") == 0 || strcmp(name, "host") == 0)
		return add_matcher(selection, name, value);
	if (strncmp(name, LABEL_BEGINNING, strlen(LABEL_BEGINNING)) == 0)
		return add_matcher(selection, name + strlen(LABEL_BEGINNING), value);
	if (strcmp(name, "kind") == 0) {
		selector->kind = value;
		return 0;
	}
	if (strcmp(name, "from") == 0 || strcmp(name, "until") == 0) {
		uint64_t *time = name[0] == 'f' ? &selector->from_s : &selector->until_s;

		return selection_time(value, time) < 0
			       ? wrong(selection, "no time in seconds since 1970", value)
			       : 0;
	}
	for (size_t i = 0; i < selection->option_count; i++) {
		if (strcmp(name, selection->options[i].name) != 0)
			continue;
		selection->options[i].value = value;
		return 0;
	}
	return wrong(selection, "unknown parameter", name);
}

int selection_read(struct selection *selection, const struct http_request *request, uint64_t now_s)
{
	struct store_selector *selector = &selection->selector;
	int err;

	*selector = (struct store_selector){ .matchers = selection->matchers };
	err = http_request_parameters(request, take, selection);
	if (err < 0)
		return err;
	if (!selector->until_s)
		selector->until_s = now_s;
	if (!selector->from_s && selector->until_s > SPAN_S)
		selector->from_s = selector->until_s - SPAN_S;
	if (selector->from_s < selector->until_s)
		return 0;
	answer_error(selection->answer, MHD_HTTP_BAD_REQUEST,
		     "from %" PRIu64 " until %" PRIu64 " is no span of time", selector->from_s,
		     selector->until_s);
	return -EINVAL;
}
