/* SPDX-License-Identifier: Apache-2.0 */
/* From an address to its mapping and its rule. */
#include "tests/unit/unwind_host.h"

#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "symbolize/unwind_table.h"

#define CODE        0x400000ULL
#define ELF_ADDRESS 0x1000ULL
#define RULES       1500

static int set_up(void **state)
{
	struct unwind_state *walker = calloc(1, sizeof(*walker));

	host_reset();
	*state = walker;
	return walker ? 0 : -1;
}

static int tear_down(void **state)
{
	host_reset();
	free(*state);
	return 0;
}

static int find_mapping(struct unwind_state *walker, uint64_t address)
{
	walker->process =
		(struct unwind_process){ .count = host.mapping_count, .number = HOST_NUMBER };
	return unwind_find_mapping(walker, address);
}

/* The number of the rule at an offset of the code, which rules tell by their CFA's offset. */
static int find_number(struct unwind_state *walker, uint64_t offset)
{
	assert_true(find_mapping(walker, CODE + offset));
	if (!unwind_find_rule(walker, &host.slots[walker->mapping.slot], CODE + offset))
		return 0;
	return walker->rule.cfa_offset;
}

/* Rules 1 to RULES - 1, a table of which these are the rows, and a mapping of it. */
static void load(const struct host_row *rows, size_t count, uint32_t blocks, uint32_t place)
{
	struct unwind_rule *rules = calloc(RULES, sizeof(*rules));

	assert_non_null(rules);
	for (int i = 1; i < RULES; i++)
		rules[i] = (struct unwind_rule){ .cfa = CFA_REGISTER, .cfa_offset = i };
	host_add_mapping(CODE, (uint64_t)(blocks + 1) * UNWIND_BLOCK_SIZE, ELF_ADDRESS,
			 host_add_table(&(struct host_table){
				 .rules = rules,
				 .rule_count = RULES,
				 .rows = rows,
				 .row_count = count,
				 .code_start = ELF_ADDRESS,
				 .block_count = blocks,
				 .place = place,
			 }));
	free(rules);
}

static void blocks_without_rows_have_one_rule(void **state)
{
	const struct host_row rows[] = { { 0, 3 }, { 2 * UNWIND_BLOCK_SIZE, 5 } };

	load(rows, 2, 4, 0);
	assert_int_equal(find_number(*state, 0), 3);
	assert_int_equal(find_number(*state, UNWIND_BLOCK_SIZE - 1), 3);
	assert_int_equal(find_number(*state, UNWIND_BLOCK_SIZE), 3);
	assert_int_equal(find_number(*state, 2 * UNWIND_BLOCK_SIZE - 1), 3);
	assert_int_equal(find_number(*state, 2 * UNWIND_BLOCK_SIZE), 5);
	assert_int_equal(find_number(*state, 4 * UNWIND_BLOCK_SIZE - 1), 5);
	/* Code behind the last block, and before the first one. */
	assert_int_equal(find_number(*state, 4 * UNWIND_BLOCK_SIZE), 0);
	host.slots[1].code_start = ELF_ADDRESS + UNWIND_BLOCK_SIZE;
	assert_int_equal(find_number(*state, UNWIND_BLOCK_SIZE - 1), 0);
	assert_int_equal(find_number(*state, UNWIND_BLOCK_SIZE), 3);
}

static void a_row_for_each_byte_is_found(void **state)
{
	struct host_row rows[UNWIND_BLOCK_SIZE + 1];

	for (uint32_t i = 0; i <= UNWIND_BLOCK_SIZE; i++)
		rows[i] = (struct host_row){ i, i + 1 };
	load(rows, UNWIND_BLOCK_SIZE + 1, 2, 0);
	for (uint32_t i = 0; i < UNWIND_BLOCK_SIZE; i++)
		assert_int_equal(find_number(*state, i), i + 1);
	assert_int_equal(find_number(*state, UNWIND_BLOCK_SIZE), UNWIND_BLOCK_SIZE + 1);
	assert_int_equal(find_number(*state, 2 * UNWIND_BLOCK_SIZE - 1), UNWIND_BLOCK_SIZE + 1);
}

/* From 1 to 40 rows a block, wherever the boundaries are: the search against counting. */
static void every_boundary_between_rows_is_exact(void **state)
{
	for (uint32_t count = 1; count <= 40; count++) {
		struct host_row rows[40];
		uint32_t offset = 0, at = 0;

		for (uint32_t i = 0; i < count; i++) {
			offset += 1 + (i * 7 + count) % 19;
			rows[i] = (struct host_row){ offset, i + 1 };
		}
		host_reset();
		memset(*state, 0, sizeof(struct unwind_state));
		load(rows, count, 1, 0);
		for (uint32_t byte = 0; byte < UNWIND_BLOCK_SIZE; byte++) {
			while (at < count && rows[at].offset <= byte)
				at++;
			assert_int_equal(find_number(*state, byte), at);
		}
	}
}

