/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and sites are sorted once and have a rank from then on, so that comparing two nodes is
 * comparing numbers. Most nodes have one child, and nothing is to do.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "flamegraph/call_tree_parts.h"

#define KIND_BITS 3
/* So few are sorted faster by hand. */
#define FEW       16

_Static_assert(FRAME_GAP < 1 << KIND_BITS, "a kind fits its bits");

struct name_rank {
	uint32_t rank; /* from 1, in the order of bytes */
	uint32_t end;  /* the names of the ranks between the two begin with this one */
};

struct sibling {
	uint64_t
		first; /* what they are ordered by; and where that is equal, one after the other: */
	struct name_rank name;
	uint32_t ending; /* what is behind the name in a line, and the kind */
	uint32_t site;
	uint32_t index;
};

struct sorting {
	struct call_tree *tree;
	enum call_tree_order order;
	struct name_rank *names; /* by id */
	uint32_t *sites;         /* by id: the rank, from 1 */
	struct sibling *siblings;
	size_t capacity;
};

/* By the suffix that a kind has in folded stacks. */
static const struct {
	const char *text;
	uint32_t order;
} suffixes[FRAME_GAP + 1] = {
	[FRAME_USER] = { "", 0 },    [FRAME_PROCESS] = { "", 0 },
	[FRAME_NOTE] = { "", 0 },    [FRAME_INLINED] = { "_[i]", 1 },
	[FRAME_JIT] = { "_[j]", 2 }, [FRAME_KERNEL] = { "_[k]", 3 },
	[FRAME_GAP] = { "", 0 },
};

static void cleanup_sorting(struct sorting *sorting)
{
	free(sorting->names);
	free(sorting->sites);
	free(sorting->siblings);
}

static int compare_names(const void *a, const void *b, void *context)
{
	const struct name *names = context;

	return strcmp(names[*(const uint32_t *)a].text, names[*(const uint32_t *)b].text);
}

static int compare_sites(const void *a, const void *b, void *context)
{
	const struct sorting *sorting = context;
	const struct pair *left = &sorting->tree->sites.pairs[*(const uint32_t *)a];
	const struct pair *right = &sorting->tree->sites.pairs[*(const uint32_t *)b];
	uint32_t left_file = sorting->names[left->first].rank;
	uint32_t right_file = sorting->names[right->first].rank;

	if (left_file != right_file)
		return left_file < right_file ? -1 : 1;
	return (left->second > right->second) - (left->second < right->second);
}

/* Of 0 .. n - 1, by number: its place in the order of compare, from 1. The caller frees *ret. */
static int rank_ids(size_t n, int (*compare)(const void *, const void *, void *), void *context,
		    uint32_t **ret)
{
	CLEANUP(cleanup_free) uint32_t *order = calloc(n + 1, sizeof(*order));
	CLEANUP(cleanup_free) uint32_t *ranks = calloc(n + 1, sizeof(*ranks));

	if (!order || !ranks)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, n, sizeof(*order), compare, context);
	for (size_t i = 0; i < n; i++)
		ranks[order[i]] = (uint32_t)i + 1;
	*ret = TAKE(ranks);
	return 0;
}

int call_tree_rank_names(const struct call_tree *tree, uint32_t **ret)
{
	return rank_ids(tree->names.count, compare_names, tree->names.names, ret);
}

static bool is_beginning(const struct name *name, const struct name *of)
{
	return name->length <= of->length && memcmp(name->text, of->text, name->length) == 0;
}

static int rank_names(struct sorting *sorting)
{
	const struct name_pool *pool = &sorting->tree->names;
	CLEANUP(cleanup_free) uint32_t *ranks = NULL;
	CLEANUP(cleanup_free) uint32_t *ids = calloc(pool->count + 1, sizeof(*ids));
	int err = call_tree_rank_names(sorting->tree, &ranks);

	sorting->names = calloc(pool->count + 1, sizeof(*sorting->names));
	if (err < 0 || !ids || !sorting->names)
		return -ENOMEM;
	for (uint32_t i = 0; i < pool->count; i++)
		ids[ranks[i] - 1] = i;
	for (size_t i = pool->count; i-- > 0;) {
		size_t end = i + 1;

		/* What begins with a longer name begins with this one, too. */
		while (end < pool->count &&
		       is_beginning(&pool->names[ids[i]], &pool->names[ids[end]]))
			end = sorting->names[ids[end]].end - 1;
		sorting->names[ids[i]] = (struct name_rank){ (uint32_t)i + 1, (uint32_t)end + 1 };
	}
	return 0;
}

/* A blank is behind the name of a leaf, and comes before ';'. */
static uint32_t ending_of(const struct call_node *node)
{
	bool has_children = node->first_child != CALL_TREE_NONE;

	return (suffixes[node->kind].order << 1 | has_children) << KIND_BITS | node->kind;
}

