/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process may still do that has given up most of root:
 *
 *	agent_operations drop USER|- PID FILE
 *	agent_operations without NUMBER PID FILE
 *
 * The first one gives up by agent_privileges_drop(), the second one keeps what that keeps but for
 * the capability of this number (99: but for none). PID is another user's process, FILE is for its
 * owner only. For each operation there is a line `NAME ERRNO`, 0 when it went well; then `ready`,
 * and three more threads wait until stdin ends.
 */
#include <bpf/bpf.h>
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent_privileges.h"
#include "base/cleanup.h"

#define THREADS    3
#define CHILD      "child"
#define NOBODY     65534
#define CHUNK_SIZE 4096

struct subject {
	int32_t pid;
	const char *file;
	uint64_t start, end; /* of its first mapping */
	int outer_fd, inner_fd;
};

static int result(long value)
{
	return value < 0 ? errno : 0;
}

static int open_path(const char *path, int flags)
{
	CLEANUP(cleanup_fd) int fd = open(path, flags | O_CLOEXEC);

	return result(fd);
}

static int open_of(const struct subject *subject, const char *name, int flags)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/proc/%" PRId32 "/%s", subject->pid, name);
	return open_path(path, flags);
}

static int do_map(const struct subject *subject)
{
	CLEANUP(cleanup_fd)
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", 4, CHUNK_SIZE, 1, NULL);

	(void)subject;
	return fd < 0 ? -fd : 0;
}

static int do_map_update(const struct subject *subject)
{
	uint32_t zero = 0, id;
	int err = bpf_map_update_elem(subject->outer_fd, &zero, &subject->inner_fd, BPF_ANY);

	if (!err)
		err = bpf_map_lookup_elem(subject->outer_fd, &zero, &id);
	return -err;
}

static int do_program(const struct subject *subject)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	CLEANUP(cleanup_fd)
	int fd = bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, "test", "GPL", code, 2, NULL);

	(void)subject;
	return fd < 0 ? -fd : 0;
}

static int do_event(const struct subject *subject)
{
	struct perf_event_attr attr = { .size = sizeof(attr),
					.type = PERF_TYPE_SOFTWARE,
					.config = PERF_COUNT_SW_CPU_CLOCK,
					.sample_period = 1000000000 };
	CLEANUP(cleanup_fd) int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0);

	(void)subject;
	return result(fd);
}

static int do_maps(const struct subject *subject)
{
	CLEANUP(cleanup_fd) int fd = -1;
	char path[64], byte;

	(void)snprintf(path, sizeof(path), "/proc/%" PRId32 "/maps", subject->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	/* Some kernels open what they then show nothing of. */
	return read(fd, &byte, 1) == 1 ? 0 : EACCES;
}

static int do_root(const struct subject *subject)
{
	return open_of(subject, "root", O_PATH | O_DIRECTORY);
}

static int do_map_file(const struct subject *subject)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "map_files/%" PRIx64 "-%" PRIx64, subject->start,
		       subject->end);
	return open_of(subject, name, O_RDONLY);
}

static int do_memory(const struct subject *subject)
{
	char byte;
	struct iovec local = { &byte, 1 }, remote = { (void *)(uintptr_t)subject->start, 1 };

	return result(process_vm_readv(subject->pid, &local, 1, &remote, 1, 0));
}

static int do_file(const struct subject *subject)
{
	return open_path(subject->file, O_RDONLY);
}

static int do_kernel_names(const struct subject *subject)
{
	CLEANUP(cleanup_file) FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long address = 0;

	(void)subject;
	while (file && fscanf(file, "%llx%*[^\n]", &address) == 1 && !address)
		;
	return address ? 0 : EACCES;
}

static int do_first(const struct subject *subject)
{
	const struct sched_param lowest = { .sched_priority = 1 }, none = { 0 };
	int err = result(sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest));

	(void)subject;
	return err ? err : result(sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none));
}

static int do_own_file(const struct subject *subject)
{
	CLEANUP(cleanup_fd) int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	char path[64];

	(void)subject;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open_path(path, O_RDONLY);
}

/* A child of the same program, which has to have nothing. */
static int do_child(const struct subject *subject)
{
	pid_t pid = fork();
	int status;

	(void)subject;
	if (pid == 0) {
		(void)execl("/proc/self/exe", "agent_operations", CHILD, (char *)NULL);
		_exit(1);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return errno;
	return status ? EPROTO : 0;
}

static int do_shadow(const struct subject *subject)
{
	(void)subject;
	return open_path("/etc/shadow", O_RDONLY);
}

static int do_shadow_write(const struct subject *subject)
{
	(void)subject;
	return open_path("/etc/shadow", O_WRONLY);
}

static int do_statistics(const struct subject *subject)
{
	CLEANUP(cleanup_fd) int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	(void)subject;
	return fd < 0 ? -fd : 0;
}

static int do_btf_list(const struct subject *subject)
{
	uint32_t id;

	(void)subject;
	return result(bpf_btf_get_next_id(0, &id));
}

static int do_setuid(const struct subject *subject)
{
	(void)subject;
	return result(setuid(0));
}

static int do_all_capabilities(const struct subject *subject)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct all[2] = { { ~0u, ~0u, 0 }, { ~0u, ~0u, 0 } };

	(void)subject;
	return result(syscall(SYS_capset, &header, all));
}

