/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of pprof.c: what it wrote, read by the library that other tools use. */
#ifndef EPROF_TESTS_UNIT_PPROF_PROFILE_H
#define EPROF_TESTS_UNIT_PPROF_PROFILE_H

#include <zlib.h>

#include "profile.pb-c.h"
#include "tests/unit/tree.h"

typedef Perftools__Profiles__Profile Profile;

#define UNPACKED_MAX ((size_t)4 << 20)

static const struct pprof_info on_cpu = {
	.sample_type = "samples",
	.value_type = "cpu",
	.time_ns = 1700000000000000000u,
	.duration_ns = 30000000000u,
	.period_ns = 10101010,
	.comment = "eprof",
};

static const struct pprof_info off_cpu = {
	.sample_type = "events",
	.value_type = "off_cpu",
	.unit_ns = 1000,
};

/* The file's bytes, which the caller frees. */
static inline char *written(const struct call_tree *tree, const struct pprof_info *info,
			    size_t *ret_length)
{
	char *bytes = NULL;
	FILE *out = open_memstream(&bytes, ret_length);

	assert_non_null(out);
	assert_int_equal(pprof_write(tree, info, out), 0);
	assert_int_equal(fclose(out), 0);
	return bytes;
}

/* The message in these bytes, which it frees; the caller frees the message. */
static inline Profile *unpack(char *bytes, size_t length)
{
	uint8_t *unpacked = malloc(UNPACKED_MAX);
	z_stream zlib = { .next_in = (Bytef *)bytes, .avail_in = (uInt)length };
	Profile *profile;

	assert_non_null(unpacked);
	zlib.next_out = unpacked;
	zlib.avail_out = UNPACKED_MAX;
	assert_int_equal(inflateInit2(&zlib, 15 + 16), Z_OK);
	assert_int_equal(inflate(&zlib, Z_FINISH), Z_STREAM_END);
	assert_int_equal(zlib.avail_in, 0);
	profile = perftools__profiles__profile__unpack(NULL, zlib.total_out, unpacked);
	assert_non_null(profile);
	(void)inflateEnd(&zlib);
	free(unpacked);
	free(bytes);
	return profile;
}

/* The message in the file, which the caller frees. */
static inline Profile *profile_of(const struct call_tree *tree, const struct pprof_info *info)
{
	size_t length;
	char *bytes = written(tree, info, &length);

	return unpack(bytes, length);
}

static inline const Perftools__Profiles__Location *location_of(const Profile *profile, uint64_t id)
{
	for (size_t i = 0; i < profile->n_location; i++) {
		if (profile->location[i]->id == id)
			return profile->location[i];
	}
	fail_msg("no location %lu", (unsigned long)id);
	return NULL;
}

static inline const Perftools__Profiles__Function *function_of(const Profile *profile, uint64_t id)
{
	for (size_t i = 0; i < profile->n_function; i++) {
		if (profile->function[i]->id == id)
			return profile->function[i];
	}
	fail_msg("no function %lu", (unsigned long)id);
	return NULL;
}

static inline const Perftools__Profiles__Mapping *mapping_of(const Profile *profile,
							     const char *name)
{
	for (size_t i = 0; i < profile->n_mapping; i++) {
		if (!strcmp(profile->string_table[profile->mapping[i]->filename], name))
			return profile->mapping[i];
	}
	fail_msg("no mapping '%s'", name);
	return NULL;
}

static inline const char *location_name(const Profile *profile, uint64_t id)
{
	const Perftools__Profiles__Location *location = location_of(profile, id);

	assert_int_equal(location->n_line, 1);
	return profile->string_table[function_of(profile, location->line[0]->function_id)->name];
}

/* The index-th address of the sample, from the leaf: "inner a.c:1 < outer b.c:2 in MODULE". */
static inline void check_location(const Profile *profile, size_t sample, size_t index,
				  const char *expected)
{
	const Perftools__Profiles__Location *location;
	char text[256] = "";
	size_t length = 0;

	assert_in_range(index + 1, 1, profile->sample[sample]->n_location_id);
	location = location_of(profile, profile->sample[sample]->location_id[index]);
	for (size_t i = 0; i < location->n_line; i++) {
		const Perftools__Profiles__Function *function =
			function_of(profile, location->line[i]->function_id);

		assert_int_equal(function->start_line, 0);
		assert_int_equal(function->name, function->system_name);
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s %s:%ld",
					   i ? " < " : "", profile->string_table[function->name],
					   profile->string_table[function->filename],
					   (long)location->line[i]->line);
	}
	for (size_t i = 0; i < profile->n_mapping; i++) {
		if (profile->mapping[i]->id == location->mapping_id)
			(void)snprintf(text + length, sizeof(text) - length, " in %s",
				       profile->string_table[profile->mapping[i]->filename]);
	}
	assert_string_equal(text, expected);
}

#endif
