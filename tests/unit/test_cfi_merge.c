/* SPDX-License-Identifier: Apache-2.0 */
/* .eh_frame and .debug_frame that tell of the same code, against a model that goes byte by byte. */
#include "symbolize/cfi_merge.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/unwind_check.h"

#define USUAL     0x0c, 7, 8, 0x90, 1
#define CODE_SIZE 0x600
#define ROW_BYTES 24 /* after which each function has another rule */
#define KIND_MAX  12 /* functions of a kind */

/* A function, and what its rules say, so that each can be told from all others. */
struct function {
	uint32_t start, end;
	uint32_t number;
};

struct model {
	struct function eh[KIND_MAX], debug[KIND_MAX];
	size_t eh_count, debug_count;
	int cfa[CODE_SIZE];
};

/* What a function says of an offset of the code. */
static int cfa_of(const struct function *function, uint32_t offset)
{
	return (int)(1024 * function->number + (offset - function->start) / ROW_BYTES);
}

static void put_instructions(struct bytes *bytes, const struct function *function)
{
	for (uint32_t at = function->start; at < function->end; at += ROW_BYTES) {
		if (at > function->start)
			bytes_put_u8(bytes, 0x40 | ROW_BYTES);
		bytes_put_u8(bytes, 0x0e);
		bytes_put_uleb(bytes, (uint64_t)cfa_of(function, at));
	}
}

static void put_eh(struct cfi_image *image, size_t common, const struct function *function)
{
	struct bytes instructions = { 0 };

	put_instructions(&instructions, function);
	cfi_put_function(&image->eh_frame, common, function->start, function->end - function->start,
			 instructions.data, instructions.size);
	free(instructions.data);
}

static void put_debug_common(struct cfi_image *image)
{
	size_t at = cfi_begin(&image->debug_frame);

	bytes_put_u32(&image->debug_frame, UINT32_MAX);
	bytes_put(&image->debug_frame, BYTES(3, 0, 1, 0x78, 16, USUAL));
	cfi_end(&image->debug_frame, at);
}

static void put_debug(struct cfi_image *image, const struct function *function)
{
	size_t at = cfi_begin(&image->debug_frame);

	bytes_put_u32(&image->debug_frame, 0);
	bytes_put_u64(&image->debug_frame, CODE_ADDRESS + function->start);
	bytes_put_u64(&image->debug_frame, function->end - function->start);
	put_instructions(&image->debug_frame, function);
	cfi_end(&image->debug_frame, at);
}

/* The function of a kind that an offset is in: of all that begin before it, the last one. */
static const struct function *find(const struct function *functions, size_t count, uint32_t offset)
{
	const struct function *found = NULL;

	for (size_t i = 0; i < count; i++)
		if (functions[i].start <= offset && (!found || functions[i].start > found->start))
			found = &functions[i];
	return found && offset < found->end ? found : NULL;
}

static void expect(struct model *model)
{
	const struct function *before = NULL;
	bool was_debug = false;
	int pieces = 0;

	for (uint32_t at = 0; at < CODE_SIZE; at++) {
		const struct function *eh = find(model->eh, model->eh_count, at);
		const struct function *debug = find(model->debug, model->debug_count, at);

		if (debug != before)
			pieces = 0;
		pieces += !eh && debug && (!was_debug || debug != before);
		was_debug = !eh && debug;
		before = debug;
		if (pieces > CFI_PIECES_MAX)
			debug = NULL;
		model->cfa[at] = eh ? cfa_of(eh, at) : debug ? cfa_of(debug, at) : NO_RULE;
	}
}

static struct unwind_table table_of_model(const struct model *model)
{
	struct cfi_image image = { .code_size = CODE_SIZE };
	size_t common = cfi_put_usual_common(&image.eh_frame);

	for (size_t i = 0; i < model->eh_count; i++)
		put_eh(&image, common, &model->eh[i]);
	put_debug_common(&image);
	for (size_t i = 0; i < model->debug_count; i++)
		put_debug(&image, &model->debug[i]);
	return table_of(&image);
}

static void check(struct model *model)
{
	struct unwind_table table = table_of_model(model);

	expect(model);
	for (uint32_t at = 0; at < CODE_SIZE; at++) {
		if (cfa_at(&table, at) != model->cfa[at])
			print_message("at %#x\n", at);
		assert_int_equal(cfa_at(&table, at), model->cfa[at]);
	}
	assert_int_equal(table.skipped_count, 0);
	unwind_table_done(&table);
}

static void gaps_of_eh_frame_are_filled_from_debug_frame(void **state)
{
	struct model model = {
		.eh = { { 0x100, 0x180, 1 }, { 0x200, 0x280, 2 }, { 0x400, 0x410, 3 } },
		.eh_count = 3,
		/* Before, across, between, inside of one, all of one, over two. */
		.debug = { { 0x20, 0x60, 4 },
			   { 0xc0, 0x120, 5 },
			   { 0x140, 0x150, 6 },
			   { 0x170, 0x1c0, 7 },
			   { 0x200, 0x280, 8 },
			   { 0x300, 0x500, 9 } },
		.debug_count = 6,
	};

	(void)state;
	check(&model);
	assert_int_equal(model.cfa[0x145], 1024 + 2);
	assert_int_equal(model.cfa[0x181], 7 * 1024);
	assert_int_equal(model.cfa[0x410], 9 * 1024 + 0x110 / ROW_BYTES);
}

