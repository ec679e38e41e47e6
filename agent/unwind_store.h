/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for unwind tables that the kernel half can read: a space of 32-bit words, cut into chunks
 * (bpf/abi.h), each a BPF map that is made when it is needed. Not thread-safe.
 */
#ifndef EPROF_AGENT_UNWIND_STORE_H
#define EPROF_AGENT_UNWIND_STORE_H

#include <stddef.h>
#include <stdint.h>

struct unwind_store;

/*
 * chunks_fd is the array of maps with slots entries, and stays the caller's; no more than bytes_max
 * bytes of chunks are made. 0 or -ENOMEM.
 */
int unwind_store_new(int chunks_fd, uint32_t slots, uint64_t bytes_max, struct unwind_store **ret);
void unwind_store_free(struct unwind_store *store); /* NULL is fine */

/*
 * From here on fds[i] (slots of them, all 0 now) is told the descriptor of chunk i, atomically,
 * when the kernel has it, and 0 when the store goes. fds stays the caller's. NULL: nobody asks.
 */
void unwind_store_tell(struct unwind_store *store, int *fds);

/*
 * Copies count words to a place of their own, which begins at a multiple of UNWIND_PAGE_SIZE; *ret
 * is the place's word offset. 0; -EAGAIN: there will be room after some collects; -ENOSPC when no
 * more may be made; -E2BIG when it would not fit if nothing else was there; or -errno of the
 * kernel.
 */
int unwind_store_put(struct unwind_store *store, const uint32_t *words, size_t count,
		     uint32_t *ret);

/* Gives up a place. Walkers may still read it: it is used again after the collect after next. */
void unwind_store_drop(struct unwind_store *store, uint32_t place, size_t count);

/* To be called when no walker runs any more that ran at the last call. */
void unwind_store_collect(struct unwind_store *store);

/* Makes empty chunks ahead, so that the next put of this size need not wait for the kernel. */
int unwind_store_prepare(struct unwind_store *store, size_t count);

uint64_t unwind_store_bytes(const struct unwind_store *store); /* of all chunks */

#endif