/* The parts of an image lie in three chunks, each of which is an allocation of its own. */
static void an_image_may_lie_across_chunks(void **state)
{
	enum { BLOCKS = 900 };
	struct host_row *rows = calloc(BLOCKS * 100UL, sizeof(*rows));

	assert_non_null(rows);
	for (uint32_t i = 0; i < BLOCKS * 100; i++)
		rows[i] = (struct host_row){ i / 100 * UNWIND_BLOCK_SIZE + i % 100 * 10,
					     1 + i % (RULES - 1) };
	/* Rules have 6 pages, blocks 2: all but the last ends one chunk, rows fill the next. */
	load(rows, BLOCKS * 100UL, BLOCKS, HOST_CHUNK_WORDS - 7 * HOST_PAGE_WORDS);
	assert_non_null(host.chunks[2]);
	for (uint32_t i = 0; i < BLOCKS * 100; i++)
		assert_int_equal(find_number(*state, rows[i].offset), 1 + i % (RULES - 1));
	/* A chunk that is not there is no rule, and no guess. */
	for (size_t i = 0; i < 3; i++) {
		char *chunk = host.chunks[i];

		host.chunks[i] = NULL;
		if (i == 2) /* only rows */
			assert_in_range(find_number(*state, rows[BLOCKS * 100 - 1].offset), 0,
					RULES);
		else
			assert_int_equal(find_number(*state, i == 0 ? 5 : 800 * 1024), 0);
		host.chunks[i] = chunk;
	}
	free(rows);
}

/* The walker may read an image while another one is being written there. */
static void no_number_in_an_image_leads_out_of_the_chunks(void **state)
{
	uint32_t words[4 * HOST_PAGE_WORDS], random = 1;
	struct unwind_state *walker = *state;

	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof(words) / 4; i++) {
			random = random * 1664525 + 1013904223;
			words[i] = round == 0 ? UINT32_MAX : random;
		}
		host_reset();
		memset(walker, 0, sizeof(*walker));
		host_put_image(0, words, sizeof(words) / 4);
		host_put_image(HOST_CHUNK_WORDS, words, sizeof(words) / 4);
		host_add_mapping(CODE, 1 << 20, 0, 1);
		host_add_slot(&(struct unwind_slot){ .image = round % 3 ? 0 : random,
						     .first_block = round % 5 ? 64 : random,
						     .block_count = UINT32_MAX,
						     .state = TABLE_READY });
		for (uint64_t offset = 0; offset < 1 << 20; offset += 509)
			(void)find_number(walker, offset);
	}
}

static void mappings_are_found_from_their_first_to_their_last_byte(void **state)
{
	struct unwind_state *walker = *state;

	for (uint32_t count = 0; count < 40; count++) {
		host_reset();
		for (uint32_t i = 0; i < count; i++)
			host_add_mapping(CODE + i * 0x3000ULL, i % 2 ? 0x3000 : 0x1000, i, i);
		for (uint32_t i = 0; i < count; i++) {
			uint64_t start = host.mappings[i].start, end = host.mappings[i].end;

			for (int from_cache = 0; from_cache < 2; from_cache++) {
				assert_true(find_mapping(walker, start));
				assert_int_equal(walker->mapping.slot, i);
				assert_true(find_mapping(walker, end - 1));
				assert_int_equal(walker->mapping.slot, i);
			}
			assert_int_equal(find_mapping(walker, end), i % 2 && i + 1 < count);
			assert_int_equal(find_mapping(walker, start - 1), i && i % 2 == 0);
		}
		assert_false(find_mapping(walker, 0));
		assert_false(find_mapping(walker, UINT64_MAX));
	}
}

static void the_last_mapping_is_found_without_a_search(void **state)
{
	struct unwind_state *walker = *state;

	for (uint32_t i = 0; i < 100; i++)
		host_add_mapping(CODE + i * 0x1000ULL, 0x1000, 0, i);
	assert_true(find_mapping(walker, CODE + 0x5123));
	host.mapping_reads = 0;
	assert_true(find_mapping(walker, CODE + 0x5000));
	assert_true(find_mapping(walker, CODE + 0x5fff));
	assert_int_equal(host.mapping_reads, 0);
	assert_true(find_mapping(walker, CODE + 0x6000));
	assert_int_equal(walker->mapping.slot, 6);
	assert_in_range(host.mapping_reads, 2, 9);
}

