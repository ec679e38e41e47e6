/* SPDX-License-Identifier: Apache-2.0 */
#include "web/selection.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "web/answer.h"

#define LABEL_BEGINNING  "label."
#define BEFORE_BEGINNING "before."
#define SPAN_S           3600

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

	/* Nothing has an empty one, and who lacks a label is not asked for. */
	if (!*value)
		return wrong(selection, "a value is empty, of", name);
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
		bool is_from = name[0] == 'f';
		uint64_t *time = is_from ? &selector->from_s : &selector->until_s;

		selection->has_from |= is_from;
		selection->has_until |= !is_from;
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

/* What was not said of the times; 0, or -EINVAL after an answer. */
static int complete(struct selection *selection, uint64_t now_s)
{
	struct store_selector *selector = &selection->selector;

	if (!selection->has_until)
		selector->until_s = now_s;
	if (!selection->has_from && selector->until_s > SPAN_S)
		selector->from_s = selector->until_s - SPAN_S;
	if (selector->from_s < selector->until_s)
		return 0;
	answer_error(selection->answer, MHD_HTTP_BAD_REQUEST,
		     "from %" PRIu64 " until %" PRIu64 " is no span of time", selector->from_s,
		     selector->until_s);
	return -EINVAL;
}

int selection_read(struct selection *selection, const struct http_request *request, uint64_t now_s)
{
	int err;

	selection->selector = (struct store_selector){ .matchers = selection->matchers };
	err = http_request_parameters(request, take, selection);
	return err < 0 ? err : complete(selection, now_s);
}

struct pair {
	struct selection *before, *after;
};

/* An http_parameter_handler. */
static int take_of_pair(void *context, const char *name, const char *value)
{
	const struct pair *pair = context;
	const char *behind = name + strlen(BEFORE_BEGINNING);

	if (strncmp(name, BEFORE_BEGINNING, strlen(BEFORE_BEGINNING)) != 0)
		return take(pair->after, name, value);
	if (strcmp(behind, "kind") == 0)
		return wrong(pair->after, "unknown parameter", name);
	return take(pair->before, behind, value);
}

static bool has_matcher(const struct store_label *matchers, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(matchers[i].name, name) == 0)
			return true;
	}
	return false;
}

/* All that was said of the one after, and not of the one before. */
static int inherit(struct selection *before, const struct selection *after)
{
	struct store_selector *selector = &before->selector;
	struct store_label own[STORE_MATCHERS_MAX];
	size_t own_count = selector->matcher_count;
	int err = 0;

	memcpy(own, before->matchers, own_count * sizeof(*own));
	selector->kind = after->selector.kind;
	if (!before->has_from && !before->has_until) {
		selector->from_s = after->selector.from_s;
		selector->until_s = after->selector.until_s;
		before->has_from = before->has_until = true;
	}
	for (size_t i = 0; !err && i < after->selector.matcher_count; i++) {
		const struct store_label *matcher = &after->matchers[i];

		if (!has_matcher(own, own_count, matcher->name))
			err = add_matcher(before, matcher->name, matcher->value);
	}
	return err;
}

int selection_read_pair(struct selection *before, struct selection *after,
			const struct http_request *request, uint64_t now_s)
{
	struct pair pair = { before, after };
	int err;

	before->selector = (struct store_selector){ .matchers = before->matchers };
	after->selector = (struct store_selector){ .matchers = after->matchers };
	err = http_request_parameters(request, take_of_pair, &pair);
	if (!err)
		err = complete(after, now_s);
	if (!err)
		err = inherit(before, after);
	return err < 0 ? err : complete(before, now_s);
}
