/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long after its mmap a mapping can be walked. To be run by eprof, which has to be its parent:
 *	eprof record -- mapping_latency COMMAND [ARG...]
 * runs the command and prints a line for each executable mapping of a file that it, or what it
 * forks, makes:
 *	BOUND READY LIFE PATH
 * in microseconds after the kernel's record of the mapping: when its row was there, when also its
 * table was, and when the process gave the mapping up by exec or exit. "-": not until then.
 *
 * What eprof says of itself is not asked: mappings come from side-band rings of this program's own,
 * and whether they can be walked from eprof's maps, as the walker in the kernel reads them. Both
 * are looked at every LOOK_NS, by which the times may be too long, before anything else on the CPU.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "agent/sideband.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "bpf/abi.h"

#define LOOK_NS UINT64_C(50000)

/* Above eprof's follower. */
#define PRIORITY 2

#define PIDS_MAX    (4u << 20) /* PID_MAX_LIMIT of the kernel */
#define FDS_MAX     1024       /* of eprof's that are looked at */
#define PATH_SHOWN  128
#define PENDING_MAX 4096

struct pending {
	int32_t pid;
	uint64_t start, end, mapped_ns;
	uint64_t bound_ns; /* 0: not yet */
	uint32_t slot;     /* once it is bound */
	char path[PATH_SHOWN];
};

struct watch {
	int processes_fd;
	const struct unwind_mapping *rows;
	const struct unwind_slot *slots;
	uint32_t row_count, slot_count;
	struct sideband *sideband;
	uint8_t *is_followed; /* by pid */
	struct pending pending[PENDING_MAX];
	size_t pending_count;
	uint64_t dropped;
};

static int fail(const char *what, int err)
{
	(void)fprintf(stderr, "mapping_latency: %s: %s\n", what, strerror(-err));
	return EXIT_FAILURE;
}

/* The map behind a descriptor of eprof's; -1: it is something else. */
static int open_map(pid_t eprof, int number, struct bpf_map_info *ret)
{
	CLEANUP(cleanup_file) FILE *file = NULL;
	CLEANUP(cleanup_fd) int fd = -1;
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info), id = 0;
	char path[64], line[128];

	(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)eprof, number);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "map_id:", 7))
			id = (uint32_t)strtoul(line + 7, NULL, 10);
	}
	fd = id ? bpf_map_get_fd_by_id(id) : -1;
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return -1;
	*ret = info;
	return TAKE_FD(fd);
}

static const void *map_rows(int fd, const struct bpf_map_info *info, uint32_t *ret_count)
{
	size_t size = (size_t)info->max_entries * info->value_size;
	void *rows = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	*ret_count = info->max_entries;
	return rows == MAP_FAILED ? NULL : rows;
}

/* The kernel cuts names of maps to 15 characters. */
static bool is_named(const struct bpf_map_info *info, const char *name)
{
	return !strncmp(info->name, name, sizeof(info->name) - 1);
}

static int find_maps(struct watch *watch, pid_t eprof)
{
	for (int number = 0; number < FDS_MAX; number++) {
		struct bpf_map_info info;
		CLEANUP(cleanup_fd) int fd = open_map(eprof, number, &info);

		if (fd < 0)
			continue;
		if (is_named(&info, "unwind_processes"))
			watch->processes_fd = TAKE_FD(fd);
		else if (is_named(&info, "unwind_mappings"))
			watch->rows = map_rows(fd, &info, &watch->row_count);
		else if (is_named(&info, "unwind_slots"))
			watch->slots = map_rows(fd, &info, &watch->slot_count);
	}
	return watch->processes_fd < 0 || !watch->rows || !watch->slots ? -ENOENT : 0;
}

static void print_time(uint64_t from_ns, uint64_t to_ns)
{
	if (to_ns)
		printf("%.0f ", (double)(to_ns - from_ns) / 1e3);
	else
		printf("- ");
}

/* ready_ns or gone_ns may be 0. */
static void finish(struct watch *watch, size_t i, uint64_t ready_ns, uint64_t gone_ns)
{
	const struct pending *pending = &watch->pending[i];

	print_time(pending->mapped_ns, pending->bound_ns);
	print_time(pending->mapped_ns, ready_ns);
	print_time(pending->mapped_ns, gone_ns);
	printf("%s\n", pending->path);
	watch->pending[i] = watch->pending[--watch->pending_count];
}

/* The mappings of a pid are gone. */
static void give_up(struct watch *watch, int32_t pid, uint64_t time_ns)
{
	for (size_t i = watch->pending_count; i > 0; i--) {
		if (watch->pending[i - 1].pid == pid)
			finish(watch, i - 1, 0, time_ns);
	}
}

static void add_pending(struct watch *watch, const struct sideband_record *record)
{
	struct pending *pending = &watch->pending[watch->pending_count];

	/* What has no file has no table to wait for. */
	if (record->path[0] != '/' || !strncmp(record->path, "//anon", 6))
		return;
	if (watch->pending_count == PENDING_MAX) {
		watch->dropped++;
		return;
	}
	*pending = (struct pending){ .pid = record->pid,
				     .start = record->start,
				     .end = record->start + record->length,
				     .mapped_ns = record->time_ns };
	(void)snprintf(pending->path, sizeof(pending->path), "%s", record->path);
	watch->pending_count++;
}

