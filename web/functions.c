/* SPDX-License-Identifier: Apache-2.0 */
#include "web/functions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define COUNTER_SIZE 24

/* Of one name. */
struct sum {
	uint32_t name_id;
	uint32_t open; /* how many frames of it the stack has that is being looked at */
	uint32_t module_id;
	uint64_t widest; /* of the node that the module is of */
	uint64_t self, total;
	bool is_met;
};

/* Sums by id of a name, and the nodes on the way from the root to one. */
struct sums {
	const struct call_tree *tree;
	struct sum *by_name;
	uint32_t *path; /* by depth: the name whose sum was opened there, or CALL_TREE_NONE */
	uint32_t depth; /* of path */
};

static void cleanup_sums(struct sums *sums)
{
	free(sums->by_name);
	free(sums->path);
}

static bool make_sums(const struct call_tree *tree, struct sums *ret)
{
	size_t count = call_tree_name_count(tree);

	*ret = (struct sums){ .tree = tree };
	ret->by_name = calloc(count + 1, sizeof(*ret->by_name));
	ret->path = calloc((size_t)call_tree_depth(tree) + 1, sizeof(*ret->path));
	for (uint32_t i = 0; ret->by_name && i < count; i++)
		ret->by_name[i].name_id = i;
	return ret->by_name && ret->path;
}

/* What is not above the next node is closed. */
static void leave(struct sums *sums, uint32_t depth)
{
	while (sums->depth > depth) {
		uint32_t name = sums->path[--sums->depth];

		if (name != CALL_TREE_NONE)
			sums->by_name[name].open--;
	}
}

/* Adds a node to the sum of a name, which place has: once, however often the name is above it. */
static void enter(struct sums *sums, const struct call_node *node, const struct call_node *place,
		  uint32_t name)
{
	struct sum *sum = NULL;

	if (name != CALL_TREE_NONE) {
		sum = &sums->by_name[name];
		if (sum->open++ == 0)
			sum->total += node->total;
	}
	if (sum && (!sum->is_met || node->total > sum->widest)) {
		sum->is_met = true;
		sum->widest = node->total;
		sum->module_id = call_tree_place(sums->tree, place->place_id).module_id;
	}
	sums->path[sums->depth++] = name;
}

static void sum_up(struct sums *sums)
{
	for (uint32_t i = call_tree_next(sums->tree, 0); i != CALL_TREE_NONE;
	     i = call_tree_next(sums->tree, i)) {
		const struct call_node *node = call_tree_node(sums->tree, i);

		leave(sums, node->depth - 1);
		enter(sums, node, node, node->name_id);
		sums->by_name[node->name_id].self += node->self;
	}
}

/* Who calls the function: the sum is of the function's nodes, by the name of who is above them. Who
 * is called: of the nodes below the function's, by their own. */
static void sum_around(struct sums *sums, const char *function, bool of_callers)
{
	const struct call_tree *tree = sums->tree;

	for (uint32_t i = call_tree_next(tree, 0); i != CALL_TREE_NONE;
	     i = call_tree_next(tree, i)) {
		const struct call_node *node = call_tree_node(tree, i);
		uint32_t above = node->depth > 1 ? call_tree_node(tree, node->parent)->name_id
						 : CALL_TREE_NONE;
		uint32_t of = of_callers ? node->name_id : above;
		bool is_asked_for = of != CALL_TREE_NONE && above != CALL_TREE_NONE &&
				    strcmp(call_tree_name(tree, of), function) == 0;

		leave(sums, node->depth - 1);
		enter(sums, node, of_callers ? call_tree_node(tree, node->parent) : node,
		      !is_asked_for ? CALL_TREE_NONE
		      : of_callers  ? above
				    : node->name_id);
	}
}

static bool add_count(cJSON *json, const char *name, uint64_t count)
{
	char text[COUNTER_SIZE];

	(void)snprintf(text, sizeof(text), "%" PRIu64, count);
	return cJSON_AddStringToObject(json, name, text);
}