static int do_ambient(const struct subject *subject)
{
	(void)subject;
	return result(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_BPF, 0, 0));
}

static int do_mount(const struct subject *subject)
{
	(void)subject;
	return result(mount("none", "/", "tmpfs", 0, NULL));
}

static int do_module(const struct subject *subject)
{
	(void)subject;
	return result(syscall(SYS_init_module, "", 0, ""));
}

/* These three are everybody's, without a filter. */
static int do_trace(const struct subject *subject)
{
	(void)subject;
	return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int do_unshare(const struct subject *subject)
{
	(void)subject;
	return result(unshare(CLONE_NEWUSER));
}

static int do_clone(const struct subject *subject)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	(void)subject;
	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int do_kill(const struct subject *subject)
{
	return result(kill(subject->pid, 0));
}

static const struct operation {
	const char *name;
	int (*run)(const struct subject *subject);
} operations[] = {
	{ "map", do_map },
	{ "map_update", do_map_update },
	{ "program", do_program },
	{ "event", do_event },
	{ "btf_list", do_btf_list },
	{ "maps", do_maps },
	{ "root", do_root },
	{ "map_file", do_map_file },
	{ "memory", do_memory },
	{ "file", do_file },
	{ "kernel_names", do_kernel_names },
	{ "first", do_first },
	{ "own_file", do_own_file },
	{ "child", do_child },
	{ "shadow", do_shadow },
	{ "shadow_write", do_shadow_write },
	{ "statistics", do_statistics },
	{ "setuid", do_setuid },
	{ "all_capabilities", do_all_capabilities },
	{ "ambient", do_ambient },
	{ "mount", do_mount },
	{ "module", do_module },
	{ "trace", do_trace },
	{ "unshare", do_unshare },
	{ "clone", do_clone },
	{ "kill", do_kill },
};

static int prepare(struct subject *subject)
{
	CLEANUP(cleanup_file) FILE *maps = NULL;
	LIBBPF_OPTS(bpf_map_create_opts, options);
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%" PRId32 "/maps", subject->pid);
	maps = fopen(path, "re");
	if (!maps || fscanf(maps, "%" SCNx64 "-%" SCNx64, &subject->start, &subject->end) != 2)
		return -ESRCH;
	subject->inner_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", 4, CHUNK_SIZE, 1, NULL);
	options.inner_map_fd = (uint32_t)subject->inner_fd;
	subject->outer_fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "test", 4, 4, 1, &options);
	return subject->outer_fd < 0 ? subject->outer_fd : 0;
}

/* As agent_privileges_drop() does, less one capability and without a filter. */
static int drop_but(unsigned int without)
{
	static const unsigned int all[] = { CAP_BPF,        CAP_PERFMON,
					    CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
					    CAP_SYSLOG,     CAP_CHECKPOINT_RESTORE };

	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i] != without)
			(void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, all[i]);
	}
	return capng_change_id(NOBODY, NOBODY, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
}

static int drop(const char *how, const char *what)
{
	struct agent_user user;

	if (!strcmp(how, "without"))
		return drop_but((unsigned int)atoi(what));
	if (agent_user_find(!strcmp(what, "-") ? NULL : what, &user) < 0)
		return -EINVAL;
	return agent_privileges_drop(&user);
}

static void *wait_for_end(void *context)
{
	ssize_t length;
	char byte;

	(void)context;
	do
		length = read(STDIN_FILENO, &byte, 1);
	while (length < 0 && errno == EINTR);
	return NULL;
}

/* 0 when this process has no capability. */
static int run_child(void)
{
	for (unsigned int i = 0; i <= CAP_LAST_CAP; i++) {
		if (capng_have_capability(CAPNG_PERMITTED, i) == 1 ||
		    capng_have_capability(CAPNG_BOUNDING_SET, i) == 1)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	struct subject subject;

	if (argc == 2 && !strcmp(argv[1], CHILD))
		return run_child();
	if (argc != 5)
		return 2;
	subject = (struct subject){ .pid = atoi(argv[3]), .file = argv[4] };
	if (prepare(&subject) < 0 || drop(argv[1], argv[2]) < 0)
		return 1;
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		printf("%s %d\n", operations[i].name, operations[i].run(&subject));
	for (size_t i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, wait_for_end, NULL))
			return 1;
	}
	printf("ready\n");
	(void)fflush(stdout);
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	return 0;
}
