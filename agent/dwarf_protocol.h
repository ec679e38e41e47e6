/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What eprof and its reader of debug information (agent/dwarf_server.c) say to each other
 * over a stream socket. A request is a struct dwarf_request; files come as descriptors with it,
 * addresses behind it. A reply is a struct dwarf_reply and the answers behind it. The reader deals
 * with strangers' files and is not trusted: what it sends is checked here.
 */
#ifndef EPROF_AGENT_DWARF_PROTOCOL_H
#define EPROF_AGENT_DWARF_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "symbolize/dwarf_names.h"

/* Of one address; inlining rarely goes deeper than twenty. */
#define DWARF_FRAMES_MAX 64

/* Bytes of answers in one reply; what finds no room is asked for again. */
#define DWARF_ANSWERS_SIZE_MAX (1u << 20)

/* A name or path longer than this is left out. */
#define DWARF_TEXT_MAX 32767

enum dwarf_request_kind {
	DWARF_OPEN = 1, /* with it: the file, and what .gnu_debugaltlink names if it is there */
	DWARF_FIND = 2, /* behind it: count addresses (1 to DWARF_LOOKUP_MAX), 64 bits each */
	DWARF_REST = 3, /* forgets of a file what was not asked for since the last one; count more
			   follow */
};

struct dwarf_request {
	uint32_t kind;
	uint32_t file; /* number of an opened one; of DWARF_OPEN, the next */
	uint32_t count;
	/* After that the reader ends itself: whoever waited for it may have been killed. 0: never
	 */
	uint32_t seconds;
};

struct dwarf_reply {
	int32_t err; /* 0 or -errno; then nothing follows */
	uint32_t size;
	uint32_t refused[DWARF_REFUSALS]; /* while the addresses were looked up */
	uint32_t count; /* of DWARF_FIND, addresses that are answered: the first of those asked for,
			   one at least */
};

/* Answers that are written. */
struct dwarf_answers {
	char *bytes; /* the owner's */
	size_t size; /* written */
	size_t room; /* for all of them; a hundred bytes or more */
};

/*
 * Appends the frames of one address. False: there is no room left, and nothing was appended. What
 * would find no room in a reply of its own, and a chain with the name of an inlined function that
 * is too long, is appended as one that is left out.
 */
bool dwarf_answers_put(struct dwarf_answers *answers, const struct dwarf_frame *frames, size_t n);

/* The frames of one address, as they are taken. */
struct dwarf_answer {
	struct dwarf_frame frames[DWARF_FRAMES_MAX];
	size_t count;
	bool is_left_out; /* there are frames, and they could not be told */
};

/*
 * Takes the next address's frames from *position on (of more than there is room for, the first
 * ones). Strings are in bytes, and end there. False: that is not what dwarf_answers_put() writes.
 */
bool dwarf_answers_take(const char *bytes, size_t size, size_t *position, struct dwarf_answer *ret);

/* How long to wait for the other end. */
struct dwarf_wait {
	uint64_t deadline_ns; /* of CLOCK_MONOTONIC; 0: none */
	/*
	 * -1: none. Somebody wants all to end when it is readable, and stays so for
	 * DWARF_INTERRUPT_NS: who reads it would do so at once, if we did not keep them waiting.
	 */
	int interrupt_fd;
};

#define DWARF_INTERRUPT_NS NS_PER_SECOND

/*
 * Sends all, with fd_count (0 to 2) descriptors. wait may be NULL: as long as it takes. 0;
 * -ETIMEDOUT, -EINTR by interrupt_fd, -EPIPE the other end has gone, -errno.
 */
int dwarf_send(int socket, const void *bytes, size_t size, const int *fds, size_t fd_count,
	       const struct dwarf_wait *wait);

/*
 * Receives size bytes; descriptors that come with them go to fds (as many as there is room for; the
 * rest is closed), unless fds is NULL. The same errors, and no descriptor then.
 */
int dwarf_receive(int socket, void *ret, size_t size, int *fds, size_t fds_max, size_t *ret_fds,
		  const struct dwarf_wait *wait);

#endif
