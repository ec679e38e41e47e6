/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of what reads pprof: profiles put together field by field, also bad ones. */
#ifndef EPROF_TESTS_UNIT_MADE_PROFILE_H
#define EPROF_TESTS_UNIT_MADE_PROFILE_H

#include <zlib.h>

#include "flamegraph/pprof_read.h"
#include "tests/unit/tree.h"

#define MADE_BYTES_MAX (1u << 16)

/* A message, or a part of one. The zero value is empty. */
struct made {
	uint8_t bytes[MADE_BYTES_MAX];
	size_t size;
	uint64_t strings;
};

static inline void put_number(struct made *made, uint64_t value)
{
	assert_true(made->size + 10 < MADE_BYTES_MAX);
	for (; value >= 0x80; value >>= 7)
		made->bytes[made->size++] = (uint8_t)(value | 0x80);
	made->bytes[made->size++] = (uint8_t)value;
}

static inline void put_field(struct made *made, uint32_t number, uint64_t value)
{
	put_number(made, (uint64_t)number << 3);
	put_number(made, value);
}

static inline void put_bytes(struct made *made, uint32_t number, const void *bytes, size_t size)
{
	put_number(made, (uint64_t)number << 3 | 2);
	put_number(made, size);
	assert_true(made->size + size < MADE_BYTES_MAX);
	memcpy(made->bytes + made->size, bytes, size);
	made->size += size;
}

static inline void put_message(struct made *made, uint32_t number, const struct made *message)
{
	put_bytes(made, number, message->bytes, message->size);
}

/* A message of the fields 1, 2, ..., of which those that are 0 are left out. */
static inline void put_numbers(struct made *made, uint32_t number, size_t n,
			       const uint64_t values[])
{
	static struct made message;

	message.size = 0;
	for (size_t i = 0; i < n; i++) {
		if (values[i])
			put_field(&message, (uint32_t)i + 1, values[i]);
	}
	put_message(made, number, &message);
}

#define PUT_NUMBERS(made, number, ...)                                                             \
	put_numbers(made, number, sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t),          \
		    (uint64_t[]){ __VA_ARGS__ })

/* Its number. */
static inline uint64_t put_text(struct made *made, const char *text)
{
	put_bytes(made, 6, text, strlen(text));
	return made->strings++;
}

static inline void put_type(struct made *made, const char *type, const char *unit)
{
	uint64_t type_string = put_text(made, type);

	PUT_NUMBERS(made, 1, type_string, put_text(made, unit));
}

static inline void put_function(struct made *made, uint64_t id, const char *name, const char *file)
{
	uint64_t string = put_text(made, name);

	PUT_NUMBERS(made, 5, id, string, 0, file ? put_text(made, file) : 0, 7);
}

static inline void put_mapping(struct made *made, uint64_t id, uint64_t start, uint64_t offset,
			       const char *file)
{
	PUT_NUMBERS(made, 3, id, start, start + 0x1000, offset, put_text(made, file));
}

struct made_line {
	uint64_t function, line;
};

static inline void put_location(struct made *made, uint64_t id, uint64_t mapping, uint64_t address,
				size_t n, const struct made_line lines[])
{
	static struct made location;

	location.size = 0;
	put_field(&location, 1, id);
	put_field(&location, 2, mapping);
	put_field(&location, 3, address);
	for (size_t i = 0; i < n; i++)
		PUT_NUMBERS(&location, 4, lines[i].function, lines[i].line, 9);
	put_message(made, 4, &location);
}

#define PUT_LOCATION(made, id, mapping, address, ...)                                              \
	put_location(made, id, mapping, address,                                                   \
		     sizeof((struct made_line[]){ __VA_ARGS__ }) / sizeof(struct made_line),       \
		     (struct made_line[]){ __VA_ARGS__ })

/* One value; locations end with 0. */
static inline void put_sample(struct made *made, int64_t value, const uint64_t *locations)
{
	static struct made sample;

	sample.size = 0;
	for (; *locations; locations++)
		put_field(&sample, 1, *locations);
	put_field(&sample, 2, (uint64_t)value);
	put_message(made, 2, &sample);
}

#define PUT_SAMPLE(made, value, ...) put_sample(made, value, (const uint64_t[]){ __VA_ARGS__, 0 })

/* Empties it: the first string of all, and one type. */
static inline void begin_profile(struct made *made, const char *type, const char *unit)
{
	made->size = 0;
	made->strings = 0;
	(void)put_text(made, "");
	put_type(made, type, unit);
}

static inline int read_bytes(const void *bytes, size_t size, const char *sample_type,
			     struct call_tree *tree, struct pprof_contents *contents,
			     struct pprof_reason *reason)
{
	struct pprof_options options = { .sample_type = sample_type, .reason = reason };
	FILE *in = size ? fmemopen((void *)bytes, size, "r") : fopen("/dev/null", "r");
	int err;

	assert_non_null(in);
	err = pprof_read(in, tree, &options, contents);
	assert_int_equal(fclose(in), 0);
	return err;
}

/* What it becomes, as folded stacks that the caller frees. */
static inline char *folded_of(const struct made *made, struct pprof_contents *contents)
{
	struct call_tree *tree = new_tree();
	struct pprof_reason reason = { "" };
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	if (read_bytes(made->bytes, made->size, NULL, tree, contents, &reason) != 0)
		fail_msg("not read: %s", reason.text);
	call_tree_check(tree);
	assert_int_equal(call_tree_sort(tree), 0);
	assert_int_equal(folded_write(tree, out), 0);
	assert_int_equal(fclose(out), 0);
	call_tree_free(tree);
	return text;
}

static inline void check_folded(const struct made *made, const char *expected)
{
	struct pprof_contents contents = { 0 };
	char *text = folded_of(made, &contents);

	assert_string_equal(text, expected);
	pprof_contents_done(&contents);
	free(text);
}

/* It is not read, and this is why. */
static inline void check_refused_bytes(const void *bytes, size_t size, int err, const char *why)
{
	struct call_tree *tree = new_tree();
	struct pprof_contents contents = { 0 };
	struct pprof_reason reason = { "" };

	assert_int_equal(read_bytes(bytes, size, NULL, tree, &contents, &reason), err);
	assert_string_equal(reason.text, why);
	assert_null(contents.type);
	call_tree_check(tree);
	call_tree_free(tree);
}

static inline void check_refused(const struct made *made, int err, const char *why)
{
	check_refused_bytes(made->bytes, made->size, err, why);
}

#endif
