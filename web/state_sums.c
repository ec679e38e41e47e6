/* SPDX-License-Identifier: Apache-2.0 */
#include "web/state_sums.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

int state_sums_make(const struct call_tree *tree, const char *kind, struct state_sums *ret)
{
	size_t count = call_tree_node_count(tree);
	/* Of each node: the state that it, or the nearest node above it, tells. */
	CLEANUP(cleanup_free) uint8_t *states = calloc(count, 1);
	uint64_t sums[WAIT_STATE_COUNT] = { 0 };

	if (!states)
		return -ENOMEM;
	states[0] = strcmp(kind, "off-cpu") == 0 ? WAIT_STATE_SLEEP : WAIT_STATE_NONE;
	sums[states[0]] = call_tree_node(tree, 0)->self;
	for (uint32_t i = 1; i < count; i++) {
		const struct call_node *node = call_tree_node(tree, i);
		enum wait_state own = WAIT_STATE_NONE;

		if (node->kind == FRAME_NOTE || node->kind == FRAME_USER)
			own = wait_state_of(call_tree_name(tree, node->name_id));
		states[i] = own == WAIT_STATE_NONE ? states[node->parent] : (uint8_t)own;
		sums[states[i]] += node->self;
	}
	ret->count = 0;
	for (int i = 0; i < WAIT_STATE_COUNT; i++) {
		if (sums[i])
			ret->list[ret->count++] =
				(struct state_sum){ wait_state_text((enum wait_state)i),
						    (enum wait_state)i, sums[i] };
	}
	return 0;
}
