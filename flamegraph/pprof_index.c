/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flamegraph/pprof_reason.h"
#include "flamegraph/utf8.h"

static const char *const field_names[PROFILE_FIELDS] = {
	[PROFILE_SAMPLE_TYPE] = "sample type", [PROFILE_SAMPLE] = "sample",
	[PROFILE_MAPPING] = "mapping",         [PROFILE_LOCATION] = "location",
	[PROFILE_FUNCTION] = "function",       [PROFILE_STRING] = "string",
	[PROFILE_PERIOD_TYPE] = "period type",
};

struct indexer {
	struct pprof_index *index;
	struct pprof_reason *reason;
	size_t counts[PROFILE_FIELDS]; /* how many there are; then, how many have been seen */
};

void pprof_index_done(struct pprof_index *index)
{
	free(index->strings);
	free(index->mappings);
	free(index->functions);
	free(index->locations);
	free(index->mapping_ids.entries);
	free(index->function_ids.entries);
	free(index->location_ids.entries);
	*index = (struct pprof_index){ 0 };
}

static int no_profile(const struct indexer *indexer)
{
	return pprof_fail(indexer->reason, -EBADMSG, "it is no profile");
}

static int malformed(const struct indexer *indexer, uint32_t field)
{
	return pprof_fail(indexer->reason, -EBADMSG, "%s %zu is malformed", field_names[field],
			  indexer->counts[field]);
}

static int out_of_memory(const struct indexer *indexer)
{
	return pprof_fail(indexer->reason, -ENOMEM, "there is not enough memory");
}

/* Messages and texts are bytes, all else is numbers. */
static bool is_of_its_type(const struct pprof_field *field)
{
	switch (field->number) {
	case PROFILE_SAMPLE_TYPE:
	case PROFILE_SAMPLE:
	case PROFILE_MAPPING:
	case PROFILE_LOCATION:
	case PROFILE_FUNCTION:
	case PROFILE_STRING:
	case PROFILE_PERIOD_TYPE:
		return field->is_bytes;
	case PROFILE_COMMENT:
		return true;
	default:
		return !field->is_bytes || field->number >= PROFILE_FIELDS;
	}
}

static int count_things(struct indexer *indexer)
{
	struct pprof_wire wire = indexer->index->file;
	struct pprof_field field;
	int more;

	while ((more = pprof_wire_next(&wire, &field)) == 1) {
		if (!is_of_its_type(&field))
			return no_profile(indexer);
		if (field.number >= PROFILE_FIELDS)
			continue;
		if (++indexer->counts[field.number] > PPROF_THINGS_MAX &&
		    field.number != PROFILE_SAMPLE && field_names[field.number])
			return pprof_fail(indexer->reason, -E2BIG, "it has more than %zu %ss",
					  PPROF_THINGS_MAX, field_names[field.number]);
	}
	if (more < 0 || !indexer->counts[PROFILE_SAMPLE_TYPE])
		return no_profile(indexer);
	if (indexer->counts[PROFILE_SAMPLE_TYPE] > PPROF_TYPES_MAX)
		return pprof_fail(indexer->reason, -E2BIG, "it has more than %d values a sample",
				  PPROF_TYPES_MAX);
	return 0;
}

static int allocate(struct indexer *indexer)
{
	struct pprof_index *index = indexer->index;
	size_t mappings = indexer->counts[PROFILE_MAPPING] + 1;
	size_t functions = indexer->counts[PROFILE_FUNCTION] + 1;
	size_t locations = indexer->counts[PROFILE_LOCATION] + 1;

	index->strings = calloc(indexer->counts[PROFILE_STRING] + 1, sizeof(*index->strings));
	index->mappings = calloc(mappings, sizeof(*index->mappings));
	index->functions = calloc(functions, sizeof(*index->functions));
	index->locations = calloc(locations, sizeof(*index->locations));
	index->mapping_ids.entries = calloc(mappings, sizeof(*index->mapping_ids.entries));
	index->function_ids.entries = calloc(functions, sizeof(*index->function_ids.entries));
	index->location_ids.entries = calloc(locations, sizeof(*index->location_ids.entries));
	if (!index->strings || !index->mappings || !index->functions || !index->locations ||
	    !index->mapping_ids.entries || !index->function_ids.entries ||
	    !index->location_ids.entries)
		return out_of_memory(indexer);
	memset(indexer->counts, 0, sizeof(indexer->counts));
	return 0;
}