static cJSON *make_function(const struct sums *sums, const struct sum *sum, bool has_self)
{
	cJSON *json = cJSON_CreateObject();
	const char *module =
		sum->module_id == CALL_TREE_NONE ? "" : call_tree_name(sums->tree, sum->module_id);

	if (json &&
	    cJSON_AddStringToObject(json, "name", call_tree_name(sums->tree, sum->name_id)) &&
	    cJSON_AddStringToObject(json, "module", module) &&
	    (!has_self || add_count(json, "self", sum->self)) &&
	    add_count(json, "total", sum->total))
		return json;
	cJSON_Delete(json);
	return NULL;
}

static cJSON *make_answer(const struct call_tree *tree, const char *unit)
{
	cJSON *json = cJSON_CreateObject();

	if (json && cJSON_AddStringToObject(json, "unit", unit) &&
	    add_count(json, "total", call_tree_node(tree, 0)->total))
		return json;
	cJSON_Delete(json);
	return NULL;
}

/* qsort_r() orders by this. */
struct order {
	const struct call_tree *tree;
	bool by_total;
};

static int compare_sums(const void *a, const void *b, void *context)
{
	const struct sum *left = a, *right = b;
	const struct order *order = context;
	uint64_t left_count = order->by_total ? left->total : left->self;
	uint64_t right_count = order->by_total ? right->total : right->self;

	if (left->is_met != right->is_met)
		return left->is_met ? -1 : 1;
	if (left_count != right_count)
		return left_count > right_count ? -1 : 1;
	return strcmp(call_tree_name(order->tree, left->name_id),
		      call_tree_name(order->tree, right->name_id));
}

/* Sorts the sums: they are by name no more. */
static bool add_list(cJSON *json, const char *name, struct sums *sums,
		     const struct functions_wanted *wanted, bool has_self)
{
	struct order order = { sums->tree, wanted->by_total };
	size_t count = call_tree_name_count(sums->tree);
	cJSON *list = cJSON_AddArrayToObject(json, name);

	if (count)
		qsort_r(sums->by_name, count, sizeof(*sums->by_name), compare_sums, &order);
	for (size_t i = 0; list && i < count && i < wanted->limit; i++) {
		const struct sum *sum = &sums->by_name[i];
		cJSON *item;

		if (!sum->is_met || !sum->total)
			continue;
		item = make_function(sums, sum, has_self);
		if (!item || !cJSON_AddItemToArray(list, item))
			return false;
	}
	return list;
}

cJSON *functions_top(const struct call_tree *tree, const char *unit,
		     const struct functions_wanted *wanted)
{
	CLEANUP(cleanup_sums) struct sums sums = { 0 };
	cJSON *json = make_answer(tree, unit);

	if (json && make_sums(tree, &sums)) {
		sum_up(&sums);
		if (add_list(json, "functions", &sums, wanted, true))
			return json;
	}
	cJSON_Delete(json);
	return NULL;
}

static bool add_itself(cJSON *json, const struct call_tree *tree, const char *function)
{
	CLEANUP(cleanup_sums) struct sums sums = { 0 };
	cJSON *item;

	if (!make_sums(tree, &sums))
		return false;
	sum_up(&sums);
	for (uint32_t i = 0; i < call_tree_name_count(tree); i++) {
		if (!sums.by_name[i].is_met || strcmp(call_tree_name(tree, i), function) != 0)
			continue;
		item = make_function(&sums, &sums.by_name[i], true);
		return item && cJSON_AddItemToObject(json, "function", item);
	}
	return true;
}

static bool add_neighbours(cJSON *json, const struct call_tree *tree, const char *function,
			   size_t limit, bool of_callers)
{
	const struct functions_wanted wanted = { .limit = limit, .by_total = true };
	CLEANUP(cleanup_sums) struct sums sums = { 0 };

	if (!make_sums(tree, &sums))
		return false;
	sum_around(&sums, function, of_callers);
	return add_list(json, of_callers ? "callers" : "callees", &sums, &wanted, false);
}

cJSON *functions_around(const struct call_tree *tree, const char *unit, const char *function,
			size_t limit)
{
	cJSON *json = make_answer(tree, unit);

	if (json && add_itself(json, tree, function) &&
	    add_neighbours(json, tree, function, limit, true) &&
	    add_neighbours(json, tree, function, limit, false))
		return json;
	cJSON_Delete(json);
	return NULL;
}
