/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole tree in a few bytes per node, as text that needs no escaping.
 *
 * labels: one per line, each a family's letter, a digit for the shade, and the name.
 * nodes:  in depth-first order, without the root, each a few numbers:
 *           label * 4 + (2 if a self count follows) + (1 if a climb follows)
 *           climb: how many levels this node's parent is above the node before; else 0
 *           self: the count that ended here; else 0
 *         Totals are not kept: they are sums.
 * A number is written in digits of 5 bits, the lowest first; a digit is the character 63 ('?') plus
 * its value, plus 32 if more digits follow. That is '?' to '~': neither '<' nor '&' nor '>'.
 *
 * Readers of XML limit the length of a text node (libxml2: 10 MB), so there are several elements.
 */
#include "base/cleanup.h"
#include "flamegraph/labels.h"
#include "flamegraph/palette.h"
#include "flamegraph/svg.h"
#include "flamegraph/text.h"

#define PIECE_NODES        262144 /* at most 29 digits each: below 8 MB */
#define PIECE_LABELS_BYTES ((size_t)1 << 20)

static void put_number(FILE *out, uint64_t value)
{
	for (; value >= 32; value >>= 5)
		putc_unlocked((int)(63 + 32 + (value & 31)), out);
	putc_unlocked((int)(63 + value), out);
}

static void put_labels(const struct call_tree *tree, const struct labels *labels, FILE *out)
{
	size_t room = PIECE_LABELS_BYTES;

	text_put(out, "<metadata class=\"labels\">");
	for (size_t i = 0; i < labels->count; i++) {
		const char *name = call_tree_name(tree, labels->list[i].name_id);
		size_t length = text_length(name, PIECE_LABELS_BYTES) + 3;

		if (length > room) {
			text_put(out, "</metadata>\n<metadata class=\"labels\">");
			room = PIECE_LABELS_BYTES;
		}
		room -= length < room ? length : room;
		putc_unlocked(palette_letter(labels->list[i].family), out);
		putc_unlocked((int)('0' + palette_shade_of(labels->list[i].family, name)), out);
		text_put_xml(out, name, TEXT_WHOLE);
		putc_unlocked('\n', out);
	}
	text_put(out, "</metadata>\n");
}

static void put_node(const struct call_node *node, uint32_t label, uint32_t depth_before, FILE *out)
{
	uint32_t climb = depth_before + 1 - node->depth;

	put_number(out, (uint64_t)label << 2 | (node->self ? 2 : 0) | (climb ? 1 : 0));
	if (climb > 0)
		put_number(out, climb);
	if (node->self > 0)
		put_number(out, node->self);
}

int svg_put_pack(const struct call_tree *tree, const uint8_t *families, FILE *out)
{
	CLEANUP(labels_done) struct labels labels = { 0 };
	uint32_t depth_before = 0;
	size_t n = 0;
	int err = labels_make(tree, families, &labels);

	if (err < 0)
		return err;
	put_labels(tree, &labels, out);
	text_put(out, "<metadata class=\"nodes\">");
	for (uint32_t i = call_tree_next(tree, 0); i != CALL_TREE_NONE;
	     i = call_tree_next(tree, i)) {
		const struct call_node *node = call_tree_node(tree, i);

		if (node->total == 0)
			continue;
		if (n++ == PIECE_NODES) {
			text_put(out, "</metadata>\n<metadata class=\"nodes\">");
			n = 1;
		}
		put_node(node, labels_id(&labels, i), depth_before, out);
		depth_before = node->depth;
	}
	text_put(out, "</metadata>\n");
	return 0;
}