static int take_record(void *context, const struct sideband_record *record)
{
	struct watch *watch = context;
	bool is_parent_followed = record->parent > 0 && watch->is_followed[record->parent];

	if (record->pid <= 0)
		return 0;
	if (record->type == SIDEBAND_FORK)
		watch->is_followed[record->pid] = is_parent_followed;
	if (!watch->is_followed[record->pid])
		return 0;
	if (record->type == SIDEBAND_MMAP)
		add_pending(watch, record);
	if (record->type == SIDEBAND_EXEC ||
	    (record->type == SIDEBAND_EXIT && record->pid == record->tid))
		give_up(watch, record->pid, record->time_ns);
	return 0;
}

/* Looks for its row, as the walker would. */
static void look_for_row(const struct watch *watch, struct pending *pending)
{
	uint32_t key = (uint32_t)pending->pid;
	struct unwind_process process;

	if (bpf_map_lookup_elem(watch->processes_fd, &key, &process) < 0)
		return;
	for (uint32_t i = 0; i < process.count && process.first + i < watch->row_count; i++) {
		const struct unwind_mapping *row = &watch->rows[process.first + i];

		if (row->start != pending->start || row->end != pending->end ||
		    __atomic_load_n(&row->number, __ATOMIC_ACQUIRE) != process.number)
			continue;
		pending->slot = row->slot;
		pending->bound_ns = clock_ns(CLOCK_MONOTONIC);
		return;
	}
}

static bool has_table(const struct watch *watch, uint32_t slot)
{
	return slot < watch->slot_count &&
	       __atomic_load_n(&watch->slots[slot].state, __ATOMIC_ACQUIRE) != TABLE_NOT_YET;
}

static int look(struct watch *watch)
{
	int err = sideband_read(watch->sideband, take_record, watch);

	for (size_t i = watch->pending_count; i > 0; i--) {
		struct pending *pending = &watch->pending[i - 1];

		/* Once bound, it stays so: eprof binds what has come since along with it. */
		if (!pending->bound_ns)
			look_for_row(watch, pending);
		if (pending->bound_ns && has_table(watch, pending->slot))
			finish(watch, i - 1, clock_ns(CLOCK_MONOTONIC), 0);
	}
	return err;
}

/* The command, stopped before its exec until a byte is written to start[1]. */
static pid_t fork_command(char **command, const int *start)
{
	pid_t pid = fork();
	char go;

	if (pid)
		return pid;
	/* Our own copy of it would hide that the parent has gone. */
	(void)close(start[1]);
	if (read(start[0], &go, 1) == 1)
		(void)execvp(command[0], command);
	_exit(127);
}

/* Looks until the command has ended and nothing is pending. */
static int watch_command(struct watch *watch, pid_t pid)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	bool has_ended = false;
	int status, err = 0;

	while (!err && (!has_ended || watch->pending_count > 0)) {
		has_ended = has_ended || waitpid(pid, &status, WNOHANG) == pid;
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		err = look(watch);
	}
	if (watch->dropped || sideband_lost(watch->sideband))
		return -EOVERFLOW;
	return err;
}

static int run(struct watch *watch, char **command)
{
	const struct sched_param priority = { .sched_priority = PRIORITY };
	CLEANUP(cpus_done) struct cpus cpus = { 0 };
	int start[2], err;
	pid_t pid;

	err = cpus_online(-1, &cpus);
	if (err < 0)
		return fail("which CPUs are online", err);
	if (pipe2(start, O_CLOEXEC) < 0)
		return fail("pipe", -errno);
	CLEANUP(cleanup_fd) int start_read = start[0];
	CLEANUP(cleanup_fd) int start_write = start[1];
	pid = fork_command(command, start);
	if (pid < 0)
		return fail("fork", -errno);
	watch->is_followed[pid] = true;
	err = sideband_new(&cpus, &watch->sideband);
	if (err < 0)
		return fail("records of mappings", err);
	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority) < 0)
		return fail("priority", -errno);
	if (write(start_write, "", 1) != 1)
		return fail("starting the command", -errno);
	err = watch_command(watch, pid);
	sideband_free(watch->sideband);
	return err < 0 ? fail("watching", err) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	CLEANUP(cleanup_free) struct watch *watch = calloc(1, sizeof(*watch));
	CLEANUP(cleanup_free) uint8_t *is_followed = calloc(PIDS_MAX, 1);
	int err;

	if (argc < 2) {
		(void)fprintf(stderr, "usage: mapping_latency COMMAND [ARG...]\n");
		return 2;
	}
	if (!watch || !is_followed)
		return fail("memory", -ENOMEM);
	watch->processes_fd = -1;
	watch->is_followed = is_followed;
	err = find_maps(watch, getppid());
	if (err < 0)
		return fail("the maps of eprof, which has to be the parent", err);
	return run(watch, argv + 1);
}
