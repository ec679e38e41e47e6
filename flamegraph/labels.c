/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define NO_ID      UINT32_MAX
#define LIST_FIRST 1024

void labels_done(struct labels *labels)
{
	free(labels->list);
	free(labels->ids);
	*labels = (struct labels){ 0 };
}

static int add_label(struct labels *labels, size_t *capacity, uint32_t index)
{
	const struct call_node *node = call_tree_node(labels->tree, index);
	uint32_t *id = &labels->ids[(size_t)node->name_id * FRAME_KIND_COUNT + node->kind];

	if (*id != NO_ID)
		return 0;
	if (labels->count == *capacity) {
		size_t larger = *capacity ? *capacity * 2 : LIST_FIRST;
		struct label *list = reallocarray(labels->list, larger, sizeof(*list));

		if (!list)
			return -ENOMEM;
		labels->list = list;
		*capacity = larger;
	}
	*id = (uint32_t)labels->count;
	labels->list[labels->count++] =
		(struct label){ .name_id = node->name_id, .kind = node->kind };
	return 0;
}

int labels_make(const struct call_tree *tree, struct labels *ret)
{
	CLEANUP(labels_done) struct labels labels = { .tree = tree };
	size_t size = call_tree_name_count(tree) * FRAME_KIND_COUNT * sizeof(*labels.ids);
	size_t capacity = 0;

	labels.ids = malloc(size + 1);
	if (!labels.ids)
		return -ENOMEM;
	memset(labels.ids, 0xff, size); /* NO_ID each */
	for (uint32_t i = call_tree_next(tree, 0); i != CALL_TREE_NONE;
	     i = call_tree_next(tree, i)) {
		const struct call_node *node = call_tree_node(tree, i);
		bool has_label = node->total > 0 && node->kind != FRAME_GAP;
		int err = has_label ? add_label(&labels, &capacity, i) : 0;

		if (err < 0)
			return err;
	}
	*ret = labels;
	labels = (struct labels){ 0 };
	return 0;
}
