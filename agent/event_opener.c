/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/event_opener.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/descriptor_passing.h"
#include "agent/log.h"
#include "agent/preflight.h"
#include "agent/seccomp_filter.h"
#include "base/cleanup.h"

#define PARANOID_PATH "/proc/sys/kernel/perf_event_paranoid"
#define ANSWER_MS     10000

struct request {
	struct perf_event_attr attr;
	int32_t pid, cpu; /* 0: the opener itself, or -1: all */
};

/* Of the process that asks; as log.c's level it is set once, before there are threads. */
static int opener_socket = -1;

#ifdef FILTER_ARCH

#define ALLOW_CALL(number) IS(number, 0, 1), ALLOW

static const struct sock_filter program[] = {
	FILTER_BEGINNING,
	ALLOW_CALL(SYS_recvmsg),
	ALLOW_CALL(SYS_sendmsg),
	ALLOW_CALL(SYS_perf_event_open),
	ALLOW_CALL(SYS_close),
	ALLOW_CALL(SYS_exit_group),
	REFUSE,
};

/* Without one it is not to be: what its capability is for is more than one call. */
static int enter_filter(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	/* seccomp_filter_enter() makes do with a kernel that has none. */
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
		return -ENOTSUP;
	return seccomp_filter_enter(program, sizeof(program) / sizeof(program[0]));
}

#else

static int enter_filter(void)
{
	return -ENOTSUP;
}

#endif

static int open_event(const struct request *request)
{
	long fd;

	if (request->pid != 0 && request->pid != -1)
		return -EINVAL;
	fd = syscall(SYS_perf_event_open, &request->attr, request->pid, request->cpu, -1,
		     PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

static bool tell(int socket, int32_t reply, int fd)
{
	return descriptors_send(socket, &reply, sizeof(reply), &fd, fd >= 0, 0) == sizeof(reply);
}

/* False: who asks is gone, or makes no sense. */
static bool answer(int socket)
{
	struct request request;
	size_t count = 0;
	ssize_t size = descriptors_receive(socket, &request, sizeof(request), NULL, 0, &count, 0);
	CLEANUP(cleanup_fd) int fd = -1;

	if (size == -EINTR)
		return true;
	if (size != sizeof(request))
		return false;
	fd = open_event(&request);
	return tell(socket, fd < 0 ? fd : 0, fd);
}

int event_opener_confine(uid_t uid, gid_t gid)
{
	int err;

	capng_clear(CAPNG_SELECT_ALL);
	if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_ADMIN) < 0)
		return -EIO;
	err = uid == geteuid() ? capng_apply(CAPNG_SELECT_CAPS)
			       : capng_change_id((int)uid, (int)gid,
						 CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	if (err < 0)
		return -EPERM;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	return enter_filter();
}

/* Those that are meant for the agent reach all of a terminal, or of a unit. It ends with it. */
static void ignore_signals(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

static void __attribute__((noreturn)) run(int socket, uid_t uid, gid_t gid)
{
	(void)prctl(PR_SET_NAME, "eprof-events");
	ignore_signals();
	/* All but the socket, which becomes the only one. */
	if (dup2(socket, STDIN_FILENO) < 0 || close_range(STDIN_FILENO + 1, UINT32_MAX, 0) < 0 ||
	    event_opener_confine(uid, gid) < 0)
		_exit(1);
	if (tell(STDIN_FILENO, 0, -1))
		while (answer(STDIN_FILENO))
			;
	_exit(0);
}

/* What it says: 0, or -errno. With ret_fd, a descriptor as well. */
static int hear(int socket, int *ret_fd)
{
	struct pollfd said = { .fd = socket, .events = POLLIN };
	size_t count = 0;
	int32_t reply;
	int fd = -1;

	/* It has nothing to do but this: if it does not, somebody has stopped it. */
	if (poll(&said, 1, ANSWER_MS) != 1)
		return -ETIMEDOUT;
	if (descriptors_receive(socket, &reply, sizeof(reply), &fd, ret_fd ? 1 : 0, &count, 0) !=
	    sizeof(reply))
		return -EPIPE;
	if (reply < 0)
		return reply;
	if (!ret_fd)
		return 0;
	/* It was sent, and there was no room for it. */
	if (!count)
		return -EMFILE;
	*ret_fd = fd;
	return 0;
}

int event_opener_start_always(uid_t uid, gid_t gid)
{
	CLEANUP(cleanup_fd) int ours = -1;
	CLEANUP(cleanup_fd) int theirs = -1;
	int sockets[2], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	ours = sockets[0];
	theirs = sockets[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		cleanup_fd(&ours);
		run(theirs, uid, gid);
	}
	cleanup_fd(&theirs);
	err = hear(ours, NULL);
	if (err < 0) {
		(void)waitpid(pid, NULL, 0);
		return err;
	}
	opener_socket = TAKE_FD(ours);
	return 0;
}

static bool is_refused_without_admin(void)
{
	CLEANUP(cleanup_file) FILE *file = fopen(PARANOID_PATH, "re");
	int value;

	return file && fscanf(file, "%d", &value) == 1 && value >= PERF_PARANOID_NOBODY;
}

int event_opener_start(uid_t uid, gid_t gid)
{
	if (!is_refused_without_admin())
		return 0;
	if (capng_get_caps_process() < 0)
		return -EIO;
	if (capng_have_capability(CAPNG_PERMITTED, CAP_SYS_ADMIN) != 1)
		return 0;
	return event_opener_start_always(uid, gid);
}

int event_opener_ask(const struct perf_event_attr *attr, int pid, int cpu)
{
	const struct request request = { .attr = *attr, .pid = pid, .cpu = cpu };
	int fd, err;

	if (opener_socket < 0)
		return -ENOTCONN;
	if (descriptors_send(opener_socket, &request, sizeof(request), NULL, 0, 0) ==
	    sizeof(request))
		err = hear(opener_socket, &fd);
	else
		err = -EPIPE;
	if (err == -EPIPE || err == -ETIMEDOUT)
		log_error("the process that opens events does not answer: it has to be started "
			  "again, with the agent");
	return err < 0 ? err : fd;
}
