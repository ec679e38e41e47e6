/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/map_handover.h"

#include <stdbool.h>

#include "tests/unit/unwind_test_maps.h"

/* More than may wait for the kernel at one time. */
#define MAPS 48

struct fixture {
	int outer_fd;
	struct map_handover *handover;
	uint32_t numbers[MAPS], fds[MAPS];
	uint32_t count; /* of maps that are made */
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture)
		return -1;
	fixture->outer_fd = test_chunks_map(MAPS);
	for (; fixture->outer_fd >= 0 && fixture->count < MAPS; fixture->count++) {
		int fd = test_array(UNWIND_CHUNK_SIZE, 1);

		if (fd < 0)
			return -1;
		fixture->numbers[fixture->count] = fixture->count;
		fixture->fds[fixture->count] = (uint32_t)fd;
	}
	return map_handover_new(fixture->outer_fd, &fixture->handover);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	map_handover_free(fixture->handover);
	for (uint32_t i = 0; i < fixture->count; i++)
		(void)close((int)fixture->fds[i]);
	if (fixture->outer_fd >= 0)
		(void)close(fixture->outer_fd);
	free(fixture);
	return 0;
}

static int give(struct fixture *fixture, uint32_t first, uint32_t count)
{
	return map_handover_give(fixture->handover, &fixture->numbers[first], &fixture->fds[first],
				 count);
}

/* The id of the map that the kernel has there, or 0. */
static uint32_t id_at(const struct fixture *fixture, uint32_t number)
{
	uint32_t id;

	return bpf_map_lookup_elem(fixture->outer_fd, &number, &id) < 0 ? 0 : id;
}

static void check_given(const struct fixture *fixture, uint32_t number)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd((int)fixture->fds[number], &info, &size), 0);
	assert_int_equal(id_at(fixture, number), info.id);
}

static void what_is_given_is_there(void **state)
{
	struct fixture *fixture = *state;

	skip_without(fixture->outer_fd);
	assert_int_equal(give(fixture, 0, 1), 0);
	check_given(fixture, 0);
	assert_int_equal(id_at(fixture, 1), 0);
	assert_int_equal(give(fixture, 1, 7), 0);
	for (uint32_t i = 0; i < 8; i++)
		check_given(fixture, i);
	assert_int_equal(id_at(fixture, 8), 0);
}

static void more_can_be_given_than_can_wait(void **state)
{
	struct fixture *fixture = *state;

	skip_without(fixture->outer_fd);
	for (uint32_t i = 0; i < MAPS; i++) {
		assert_int_equal(give(fixture, i, 1), 0);
		check_given(fixture, i);
	}
}

static void all_are_given_or_none(void **state)
{
	struct fixture *fixture = *state;

	skip_without(fixture->outer_fd);
	fixture->numbers[3] = MAPS;
	assert_true(give(fixture, 0, 4) < 0);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(id_at(fixture, i), 0);
	fixture->numbers[3] = 3;
	assert_int_equal(give(fixture, 0, 4), 0);
	check_given(fixture, 3);
}

static void without_an_outer_map_there_is_an_error(void **state)
{
	struct map_handover *handover = NULL;
	uint32_t number = 0, fd = 0;

	(void)state;
	assert_int_equal(map_handover_new(-1, &handover), 0);
	assert_int_equal(map_handover_give(handover, &number, &fd, 1), -EBADF);
	map_handover_free(handover);
	map_handover_free(NULL);
}

#define HANDOVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		HANDOVER(what_is_given_is_there),
		HANDOVER(more_can_be_given_than_can_wait),
		HANDOVER(all_are_given_or_none),
		cmocka_unit_test(without_an_outer_map_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
