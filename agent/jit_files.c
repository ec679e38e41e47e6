/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/jit_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/limits.h"
#include "agent/process_threads.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define DUMP_PREFIX "jit-"
#define DUMP_SUFFIX ".dump"

/* File systems have clocks of their own: of ticks, or of whole seconds. */
#define FILE_CLOCK_NS NS_PER_SECOND

void jit_files_done(struct jit_files *files)
{
	cleanup_fd(&files->process_fd);
	cleanup_fd(&files->directory_fd);
	*files = JIT_FILES_NONE;
}

static int open_at(int directory_fd, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };
	CLEANUP(cleanup_fd)
	int fd = (int)syscall(SYS_openat2, directory_fd, path, &how, sizeof(how));

	if (fd < 0)
		return -errno;
	return limits_is_last_file(fd) ? -EMFILE : TAKE_FD(fd);
}

/* What pid, whose files these are, has below /proc: of whichever thread is alive. */
static int open_of_process(const struct jit_files *files, int32_t pid, const char *name, int flags)
{
	int fd = open_at(files->process_fd, name, (uint64_t)flags, 0);
	int32_t tid = fd == -ENOENT ? process_threads_living("", pid) : 0;
	char path[128];

	if (!tid)
		return fd;
	(void)snprintf(path, sizeof(path), "/proc/%" PRId32 "/%s", tid, name);
	return open_at(AT_FDCWD, path, (uint64_t)flags, 0);
}

/* The last number of a line "NSpid: 4242 17 1" (man 5 proc). */
static int32_t last_number(const char *line)
{
	const char *blank = strrchr(line, '\t');

	return blank ? (int32_t)strtol(blank, NULL, 10) : 0;
}

/* -ESRCH when the process is gone. */
static int read_status(struct jit_files *files)
{
	CLEANUP(cleanup_file) FILE *status = NULL;
	CLEANUP(cleanup_fd) int fd = open_at(files->process_fd, "status", O_RDONLY, 0);
	bool has_uid = false, has_pid = false;
	uint32_t uid;
	char line[256];

	if (fd < 0)
		return fd;
	status = fdopen(fd, "r");
	if (!status)
		return -errno;
	(void)TAKE_FD(fd);
	while (!(has_uid && has_pid) && fgets(line, sizeof(line), status)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "Uid: %*u %" SCNu32, &uid) == 1) {
			files->uid = uid;
			has_uid = true;
		} else if (!strncmp(line, "NSpid:", 6)) {
			files->inner_pid = last_number(line);
			has_pid = files->inner_pid > 0;
		}
	}
	return has_uid && has_pid ? 0 : -ESRCH;
}

/* 0 when it cannot be told. The kernel says it in ticks since it was booted (man 5 proc). */
static uint64_t read_start(const struct jit_files *files)
{
	CLEANUP(cleanup_fd) int fd = open_at(files->process_fd, "stat", O_RDONLY, 0);
	uint64_t unix_ns = clock_ns(CLOCK_REALTIME), boot_ns = clock_ns(CLOCK_BOOTTIME), ticks;
	uint64_t tick_ns = NS_PER_SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
	char text[1024];
	const char *fields;
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (size <= 0)
		return 0;
	text[size] = '\0';
	/* The name before may have anything in it. */
	fields = strrchr(text, ')');
	if (!fields ||
	    sscanf(fields,
		   ") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%*s %*s %*s %" SCNu64,
		   &ticks) != 1 ||
	    ticks > boot_ns / tick_ns)
		return 0;
	return unix_ns - (boot_ns - ticks * tick_ns);
}

static void cleanup_files(struct jit_files *files)
{
	jit_files_done(files);
}

int jit_files_find(int32_t pid, struct jit_files *ret)
{
	CLEANUP(cleanup_files) struct jit_files files = JIT_FILES_NONE;
	CLEANUP(cleanup_fd) int root_fd = -1;
	char path[32];
	int err;

	(void)snprintf(path, sizeof(path), "/proc/%" PRId32, pid);
	files.process_fd = open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
	if (files.process_fd < 0)
		return files.process_fd == -ENOENT ? -ESRCH : files.process_fd;
	err = read_status(&files);
	if (err < 0)
		return err;
	files.started_unix_ns = read_start(&files);
	root_fd = open_of_process(&files, pid, "root", O_PATH | O_DIRECTORY);
	if (root_fd >= 0)
		files.directory_fd = open_at(root_fd, "tmp", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT);
	if (root_fd == -EMFILE || files.directory_fd == -EMFILE)
		return -EMFILE;
	*ret = files;
	files = JIT_FILES_NONE;
	return 0;
}

