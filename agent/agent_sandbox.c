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

#include <linux/bpf.h>
#include <linux/sched.h>
#include <sys/syscall.h>

#include "agent/seccomp_filter.h"

#ifdef FILTER_ARCH

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

static const struct sock_filter beginning[] = {
	FILTER_BEGINNING,
	/* Its flags are in memory, which a filter cannot see. C libraries then take clone(). */
	IS(SYS_clone3, 0, 1),
	ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
};

/*
 * Modules may not be listed without CAP_SYS_ADMIN. libbpf 1.1 (Debian 12) then gives up on a
 * program with a function that the kernel lacks, weak as it is, and looks no further if there are
 * none.
 *
 * Flags are the first argument of clone() on both architectures.
 */
static const struct sock_filter end[] = {
	IS(SYS_bpf, 0, 4),
	LOAD(args[0]),
	IS(BPF_BTF_GET_NEXT_ID, 0, 1),
	ANSWER(SECCOMP_RET_ERRNO | ENOENT),
	ALLOW,
	IS(SYS_clone, 0, 3),
	LOAD(args[0]),
	HAS(NAMESPACES, 0, 1),
	REFUSE,
	ALLOW,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int agent_sandbox_enter(void)
{
	struct sock_filter program[COUNT(beginning) + 2 * REFUSED_COUNT + COUNT(end)];
	struct sock_filter *next = program;

	for (size_t i = 0; i < COUNT(beginning); i++)
		*next++ = beginning[i];
	for (size_t i = 0; i < REFUSED_COUNT; i++) {
		*next++ = (struct sock_filter)IS(refused[i], 0, 1);
		*next++ = (struct sock_filter)REFUSE;
	}
	for (size_t i = 0; i < COUNT(end); i++)
		*next++ = end[i];
	return seccomp_filter_enter(program, COUNT(program));
}

#else

int agent_sandbox_enter(void)
{
	return 0;
}

#endif
