/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One program in the kernel's oldest BPF, run at each system call: a list of numbers, and looks at
 * the arguments of three. What is not on it fails, and does not kill: a C library that is newer
 * than this list tries what is new, and goes back to what is old.
 */
#include "agent/dwarf_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef OUR_ARCH

/* Numbers from here on are those of x32, which has the same architecture. */
#define X32_NUMBERS 0x40000000u

/* All but reading; O_TMPFILE holds O_DIRECTORY, which is fine. */
#define OPEN_MORE (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY))

#define LOAD(field)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)
#define ALLOW        ANSWER(SECCOMP_RET_ALLOW)
#define REFUSE       ANSWER(SECCOMP_RET_ERRNO | EPERM)

#define ALLOW_NUMBER(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), ALLOW

/* The lower half of an argument is all of an int, on machines of this byte order. */
#define ALLOW_WITHOUT(number, argument, bits)                                                      \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4), LOAD(args[argument]),                   \
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1), REFUSE, ALLOW

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "where the lower half of an argument is");

static const struct sock_filter program[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_NUMBERS, 0, 1),
	REFUSE,
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
	const struct sock_fprog filter = { .len = sizeof(program) / sizeof(program[0]),
					   .filter = (struct sock_filter *)program };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0)
		return 0;
	return errno == EINVAL ? 0 : -errno;
}

#else

int dwarf_sandbox_enter(void)
{
	return 0;
}

#endif