static void as_many_mappings_as_there_may_be_are_searched(void **state)
{
	struct unwind_state *walker = *state;

	for (uint32_t i = 0; i < HOST_MAPPINGS_MAX; i++)
		host_add_mapping(CODE + i * 0x1000ULL, 0x1000, 0, i);
	for (uint32_t i = 0; i < HOST_MAPPINGS_MAX; i += i < 100 ? 1 : 97) {
		assert_true(find_mapping(walker, CODE + i * 0x1000ULL));
		assert_int_equal(walker->mapping.slot, i);
	}
	assert_true(find_mapping(walker, CODE + (HOST_MAPPINGS_MAX - 1) * 0x1000ULL));
	assert_false(find_mapping(walker, CODE + HOST_MAPPINGS_MAX * 0x1000ULL));
}

/* Its rows were given to another process, or are being written, while the walker goes by them. */
static void rows_of_another_process_are_not_taken(void **state)
{
	struct unwind_state *walker = *state;

	host_add_mapping(CODE, 0x1000, 0, 1);
	host.mappings[0].number = 0;
	assert_false(find_mapping(walker, CODE));
	host.mappings[0].number = HOST_NUMBER + 1;
	assert_false(find_mapping(walker, CODE));
	assert_false(find_mapping(walker, CODE)); /* nor from what was found last */
	host.mappings[0].number = HOST_NUMBER;
	assert_true(find_mapping(walker, CODE));
	/* A process that says it has more than the map holds. */
	walker->process = (struct unwind_process){ .first = UINT32_MAX - 1,
						   .count = UINT32_MAX,
						   .number = HOST_NUMBER };
	assert_false(unwind_find_mapping(walker, CODE + 0x5000));
}

/* Each rule of a real binary, at each of its bytes, as unwind_table_find() has it. */
static void check_binary(struct unwind_state *walker, const char *path, uint32_t place)
{
	CLEANUP(cleanup_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP(unwind_table_done) struct unwind_table table = { 0 };
	size_t with_rule = 0, size;
	const char *error;

	assert_true(fd >= 0);
	assert_int_equal(unwind_table_build(fd, &table, &error), 0);
	size = (size_t)(table.block_count + 1) * UNWIND_BLOCK_SIZE;
	host_reset();
	memset(walker, 0, sizeof(*walker));
	host_put_image(place, table.words, table.word_count);
	host_add_mapping(CODE, size, table.code_start,
			 host_add_slot(&(struct unwind_slot){ .code_start = table.code_start,
							      .image = place,
							      .first_block = table.first_block,
							      .block_count = table.block_count,
							      .state = TABLE_READY }));
	assert_true(find_mapping(walker, CODE));
	for (uint64_t offset = 0; offset < size; offset++) {
		const struct unwind_rule *expected =
			unwind_table_find(&table, table.code_start + offset);
		bool found = unwind_find_rule(walker, &host.slots[1], CODE + offset);

		assert_non_null(expected);
		assert_int_equal(found, expected->cfa != CFA_NO_RULE);
		if (found)
			assert_memory_equal(&walker->rule, expected, sizeof(*expected));
		with_rule += found;
	}
	assert_true(with_rule > size / 2);
}

/* Of the C library, as the dynamic linker knows it. */
static int find_libc(struct dl_phdr_info *info, size_t size, void *path)
{
	(void)size;
	if (!strstr(info->dlpi_name, "/libc.so"))
		return 0;
	*(const char **)path = info->dlpi_name;
	return 1;
}

static void real_tables_are_read_as_they_were_written(void **state)
{
	const char *libc = NULL;

	check_binary(*state, "/proc/self/exe", 0);
	check_binary(*state, "/proc/self/exe", HOST_CHUNK_WORDS - HOST_PAGE_WORDS);
	if (dl_iterate_phdr(find_libc, &libc))
		check_binary(*state, libc, HOST_CHUNK_WORDS - 2 * HOST_PAGE_WORDS);
}

#define FIND(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIND(blocks_without_rows_have_one_rule),
		FIND(a_row_for_each_byte_is_found),
		FIND(every_boundary_between_rows_is_exact),
		FIND(an_image_may_lie_across_chunks),
		FIND(no_number_in_an_image_leads_out_of_the_chunks),
		FIND(mappings_are_found_from_their_first_to_their_last_byte),
		FIND(the_last_mapping_is_found_without_a_search),
		FIND(as_many_mappings_as_there_may_be_are_searched),
		FIND(rows_of_another_process_are_not_taken),
		FIND(real_tables_are_read_as_they_were_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
