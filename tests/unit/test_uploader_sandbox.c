/* SPDX-License-Identifier: Apache-2.0 */
/* Each in a child of its own: who is in the sandbox does not come out. */
#include "agent/uploader_sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FINE, CANNOT_ENTER, OTHERWISE };

static bool has_sandbox(void)
{
#if defined(__x86_64__) || defined(__aarch64__)
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
#else
	return false;
#endif
}

static bool holds_inside(bool (*check)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (uploader_sandbox_drop() < 0 || uploader_sandbox_enter() < 0)
			_exit(CANNOT_ENTER);
		_exit(check() ? FINE : OTHERWISE);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), CANNOT_ENTER);
	return WEXITSTATUS(status) == FINE;
}

static bool is_refused(long result)
{
	return result < 0 && errno == EPERM;
}

static void *say_so(void *context)
{
	*(bool *)context = true;
	return NULL;
}

static bool can_start_threads(void)
{
	pthread_t thread;
	bool was_there = false;

	return pthread_create(&thread, NULL, say_so, &was_there) == 0 &&
	       pthread_join(thread, NULL) == 0 && was_there;
}

/* The name of this machine goes through what /etc/nsswitch.conf says; it need not have one. */
static bool can_ask_for_names(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;

	if (getaddrinfo("localhost", "443", &hints, &found))
		return false;
	freeaddrinfo(found);
	return getaddrinfo("no-such-name.invalid", "443", &hints, &found) != 0;
}

static bool can_connect(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0 &&
	       getsockname(listener, (struct sockaddr *)&address, &size) == 0 &&
	       connect(client, (struct sockaddr *)&address, size) == 0;
}

static bool can_use_files(void)
{
	struct rlimit limit;
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && close(fd) == 0 &&
	       getrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static bool others_are_out_of_reach(void)
{
	struct rlimit limit;

	return is_refused(kill(getppid(), 0)) && is_refused(kill(getpid(), 0)) &&
	       is_refused(syscall(SYS_tgkill, getppid(), getppid(), 0)) &&
	       is_refused(syscall(SYS_pidfd_open, getppid(), 0)) &&
	       is_refused(syscall(SYS_ptrace, 0, 0, 0, 0)) &&
	       is_refused(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0)) &&
	       is_refused(prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit));
}

static bool it_stays_one_process(void)
{
	return is_refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) &&
	       is_refused(syscall(SYS_execve, "/bin/true", NULL, NULL)) &&
	       is_refused(syscall(SYS_execveat, AT_FDCWD, "/bin/true", NULL, NULL, 0)) &&
	       is_refused(unshare(CLONE_NEWUSER)) && is_refused(setns(0, 0)) &&
	       syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS;
}

static bool the_kernel_is_out_of_reach(void)
{
	return is_refused(syscall(SYS_bpf, 0, NULL, 0)) &&
	       is_refused(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0)) &&
	       is_refused(syscall(SYS_keyctl, 0, 0, 0, 0, 0)) &&
	       is_refused(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL)) &&
	       is_refused(syscall(SYS_finit_module, -1, NULL, 0)) &&
	       is_refused(syscall(SYS_kexec_load, 0, 0, NULL, 0)) &&
	       is_refused(socket(AF_PACKET, SOCK_RAW, 0)) &&
	       is_refused(socket(AF_ALG, SOCK_SEQPACKET, 0));
}

static void what_sending_takes_works(void **state)
{
	(void)state;
	assert_true(holds_inside(can_start_threads));
	assert_true(holds_inside(can_ask_for_names));
	assert_true(holds_inside(can_connect));
	assert_true(holds_inside(can_use_files));
}

static void what_has_no_part_in_it_is_refused(void **state)
{
	(void)state;
	if (!has_sandbox())
		skip();
	assert_true(holds_inside(others_are_out_of_reach));
	assert_true(holds_inside(it_stays_one_process));
	assert_true(holds_inside(the_kernel_is_out_of_reach));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_sending_takes_works),
		cmocka_unit_test(what_has_no_part_in_it_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
