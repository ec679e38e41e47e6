/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_frames.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/pprof_kinds.h"
#include "flamegraph/pprof_reason.h"

#define CHILDREN_FIRST 1024
#define UNKNOWN        "[unknown]"
#define DELETED        " (deleted)"
#define MODULE_MAX     255 /* of a name that is made up of it */
#define TEXT_SIZE      (MODULE_MAX + 32)

enum location_field {
	LOCATION_MAPPING = 2,
	LOCATION_ADDRESS,
	LOCATION_LINE,
};

enum line_field {
	LINE_FUNCTION = 1,
	LINE_LINE,
};

/* Of the location at hand. */
struct address {
	uint64_t id;
	uint64_t address;
	const struct pprof_read_mapping *mapping; /* NULL: none */
};

int pprof_frames_begin(struct pprof_frames *frames, struct pprof_index *index,
		       struct call_tree *tree, struct pprof_reason *reason)
{
	size_t strings = index->string_count + 1;

	*frames = (struct pprof_frames){ .index = index, .tree = tree, .reason = reason };
	frames->name_ids = malloc(strings * sizeof(*frames->name_ids));
	if (!frames->name_ids)
		return -ENOMEM;
	for (size_t i = 0; i < strings; i++)
		frames->name_ids[i] = PPROF_UNRESOLVED;
	return 0;
}

void pprof_frames_done(struct pprof_frames *frames)
{
	free(frames->name_ids);
	free(frames->children);
	*frames = (struct pprof_frames){ 0 };
}

/* A string of the file as a name of the tree. Each is copied once, however often it is used. */
static int intern(struct pprof_frames *frames, uint64_t string, uint32_t *ret)
{
	CLEANUP(cleanup_free) char *text = NULL;
	bool is_known = string < frames->index->string_count;
	int err = 0;

	if (!is_known || frames->name_ids[string] == PPROF_UNRESOLVED)
		err = pprof_index_string(frames->index, string, SIZE_MAX, frames->reason, &text);
	if (err < 0)
		return err;
	if (!text) {
		*ret = frames->name_ids[string];
		return 0;
	}
	err = name_pool_intern(&frames->tree->names, text, ret);
	if (!err && is_known)
		frames->name_ids[string] = *ret;
	return err;
}

/* The base name of a path; what is in brackets is none. */
static const char *module_of(char *name)
{
	size_t length = strlen(name), cut = strlen(DELETED);
	char *slash;

	if (length > cut && strcmp(name + length - cut, DELETED) == 0)
		name[length - cut] = '\0';
	slash = name[0] == '[' ? NULL : strrchr(name, '/');
	return slash && slash[1] ? slash + 1 : name;
}

static int resolve_mapping(struct pprof_frames *frames, struct pprof_read_mapping *mapping)
{
	CLEANUP(cleanup_free) char *name = NULL;
	int err = pprof_index_string(frames->index, mapping->file, PATH_MAX, frames->reason, &name);

	if (err < 0)
		return err;
	mapping->kind = pprof_kind_of_mapping(name);
	mapping->module_id = CALL_TREE_NONE;
	if (mapping->kind == FRAME_USER && name[0] &&
	    strcmp(name, pprof_kind_mapping(FRAME_USER)) != 0)
		err = name_pool_intern(&frames->tree->names, module_of(name), &mapping->module_id);
	mapping->is_resolved = !err;
	return err;
}

static int find_mapping(struct pprof_frames *frames, uint64_t id, struct address *address)
{
	uint32_t number;

	if (id == 0)
		return 0;
	if (!pprof_ids_find(&frames->index->mapping_ids, id, &number))
		return pprof_fail(frames->reason, -EBADMSG,
				  "location %" PRIu64 " is in mapping %" PRIu64
				  ", which is missing",
				  address->id, id);
	address->mapping = &frames->index->mappings[number];
	return address->mapping->is_resolved
		       ? 0
		       : resolve_mapping(frames, &frames->index->mappings[number]);
}

static int resolve_function(struct pprof_frames *frames, struct pprof_read_function *function)
{
	/* Who has no name for people may have one for linkers. */
	uint64_t name = function->name ? function->name : function->system_name;
	uint32_t file_id;
	int err = intern(frames, function->file, &file_id);

	if (!err && call_tree_name(frames->tree, file_id)[0])
		function->file_id = file_id;
	if (err < 0)
		return err;
	return name ? intern(frames, name, &function->name_id)
		    : name_pool_intern(&frames->tree->names, UNKNOWN, &function->name_id);
}

static int reserve_child(struct pprof_frames *frames)
{
	size_t capacity = frames->capacity ? frames->capacity * 2 : CHILDREN_FIRST;
	struct call_child *children;

	if (frames->count < frames->capacity)
		return 0;
	if (frames->count >= PPROF_LINES_MAX)
		return pprof_fail(frames->reason, -E2BIG, "its locations have more than %zu lines",
				  PPROF_LINES_MAX);
	children = reallocarray(frames->children, capacity, sizeof(*children));
	if (!children)
		return pprof_fail(frames->reason, -ENOMEM, "there is not enough memory");
	frames->children = children;
	frames->capacity = capacity;
	return 0;
}

