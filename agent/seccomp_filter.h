/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the filters of eprof's processes have in common: instructions by name, how each of them
 * begins, and how it takes effect. Programs are those of seccomp(2); where eprof does not know the
 * architecture, FILTER_ARCH is not defined and there is no filter.
 */
#ifndef EPROF_AGENT_SECCOMP_FILTER_H
#define EPROF_AGENT_SECCOMP_FILTER_H

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#endif

/* Numbers from here on are those of x32, which has the same architecture. */
#define FILTER_X32_NUMBERS 0x40000000u

#define LOAD(field)        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(what)       BPF_STMT(BPF_RET | BPF_K, what)
#define ALLOW              ANSWER(SECCOMP_RET_ALLOW)
#define REFUSE             ANSWER(SECCOMP_RET_ERRNO | EPERM)
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define HAS(bits, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, yes, no)

/* The first instructions, after which the number of the call is loaded. */
#define FILTER_BEGINNING                                                                           \
	LOAD(arch), IS(FILTER_ARCH, 1, 0), ANSWER(SECCOMP_RET_KILL_PROCESS), LOAD(nr),             \
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FILTER_X32_NUMBERS, 0, 1), REFUSE
#define FILTER_BEGINNING_LENGTH 6

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "args[] begins with its lower half");

/*
 * From here on it holds for the calling thread, and for those it starts; no_new_privs is set, or
 * the caller may do it anyway. 0, also where the kernel has no such filters, or -errno.
 */
int seccomp_filter_enter(const struct sock_filter *program, size_t length);

#endif