/* The numbers of a message: those of fields 1 .. count, of which the last of each is meant. */
static int read_numbers(const struct pprof_wire *bytes, size_t count, uint64_t ret[])
{
	struct pprof_wire wire = *bytes;
	struct pprof_field field;
	int more;

	memset(ret, 0, count * sizeof(*ret));
	while ((more = pprof_wire_next(&wire, &field)) == 1) {
		if (field.number > count)
			continue;
		if (field.is_bytes)
			return -EBADMSG;
		ret[field.number - 1] = field.value;
	}
	return more;
}

static int read_value_type(const struct pprof_wire *bytes, struct pprof_value_type *ret)
{
	uint64_t numbers[2];
	int err = read_numbers(bytes, 2, numbers);

	if (!err)
		*ret = (struct pprof_value_type){ .type = numbers[0], .unit = numbers[1] };
	return err;
}

static int add_mapping(struct pprof_index *index, const struct pprof_wire *bytes)
{
	enum { ID, START, LIMIT, OFFSET, FILE_NAME, NUMBERS };
	uint64_t numbers[NUMBERS];
	int err = read_numbers(bytes, NUMBERS, numbers);

	if (err < 0)
		return err;
	index->mappings[index->mapping_ids.count] = (struct pprof_read_mapping){
		.start = numbers[START], .offset = numbers[OFFSET], .file = numbers[FILE_NAME]
	};
	pprof_ids_add(&index->mapping_ids, numbers[ID]);
	return 0;
}

static int add_function(struct pprof_index *index, const struct pprof_wire *bytes)
{
	enum { ID, NAME, SYSTEM_NAME, FILE_NAME, NUMBERS };
	uint64_t numbers[NUMBERS];
	int err = read_numbers(bytes, NUMBERS, numbers);

	if (err < 0)
		return err;
	index->functions[index->function_ids.count] = (struct pprof_read_function){
		.name = numbers[NAME],
		.system_name = numbers[SYSTEM_NAME],
		.file = numbers[FILE_NAME],
		.name_id = PPROF_UNRESOLVED,
		.file_id = PPROF_UNRESOLVED,
	};
	pprof_ids_add(&index->function_ids, numbers[ID]);
	return 0;
}

static int add_location(struct pprof_index *index, const struct pprof_wire *bytes)
{
	uint64_t id;
	int err = read_numbers(bytes, 1, &id);

	if (err < 0)
		return err;
	index->locations[index->location_ids.count] =
		(struct pprof_read_location){ .bytes = *bytes, .first = PPROF_UNRESOLVED };
	pprof_ids_add(&index->location_ids, id);
	return 0;
}

static int add_comments(struct indexer *indexer, struct pprof_wire bytes)
{
	struct pprof_index *index = indexer->index;
	uint64_t comment;
	int more;

	while ((more = pprof_wire_number(&bytes, &comment)) == 1) {
		if (index->comment_count == PPROF_COMMENTS_MAX)
			return pprof_fail(indexer->reason, -E2BIG, "it has more than %d comments",
					  PPROF_COMMENTS_MAX);
		index->comments[index->comment_count++] = comment;
	}
	return more < 0 ? no_profile(indexer) : 0;
}

