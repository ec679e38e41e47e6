/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Classes of lengths of intervals. Tests compile it for user space. */
#ifndef EPROF_BPF_OFF_LENGTH_BPF_H
#define EPROF_BPF_OFF_LENGTH_BPF_H

#include "bpf/abi.h"

/* Position of the highest set bit of microseconds, as struct off_ledger.lengths counts. */
static __always_inline __u32 off_length_class(__u64 ns)
{
	__u32 class = 0;

	/* Without a division, which is slow. */
	for (__u32 shift = 16; shift; shift >>= 1) {
		if (ns >= 1000ULL << (class + shift))
			class += shift;
	}
	return class < OFF_LENGTHS ? class : OFF_LENGTHS - 1;
}

#endif
