/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "web/clickhouse_parts.h"

/* Of all stacks of a profile: each has all its frames. */
#define PATHS_MAX ((size_t)32 << 20)

static void put_name(const struct call_tree *tree, uint32_t id, struct row_writer *rows)
{
	const char *text = id == CALL_TREE_NONE ? "" : call_tree_name(tree, id);

	row_put_text(rows, text, store_frame_text_length(text));
}

/* What a frame is; nothing is said of where it was called from. */
void clickhouse_put_frame(const struct call_tree *tree, const struct call_node *node,
			  struct row_writer *rows)
{
	struct call_place place = call_tree_place(tree, node->place_id);

	put_name(tree, node->name_id, rows);
	row_put_u8(rows, node->kind);
	put_name(tree, place.file_id, rows);
	row_put_u32(rows, place.line);
	put_name(tree, place.module_id, rows);
}

static uint64_t hash_series(uint64_t seed, const struct store_profile *profile,
			    struct row_writer *scratch)
{
	const char *const own[] = { profile->kind, profile->service, profile->host, profile->unit };

	scratch->size = 0;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		row_put_text(scratch, own[i], strlen(own[i]));
	for (size_t i = 0; i < profile->label_count; i++) {
		const struct store_label *label = &profile->labels[i];

		row_put_text(scratch, label->name, strlen(label->name));
		row_put_text(scratch, label->value, strlen(label->value));
	}
	return hash_bytes_keyed(seed, scratch->bytes, scratch->size);
}

static int hash_nodes(uint64_t seed, const struct store_profile *profile,
		      struct row_writer *scratch, struct clickhouse_ids *ids)
{
	const struct call_tree *tree = profile->tree;
	size_t count = call_tree_node_count(tree), paths = 0;

	ids->stacks[0] = hash_bytes_keyed(seed, profile->service, strlen(profile->service));
	for (uint32_t i = 1; i < count; i++) {
		const struct call_node *node = call_tree_node(tree, i);
		uint64_t pair[2] = { ids->stacks[node->parent] };

		scratch->size = 0;
		clickhouse_put_frame(tree, node, scratch);
		if (scratch->is_out_of_memory)
			return -ENOMEM;
		ids->frames[i] = hash_bytes_keyed(seed, scratch->bytes, scratch->size);
		pair[1] = ids->frames[i];
		ids->stacks[i] = hash_bytes_keyed(seed, pair, sizeof(pair));
		paths += node->self ? node->depth : 0;
		if (paths > PATHS_MAX)
			return -E2BIG;
	}
	return 0;
}

int clickhouse_ids_make(uint64_t seed, const struct store_profile *profile,
			struct clickhouse_ids *ret)
{
	CLEANUP(row_writer_done) struct row_writer scratch = { 0 };
	CLEANUP(clickhouse_ids_done) struct clickhouse_ids ids = { 0 };
	size_t count = call_tree_node_count(profile->tree);
	int err;

	ids.frames = calloc(count, sizeof(*ids.frames));
	ids.stacks = calloc(count, sizeof(*ids.stacks));
	if (!ids.frames || !ids.stacks)
		return -ENOMEM;
	ids.series = hash_series(seed, profile, &scratch);
	if (scratch.is_out_of_memory)
		return -ENOMEM;
	ids.id = hash_bytes_keyed(seed, profile->id, strlen(profile->id));
	err = hash_nodes(seed, profile, &scratch, &ids);
	if (err < 0)
		return err;
	*ret = ids;
	ids = (struct clickhouse_ids){ 0 };
	return 0;
}

void clickhouse_ids_done(struct clickhouse_ids *ids)
{
	free(ids->frames);
	free(ids->stacks);
	*ids = (struct clickhouse_ids){ 0 };
}
