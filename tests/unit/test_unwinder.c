/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/unwinder.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/processes.h"
#include "tests/unit/unwind_test_maps.h"

#define SLOTS   64
#define CHUNKS  64
#define ROWS    16384
#define LONG_MS 20000
#define NOBODY  1000000001 /* above any pid_max */

struct fixture {
	struct unwind_maps maps;
	uint32_t clock;
	struct unwind_slot *slots; /* as the walker has them */
	struct unwind_mapping *rows;
	struct unwinder *unwinder;
	struct symbolizer *symbolizer;
	struct binaries *binaries;
	struct processes *processes;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	if (!fixture)
		return -1;
	fixture->maps = (struct unwind_maps){
		.processes_fd =
			test_map(BPF_MAP_TYPE_HASH, sizeof(struct unwind_process), SLOTS, 0),
		.mappings_fd = test_array(sizeof(struct unwind_mapping), ROWS),
		.wants_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "eprof_test", 0, 0, 65536, NULL),
		.mappings = ROWS,
		.tables = { test_array(sizeof(struct unwind_slot), SLOTS), test_chunks_map(CHUNKS),
			    SLOTS, CHUNKS },
		.clock = &fixture->clock,
	};
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	const int fds[] = { fixture->maps.processes_fd, fixture->maps.mappings_fd,
			    fixture->maps.wants_fd, fixture->maps.tables.slots_fd,
			    fixture->maps.tables.chunks_fd };

	processes_free(fixture->processes);
	binaries_free(fixture->binaries);
	symbolizer_free(fixture->symbolizer);
	unwinder_free(fixture->unwinder);
	if (fixture->slots)
		(void)munmap(fixture->slots, SLOTS * sizeof(*fixture->slots));
	if (fixture->rows)
		(void)munmap(fixture->rows, ROWS * sizeof(*fixture->rows));
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	free(fixture);
	return 0;
}

static struct fixture *fixture_or_skip(void **state, const struct unwinder_options *options)
{
	struct fixture *fixture = *state;
	const struct unwind_maps *maps = &fixture->maps;

	skip_without(maps->processes_fd);
	skip_without(maps->mappings_fd);
	skip_without(maps->wants_fd);
	skip_without(maps->tables.slots_fd);
	skip_without(maps->tables.chunks_fd);
	fixture->slots = test_memory(maps->tables.slots_fd, SLOTS * sizeof(*fixture->slots));
	fixture->rows = test_memory(maps->mappings_fd, ROWS * sizeof(*fixture->rows));
	assert_int_equal(unwinder_new(maps, options, &fixture->unwinder), 0);
	assert_int_equal(symbolizer_new(&fixture->symbolizer), 0);
	assert_int_equal(binaries_new(fixture->symbolizer, fixture->unwinder, &fixture->binaries),
			 0);
	assert_int_equal(
		processes_new(fixture->binaries, fixture->unwinder, true, &fixture->processes), 0);
	return fixture;
}

static const struct unwinder_options roomy = { .bytes_max = 64 << 20 };

static void seed(struct fixture *fixture, int32_t pid)
{
	assert_int_equal(processes_seed(fixture->processes, pid), 0);
	assert_int_equal(processes_bind(fixture->processes, false), 0);
	unwinder_wait(fixture->unwinder, LONG_MS);
}

/* What the walker knows of a process; false: nothing. */
static bool find_process(const struct fixture *fixture, int32_t pid, struct unwind_process *ret)
{
	return !bpf_map_lookup_elem(fixture->maps.processes_fd, &pid, ret);
}

/* The row of an address, which must be there. */
static const struct unwind_mapping *find_row(const struct fixture *fixture, int32_t pid,
					     uint64_t address)
{
	const struct unwind_mapping *found = NULL;
	struct unwind_process process;

	assert_true(find_process(fixture, pid, &process));
	for (uint32_t i = 0; i < process.count; i++) {
		const struct unwind_mapping *row = &fixture->rows[process.first + i];

		assert_int_equal(row->number, process.number);
		assert_true(row->start < row->end);
		assert_true(i == 0 || row[-1].end <= row->start);
		if (address >= row->start && address < row->end)
			found = row;
	}
	assert_non_null(found);
	return found;
}

/* Its table is there, and its addresses are those of the file. */
static void check_code(const struct fixture *fixture, int32_t pid, const void *code)
{
	const struct unwind_mapping *row = find_row(fixture, pid, (uint64_t)code);
	struct link_map *map = NULL;
	Dl_info info;

	assert_true(row->slot > 0 && row->slot < SLOTS);
	assert_int_equal(fixture->slots[row->slot].state, TABLE_READY);
	assert_true(dladdr1(code, &info, (void **)&map, RTLD_DL_LINKMAP) != 0);
	assert_true(row->address + ((uint64_t)code - row->start) == (uint64_t)code - map->l_addr);
}

