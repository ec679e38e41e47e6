/* SPDX-License-Identifier: Apache-2.0 */
/* Palettes that go by names: what each frame of a tree is in them. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "flamegraph/svg.h"

/* What separates a waker's stack from the one below it. */
#define IS_WAKER UINT8_C(0x80)

_Static_assert(PALETTE_DRAWN <= IS_WAKER, "a family leaves a bit of a byte");

static uint8_t family_of(const struct call_tree *tree, enum palette_name palette,
			 const struct call_node *node, bool is_waker)
{
	struct palette_frame frame = {
		.name = call_tree_name(tree, node->name_id),
		.kind = node->kind,
		.is_waker = is_waker,
	};

	return (uint8_t)palette_class_of(palette, &frame).family;
}

int svg_families_make(const struct call_tree *tree, enum palette_name palette, uint8_t **ret)
{
	size_t n = call_tree_node_count(tree);
	CLEANUP(cleanup_free) uint8_t *families = NULL;

	if (palette == PALETTE_BY_KIND || palette == PALETTE_BY_MODULE) {
		*ret = NULL;
		return 0;
	}
	families = calloc(n, sizeof(*families));
	if (!families)
		return -ENOMEM;
	/* Whether a waker's frames have begun is handed on from caller to callee. */
	for (uint32_t i = call_tree_next(tree, 0); i != CALL_TREE_NONE;
	     i = call_tree_next(tree, i)) {
		const struct call_node *node = call_tree_node(tree, i);
		bool is_waker = families[node->parent] & IS_WAKER;

		families[i] = family_of(tree, palette, node, is_waker);
		if (is_waker || palette_is_separator(call_tree_name(tree, node->name_id)))
			families[i] |= IS_WAKER;
	}
	for (size_t i = 0; i < n; i++)
		families[i] &= (uint8_t)~IS_WAKER;
	*ret = TAKE(families);
	return 0;
}
