/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uploader_sandbox.h"

#include <assert.h>
#include <cap-ng.h>
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/seccomp_filter.h"

/* Sets are 64 bits wide. */
#define CAPABILITIES_MAX 64

int uploader_sandbox_drop(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	/* Only who has CAP_SETPCAP may; with no new privileges the set has no effect any more. */
	for (unsigned long i = 0; i < CAPABILITIES_MAX; i++) {
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			break;
	}
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	capng_clear(CAPNG_SELECT_CAPS);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return -EPERM;
	return prctl(PR_SET_DUMPABLE, 0) < 0 ? -errno : 0;
}

#ifdef FILTER_ARCH

static const uint32_t refused[] = {
	/* Other processes of the same user, the agent among them. */
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_process_madvise,
	SYS_pidfd_open,
	SYS_pidfd_getfd,
	SYS_pidfd_send_signal,
	SYS_kcmp,
	SYS_kill,
	SYS_tkill,
	SYS_rt_sigqueueinfo,
	SYS_rt_tgsigqueueinfo,
	SYS_setpriority,
	SYS_ioprio_set,
	SYS_migrate_pages,
	SYS_move_pages,
	/* Programs, processes and namespaces of its own. */
	SYS_execve,
	SYS_execveat,
#ifdef SYS_fork
	SYS_fork,
	SYS_vfork,
#endif
	SYS_unshare,
	SYS_setns,
	SYS_personality,
	/* The kernel, by its largest doors. */
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_kexec_file_load,
	SYS_reboot,
	SYS_syslog,
	SYS_acct,
	SYS_quotactl,
	SYS_swapon,
	SYS_swapoff,
#ifdef SYS_iopl
	SYS_iopl,
	SYS_ioperm,
#endif
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_clock_adjtime,
	SYS_sethostname,
	SYS_setdomainname,
	/* What the file system looks like. */
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
	SYS_open_by_handle_at,
	SYS_mknodat,
#ifdef SYS_mknod
	SYS_mknod,
#endif
};

/* What depends on the first argument, whose lower half is all of an int. */
#define ARGUMENT_RULES 25

#define REFUSED        (sizeof(refused) / sizeof(refused[0]))
#define PROGRAM_LENGTH (FILTER_BEGINNING_LENGTH + 2 * REFUSED + ARGUMENT_RULES)

static size_t put(struct sock_filter *program, size_t n, const struct sock_filter *more,
		  size_t count)
{
	memcpy(program + n, more, count * sizeof(*more));
	return n + count;
}

#define PUT(program, n, ...)                                                                       \
	put(program, n, (const struct sock_filter[]){ __VA_ARGS__ },                               \
	    sizeof((const struct sock_filter[]){ __VA_ARGS__ }) / sizeof(struct sock_filter))

static size_t put_argument_rules(struct sock_filter *program, size_t n)
{
	/* Signals to itself, limits of its own. */
	n = PUT(program, n, IS(SYS_tgkill, 0, 4), LOAD(args[0]), IS((uint32_t)getpid(), 0, 1),
		ALLOW, REFUSE);
	n = PUT(program, n, IS(SYS_prlimit64, 0, 4), LOAD(args[0]), IS(0, 0, 1), ALLOW, REFUSE);
	/* Threads, but no processes. The flags of clone3() are in memory, where they cannot be
	 * seen: the C library goes back to clone(). */
	n = PUT(program, n, IS(SYS_clone, 0, 4), LOAD(args[0]), HAS(CLONE_THREAD, 0, 1), ALLOW,
		REFUSE);
	n = PUT(program, n, IS(SYS_clone3, 0, 1), ANSWER(SECCOMP_RET_ERRNO | ENOSYS));
	/* Netlink says which addresses we have. */
	return PUT(program, n, IS(SYS_socket, 0, 6), LOAD(args[0]), IS(AF_INET, 4, 0),
		   IS(AF_INET6, 3, 0), IS(AF_UNIX, 2, 0), IS(AF_NETLINK, 1, 0), REFUSE, ALLOW);
}

int uploader_sandbox_enter(void)
{
	struct sock_filter program[PROGRAM_LENGTH];
	size_t n = 0;

	n = PUT(program, n, FILTER_BEGINNING);
	for (size_t i = 0; i < REFUSED; i++)
		n = PUT(program, n, IS(refused[i], 0, 1), REFUSE);
	n = put_argument_rules(program, n);
	assert(n == PROGRAM_LENGTH);
	return seccomp_filter_enter(program, n);
}

#else

int uploader_sandbox_enter(void)
{
	return 0;
}

#endif
