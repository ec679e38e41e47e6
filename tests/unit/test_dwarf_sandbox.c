/* SPDX-License-Identifier: Apache-2.0 */
/* Each in a child of its own: who is in the sandbox does not come out. */
#include "agent/dwarf_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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

/* Whether check() says so in the sandbox. It makes no calls but those it is about: sanitizers do.
 */
static bool holds_inside(bool (*check)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || dwarf_sandbox_enter() < 0)
			(void)syscall(SYS_exit_group, CANNOT_ENTER);
		(void)syscall(SYS_exit_group, check() ? FINE : OTHERWISE);
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

static bool can_read(void)
{
	char byte;
	int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && syscall(SYS_pread64, fd, &byte, 1, 0) == 1 && syscall(SYS_close, fd) == 0;
}

static bool can_have_memory(void)
{
	long memory = syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory > 0 && syscall(SYS_munmap, memory, 4096) == 0;
}

static bool writing_is_refused(void)
{
	return is_refused(syscall(SYS_write, STDERR_FILENO, "", 0)) &&
	       is_refused(syscall(SYS_openat, AT_FDCWD, "/dev/null", O_WRONLY)) &&
	       is_refused(syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR)) &&
	       is_refused(syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY | O_CREAT, 0)) &&
	       is_refused(syscall(SYS_openat, AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR, 0)) &&
	       is_refused(syscall(SYS_unlinkat, AT_FDCWD, "/no/such/file", 0));
}

static bool executable_memory_is_refused(void)
{
	long memory = syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return memory > 0 &&
	       is_refused(syscall(SYS_mprotect, memory, 4096, PROT_READ | PROT_EXEC)) &&
	       is_refused(syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_EXEC,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static bool others_are_out_of_reach(void)
{
	return is_refused(syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0)) &&
	       is_refused(syscall(SYS_kill, 1, 0)) && is_refused(syscall(SYS_ptrace, 0, 0, 0, 0)) &&
	       is_refused(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) &&
	       is_refused(syscall(SYS_execve, "/bin/true", NULL, NULL));
}

static void what_reading_takes_works(void **state)
{
	(void)state;
	assert_true(holds_inside(can_read));
	assert_true(holds_inside(can_have_memory));
}

static void all_else_is_refused(void **state)
{
	(void)state;
	if (!has_sandbox())
		skip();
	assert_true(holds_inside(writing_is_refused));
	assert_true(holds_inside(executable_memory_is_refused));
	assert_true(holds_inside(others_are_out_of_reach));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_reading_takes_works),
		cmocka_unit_test(all_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
