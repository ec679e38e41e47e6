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

#include "symbolize/dwarf_names.h"

/* Of one address; inlining rarely goes deeper than twenty. */
#define DWARF_FRAMES_MAX 64

/* Bytes of answers in one reply; an answer that finds no room is empty. */
#define DWARF_ANSWERS_SIZE_MAX  (1u << 20)
#define DWARF_ANSWER_SIZE_EMPTY 4

/* A name or path longer than this is left out. */
#define DWARF_TEXT_MAX 32767

enum dwarf_request_kind {
	DWARF_OPEN = 1, /* with it: the file, and what .gnu_debugaltlink names if it is there */
	DWARF_FIND = 2, /* behind it: count addresses (1 to DWARF_LOOKUP_MAX), 64 bits each */
};

struct dwarf_request {
	uint32_t kind;
	uint32_t file; /* number of an opened one; of DWARF_OPEN, the next */
	uint32_t count;
	uint32_t unused;
};

struct dwarf_reply {
	int32_t err; /* 0 or -errno; then nothing follows */
	uint32_t size;
};

/* Answers that are written. */
struct dwarf_answers {
	char *bytes; /* the owner's: room, and DWARF_ANSWER_SIZE_EMPTY for each answer to come */
	size_t size; /* written */
	size_t room; /* for answers that are not empty: size may grow to it */
};

/*
 * Appends the frames of one address; none of them when there is no room for all, or the name of an
 * inlined function is too long.
 */
void dwarf_answers_put(struct dwarf_answers *answers, const struct dwarf_frame *frames, size_t n);

/*
 * Takes the next address's frames from *position on, n at most (others are skipped). Strings are in
 * bytes, and end there. False: that is not what dwarf_answers_put() writes.
 */
bool dwarf_answers_take(const char *bytes, size_t size, size_t *position, struct dwarf_frame *ret,
			size_t n, size_t *ret_count);

/*
 * Sends all, with fd_count (0 to 2) descriptors. deadline_ns is of CLOCK_MONOTONIC; 0: none. 0;
 * -ETIMEDOUT, -EPIPE the other end has gone, -errno.
 */
int dwarf_send(int socket, const void *bytes, size_t size, const int *fds, size_t fd_count,
	       uint64_t deadline_ns);

/*
 * Receives size bytes; descriptors that come with them go to fds (as many as there is room for; the
 * rest is closed), unless fds is NULL. The same errors.
 */
int dwarf_receive(int socket, void *ret, size_t size, int *fds, size_t fds_max, size_t *ret_fds,
		  uint64_t deadline_ns);

#endif