static int collect(struct sorting *sorting, uint32_t first, size_t *ret_count)
{
	size_t n = 0;

	for (uint32_t i = first; i != CALL_TREE_NONE; n++) {
		const struct call_node *node = &sorting->tree->nodes[i];
		uint32_t site_id = call_tree_site(sorting->tree, node);
		struct sibling *siblings =
			array_reserve(sorting->siblings, n, &sorting->capacity, sizeof(*siblings));

		if (!siblings)
			return -ENOMEM;
		sorting->siblings = siblings;
		siblings[n] = (struct sibling){ .first = i, .index = i };
		if (sorting->order != CALL_TREE_BY_INPUT) {
			bool by_value = sorting->order == CALL_TREE_BY_VALUE;

			siblings[n].first = by_value ? UINT64_MAX - node->total : 0;
			siblings[n].name = sorting->names[node->name_id];
			siblings[n].ending = ending_of(node);
			siblings[n].site = site_id == PAIR_NONE ? 0 : sorting->sites[site_id];
		}
		i = node->next_sibling;
	}
	*ret_count = n;
	return 0;
}

/* What is behind the first bytes of a node's name, as it stands in a line of folded stacks. */
struct rest {
	const char *parts[3];
	size_t at;
};

static struct rest rest_of(const struct call_tree *tree, uint32_t index, size_t length)
{
	const struct call_node *node = &tree->nodes[index];

	return (struct rest){ .parts = { call_tree_name(tree, node->name_id) + length,
					 suffixes[node->kind].text,
					 node->first_child == CALL_TREE_NONE ? " " : ";" } };
}

static unsigned char next_of(struct rest *rest)
{
	while (rest->at < 3 && !*rest->parts[rest->at])
		rest->at++;
	return rest->at < 3 ? (unsigned char)*rest->parts[rest->at]++ : 0;
}

/* Of two of which the right one's name begins with the left one's. */
static bool is_later_line(const struct call_tree *tree, const struct sibling *left,
			  const struct sibling *right)
{
	size_t length = tree->names.names[tree->nodes[left->index].name_id].length;
	struct rest a = rest_of(tree, left->index, length);
	struct rest b = rest_of(tree, right->index, length);
	unsigned char x, y;

	do {
		x = next_of(&a);
		y = next_of(&b);
	} while (x == y && x != 0);
	return x > y;
}

/*
 * Tools that sort lines put "f.cold;g" and "f2;g" before "f;g", for a name is followed by ';'
 * there, or by a blank: pictures are like theirs when names are sorted so. It makes a difference
 * only where one name is the beginning of another.
 */
static int compare_siblings(const void *a, const void *b, void *context)
{
	const struct sibling *left = a, *right = b;

	if (left->first != right->first)
		return left->first < right->first ? -1 : 1;
	if (left->name.rank > right->name.rank)
		return -compare_siblings(b, a, context);
	if (left->name.rank < right->name.rank)
		return right->name.rank < left->name.end && is_later_line(context, left, right)
			       ? 1
			       : -1;
	if (left->ending != right->ending)
		return left->ending < right->ending ? -1 : 1;
	return (left->site > right->site) - (left->site < right->site);
}

static void sort_siblings(const struct sorting *sorting, size_t n)
{
	struct sibling *siblings = sorting->siblings;

	if (n > FEW) {
		qsort_r(siblings, n, sizeof(*siblings), compare_siblings, sorting->tree);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		struct sibling sibling = siblings[i];
		size_t k = i;

		for (; k > 0 && compare_siblings(&siblings[k - 1], &sibling, sorting->tree) > 0;
		     k--)
			siblings[k] = siblings[k - 1];
		siblings[k] = sibling;
	}
}

static int sort_children(struct sorting *sorting, struct call_node *parent)
{
	struct call_node *nodes = sorting->tree->nodes;
	uint32_t next = CALL_TREE_NONE;
	size_t n;
	int err;

	if (parent->first_child == CALL_TREE_NONE ||
	    nodes[parent->first_child].next_sibling == CALL_TREE_NONE)
		return 0;
	err = collect(sorting, parent->first_child, &n);
	if (err < 0)
		return err;
	sort_siblings(sorting, n);
	while (n-- > 0) {
		uint32_t index = sorting->siblings[n].index;

		nodes[index].next_sibling = next;
		next = index;
	}
	parent->first_child = next;
	return 0;
}

int call_tree_sort_by(struct call_tree *tree, enum call_tree_order order)
{
	CLEANUP(cleanup_sorting)
	struct sorting sorting = { .tree = tree,
				   .order = tree->keeps_time ? CALL_TREE_BY_INPUT : order };
	int err = 0;

	if (sorting.order != CALL_TREE_BY_INPUT) {
		err = rank_names(&sorting);
		if (!err)
			err = rank_ids(tree->sites.count, compare_sites, &sorting, &sorting.sites);
	}
	for (size_t i = 0; !err && i < tree->count; i++)
		err = sort_children(&sorting, &tree->nodes[i]);
	if (err < 0)
		return err;
	tree->order = sorting.order;
	tree->is_sorted = true;
	return 0;
}

int call_tree_sort(struct call_tree *tree)
{
	return call_tree_sort_by(tree, CALL_TREE_BY_NAME);
}
