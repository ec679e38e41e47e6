/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One sort of the names, and one of the sites, serves all nodes: nodes are thrown into a bucket
 * each, and buckets are emptied in their order. By site first and by name and kind afterwards, each
 * keeping the order that was there, as sorting machines do with punched cards.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/call_tree_parts.h"

/* Lists of nodes, chained by next_sibling, the last thrown in first. */
struct buckets {
	struct call_node *nodes;
	uint32_t *heads;
	size_t count;
};

static void cleanup_buckets(struct buckets *buckets)
{
	free(buckets->heads);
}

static int make_buckets(const struct call_tree *tree, size_t count, struct buckets *ret)
{
	size_t size = count * sizeof(*ret->heads);

	ret->heads = malloc(size + 1);
	if (!ret->heads)
		return -ENOMEM;
	memset(ret->heads, 0xff, size); /* CALL_TREE_NONE each */
	ret->nodes = tree->nodes;
	ret->count = count;
	return 0;
}

static void throw_into(struct buckets *buckets, size_t bucket, uint32_t index)
{
	buckets->nodes[index].next_sibling = buckets->heads[bucket];
	buckets->heads[bucket] = index;
}

static uint32_t take_from(struct buckets *buckets, size_t bucket)
{
	uint32_t index = buckets->heads[bucket];

	if (index != CALL_TREE_NONE)
		buckets->heads[bucket] = buckets->nodes[index].next_sibling;
	return index;
}

static int compare_names(const void *a, const void *b, void *context)
{
	const struct name *names = context;

	return strcmp(names[*(const uint32_t *)a].text, names[*(const uint32_t *)b].text);
}

static int compare_sites(const void *a, const void *b, void *context)
{
	const struct call_tree *tree = context;
	const struct pair *left = &tree->sites.pairs[*(const uint32_t *)a];
	const struct pair *right = &tree->sites.pairs[*(const uint32_t *)b];
	int by_file = left->first == right->first ? 0
						  : strcmp(call_tree_name(tree, left->first),
							   call_tree_name(tree, right->first));

	return by_file ? by_file : (left->second > right->second) - (left->second < right->second);
}

/* 0 .. n - 1 in the order of compare; the caller frees *ret. */
static int sort_ids(size_t n, int (*compare)(const void *, const void *, void *), void *context,
		    uint32_t **ret)
{
	uint32_t *order = calloc(n + 1, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, n, sizeof(*order), compare, context);
	*ret = order;
	return 0;
}

static size_t bucket_of(const struct call_node *node)
{
	return (size_t)node->name_id * FRAME_KIND_COUNT + node->kind;
}

/* Into buckets by name, those without a site first. The order is only needed of siblings that have
 * the same name and kind: they differ in their sites. */
static int throw_by_site(struct call_tree *tree, struct buckets *by_name)
{
	CLEANUP(cleanup_free) uint32_t *order = NULL;
	CLEANUP(cleanup_buckets) struct buckets by_site = { 0 };
	int err = sort_ids(tree->sites.count, compare_sites, tree, &order);

	if (err)
		return err;
	err = make_buckets(tree, tree->sites.count, &by_site);
	if (err < 0)
		return err;
	for (uint32_t i = 1; i < tree->count; i++) {
		uint32_t site_id = call_tree_site(tree, &tree->nodes[i]);

		if (site_id == PAIR_NONE)
			throw_into(by_name, bucket_of(&tree->nodes[i]), i);
		else
			throw_into(&by_site, site_id, i);
	}
	for (size_t b = 0; b < by_site.count; b++) {
		uint32_t i;

		while ((i = take_from(&by_site, order[b])) != CALL_TREE_NONE)
			throw_into(by_name, bucket_of(&tree->nodes[i]), i);
	}
	return 0;
}

static int throw_by_name(struct call_tree *tree, struct buckets *by_name)
{
	if (tree->sites.count > 0)
		return throw_by_site(tree, by_name);
	for (uint32_t i = 1; i < tree->count; i++)
		throw_into(by_name, bucket_of(&tree->nodes[i]), i);
	return 0;
}

/* From the last bucket to the first, each node becomes its parent's first child. */
int call_tree_sort(struct call_tree *tree)
{
	CLEANUP(cleanup_free) uint32_t *order = NULL;
	CLEANUP(cleanup_buckets) struct buckets buckets = { 0 };
	int err = sort_ids(tree->names.count, compare_names, tree->names.names, &order);

	if (!err)
		err = make_buckets(tree, tree->names.count * FRAME_KIND_COUNT, &buckets);
	if (!err)
		err = throw_by_name(tree, &buckets);
	if (err < 0)
		return err;
	for (size_t i = 0; i < tree->count; i++)
		tree->nodes[i].first_child = CALL_TREE_NONE;
	for (size_t b = buckets.count; b-- > 0;) {
		size_t by_name = (size_t)order[b / FRAME_KIND_COUNT] * FRAME_KIND_COUNT;
		size_t bucket = by_name + b % FRAME_KIND_COUNT;
		uint32_t i;

		while ((i = take_from(&buckets, bucket)) != CALL_TREE_NONE) {
			struct call_node *node = &tree->nodes[i];

			node->next_sibling = tree->nodes[node->parent].first_child;
			tree->nodes[node->parent].first_child = i;
		}
	}
	return 0;
}
