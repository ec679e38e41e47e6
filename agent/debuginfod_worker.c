/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/debuginfod_worker.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent/descriptor_passing.h"
#include "agent/privileges.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define SOCKET_FD 3

/* Browsers have the largest debug files: 2 GiB. */
#define FILE_SIZE_MAX (UINT64_C(4) << 30)

/*
 * libdebuginfod asks every second whether to go on, and removes what it has begun when it is told
 * no. That has to fit between the end of the work and the deadline.
 */
#define TIDY_NS (NS_PER_SECOND * 3 / 2)

#define NS_PER_US 1000

/* As <elfutils/debuginfod.h> has them. It is not needed to build. */
struct library {
	void *(*begin)(void);
	void (*set_progressfn)(void *client, int (*progress)(void *client, long a, long b));
	int (*find_debuginfo)(void *client, const unsigned char *id, int id_size, char **ret_path);
};

static void *load_function(void *handle, const char *name, bool *complete)
{
	void *function = dlsym(handle, name);

	*complete = *complete && function;
	return function;
}

static int load_library(const char *name, struct library *ret)
{
	void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	bool complete = true;

	if (!handle)
		return -ELIBACC;
	ret->begin = load_function(handle, "debuginfod_begin", &complete);
	ret->set_progressfn = load_function(handle, "debuginfod_set_progressfn", &complete);
	ret->find_debuginfo = load_function(handle, "debuginfod_find_debuginfo", &complete);
	return complete ? 0 : -ELIBACC;
}

/* Signals of the terminal are the parent's to deal with; it ends us. */
static void set_signals(void)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGXFSZ };
	sigset_t none;

	(void)sigemptyset(&none);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)signal(SIGALRM, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Keeps the socket and stderr. Results may go to stdout: its reader waits for the end. */
static int set_files(int socket)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0 || dup2(null_fd, STDOUT_FILENO) < 0)
		return -errno;
	if (socket != SOCKET_FD && dup2(socket, SOCKET_FD) < 0)
		return -errno;
	if (fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return close_range(SOCKET_FD + 1, UINT32_MAX, 0) < 0 ? -errno : 0;
}

static void limit_files(void)
{
	struct rlimit limit = { FILE_SIZE_MAX, FILE_SIZE_MAX };

	/* It may be lower already. */
	(void)setrlimit(RLIMIT_FSIZE, &limit);
}

/* eprof has a progress line of its own; the cache is where we are. */
static int set_environment(const struct debuginfod_worker *worker)
{
	if (setenv("DEBUGINFOD_URLS", worker->servers, 1) < 0 ||
	    unsetenv("DEBUGINFOD_PROGRESS") < 0)
		return -ENOMEM;
	if (worker->cache_fd >= 0 && setenv("DEBUGINFOD_CACHE_PATH", ".", 1) < 0)
		return -ENOMEM;
	return 0;
}

static int set_up(const struct debuginfod_worker *worker, struct library *ret_library)
{
	int err;

	(void)prctl(PR_SET_NAME, "eprof-download");
	set_signals();
	limit_files();
	err = privileges_drop();
	if (err < 0)
		return err;
	/* Not before: it is cleared with the privileges. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != worker->parent)
		return -ESRCH;
	err = set_environment(worker);
	return err < 0 ? err : load_library(worker->library, ret_library);
}

/* Whether the other end has gone; requests may still be waiting. */
static bool is_over(void)
{
	struct pollfd other = { .fd = SOCKET_FD, .events = POLLRDHUP };

	return poll(&other, 1, 0) > 0 && (other.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

static int reply(uint64_t index, int err, int fd)
{
	struct debuginfod_reply reply = { .index = index, .err = err };
	ssize_t sent = descriptors_send(SOCKET_FD, &reply, sizeof(reply), &fd, fd >= 0, 0);

	return sent < 0 ? (int)sent : 0;
}

/* Has the process ended if the library does not come back in time; 0: it may take its time. */
static void set_alarm(uint64_t ns)
{
	struct itimerval timer = {
		.it_value = { (time_t)(ns / NS_PER_SECOND),
			      (suseconds_t)(ns % NS_PER_SECOND / NS_PER_US) },
	};

	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

static bool is_stopped(void)
{
	struct itimerval left = { 0 };

	(void)getitimer(ITIMER_REAL, &left);
	return is_over() || (uint64_t)left.it_value.tv_sec * NS_PER_SECOND +
					    (uint64_t)left.it_value.tv_usec * NS_PER_US <
				    TIDY_NS;
}

/* What libdebuginfod calls meanwhile; not 0: it shall end. */
static int check_progress(void *client, long a, long b)
{
	(void)client;
	(void)a;
	(void)b;
	return is_stopped();
}

static int serve(const struct library *library, void *client,
		 const struct debuginfod_request *request)
{
	CLEANUP(cleanup_free) char *path = NULL;
	CLEANUP(cleanup_fd) int fd = -1;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	int err = 0;

	if (request->deadline_ns < now + TIDY_NS)
		return reply(request->index, -ETIME, -1);
	set_alarm(request->deadline_ns - now);
	fd = library->find_debuginfo(client, request->id.bytes, request->id.size, &path);
	if (fd < 0)
		err = is_stopped() ? -ETIME : fd;
	set_alarm(0);
	return reply(request->index, err, fd);
}

_Noreturn void debuginfod_worker_run(const struct debuginfod_worker *worker)
{
	struct debuginfod_request request;
	struct library library;
	void *client = NULL;
	int err;

	/* It is entered while we may, and no path leads there. */
	if (worker->cache_fd >= 0 && fchdir(worker->cache_fd) < 0)
		_exit(EXIT_FAILURE);
	if (set_files(worker->socket) < 0)
		_exit(EXIT_FAILURE);
	err = set_up(worker, &library);
	if (err == 0) {
		client = library.begin();
		err = client ? 0 : -ENOMEM;
	}
	if (reply(DEBUGINFOD_READY, err, -1) < 0 || err < 0)
		_exit(EXIT_FAILURE);
	library.set_progressfn(client, check_progress);
	/* What was asked for before the end came is not wanted any more. */
	while (recv(SOCKET_FD, &request, sizeof(request), 0) == sizeof(request) && !is_over()) {
		if (serve(&library, client, &request) < 0)
			break;
	}
	/* What others have to do at the exit, they do in the parent. */
	_exit(EXIT_SUCCESS);
}