static void a_process_is_bound_to_the_tables_of_its_binaries(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, &roomy);
	int32_t self = (int32_t)getpid();
	struct unwinder_stats stats;

	seed(fixture, self);
	check_code(fixture, self, (const void *)set_up);
	check_code(fixture, self, (const void *)getpid);
	check_code(fixture, self, (const void *)bpf_map_create);
	unwinder_read_stats(fixture->unwinder, &stats);
	assert_true(stats.tables.built >= 3 && stats.tables.files >= stats.tables.built);
	assert_true(stats.tables.failed == 0 && stats.unbound == 0);
	assert_int_equal(fixture->slots[0].state, TABLE_FRAME_POINTERS);
}

static void all_processes_share_a_table(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, &roomy);
	struct unwinder_stats before, after;
	int32_t self = (int32_t)getpid();
	int ends[2];
	char byte;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
	}
	seed(fixture, self);
	unwinder_read_stats(fixture->unwinder, &before);
	seed(fixture, (int32_t)child);
	seed(fixture, self);
	unwinder_read_stats(fixture->unwinder, &after);
	check_code(fixture, (int32_t)child, (const void *)set_up);
	assert_int_equal(find_row(fixture, self, (uint64_t)set_up)->slot,
			 find_row(fixture, (int32_t)child, (uint64_t)set_up)->slot);
	assert_true(before.tables.files == after.tables.files);
	assert_true(before.tables.built == after.tables.built);
	(void)close(ends[0]);
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

static void apply(struct fixture *fixture, enum sideband_type type, uint64_t time_ns,
		  uint64_t start)
{
	const struct sideband_record record = { .type = type,
						.time_ns = time_ns,
						.pid = NOBODY,
						.tid = NOBODY,
						.start = start,
						.length = 0x1000,
						.path = "/nonexistent/a" };

	assert_int_equal(processes_apply(fixture->processes, &record), 0);
	assert_int_equal(processes_bind(fixture->processes, false), 0);
}

static void what_a_process_maps_is_told_as_it_comes_and_goes(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, &roomy);
	struct unwind_process process;

	assert_false(find_process(fixture, NOBODY, &process));
	/* Its file cannot be opened: there are no rules for it. */
	apply(fixture, SIDEBAND_MMAP, 10, 0x1000);
	assert_int_equal(find_row(fixture, NOBODY, 0x1800)->slot, 0);
	apply(fixture, SIDEBAND_MMAP, 20, 0x5000);
	assert_int_equal(find_row(fixture, NOBODY, 0x5000)->slot, 0);
	assert_true(find_process(fixture, NOBODY, &process) && process.count == 2);
	/* An exec takes all away. */
	apply(fixture, SIDEBAND_EXEC, 30, 0);
	assert_false(find_process(fixture, NOBODY, &process));
	apply(fixture, SIDEBAND_MMAP, 40, 0x9000);
	assert_true(find_process(fixture, NOBODY, &process) && process.count == 1);
	apply(fixture, SIDEBAND_EXIT, 50, 0);
	processes_forget(fixture->processes, 51);
	assert_false(find_process(fixture, NOBODY, &process));
}

/* Its mappings still name what was sampled. */
static void who_has_ended_gives_its_rows_up_before_it_is_forgotten(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, &roomy);
	struct unwind_process process;
	struct mapping mapping;

	apply(fixture, SIDEBAND_MMAP, 10, 0x1000);
	assert_true(find_process(fixture, NOBODY, &process));
	assert_int_equal(process.tgid, NOBODY);
	apply(fixture, SIDEBAND_EXIT, 20, 0);
	assert_false(find_process(fixture, NOBODY, &process));
	assert_true(processes_locate(fixture->processes, NOBODY, 15, 0x1800, &mapping));
	/* It is not bound again either, were it told late. */
	apply(fixture, SIDEBAND_MMAP, 30, 0x5000);
	assert_false(find_process(fixture, NOBODY, &process));
}

static void a_thread_that_ends_takes_no_rows_along(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, &roomy);
	int32_t self = (int32_t)getpid();
	const struct sideband_record ended = {
		.type = SIDEBAND_EXIT, .time_ns = 10, .pid = self, .tid = self
	};

	seed(fixture, self);
	assert_int_equal(processes_apply(fixture->processes, &ended), 0);
	assert_int_equal(processes_bind(fixture->processes, false), 0);
	check_code(fixture, self, (const void *)set_up);
}

