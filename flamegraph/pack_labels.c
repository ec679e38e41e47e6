/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pack_labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/pair_pool.h"

#define LABELS_FIRST 1024

/*
 * Numbers pairs of which most have a first that occurs with one second only: for that one no table
 * is asked.
 */
struct numbering {
	struct pair *usual; /* by first: its first second, and the number of the two */
	size_t usual_count;
	struct pair_pool others;
	uint32_t *other_ids; /* by pair of others */
	size_t other_capacity;
};

struct making {
	const struct call_tree *tree;
	const uint8_t *families;
	struct numbering functions; /* name, family */
	size_t function_count;
	struct numbering placed; /* function, place */
	struct pack_labels labels;
	size_t capacity;
	uint32_t *order;
	uint32_t *ranks;
	uint32_t *name_ranks; /* strangers' names may be long, and alike */
};

static void numbering_done(struct numbering *numbering)
{
	free(numbering->usual);
	pair_pool_done(&numbering->others);
	free(numbering->other_ids);
}

void pack_labels_done(struct pack_labels *labels)
{
	free(labels->list);
	free(labels->of_node);
	*labels = (struct pack_labels){ 0 };
}

static void cleanup_making(struct making *making)
{
	numbering_done(&making->functions);
	numbering_done(&making->placed);
	pack_labels_done(&making->labels);
	free(making->order);
	free(making->ranks);
	free(making->name_ranks);
}

bool pack_has_node(const struct call_tree *tree, uint32_t index)
{
	return call_tree_node(tree, index)->total > 0 || call_tree_before(tree, index).total > 0;
}

/* Room for firsts below n. */
static int numbering_reserve(struct numbering *numbering, size_t n)
{
	size_t capacity = numbering->usual_count ? numbering->usual_count : LABELS_FIRST;
	struct pair *usual;

	if (n <= numbering->usual_count)
		return 0;
	while (capacity < n)
		capacity *= 2;
	usual = reallocarray(numbering->usual, capacity, sizeof(*usual));
	if (!usual)
		return -ENOMEM;
	memset(usual + numbering->usual_count, 0xff, /* PAIR_NONE each */
	       (capacity - numbering->usual_count) * sizeof(*usual));
	numbering->usual = usual;
	numbering->usual_count = capacity;
	return 0;
}

static int find_other(struct numbering *numbering, uint32_t first, uint32_t second, uint32_t next,
		      uint32_t *ret)
{
	size_t known = numbering->others.count;
	uint32_t other;
	int err = pair_pool_intern(&numbering->others, first, second, &other);

	if (err < 0)
		return err;
	if (other == known && known == numbering->other_capacity) {
		size_t capacity = known ? known * 2 : LABELS_FIRST;
		uint32_t *ids = reallocarray(numbering->other_ids, capacity, sizeof(*ids));

		if (!ids)
			return -ENOMEM;
		numbering->other_ids = ids;
		numbering->other_capacity = capacity;
	}
	if (other == known)
		numbering->other_ids[other] = next;
	*ret = numbering->other_ids[other];
	return 0;
}

/* The number of a pair: next, when it is new. */
static int numbering_find(struct numbering *numbering, uint32_t first, uint32_t second,
			  uint32_t next, uint32_t *ret)
{
	int err = numbering_reserve(numbering, (size_t)first + 1);
	struct pair *usual;

	if (err < 0)
		return err;
	usual = &numbering->usual[first];
	if (usual->second == PAIR_NONE)
		*usual = (struct pair){ .first = second, .second = next };
	if (usual->first != second)
		return find_other(numbering, first, second, next, ret);
	*ret = usual->second;
	return 0;
}

static int add_label(struct making *making, const struct pack_label *label)
{
	size_t capacity = making->capacity ? making->capacity * 2 : LABELS_FIRST;
	struct pack_label *list;

	if (making->labels.count == making->capacity) {
		list = reallocarray(making->labels.list, capacity, sizeof(*list));
		if (!list)
			return -ENOMEM;
		making->labels.list = list;
		making->capacity = capacity;
	}
	making->labels.list[making->labels.count++] = *label;
	return 0;
}

