/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list of what is refused, not of what is allowed as in agent/dwarf_sandbox.c: the agent runs for
 * months, with whatever the C library, its name services and a TLS library ask for, today's and the
 * next ones'. What such a list forgot would show on a bad day, as a profile that is missing. What
 * is refused here needs privileges that are gone anyway, or is a way to get some.
 *
 * The kernel remembers which numbers are allowed whatever their arguments (Linux 5.11), so that
 * the length of the list costs nothing.
 */
#include "agent/agent_sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
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

static const uint32_t refused[] = {
	/* Mounts, roots. */
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_move_mount,
	SYS_open_tree,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
	SYS_mount_setattr,
	SYS_swapon,
	SYS_swapoff,
	SYS_quotactl,
#ifdef SYS_quotactl_fd
	SYS_quotactl_fd,
#endif
	/* Code of the kernel, and the machine as a whole. */
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_kexec_file_load,
	SYS_reboot,
	SYS_acct,
	SYS_syslog,
	SYS_vhangup,
	SYS_sethostname,
	SYS_setdomainname,
#ifdef SYS_iopl
	SYS_iopl,
#endif
#ifdef SYS_ioperm
	SYS_ioperm,
#endif
	/* Clocks. */
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_clock_adjtime,
	SYS_adjtimex,
	/* Other processes: their memory is read, and never written. */
	SYS_ptrace,
	SYS_process_vm_writev,
	SYS_process_madvise,
	SYS_kcmp,
	SYS_pidfd_getfd,
	/* Other namespaces. */
	SYS_setns,
	SYS_unshare,
	/* Keys, files by handle. */
	SYS_add_key,
	SYS_request_key,
	SYS_keyctl,
	SYS_open_by_handle_at,
	/* What mostly serves to attack the kernel. */
	SYS_userfaultfd,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_vmsplice,
#ifdef SYS_modify_ldt
	SYS_modify_ldt,
#endif
#ifdef SYS_lookup_dcookie
	SYS_lookup_dcookie,
#endif
#ifdef SYS_nfsservctl
	SYS_nfsservctl,
#endif
};

#define REFUSED_COUNT (sizeof(refused) / sizeof(refused[0]))

#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)

#define LOAD(field)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)
#define ALLOW        ANSWER(SECCOMP_RET_ALLOW)
#define REFUSE       ANSWER(SECCOMP_RET_ERRNO | EPERM)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "where the lower half of an argument is");

static const struct sock_filter beginning[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_NUMBERS, 0, 1),
	REFUSE,
	/* Its flags are in memory, which a filter cannot see. C libraries then take clone(). */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
	ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
};

/* Flags are the first argument on both architectures. */
static const struct sock_filter end[] = {
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
	LOAD(args[0]),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1),
	REFUSE,
	ALLOW,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int agent_sandbox_enter(void)
{
	struct sock_filter program[COUNT(beginning) + 2 * REFUSED_COUNT + COUNT(end)];
	const struct sock_fprog filter = { .len = COUNT(program), .filter = program };
	struct sock_filter *next = program;

	for (size_t i = 0; i < COUNT(beginning); i++)
		*next++ = beginning[i];
	for (size_t i = 0; i < REFUSED_COUNT; i++) {
		*next++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refused[i], 0, 1);
		*next++ = (struct sock_filter)REFUSE;
	}
	for (size_t i = 0; i < COUNT(end); i++)
		*next++ = end[i];
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0)
		return 0;
	return errno == EINVAL ? 0 : -errno;
}

#else

int agent_sandbox_enter(void)
{
	return 0;
}

#endif