static int add_thing(struct indexer *indexer, const struct pprof_field *field)
{
	struct pprof_index *index = indexer->index;

	switch (field->number) {
	case PROFILE_SAMPLE_TYPE:
		return read_value_type(&field->bytes, &index->types[index->type_count++]);
	case PROFILE_SAMPLE:
		index->sample_count++;
		return 0;
	case PROFILE_MAPPING:
		return add_mapping(index, &field->bytes);
	case PROFILE_LOCATION:
		return add_location(index, &field->bytes);
	case PROFILE_FUNCTION:
		return add_function(index, &field->bytes);
	case PROFILE_STRING:
		index->strings[index->string_count++] = field->bytes;
		return 0;
	case PROFILE_PERIOD_TYPE:
		return read_value_type(&field->bytes, &index->period_type);
	default:
		index->numbers[field->number] = field->value;
		return 0;
	}
}

static int add_things(struct indexer *indexer)
{
	struct pprof_wire wire = indexer->index->file;
	struct pprof_field field;

	while (pprof_wire_next(&wire, &field) == 1) {
		int err;

		if (field.number >= PROFILE_FIELDS)
			continue;
		indexer->counts[field.number]++;
		if (field.number == PROFILE_COMMENT) {
			err = add_comments(indexer, field.bytes);
			if (err < 0)
				return err;
		} else if (add_thing(indexer, &field) < 0) {
			return malformed(indexer, field.number);
		}
	}
	return 0;
}

static int sort_ids(const struct indexer *indexer, struct pprof_ids *ids, uint32_t field)
{
	uint64_t twice;

	if (pprof_ids_sort(ids, &twice))
		return 0;
	return pprof_fail(indexer->reason, -EBADMSG, "there are two %ss with the id %" PRIu64,
			  field_names[field], twice);
}

int pprof_index_make(struct pprof_index *index, const uint8_t *bytes, size_t size,
		     struct pprof_reason *reason)
{
	struct indexer indexer = { .index = index, .reason = reason };
	int err;

	index->file = (struct pprof_wire){ bytes, bytes + size };
	err = count_things(&indexer);
	if (!err)
		err = allocate(&indexer);
	if (!err)
		err = add_things(&indexer);
	/* Who refers to it means no text at all. */
	if (!err && index->strings[0].at != index->strings[0].end)
		err = pprof_fail(reason, -EBADMSG, "its first string is not empty");
	if (!err)
		err = sort_ids(&indexer, &index->mapping_ids, PROFILE_MAPPING);
	if (!err)
		err = sort_ids(&indexer, &index->function_ids, PROFILE_FUNCTION);
	if (!err)
		err = sort_ids(&indexer, &index->location_ids, PROFILE_LOCATION);
	return err;
}

/* There is room for the repaired text and its end. */
static void copy_text(const char *bytes, size_t length, bool is_valid, char *ret)
{
	if (is_valid)
		memcpy(ret, bytes, length);
	else
		length = utf8_repair(bytes, length, ret);
	for (char *nul = ret; (nul = memchr(nul, '\0', length - (size_t)(nul - ret)));)
		*nul = '?';
	ret[length] = '\0';
}

int pprof_index_string(const struct pprof_index *index, uint64_t number, size_t max,
		       struct pprof_reason *reason, char **ret)
{
	const struct pprof_wire *bytes;
	size_t length;
	bool is_valid;
	char *text;

	if (number >= index->string_count && number > 0)
		return pprof_fail(reason, -EBADMSG, "string %" PRIu64 " of %zu", number,
				  index->string_count);
	bytes = &index->strings[number]; /* an empty one when there are none at all */
	length = (size_t)(bytes->end - bytes->at);
	if (length > max)
		length = max;
	is_valid = length == 0 || utf8_is_valid((const char *)bytes->at, length);
	text = malloc((is_valid ? length : UTF8_GROWTH_MAX * length) + 1);
	if (!text)
		return pprof_fail(reason, -ENOMEM, "there is not enough memory");
	text[0] = '\0';
	if (length > 0)
		copy_text((const char *)bytes->at, length, is_valid, text);
	*ret = text;
	return 0;
}
