/* SPDX-License-Identifier: Apache-2.0 */
/* Builds the table of a test file, checks what is true of every image, and looks rules up. */
#ifndef EPROF_TESTS_UNIT_UNWIND_CHECK_H
#define EPROF_TESTS_UNIT_UNWIND_CHECK_H

#include "symbolize/unwind_table.h"
#include "tests/unit/cfi_bytes.h"

/* What cfa_at() says of code without a rule, and of code whose rule is not supported. */
#define NO_RULE     (-1)
#define UNSUPPORTED (-2)

/* No rule, block or run of rows crosses a page of the image, and nothing is beyond it. */
static inline void check_image(const struct unwind_table *table)
{
	const struct unwind_block *blocks =
		(const struct unwind_block *)(table->words + table->first_block);
	size_t rows = 0;

	assert(table->code_start % UNWIND_BLOCK_SIZE == 0);
	assert(table->first_block * 4 == table->rule_count * sizeof(struct unwind_rule));
	for (uint32_t i = 0; i < table->block_count; i++) {
		size_t start = blocks[i].first_row * sizeof(struct unwind_row);
		size_t end = start + blocks[i].row_count * sizeof(struct unwind_row);
		const struct unwind_row *row =
			(const struct unwind_row *)(table->words + blocks[i].first_row);

		assert(blocks[i].rule < table->rule_count && end <= table->word_count * 4);
		if (!blocks[i].row_count)
			continue;
		assert(start / UNWIND_PAGE_SIZE == (end - 1) / UNWIND_PAGE_SIZE);
		for (uint16_t k = 0; k < blocks[i].row_count; k++) {
			assert(row[k].rule < table->rule_count);
			assert(row[k].offset > (k ? row[k - 1].offset : 0));
			assert(row[k].offset < UNWIND_BLOCK_SIZE);
		}
		rows += blocks[i].row_count;
	}
	assert(rows == table->row_count);
}

/* The table of an image, which is freed; what unwind_table_build() returned. */
static inline int build(struct cfi_image *image, struct unwind_table *ret)
{
	const char *error = NULL;
	int fd = cfi_image_open(image);
	int err = unwind_table_build(fd, ret, &error);

	(void)close(fd);
	assert((err < 0) == (error != NULL));
	if (err == 0)
		check_image(ret);
	cfi_image_done(image);
	return err;
}

/* The same for an image that has to have one. */
static inline struct unwind_table table_of(struct cfi_image *image)
{
	struct unwind_table table;

	assert(build(image, &table) == 0);
	return table;
}

static inline const struct unwind_rule *rule_at(const struct unwind_table *table, uint64_t offset)
{
	const struct unwind_rule *rule = unwind_table_find(table, CODE_ADDRESS + offset);

	assert(rule);
	return rule;
}

/* How far the CFA is from rsp at an offset of the code. */
static inline int cfa_at(const struct unwind_table *table, uint64_t offset)
{
	const struct unwind_rule *rule = rule_at(table, offset);

	if (rule->cfa == CFA_NO_RULE)
		return NO_RULE;
	if (rule->cfa == CFA_UNSUPPORTED)
		return UNSUPPORTED;
	assert(rule->cfa == CFA_REGISTER && rule->cfa_register == UNWIND_RSP);
	return rule->cfa_offset;
}

#endif
