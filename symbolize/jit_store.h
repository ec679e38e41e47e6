/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of code that is made at run time: bytes about each piece, found by its address.
 * Within a limit of memory: when that is reached, what no address leads to any more is dropped.
 */
#ifndef EPROF_SYMBOLIZE_JIT_STORE_H
#define EPROF_SYMBOLIZE_JIT_STORE_H

#include "symbolize/jit_ranges.h"

/* The code of a range whose memory is known to be nobody's. */
#define JIT_CODE_NONE UINT32_MAX

/* No function is larger; a writer that says so would hide all others behind it. */
#define JIT_CODE_SIZE_MAX (UINT64_C(1) << 30)

/* The zero value, with its limit set, is empty. */
struct jit_store {
	size_t bytes_max; /* of what is in use of jit_store_bytes(); below 2 GiB */
	struct jit_ranges ranges;
	char *bytes;
	size_t used, capacity;
	bool is_full;      /* nothing more is taken until jit_store_forget() or _clear() */
	uint64_t replaced; /* grows when an address may have another answer than before */
};

void jit_store_done(struct jit_store *store); /* empty, and usable, afterwards */

/*
 * Keeps size bytes about code that is going to be placed. -ENOSPC: no room; -ENOMEM. What is not
 * placed before the next one is kept may go.
 */
int jit_store_keep(struct jit_store *store, const void *about, size_t size, uint32_t *ret_code);

/*
 * Sees to it that so many pieces more of code that is kept already may be placed. 0; -ENOSPC: no
 * room; -ENOMEM. Numbers of code and what was found before are gone.
 */
int jit_store_room(struct jit_store *store, size_t pieces);

/* Lays it there; the range's size is at most JIT_CODE_SIZE_MAX. 0 or -ENOMEM. */
int jit_store_place(struct jit_store *store, const struct jit_range *range);

struct jit_found {
	const void *about; /* aligned for any number; until the next call that keeps */
	uint32_t code;
	uint64_t offset; /* of the address in its code */
	uint64_t end;    /* of what is left of the code here */
};

/* As jit_ranges_find(). False: nothing is known. */
bool jit_store_find(const struct jit_store *store, uint64_t address, uint64_t time_ns,
		    struct jit_found *ret);

/* Nobody will ask about times before. */
void jit_store_forget(struct jit_store *store, uint64_t before_ns);

/* Begins anew. */
void jit_store_clear(struct jit_store *store);

size_t jit_store_bytes(const struct jit_store *store); /* of memory */

#endif