/* Its number may be another process's by now. */
bool jit_files_is_gone(const struct jit_files *files)
{
	return files->process_fd < 0 || faccessat(files->process_fd, "status", F_OK, 0) < 0;
}

/* Another user's words about this process, or about what a link leads to, are not taken. */
static bool is_trusted(const struct jit_files *files, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_nlink <= 1 &&
	       (st->st_uid == 0 || st->st_uid == files->uid);
}

/*
 * Opens what path_fd (O_PATH) stands for. Opening alone has effects on what is not a regular file.
 */
static int reopen_trusted(struct jit_files *files, int path_fd)
{
	struct stat st;
	char path[64];

	if (fstat(path_fd, &st) < 0)
		return -errno;
	/* It may act for another user by now; who is gone is the last one it acted for. */
	(void)read_status(files);
	if (!is_trusted(files, &st))
		return -EPERM;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	return open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
}

static void map_name(const struct jit_files *files, char *name, size_t size)
{
	(void)snprintf(name, size, "perf-%" PRId32 ".map", files->inner_pid);
}

/* Of an earlier process of the same number and user, then. */
static bool is_older(const struct jit_files *files, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_mtim.tv_sec >= 0 &&
	       (uint64_t)st.st_mtim.tv_sec * NS_PER_SECOND + (uint64_t)st.st_mtim.tv_nsec +
			       FILE_CLOCK_NS <
		       files->started_unix_ns;
}

int jit_files_open_map(struct jit_files *files)
{
	CLEANUP(cleanup_fd) int path_fd = -1;
	char name[32];

	if (files->directory_fd < 0)
		return -ENOENT;
	map_name(files, name, sizeof(name));
	path_fd = open_at(files->directory_fd, name, O_PATH | O_NOFOLLOW,
			  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (path_fd == -ELOOP)
		return -EPERM;
	if (path_fd >= 0 && is_older(files, path_fd))
		return -ESTALE;
	return path_fd < 0 ? path_fd : reopen_trusted(files, path_fd);
}

bool jit_files_is_map(const struct jit_files *files, int fd)
{
	struct stat opened, named;
	char name[32];

	map_name(files, name, sizeof(name));
	if (files->directory_fd < 0 || fstat(fd, &opened) < 0 ||
	    fstatat(files->directory_fd, name, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The number in the name of a jitdump; 0: it is no such name. */
static int32_t dump_number(const char *path)
{
	const char *name = base_name(path);
	unsigned long number;
	char *end;

	if (strncmp(name, DUMP_PREFIX, strlen(DUMP_PREFIX)) != 0)
		return 0;
	name += strlen(DUMP_PREFIX);
	if (*name < '1' || *name > '9')
		return 0;
	number = strtoul(name, &end, 10);
	if (number > INT32_MAX || strncmp(end, DUMP_SUFFIX, strlen(DUMP_SUFFIX)) != 0)
		return 0;
	end += strlen(DUMP_SUFFIX);
	return !*end || !strcmp(end, " (deleted)") ? (int32_t)number : 0;
}

bool jit_files_is_dump_name(const char *path)
{
	return path[0] == '/' && dump_number(path) > 0;
}

/* By the mapping itself, which needs CAP_CHECKPOINT_RESTORE; else by its path. */
static int open_mapped(const struct jit_files *files, const struct mapping_source *source)
{
	CLEANUP(cleanup_fd) int root_fd = -1;
	CLEANUP(cleanup_fd) int fd = -1;
	char name[64];
	struct stat st;

	(void)snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, source->start,
		       source->end);
	fd = open_of_process(files, source->pid, name, O_PATH);
	if (fd < 0) {
		root_fd = open_of_process(files, source->pid, "root", O_PATH | O_DIRECTORY);
		if (root_fd < 0)
			return root_fd;
		fd = open_at(root_fd, source->path, O_PATH | O_NOFOLLOW, RESOLVE_IN_ROOT);
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return source->inode && st.st_ino != source->inode ? -ENOENT : TAKE_FD(fd);
}

int jit_files_open_dump(struct jit_files *files, const struct mapping_source *source)
{
	CLEANUP(cleanup_fd) int path_fd = -1;

	if (dump_number(source->path) != files->inner_pid)
		return -EPERM;
	path_fd = open_mapped(files, source);
	return path_fd < 0 ? path_fd : reopen_trusted(files, path_fd);
}
