/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One program in the kernel's oldest BPF, run at each system call: a list of numbers, and looks at
 * the arguments of three. What is not on it fails, and does not kill: a C library that is newer
 * than this list tries what is new, and goes back to what is old.
 */
#include "agent/dwarf_sandbox.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "agent/seccomp_filter.h"

#ifdef FILTER_ARCH

/* All but reading; O_TMPFILE holds O_DIRECTORY, which is fine. */
#define OPEN_MORE (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY))

#define ALLOW_NUMBER(number) IS(number, 0, 1), ALLOW

/* The lower half of an argument is all of an int, on machines of this byte order. */
#define ALLOW_WITHOUT(number, argument, bits)                                                      \
	IS(number, 0, 4), LOAD(args[argument]), HAS(bits, 0, 1), REFUSE, ALLOW

static const struct sock_filter program[] = {
	FILTER_BEGINNING,
	/* Files that there are, and the socket. */
	ALLOW_NUMBER(SYS_pread64),
	ALLOW_NUMBER(SYS_read),
	ALLOW_NUMBER(SYS_lseek),
	ALLOW_NUMBER(SYS_fstat),
	ALLOW_NUMBER(SYS_fcntl),
	ALLOW_NUMBER(SYS_close),
	ALLOW_NUMBER(SYS_sendmsg),
	ALLOW_NUMBER(SYS_recvmsg),
	ALLOW_NUMBER(SYS_ppoll),
#ifdef SYS_poll
	ALLOW_NUMBER(SYS_poll),
#endif
	/* Files of split DWARF. */
	ALLOW_WITHOUT(SYS_openat, 2, OPEN_MORE),
	ALLOW_NUMBER(SYS_newfstatat),
#ifdef SYS_readlink
	ALLOW_NUMBER(SYS_readlink),
#endif
	ALLOW_NUMBER(SYS_readlinkat),
	/* Memory. */
	ALLOW_WITHOUT(SYS_mmap, 2, PROT_EXEC),
	ALLOW_WITHOUT(SYS_mprotect, 2, PROT_EXEC),
	ALLOW_NUMBER(SYS_munmap),
	ALLOW_NUMBER(SYS_mremap),
	ALLOW_NUMBER(SYS_madvise),
	ALLOW_NUMBER(SYS_brk),
	/* Time, signals, locks of the C library, the end. */
	ALLOW_NUMBER(SYS_setitimer),
#ifdef SYS_alarm
	ALLOW_NUMBER(SYS_alarm),
#endif
	ALLOW_NUMBER(SYS_clock_gettime),
	ALLOW_NUMBER(SYS_restart_syscall),
	ALLOW_NUMBER(SYS_rt_sigprocmask),
	ALLOW_NUMBER(SYS_rt_sigreturn),
	ALLOW_NUMBER(SYS_futex),
	ALLOW_NUMBER(SYS_getrandom),
	ALLOW_NUMBER(SYS_exit),
	ALLOW_NUMBER(SYS_exit_group),
	REFUSE,
};

int dwarf_sandbox_enter(void)
{
	return seccomp_filter_enter(program, sizeof(program) / sizeof(program[0]));
}

#else

int dwarf_sandbox_enter(void)
{
	return 0;
}

#endif
