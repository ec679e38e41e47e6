/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "flamegraph/utf8.h"
#include "web/store_parts.h"

void store_close(struct store *store)
{
	if (store)
		store->calls->close(store);
}

/* 0, -E2BIG, or -EINVAL: it is empty, or no UTF-8. */
static int check_text(const char *text, size_t max)
{
	size_t length = text ? strnlen(text, max + 1) : 0;

	if (length > max)
		return -E2BIG;
	return length && utf8_is_valid(text, length) ? 0 : -EINVAL;
}

size_t store_frame_text_length(const char *text)
{
	size_t length = strnlen(text, STORE_FRAME_TEXT_MAX + 1);

	if (length <= STORE_FRAME_TEXT_MAX)
		return length;
	length = STORE_FRAME_TEXT_MAX;
	while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
		length--;
	return length;
}

bool store_is_own_label(const char *name)
{
	return strcmp(name, "service") == 0 || strcmp(name, "host") == 0 ||
	       strcmp(name, "kind") == 0;
}

static int check_labels(const struct store_profile *profile)
{
	if (profile->label_count > STORE_LABELS_MAX)
		return -E2BIG;
	for (size_t i = 0; i < profile->label_count; i++) {
		const struct store_label *label = &profile->labels[i];
		int err = check_text(label->name, STORE_NAME_MAX);

		if (!err)
			err = check_text(label->value, STORE_VALUE_MAX);
		if (!err && store_is_own_label(label->name))
			err = -EINVAL;
		if (!err && i && strcmp(profile->labels[i - 1].name, label->name) >= 0)
			err = -EINVAL;
		if (err < 0)
			return err;
	}
	return 0;
}

int store_put(struct store *store, const struct store_profile *profile)
{
	int err = check_text(profile->id, STORE_ID_MAX);

	if (!err)
		err = check_text(profile->service, STORE_NAME_MAX);
	if (!err)
		err = check_text(profile->host, STORE_NAME_MAX);
	if (!err)
		err = check_text(profile->kind, STORE_NAME_MAX);
	if (!err)
		err = check_text(profile->unit, STORE_NAME_MAX);
	if (!err)
		err = check_labels(profile);
	if (!err && (profile->until_s <= profile->from_s || profile->until_s > STORE_TIME_MAX))
		err = -EINVAL;
	if (!err && profile->until_s - profile->from_s > STORE_WINDOW_MAX)
		err = -E2BIG;
	if (!err && call_tree_node_count(profile->tree) > STORE_NODES_MAX)
		err = -E2BIG;
	if (!err && call_tree_node(profile->tree, 0)->total > STORE_TOTAL_MAX)
		err = -E2BIG;
	if (!err && call_tree_decimals(profile->tree))
		err = -EINVAL;
	return err < 0 ? err : store->calls->put(store, profile);
}

static int check_selector(const struct store_selector *selector)
{
	if (selector->matcher_count > STORE_MATCHERS_MAX)
		return -E2BIG;
	if (selector->from_s >= selector->until_s || selector->until_s > STORE_TIME_MAX)
		return -EINVAL;
	for (size_t i = 1; i < selector->matcher_count; i++) {
		if (strcmp(selector->matchers[i - 1].name, selector->matchers[i].name) > 0)
			return -EINVAL;
	}
	return 0;
}

int store_merge(struct store *store, const struct store_selector *selector, struct call_tree *tree,
		struct store_merged *ret)
{
	struct store_merged merged = { 0 };
	int err = check_selector(selector);

	if (!err && !selector->kind)
		err = -EINVAL;
	call_tree_limit(tree, STORE_MERGED_NODES_MAX);
	if (!err)
		err = store->calls->merge(store, selector, tree, &merged);
	if (!err)
		*ret = merged;
	return err;
}

int store_series(struct store *store, const struct store_selector *selector, uint64_t step_s,
		 const char *by, store_point_handler handler, void *context)
{
	int err = check_selector(selector);

	if (!err &&
	    (step_s == 0 || (selector->until_s - selector->from_s) / step_s > STORE_STEPS_MAX))
		err = -EINVAL;
	return err < 0 ? err : store->calls->series(store, selector, step_s, by, handler, context);
}

int store_values(struct store *store, const struct store_selector *selector, const char *name,
		 store_text_handler handler, void *context)
{
	int err = check_selector(selector);

	return err < 0 ? err : store->calls->values(store, selector, name, handler, context);
}

int store_delete_before(struct store *store, uint64_t time_s)
{
	return store->calls->delete_before(store, time_s);
}

int store_coarsen(struct store *store, uint64_t before_s, uint64_t step_s, const atomic_bool *stop)
{
	if (step_s == 0 || STORE_WINDOW_MAX % step_s)
		return -EINVAL;
	return store->calls->coarsen(store, before_s, step_s, stop);
}

int store_extent(struct store *store, struct store_extent *ret)
{
	*ret = (struct store_extent){ 0 };
	return store->calls->extent(store, ret);
}

uint64_t store_version(struct store *store, uint64_t from_s, uint64_t until_s)
{
	return from_s < until_s && until_s <= STORE_TIME_MAX
		       ? store->calls->version(store, from_s, until_s)
		       : 0;
}

/* Of what lies between the first and the last step: whole steps, which share it evenly. */
static uint64_t share_of(const struct store_spread *spread, uint64_t step)
{
	uint64_t steps = spread->last_step - spread->first_step, index = step - spread->first_step;
	uint64_t first = spread->first < spread->count ? spread->first : spread->count;
	uint64_t behind = spread->count - first, last, between;

	if (steps == 0)
		return spread->count;
	if (index == 0)
		return first;
	if (steps == 1)
		return behind;
	last = spread->last < behind ? spread->last : behind;
	if (index == steps)
		return last;
	between = behind - last;
	return between / (steps - 1) + (index <= between % (steps - 1));
}

int store_spread(const struct store_selector *selector, uint64_t step_s,
		 const struct store_spread *spread, struct store_point *point,
		 store_point_handler handler, void *context)
{
	int err = 0;

	if (spread->last_step < spread->first_step ||
	    spread->last_step - spread->first_step > STORE_WINDOW_MAX)
		return -EUCLEAN;
	for (uint64_t step = spread->first_step; !err && step <= spread->last_step; step++) {
		point->at_s = step * step_s;
		point->count = share_of(spread, step);
		if (point->count && point->at_s < selector->until_s &&
		    point->at_s + step_s > selector->from_s)
			err = handler(context, point);
	}
	return err;
}