static int add_child(struct pprof_frames *frames, const struct address *address, uint32_t name_id,
		     uint32_t site_id)
{
	const struct pprof_read_mapping *mapping = address->mapping;
	int err = reserve_child(frames);

	if (err < 0)
		return err;
	frames->children[frames->count++] = (struct call_child){
		.name_id = name_id,
		.kind = mapping ? mapping->kind : FRAME_USER,
		.site_id = site_id,
		.module_id = mapping ? mapping->module_id : CALL_TREE_NONE,
	};
	return 0;
}

/* For want of a function. */
static int add_address(struct pprof_frames *frames, const struct address *address)
{
	const struct pprof_read_mapping *mapping = address->mapping;
	char text[TEXT_SIZE] = UNKNOWN;
	uint32_t name_id;
	int err;

	if (mapping && mapping->module_id != CALL_TREE_NONE)
		(void)snprintf(text, sizeof(text), "[%.*s+0x%" PRIx64 "]", MODULE_MAX,
			       call_tree_name(frames->tree, mapping->module_id),
			       address->address - mapping->start + mapping->offset);
	else if (address->address)
		(void)snprintf(text, sizeof(text), "[0x%" PRIx64 "]", address->address);
	err = name_pool_intern(&frames->tree->names, text, &name_id);
	return err < 0 ? err : add_child(frames, address, name_id, PAIR_NONE);
}

static int read_line(struct pprof_wire wire, uint64_t *ret_function, int64_t *ret_line)
{
	struct pprof_field field;
	int more;

	*ret_function = 0;
	*ret_line = 0;
	while ((more = pprof_wire_next(&wire, &field)) == 1) {
		if (field.number == LINE_FUNCTION && !field.is_bytes)
			*ret_function = field.value;
		else if (field.number == LINE_LINE && !field.is_bytes)
			*ret_line = (int64_t)field.value;
	}
	return more;
}

static int add_line(struct pprof_frames *frames, const struct address *address,
		    const struct pprof_wire *bytes)
{
	struct pprof_read_function *function;
	uint32_t number, site_id = PAIR_NONE;
	uint64_t function_id;
	int64_t line;
	int err = 0;

	if (read_line(*bytes, &function_id, &line) < 0)
		return pprof_fail(frames->reason, -EBADMSG, "location %" PRIu64 " is malformed",
				  address->id);
	if (function_id == 0)
		return add_address(frames, address);
	if (!pprof_ids_find(&frames->index->function_ids, function_id, &number))
		return pprof_fail(frames->reason, -EBADMSG,
				  "location %" PRIu64 " is in function %" PRIu64
				  ", which is missing",
				  address->id, function_id);
	function = &frames->index->functions[number];
	if (function->name_id == PPROF_UNRESOLVED)
		err = resolve_function(frames, function);
	if (!err && function->file_id != PPROF_UNRESOLVED)
		err = pair_pool_intern(&frames->tree->sites, function->file_id,
				       line > 0 && line <= UINT32_MAX ? (uint32_t)line : 0,
				       &site_id);
	return err < 0 ? err : add_child(frames, address, function->name_id, site_id);
}

/* What is not a line. */
static int read_address(struct pprof_frames *frames, struct pprof_wire wire, struct address *ret)
{
	struct pprof_field field;
	uint64_t mapping_id = 0;
	int more;

	while ((more = pprof_wire_next(&wire, &field)) == 1) {
		if (field.is_bytes != (field.number == LOCATION_LINE) &&
		    field.number <= LOCATION_LINE)
			return pprof_fail(frames->reason, -EBADMSG,
					  "location %" PRIu64 " is malformed", ret->id);
		if (field.number == LOCATION_MAPPING)
			mapping_id = field.value;
		else if (field.number == LOCATION_ADDRESS)
			ret->address = field.value;
	}
	if (more < 0)
		return pprof_fail(frames->reason, -EBADMSG, "location %" PRIu64 " is malformed",
				  ret->id);
	return find_mapping(frames, mapping_id, ret);
}

/* The file has the innermost first, which is inlined into the next, and so on. */
static void turn_around(struct call_child *children, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		struct call_child child = children[i];

		children[i] = children[count - 1 - i];
		children[count - 1 - i] = child;
	}
	for (size_t i = 1; i < count; i++)
		children[i].kind = FRAME_INLINED;
}

static int resolve_location(struct pprof_frames *frames, uint64_t id,
			    struct pprof_read_location *location)
{
	struct address address = { .id = id };
	struct pprof_wire wire = location->bytes;
	struct pprof_field field;
	size_t first = frames->count;
	int err = read_address(frames, wire, &address);

	while (!err && pprof_wire_next(&wire, &field) == 1) {
		if (field.number == LOCATION_LINE)
			err = add_line(frames, &address, &field.bytes);
	}
	if (!err && frames->count == first)
		err = add_address(frames, &address);
	if (err < 0)
		return err;
	turn_around(&frames->children[first], frames->count - first);
	location->first = (uint32_t)first;
	location->count = (uint32_t)(frames->count - first);
	return 0;
}

int pprof_frames_find(struct pprof_frames *frames, uint64_t id, uint32_t *ret_location)
{
	uint32_t number;
	int err = 0;

	if (!pprof_ids_find(&frames->index->location_ids, id, &number))
		return pprof_fail(frames->reason, -EBADMSG,
				  "a sample is at location %" PRIu64 ", which is missing", id);
	if (frames->index->locations[number].first == PPROF_UNRESOLVED)
		err = resolve_location(frames, id, &frames->index->locations[number]);
	if (!err)
		*ret_location = number;
	return err;
}
