/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/call_tree_copier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int call_tree_copier_make(const struct call_tree *from, struct call_tree *to,
			  struct call_tree_copier *ret)
{
	size_t size = from->names.count * sizeof(*ret->names);

	*ret = (struct call_tree_copier){ .from = from, .to = to, .names = malloc(size + 1) };
	if (!ret->names)
		return -ENOMEM;
	memset(ret->names, 0xff, size); /* CALL_TREE_NONE each */
	return 0;
}

void call_tree_copier_done(struct call_tree_copier *copier)
{
	free(copier->names);
	copier->names = NULL;
}

int call_tree_copier_name(struct call_tree_copier *copier, uint32_t name_id, uint32_t *ret)
{
	const struct name *name;
	int err = 0;

	*ret = CALL_TREE_NONE;
	if (name_id == CALL_TREE_NONE)
		return 0;
	name = &copier->from->names.names[name_id];
	if (copier->names[name_id] == CALL_TREE_NONE)
		err = name_pool_intern_bytes(&copier->to->names, name->text, name->length,
					     &copier->names[name_id]);
	if (err < 0)
		return err;
	*ret = copier->names[name_id];
	return 0;
}

int call_tree_copier_place(struct call_tree_copier *copier, const struct call_node *node,
			   struct call_child *child)
{
	struct call_place place = call_tree_place(copier->from, node->place_id);
	uint32_t file_id;
	int err = call_tree_copier_name(copier, place.file_id, &file_id);

	child->site_id = PAIR_NONE;
	if (!err && file_id != CALL_TREE_NONE)
		err = pair_pool_intern(&copier->to->sites, file_id, place.line, &child->site_id);
	return err < 0 ? err : call_tree_copier_name(copier, place.module_id, &child->module_id);
}

int call_tree_copier_child(struct call_tree_copier *copier, const struct call_node *node,
			   struct call_child *ret)
{
	int err = call_tree_copier_name(copier, node->name_id, &ret->name_id);

	ret->kind = node->kind;
	return err < 0 ? err : call_tree_copier_place(copier, node, ret);
}