static void eh_frame_is_right_wherever_both_are(void **state)
{
	struct model model = {
		.eh = { { 0, CODE_SIZE, 1 } },
		.eh_count = 1,
		.debug = { { 0, 0x40, 2 }, { 0x100, 0x110, 3 }, { 0x200, CODE_SIZE, 4 } },
		.debug_count = 3,
	};

	(void)state;
	check(&model);
	for (uint32_t at = 0; at < CODE_SIZE; at++)
		assert_int_equal(model.cfa[at] / 1024, 1);
}

static uint32_t next(uint32_t *random, uint32_t below)
{
	*random = *random * 1664525 + 1013904223;
	return (*random >> 8) % below;
}

static size_t make_functions(struct function *functions, uint32_t *random, uint32_t *number)
{
	size_t count = 1 + next(random, KIND_MAX);
	uint32_t longest = 8u << next(random, 8);

	for (size_t i = 0; i < count; i++) {
		uint32_t start = next(random, CODE_SIZE - 1);
		uint32_t size = 1 + next(random, longest);

		/* Which of two at one place counts is for other tests to say. */
		for (size_t k = 0; k < i; k++)
			if (functions[k].start == start)
				return i;
		functions[i] = (struct function){ start, start + size, (*number)++ };
		if (functions[i].end > CODE_SIZE)
			functions[i].end = CODE_SIZE;
	}
	return count;
}

static void every_byte_has_the_rule_of_the_model(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct model model = { 0 };
		uint32_t number = 1;

		model.eh_count = make_functions(model.eh, &random, &number);
		model.debug_count = make_functions(model.debug, &random, &number);
		check(&model);
	}
}

static void a_function_cut_too_often_keeps_its_first_pieces(void **state)
{
	struct model model = { .eh_count = 8, .debug = { { 0, CODE_SIZE, 20 } }, .debug_count = 1 };

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		model.eh[i] = (struct function){ 0x40 + 0x80 * i, 0x60 + 0x80 * i, 1 + i };
	check(&model);
	assert_int_equal(model.cfa[0x40 + 0x80 * (CFI_PIECES_MAX - 1) - 1] / 1024, 20);
	assert_int_equal(model.cfa[0x40 + 0x80 * CFI_PIECES_MAX - 1], NO_RULE);
}

/* What a function says before it goes wrong is believed, after that nothing; in each piece. */
static void a_malformed_function_is_cut_as_well(void **state)
{
	struct cfi_image image = { .code_size = CODE_SIZE };
	size_t common = cfi_put_usual_common(&image.eh_frame), at;
	const struct function inner = { 0x100, 0x120, 3 };
	struct unwind_table table;

	(void)state;
	put_eh(&image, common, &inner);
	put_debug_common(&image);
	at = cfi_begin(&image.debug_frame);
	bytes_put_u32(&image.debug_frame, 0);
	bytes_put_u64(&image.debug_frame, CODE_ADDRESS);
	bytes_put_u64(&image.debug_frame, 0x200);
	/* An instruction that there is not, after 0x80 bytes. */
	bytes_put(&image.debug_frame, BYTES(0x0e, 16, 0x02, 0x80, 0x3f));
	cfi_end(&image.debug_frame, at);
	table = table_of(&image);
	assert_int_equal(cfa_at(&table, 0), 16);
	assert_int_equal(cfa_at(&table, 0x80), UNSUPPORTED);
	assert_int_equal(cfa_at(&table, 0x100), 3 * 1024);
	assert_int_equal(cfa_at(&table, 0x11f), 3 * 1024 + 1);
	assert_int_equal(cfa_at(&table, 0x120), UNSUPPORTED);
	assert_int_equal(cfa_at(&table, 0x1ff), UNSUPPORTED);
	assert_int_equal(cfa_at(&table, 0x200), NO_RULE);
	unwind_table_done(&table);
}

/* .eh_frame that no section header names, beside a .debug_frame that one does. */
static void eh_frame_is_looked_for_beside_debug_frame(void **state)
{
	static const bool has_hdr[] = { false, true };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct cfi_image image = { .code_size = CODE_SIZE, .has_eh_frame_hdr = has_hdr[i] };
		const struct function one = { 0x40, 0x80, 1 }, other = { 0x100, 0x140, 2 };
		size_t common = cfi_put_usual_common(&image.eh_frame);
		struct unwind_table table;
		const char *error;
		Elf64_Ehdr header;
		int fd;

		put_eh(&image, common, &one);
		cfi_put_terminator(&image.eh_frame);
		/* The search looks ahead by some bytes. */
		for (int k = 0; k < 100; k++)
			bytes_put_u32(&image.eh_frame, 0);
		put_debug_common(&image);
		put_debug(&image, &other);
		fd = cfi_image_open(&image);
		assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
		/* Its name becomes that of the section before, which has none. */
		assert_int_equal(
			pwrite(fd, "\0\0\0", 4, (off_t)(header.e_shoff + sizeof(Elf64_Shdr))), 4);
		assert_int_equal(unwind_table_build(fd, &table, &error), 0);
		assert_int_equal(cfa_at(&table, 0x40), 1024);
		assert_int_equal(cfa_at(&table, 0x100), 2 * 1024);
		unwind_table_done(&table);
		(void)close(fd);
		cfi_image_done(&image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gaps_of_eh_frame_are_filled_from_debug_frame),
		cmocka_unit_test(eh_frame_is_right_wherever_both_are),
		cmocka_unit_test(every_byte_has_the_rule_of_the_model),
		cmocka_unit_test(a_function_cut_too_often_keeps_its_first_pieces),
		cmocka_unit_test(a_malformed_function_is_cut_as_well),
		cmocka_unit_test(eh_frame_is_looked_for_beside_debug_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
