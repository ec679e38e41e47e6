/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Never returns. Only what is safe after fork() in a process with one thread. */
static void run_child(char **command, const struct signals *before, int go_fd, int error_fd)
{
	const char *slash = strrchr(command[0], '/');
	char go;
	int err;

	/* What is sampled between here and exec is the command's, and so is its name. */
	(void)prctl(PR_SET_NAME, slash ? slash + 1 : command[0]);
	if (read(go_fd, &go, 1) != 1)
		_exit(127); /* the profiler gave up */
	signals_restore(before);
	(void)execvp(command[0], command);
	err = errno;
	if (write(error_fd, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

int launch_fork(char **command, const struct signals *before, struct launch *ret)
{
	int go[2], error[2];
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	CLEANUP(cleanup_fd) int go_read = go[0];
	CLEANUP(cleanup_fd) int go_write = go[1];
	if (pipe2(error, O_CLOEXEC) < 0)
		return -errno;
	CLEANUP(cleanup_fd) int error_read = error[0];
	CLEANUP(cleanup_fd) int error_write = error[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		/* Our own copy of the write end would hide that the profiler has gone. */
		(void)close(go_write);
		run_child(command, before, go_read, error_write);
	}
	*ret = (struct launch){ .pid = pid,
				.go_fd = TAKE_FD(go_write),
				.error_fd = TAKE_FD(error_read) };
	return 0;
}

int launch_exec(struct launch *launch)
{
	int err = 0;
	ssize_t count;

	/* SIGPIPE is ignored: the child may have been killed while it waited. */
	if (write(launch->go_fd, "", 1) != 1)
		return -errno;
	do {
		count = read(launch->error_fd, &err, sizeof(err));
	} while (count < 0 && errno == EINTR);
	return count == sizeof(err) ? -err : 0;
}

bool launch_finish(struct launch *launch, int *ret_wait_status)
{
	bool ended = false;

	*ret_wait_status = 0;
	if (!launch->pid)
		return false;
	if (waitpid(launch->pid, ret_wait_status, WNOHANG) == 0) {
		/* Not waited for: it may take its time, and the results should not. */
		ended = true;
		(void)kill(launch->pid, SIGTERM);
	}
	launch->pid = 0;
	return ended;
}

void launch_done(struct launch *launch)
{
	cleanup_fd(&launch->go_fd);
	cleanup_fd(&launch->error_fd);
	*launch = LAUNCH_NONE;
}