/* Runs a program that asks for a slot's table as the walker does. */
static void ask_for(const struct fixture *fixture, uint32_t slot)
{
	/* Operands are words, and constants where no X says otherwise: both are 0. */
	const struct bpf_insn program[] = {
		{ BPF_ST | BPF_MEM, BPF_REG_10, 0, -4, (int32_t)slot },
		{ BPF_LD | BPF_DW, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, fixture->maps.wants_fd },
		{ 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0 },
		{ BPF_ALU64 | BPF_ADD, BPF_REG_2, 0, 0, -4 },
		{ BPF_ALU64 | BPF_MOV, BPF_REG_3, 0, 0, sizeof(slot) },
		{ BPF_ALU64 | BPF_MOV, BPF_REG_4, 0, 0, 0 },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ringbuf_output },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet));
	int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "eprof_test", "GPL", program,
			       sizeof(program) / sizeof(program[0]), NULL);

	assert_true(fd >= 0);
	assert_int_equal(bpf_prog_test_run_opts(fd, &options), 0);
	assert_int_equal(options.retval, 0);
	(void)close(fd);
}

static void what_the_walker_asks_for_is_built(void **state)
{
	const struct mapping_source own = { .pid = (int32_t)getpid(), .path = "/proc/self/exe" };
	struct fixture *fixture = fixture_or_skip(state, &roomy);
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { 0 };
	struct binary *binary;

	assert_true(epoll_fd >= 0);
	assert_int_equal(unwinder_watch(fixture->unwinder, epoll_fd, 64), 0);
	assert_int_equal(binaries_find(fixture->binaries, &own, &binary), 0);
	assert_true(binary->unwind_slot > 0);
	unwinder_wait(fixture->unwinder, LONG_MS);
	assert_int_equal(fixture->slots[binary->unwind_slot].state, TABLE_NOT_YET);
	assert_int_equal(epoll_wait(epoll_fd, &event, 1, 0), 0);
	ask_for(fixture, binary->unwind_slot);
	ask_for(fixture, UINT32_MAX); /* nobody does */
	assert_int_equal(epoll_wait(epoll_fd, &event, 1, LONG_MS), 1);
	assert_int_equal((uint32_t)event.data.u64, 64);
	assert_int_equal(unwinder_answer(fixture->unwinder), 0);
	unwinder_wait(fixture->unwinder, LONG_MS);
	assert_int_equal(fixture->slots[binary->unwind_slot].state, TABLE_READY);
	(void)close(epoll_fd);
}

static void every_tick_is_a_new_time(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, &roomy);

	assert_int_equal(fixture->clock, 1); /* 0 is never */
	for (uint32_t i = 2; i < 5; i++) {
		unwinder_tick(fixture->unwinder);
		assert_int_equal(fixture->clock, i);
	}
}

static void without_room_there_are_frame_pointers_that_are_checked(void **state)
{
	const struct unwinder_options none = { .bytes_max = 0, .is_pinned = true };
	struct fixture *fixture = fixture_or_skip(state, &none);
	int32_t self = (int32_t)getpid();
	struct unwinder_stats stats;
	uint32_t slot;

	seed(fixture, self);
	slot = find_row(fixture, self, (uint64_t)set_up)->slot;
	assert_int_equal(fixture->slots[slot].state, TABLE_UNUSABLE);
	unwinder_read_stats(fixture->unwinder, &stats);
	assert_true(stats.tables.refused > 0 && stats.tables.built == 0);
	assert_true(stats.tables.bytes == 0);
}

/* Has pid map count pieces that are in no file. */
static void map_many(struct fixture *fixture, int32_t pid, uint64_t time_ns, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		const struct sideband_record record = { .type = SIDEBAND_MMAP,
							.time_ns = time_ns,
							.pid = pid,
							.tid = pid,
							.start = i * 0x2000,
							.length = 0x1000,
							.path = "//anon" };

		assert_int_equal(processes_apply(fixture->processes, &record), 0);
	}
}

static void more_mappings_than_there_is_room_for_are_left_out_and_counted(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, &roomy);
	struct unwind_process process;
	struct unwinder_stats stats;

	map_many(fixture, NOBODY, 10, ROWS + 1);
	assert_int_equal(processes_bind(fixture->processes, false), 0);
	unwinder_read_stats(fixture->unwinder, &stats);
	assert_true(stats.left_out == 1 && stats.unbound == 0);
	assert_true(find_process(fixture, NOBODY, &process) && process.count == ROWS);
	/* Another program of the same process counts for itself. */
	apply(fixture, SIDEBAND_EXEC, 20, 0);
	map_many(fixture, NOBODY, 30, ROWS + 1);
	assert_int_equal(processes_bind(fixture->processes, false), 0);
	unwinder_read_stats(fixture->unwinder, &stats);
	assert_true(stats.left_out == 2 && stats.unbound == 0);
	/* And for another process there is nothing left. */
	map_many(fixture, NOBODY + 1, 10, 1);
	assert_int_equal(processes_bind(fixture->processes, false), 0);
	unwinder_read_stats(fixture->unwinder, &stats);
	assert_true(stats.left_out == 2 && stats.unbound == 1);
	assert_false(find_process(fixture, NOBODY + 1, &process));
}

