/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/golden/pprof_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "flamegraph/flamegraph.h"
#include "profile.pb-c.h"

#define UNPACKED_MAX ((size_t)1 << 20)
#define GZIP_WINDOW  (15 + 16)

typedef Perftools__Profiles__Profile Profile;
typedef Perftools__Profiles__Location Location;
typedef Perftools__Profiles__Line Line;

static const struct pprof_info info = {
	.sample_type = "samples",
	.value_type = "cpu",
	.period_ns = 10,
};

static void cleanup_profile(Profile **profile)
{
	if (*profile)
		perftools__profiles__profile__free_unpacked(*profile, NULL);
}

static int unpack(const char *bytes, size_t length, Profile **ret)
{
	CLEANUP(cleanup_free) uint8_t *unpacked = malloc(UNPACKED_MAX);
	z_stream zlib = { .next_in = (Bytef *)bytes,
			  .avail_in = (uInt)length,
			  .next_out = unpacked,
			  .avail_out = UNPACKED_MAX };
	int status;

	if (!unpacked || inflateInit2(&zlib, GZIP_WINDOW) != Z_OK)
		return -ENOMEM;
	status = inflate(&zlib, Z_FINISH);
	(void)inflateEnd(&zlib);
	if (status != Z_STREAM_END)
		return -EBADMSG;
	*ret = perftools__profiles__profile__unpack(NULL, zlib.total_out, unpacked);
	return *ret ? 0 : -EBADMSG;
}

static int read_back(const struct call_tree *tree, Profile **ret)
{
	CLEANUP(cleanup_free) char *bytes = NULL;
	size_t length;
	FILE *memory = open_memstream(&bytes, &length);
	int err;

	if (!memory)
		return -ENOMEM;
	err = pprof_write(tree, &info, memory);
	if (fclose(memory) != 0 && !err)
		err = -ENOMEM;
	return err < 0 ? err : unpack(bytes, length, ret);
}

static const char *string_of(const Profile *profile, int64_t index)
{
	if (index < 0 || (size_t)index >= profile->n_string_table)
		return NULL;
	return profile->string_table[index];
}

static int put_mappings(const Profile *profile, FILE *out)
{
	for (size_t i = 0; i < profile->n_mapping; i++) {
		const Perftools__Profiles__Mapping *mapping = profile->mapping[i];
		const char *name = string_of(profile, mapping->filename);

		if (!name)
			return -EBADMSG;
		fprintf(out, "mapping %s:%s%s%s%s\n", name,
			mapping->has_functions ? " functions" : "",
			mapping->has_filenames ? " files" : "",
			mapping->has_line_numbers ? " lines" : "",
			mapping->has_inline_frames ? " inlined" : "");
	}
	return 0;
}

static int put_line(const Profile *profile, const Line *line, FILE *out)
{
	for (size_t i = 0; i < profile->n_function; i++) {
		const Perftools__Profiles__Function *function = profile->function[i];
		const char *name = string_of(profile, function->name);
		const char *file = string_of(profile, function->filename);

		if (function->id != line->function_id)
			continue;
		if (!name || !file)
			return -EBADMSG;
		fprintf(out, "%s (%s:%" PRId64 ")", name, file, line->line);
		return 0;
	}
	return -EBADMSG;
}

static const char *mapping_of(const Profile *profile, const Location *location)
{
	if (location->mapping_id == 0)
		return "nothing";
	for (size_t i = 0; i < profile->n_mapping; i++) {
		if (profile->mapping[i]->id == location->mapping_id)
			return string_of(profile, profile->mapping[i]->filename);
	}
	return NULL;
}

static int put_location(const Profile *profile, uint64_t id, FILE *out)
{
	const Location *location = NULL;
	const char *mapping;

	for (size_t i = 0; i < profile->n_location && !location; i++) {
		if (profile->location[i]->id == id)
			location = profile->location[i];
	}
	mapping = location ? mapping_of(profile, location) : NULL;
	if (!mapping)
		return -EBADMSG;
	fputs("  ", out);
	for (size_t i = 0; i < location->n_line; i++) {
		int err = put_line(profile, location->line[i], out);

		if (err < 0)
			return err;
		fputs(i + 1 < location->n_line ? " in " : "", out);
	}
	fprintf(out, " of %s\n", mapping);
	return 0;
}

int pprof_text_write(const struct call_tree *tree, FILE *out)
{
	CLEANUP(cleanup_profile) Profile *profile = NULL;
	int err = read_back(tree, &profile);

	if (!err)
		err = put_mappings(profile, out);
	for (size_t i = 0; !err && i < profile->n_sample; i++) {
		const Perftools__Profiles__Sample *sample = profile->sample[i];

		fprintf(out, "sample");
		for (size_t k = 0; k < sample->n_value; k++)
			fprintf(out, " %" PRId64, sample->value[k]);
		fprintf(out, "\n");
		for (size_t k = 0; !err && k < sample->n_location_id; k++)
			err = put_location(profile, sample->location_id[k], out);
	}
	return err;
}
