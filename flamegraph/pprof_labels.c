/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flamegraph/wait_state.h"

#define THREAD_DEPTH      2
#define THREAD_NAME_SIZE  256
#define THREAD_ID_DECIMAL 10

#define KEY_THREAD_ID   "thread_id"
#define KEY_THREAD_NAME "thread_name"
#define KEY_STATE       "state"

typedef Perftools__Profiles__Label Label;

struct thread {
	char name[THREAD_NAME_SIZE];
	uint32_t id;
};

/* "NAME-ID", NAME being whatever the thread calls itself. */
static bool parse_thread(const char *text, struct thread *ret)
{
	const char *dash = strrchr(text, '-');
	size_t length = dash ? (size_t)(dash - text) : THREAD_NAME_SIZE;
	unsigned long id;
	char *end;

	if (length >= THREAD_NAME_SIZE || dash[1] < '0' || dash[1] > '9')
		return false;
	errno = 0;
	id = strtoul(dash + 1, &end, THREAD_ID_DECIMAL);
	if (errno || *end || id > UINT32_MAX)
		return false;
	memcpy(ret->name, text, length);
	ret->name[length] = '\0';
	ret->id = (uint32_t)id;
	return true;
}

static bool is_thread(const struct call_tree *tree, const struct call_node *node,
		      struct thread *ret)
{
	return node->depth == THREAD_DEPTH && node->kind == FRAME_PROCESS &&
	       call_tree_node(tree, node->parent)->kind == FRAME_PROCESS &&
	       parse_thread(call_tree_name(tree, node->name_id), ret);
}

/* What a note says about the state, in the words of other outputs; NULL: nothing. */
static const char *state_of(const struct call_tree *tree, const struct call_node *node)
{
	enum wait_state state = WAIT_STATE_NONE;

	if (node->kind == FRAME_NOTE)
		state = wait_state_of(call_tree_name(tree, node->name_id));
	return state == WAIT_STATE_NONE ? NULL : wait_state_text(state);
}

static int add_text(struct pprof_labels *labels, const char *text)
{
	uint32_t id;

	return name_pool_intern(&labels->texts, text, &id);
}

static int add_node(struct pprof_labels *labels, const struct call_node *node)
{
	const char *state = state_of(labels->tree, node);
	struct thread thread;
	int err = 0;

	if (is_thread(labels->tree, node, &thread)) {
		err = add_text(labels, KEY_THREAD_ID);
		if (!err)
			err = add_text(labels, KEY_THREAD_NAME);
		if (!err)
			err = add_text(labels, thread.name);
	}
	if (!err && state) {
		labels->has_states = true;
		err = add_text(labels, KEY_STATE);
		if (!err)
			err = add_text(labels, state);
	}
	return err;
}

int pprof_labels_make(struct pprof_labels *labels, const struct call_tree *tree, const char *state)
{
	int err = 0;

	labels->tree = tree;
	labels->state = state;
	if (state)
		err = add_text(labels, KEY_STATE);
	if (!err && state)
		err = add_text(labels, state);
	for (uint32_t i = 0; !err && i != CALL_TREE_NONE; i = call_tree_next(tree, i)) {
		const struct call_node *node = call_tree_node(tree, i);

		if (node->depth > 0)
			err = add_node(labels, node);
	}
	return err;
}

void pprof_labels_done(struct pprof_labels *labels)
{
	name_pool_done(&labels->texts);
	*labels = (struct pprof_labels){ 0 };
}

/* All texts are there already: nothing can fail. */
static int64_t string_of(struct pprof_labels *labels, const char *text, uint64_t first_string)
{
	uint32_t id = 0;

	(void)name_pool_intern(&labels->texts, text, &id);
	return (int64_t)(first_string + id);
}

static const char *find_state(const struct pprof_labels *labels, uint32_t node)
{
	const char *state = NULL;

	while (labels->has_states && !state && node != 0) {
		const struct call_node *this = call_tree_node(labels->tree, node);

		state = state_of(labels->tree, this);
		node = this->parent;
	}
	return state ? state : labels->state;
}

static bool find_thread(const struct pprof_labels *labels, uint32_t node, struct thread *ret)
{
	const struct call_node *this = call_tree_node(labels->tree, node);

	while (this->depth > THREAD_DEPTH)
		this = call_tree_node(labels->tree, this->parent);
	return this->depth == THREAD_DEPTH && is_thread(labels->tree, this, ret);
}

size_t pprof_labels_of(struct pprof_labels *labels, uint32_t node, uint64_t first_string,
		       Label ret[PPROF_LABELS_MAX])
{
	const char *state;
	struct thread thread;
	size_t n = 0;

	if (labels->texts.count == 0)
		return 0;
	for (size_t i = 0; i < PPROF_LABELS_MAX; i++)
		ret[i] = (Label)PERFTOOLS__PROFILES__LABEL__INIT;
	if (find_thread(labels, node, &thread)) {
		ret[n].key = string_of(labels, KEY_THREAD_ID, first_string);
		ret[n++].num = thread.id;
		ret[n].key = string_of(labels, KEY_THREAD_NAME, first_string);
		ret[n++].str = string_of(labels, thread.name, first_string);
	}
	state = find_state(labels, node);
	if (state) {
		ret[n].key = string_of(labels, KEY_STATE, first_string);
		ret[n++].str = string_of(labels, state, first_string);
	}
	return n;
}