static uint32_t count_bound(const struct fixture *fixture, int32_t pid)
{
	struct unwind_process process;

	return find_process(fixture, pid, &process) ? process.count : 0;
}

/* The thread that runs before all else is not to be busy with one process. */
static void processes_with_many_mappings_are_bound_later(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, &roomy);
	const uint32_t most = 1024;

	map_many(fixture, NOBODY, 10, most);
	map_many(fixture, NOBODY + 1, 10, most + 1);
	map_many(fixture, NOBODY + 2, 10, 3);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(processes_bind(fixture->processes, true), 0);
		assert_int_equal(count_bound(fixture, NOBODY), most);
		assert_int_equal(count_bound(fixture, NOBODY + 1), 0);
		assert_int_equal(count_bound(fixture, NOBODY + 2), 3);
	}
	assert_int_equal(processes_bind(fixture->processes, false), 0);
	assert_int_equal(count_bound(fixture, NOBODY + 1), most + 1);
	/* Until then it goes by what it had. */
	map_many(fixture, NOBODY + 1, 10, most + 7);
	map_many(fixture, NOBODY, 10, most + 1);
	assert_int_equal(processes_bind(fixture->processes, true), 0);
	assert_int_equal(count_bound(fixture, NOBODY + 1), most + 1);
	assert_int_equal(count_bound(fixture, NOBODY), most);
	assert_int_equal(processes_bind(fixture->processes, false), 0);
	assert_int_equal(count_bound(fixture, NOBODY + 1), most + 7);
	assert_int_equal(count_bound(fixture, NOBODY), most + 1);
}

/*
 * Half of the limit is for what has to work. Below it there is room for the process's root and for
 * one file, and none for the copy that tables are made of.
 */
static void files_without_a_descriptor_are_counted_apart(void **state)
{
	struct fixture *fixture = fixture_or_skip(state, &roomy);
	struct unwind_process process;
	struct unwinder_stats stats;
	struct rlimit before, low;
	uint32_t unusable = 0;
	int last = open("/", O_PATH | O_CLOEXEC);

	assert_true(last >= 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	low = (struct rlimit){ .rlim_cur = 2 * ((rlim_t)last + 2), .rlim_max = before.rlim_max };
	(void)close(last);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	seed(fixture, (int32_t)getpid());
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	unwinder_read_stats(fixture->unwinder, &stats);
	assert_true(stats.no_descriptor > 0);
	assert_true(stats.unbound == 0);
	/* They are not taken for code that makes frames. */
	assert_true(find_process(fixture, (int32_t)getpid(), &process));
	for (uint32_t i = 0; i < process.count; i++)
		unusable += fixture->rows[process.first + i].slot == UNWIND_SLOT_UNUSABLE;
	assert_true(unusable > 0);
}

static void without_maps_there_is_an_error(void **state)
{
	uint32_t clock = 0;
	const struct unwind_maps maps = { .processes_fd = -1,
					  .mappings_fd = -1,
					  .wants_fd = -1,
					  .mappings = ROWS,
					  .tables = { -1, -1, SLOTS, CHUNKS },
					  .clock = &clock };
	struct unwinder *unwinder = NULL;

	(void)state;
	assert_true(unwinder_new(&maps, &roomy, &unwinder) < 0);
	assert_null(unwinder);
	unwinder_free(NULL);
}

#define UNWINDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNWINDER(a_process_is_bound_to_the_tables_of_its_binaries),
		UNWINDER(all_processes_share_a_table),
		UNWINDER(what_a_process_maps_is_told_as_it_comes_and_goes),
		UNWINDER(who_has_ended_gives_its_rows_up_before_it_is_forgotten),
		UNWINDER(a_thread_that_ends_takes_no_rows_along),
		UNWINDER(what_the_walker_asks_for_is_built),
		UNWINDER(every_tick_is_a_new_time),
		UNWINDER(without_room_there_are_frame_pointers_that_are_checked),
		UNWINDER(more_mappings_than_there_is_room_for_are_left_out_and_counted),
		UNWINDER(processes_with_many_mappings_are_bound_later),
		UNWINDER(files_without_a_descriptor_are_counted_apart),
		cmocka_unit_test(without_maps_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