static int label_node(struct making *making, uint32_t index)
{
	const struct call_node *node = call_tree_node(making->tree, index);
	struct pack_label label = {
		.name_id = node->name_id,
		.family = making->families ? making->families[index] : (uint32_t)node->kind,
		.place_id = node->place_id,
	};
	uint32_t function, id;
	int err = numbering_find(&making->functions, label.name_id, label.family,
				 (uint32_t)making->function_count, &function);

	if (err < 0)
		return err;
	if (function == making->function_count)
		making->function_count++;
	err = numbering_find(&making->placed, function, label.place_id,
			     (uint32_t)making->labels.count, &id);
	if (!err && id == making->labels.count)
		err = add_label(making, &label);
	if (err < 0)
		return err;
	making->labels.list[id].count++;
	making->labels.of_node[index] = id;
	return 0;
}

static int compare_names(const struct making *making, uint32_t left, uint32_t right)
{
	uint32_t left_rank = left == CALL_TREE_NONE ? UINT32_MAX : making->name_ranks[left];
	uint32_t right_rank = right == CALL_TREE_NONE ? UINT32_MAX : making->name_ranks[right];

	return (left_rank > right_rank) - (left_rank < right_rank);
}

static int compare_places(const struct making *making, uint32_t left_id, uint32_t right_id)
{
	struct call_place left = call_tree_place(making->tree, left_id);
	struct call_place right = call_tree_place(making->tree, right_id);
	int order = compare_names(making, left.module_id, right.module_id);

	if (!order)
		order = compare_names(making, left.file_id, right.file_id);
	return order ? order : (left.line > right.line) - (left.line < right.line);
}

/* By what they are, where they are as many: numbers tell in which order the input came. */
static int compare_labels(const void *a, const void *b, void *context)
{
	const struct making *making = context;
	const struct pack_label *left = &making->labels.list[*(const uint32_t *)a];
	const struct pack_label *right = &making->labels.list[*(const uint32_t *)b];
	int order;

	if (left->count != right->count)
		return left->count < right->count ? 1 : -1;
	order = compare_names(making, left->name_id, right->name_id);
	if (!order)
		order = (left->family > right->family) - (left->family < right->family);
	return order ? order : compare_places(making, left->place_id, right->place_id);
}

/* The labels of most nodes come first: their numbers are written most often, and short. */
static int rank_labels(struct making *making)
{
	struct pack_labels *labels = &making->labels;
	CLEANUP(cleanup_free) struct pack_label *list = NULL;
	int err = call_tree_rank_names(making->tree, &making->name_ranks);

	if (err < 0)
		return err;
	making->order = calloc(labels->count + 1, sizeof(*making->order));
	making->ranks = calloc(labels->count + 1, sizeof(*making->ranks));
	list = calloc(labels->count + 1, sizeof(*list));
	if (!making->order || !making->ranks || !list)
		return -ENOMEM;
	for (size_t i = 0; i < labels->count; i++)
		making->order[i] = (uint32_t)i;
	qsort_r(making->order, labels->count, sizeof(*making->order), compare_labels, making);
	for (size_t i = 0; i < labels->count; i++) {
		list[i] = labels->list[making->order[i]];
		making->ranks[making->order[i]] = (uint32_t)i;
	}
	free(labels->list);
	labels->list = TAKE(list);
	return 0;
}

int pack_labels_make(const struct call_tree *tree, const uint8_t *families, struct pack_labels *ret)
{
	CLEANUP(cleanup_making) struct making making = { .tree = tree, .families = families };
	size_t n = call_tree_node_count(tree);
	int err;

	making.labels.of_node = calloc(n, sizeof(*making.labels.of_node));
	if (!making.labels.of_node)
		return -ENOMEM;
	for (uint32_t i = 1; i < n; i++) {
		err = pack_has_node(tree, i) ? label_node(&making, i) : 0;
		if (err < 0)
			return err;
	}
	err = rank_labels(&making);
	if (err < 0)
		return err;
	for (size_t i = 0; i < n; i++)
		making.labels.of_node[i] = making.ranks[making.labels.of_node[i]];
	*ret = making.labels;
	making.labels = (struct pack_labels){ 0 };
	return 0;
}
