/* SPDX-License-Identifier: Apache-2.0 */
#include "flamegraph/pprof_contents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "flamegraph/pprof_reason.h"

#define TYPES_TEXT_MAX 1024

struct maker {
	const struct pprof_index *index;
	struct pprof_reason *reason;
	struct pprof_contents *contents;
	size_t value; /* which of the values of a sample */
	uint64_t factor;
};

void pprof_contents_done(struct pprof_contents *contents)
{
	free(contents->type);
	free(contents->unit);
	free(contents->period_type);
	free(contents->period_unit);
	free(contents->comments);
	free(contents->drop_frames);
	free(contents->keep_frames);
	free(contents->documentation);
	free(contents->types);
	*contents = (struct pprof_contents){ 0 };
}

static int text_of(const struct maker *maker, uint64_t string, char **ret)
{
	return pprof_index_string(maker->index, string, PPROF_TEXT_MAX, maker->reason, ret);
}

/* All names of types, with commas; as many as there is room for. */
static int name_types(struct maker *maker)
{
	char text[TYPES_TEXT_MAX] = "";
	size_t used = 0;

	for (size_t i = 0; i < maker->index->type_count && used < sizeof(text); i++) {
		CLEANUP(cleanup_free) char *type = NULL;
		int err = text_of(maker, maker->index->types[i].type, &type);

		if (err < 0)
			return err;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? ", " : "",
					 type);
	}
	maker->contents->types = strdup(text);
	return maker->contents->types ? 0 : -ENOMEM;
}

/* The number of the value with this name; the number of all when there is none. 0 or -errno. */
static int find_type(const struct maker *maker, const char *name, size_t *ret)
{
	for (size_t i = 0; i < maker->index->type_count; i++) {
		CLEANUP(cleanup_free) char *type = NULL;
		int err = text_of(maker, maker->index->types[i].type, &type);

		if (err < 0)
			return err;
		if (strcmp(type, name) == 0) {
			*ret = i;
			return 0;
		}
	}
	*ret = maker->index->type_count;
	return 0;
}

static int choose_wanted(struct maker *maker, const char *name)
{
	int err = find_type(maker, name, &maker->value);

	if (!err && maker->value == maker->index->type_count)
		err = pprof_fail(maker->reason, -ENOENT, "it has no values '%.64s', but %.128s",
				 name, maker->contents->types);
	return err;
}

static int choose_default(struct maker *maker)
{
	CLEANUP(cleanup_free) char *name = NULL;
	int err = text_of(maker, maker->index->numbers[PROFILE_DEFAULT_TYPE], &name);

	if (!err)
		err = find_type(maker, name, &maker->value);
	if (!err && maker->value == maker->index->type_count)
		maker->value--;
	return err;
}

static void choose_unit(struct maker *maker)
{
	static const struct {
		const char *unit;
		uint64_t factor, divisor;
	} times[] = {
		{ "nanoseconds", 1, 1000 },  { "ns", 1, 1000 },
		{ "microseconds", 1, 1 },    { "us", 1, 1 },
		{ "milliseconds", 1000, 1 }, { "ms", 1000, 1 },
		{ "seconds", 1000000, 1 },   { "s", 1000000, 1 },
	};
	struct pprof_contents *contents = maker->contents;

	maker->factor = contents->divisor = 1;
	contents->picture_unit =
		strcmp(contents->unit, "count") == 0 ? contents->type : contents->unit;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (strcmp(contents->unit, times[i].unit) == 0) {
			contents->picture_unit = "microseconds";
			contents->divisor = times[i].divisor;
			maker->factor = times[i].factor;
		}
	}
}

static int join_comments(struct maker *maker)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int err = out ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < maker->index->comment_count; i++) {
		CLEANUP(cleanup_free) char *comment = NULL;

		err = text_of(maker, maker->index->comments[i], &comment);
		if (!err && fprintf(out, "%s%s", i ? "\n" : "", comment) < 0)
			err = -ENOMEM;
	}
	if (out && fclose(out) != 0 && !err)
		err = -ENOMEM;
	maker->contents->comments = text;
	return err;
}

static int fill_contents(struct maker *maker)
{
	const struct pprof_index *index = maker->index;
	struct pprof_contents *contents = maker->contents;
	const struct {
		uint64_t string;
		char **text;
	} texts[] = {
		{ index->types[maker->value].type, &contents->type },
		{ index->types[maker->value].unit, &contents->unit },
		{ index->period_type.type, &contents->period_type },
		{ index->period_type.unit, &contents->period_unit },
		{ index->numbers[PROFILE_DROP_FRAMES], &contents->drop_frames },
		{ index->numbers[PROFILE_KEEP_FRAMES], &contents->keep_frames },
		{ index->numbers[PROFILE_DOCUMENTATION], &contents->documentation },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int err = text_of(maker, texts[i].string, texts[i].text);

		if (err < 0)
			return err;
	}
	contents->period = (int64_t)index->numbers[PROFILE_PERIOD];
	contents->time_ns = (int64_t)index->numbers[PROFILE_TIME];
	contents->duration_ns = (int64_t)index->numbers[PROFILE_DURATION];
	choose_unit(maker);
	return join_comments(maker);
}

int pprof_contents_make(const struct pprof_index *index, const char *wanted_type,
			struct pprof_reason *reason, struct pprof_contents *contents,
			struct pprof_wanted *ret)
{
	struct maker maker = { .index = index, .reason = reason, .contents = contents };
	int err = name_types(&maker);

	if (!err)
		err = wanted_type ? choose_wanted(&maker, wanted_type) : choose_default(&maker);
	if (!err)
		err = fill_contents(&maker);
	if (!err)
		*ret = (struct pprof_wanted){ maker.value, maker.factor };
	return err;
}
