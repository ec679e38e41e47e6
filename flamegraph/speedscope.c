/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/flamegraph.h"
#include "flamegraph/labels.h"
#include "flamegraph/text.h"

struct stacks {
	const struct call_tree *tree;
	const struct labels *labels;
	uint32_t *path; /* by depth: the label of the frame there, the root left out */
	FILE *out;
};

static void put_frames(const struct call_tree *tree, const struct labels *labels, FILE *out)
{
	text_put(out, "\"shared\":{\"frames\":[");
	for (size_t i = 0; i < labels->count; i++) {
		text_put(out, i > 0 ? ",\n{\"name\":" : "\n{\"name\":");
		text_put_json(out, call_tree_name(tree, labels->list[i].name_id));
		text_put(out,
			 labels->list[i].kind == FRAME_KERNEL ? ",\"file\":\"[kernel]\"}" : "}");
	}
	text_put(out, "\n]},\n");
}

static void put_stack(const struct stacks *stacks, uint32_t depth)
{
	for (uint32_t i = 1; i <= depth; i++) {
		putc_unlocked(i > 1 ? ',' : '[', stacks->out);
		text_put_u64(stacks->out, stacks->path[i]);
	}
	text_put(stacks->out, depth > 0 ? "]" : "[]");
}

static void put_samples(const struct stacks *stacks)
{
	bool is_first = true;

	text_put(stacks->out, "\"samples\":[");
	for (uint32_t i = 0; i != CALL_TREE_NONE; i = call_tree_next(stacks->tree, i)) {
		const struct call_node *node = call_tree_node(stacks->tree, i);

		if (node->total > 0 && node->depth > 0 && node->kind != FRAME_GAP)
			stacks->path[node->depth] = labels_id(stacks->labels, i);
		if (node->self == 0)
			continue;
		text_put(stacks->out, is_first ? "\n" : ",\n");
		/* A gap is time of its caller. */
		put_stack(stacks, node->depth - (node->kind == FRAME_GAP));
		is_first = false;
	}
	text_put(stacks->out, "\n],\n");
}

static void put_weights(const struct stacks *stacks)
{
	bool is_first = true;

	text_put(stacks->out, "\"weights\":[");
	for (uint32_t i = 0; i != CALL_TREE_NONE; i = call_tree_next(stacks->tree, i)) {
		const struct call_node *node = call_tree_node(stacks->tree, i);

		if (node->self == 0)
			continue;
		text_put(stacks->out, is_first ? "" : ",");
		text_put_plain_decimal(stacks->out, node->self, call_tree_decimals(stacks->tree));
		is_first = false;
	}
	text_put(stacks->out, "]\n");
}

/* The format's own words; anything else is "none". */
static const char *unit_of(const struct picture *picture)
{
	static const char *const units[] = { "nanoseconds", "microseconds", "milliseconds",
					     "seconds", "bytes" };

	for (size_t i = 0; picture->unit && i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(picture->unit, units[i]) == 0)
			return units[i];
	}
	return "none";
}

int speedscope_write(const struct call_tree *tree, const struct picture *picture, FILE *out)
{
	CLEANUP(labels_done) struct labels labels = { 0 };
	CLEANUP(cleanup_free) uint32_t *path = NULL;
	struct stacks stacks = { .tree = tree, .labels = &labels, .out = out };
	const char *title = picture->title ? picture->title : "Flame Graph";
	int err = labels_make(tree, &labels);

	if (err < 0)
		return err;
	path = calloc((size_t)call_tree_depth(tree) + 1, sizeof(*path));
	if (!path)
		return -ENOMEM;
	stacks.path = path;
	text_put(out, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n"
		      "\"exporter\":\"eprof\",\n\"name\":");
	text_put_json(out, title);
	text_put(out, ",\n\"activeProfileIndex\":0,\n");
	put_frames(tree, &labels, out);
	text_put(out, "\"profiles\":[{\"type\":\"sampled\",\"name\":");
	text_put_json(out, title);
	fprintf(out, ",\"unit\":\"%s\"", unit_of(picture));
	text_put(out, ",\"startValue\":0,\"endValue\":");
	text_put_plain_decimal(out, call_tree_node(tree, 0)->total, call_tree_decimals(tree));
	text_put(out, ",\n");
	put_samples(&stacks);
	put_weights(&stacks);
	text_put(out, "}]}\n");
	return text_finish(out);
}
