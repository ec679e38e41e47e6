/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks for functions, inlined ones and lines by debug information. It is read by a process of its
 * own, started when the first file is handed over: the files are strangers', the library that reads
 * them is large, and we are root. That process has no privileges; one that crashes, hangs or eats
 * memory is ended, and the file it was reading is left alone from then on. For one thread, but
 * for dwarf_client_usage_of().
 */
#ifndef EPROF_AGENT_DWARF_CLIENT_H
#define EPROF_AGENT_DWARF_CLIENT_H

#include "base/clock.h"
#include "symbolize/dwarf_names.h"
#include "symbolize/symbolize.h"

struct dwarf_client;

/* Each file is one of refused, crashes, timeouts and unread at most. */
struct dwarf_client_stats {
	uint64_t files;     /* to be read */
	uint64_t addresses; /* asked for */
	uint64_t refused;   /* files that the reader could not make sense of */
	uint64_t crashes;   /* files whose reading ended the reader, or made it talk nonsense */
	uint64_t timeouts;  /* files whose reading took too long */
	uint64_t unread;    /* files without a reader or room, or when waiting was interrupted */
	uint64_t left_out;  /* addresses whose chains of functions are too long to be told */
	/* Parts of files: again each time that they are read. */
	uint64_t parts_refused[DWARF_REFUSALS];
	double cpu_seconds; /* of readers */
};

/*
 * What one request may take. Finding the compilation units of a gigabyte of debug information takes
 * some seconds.
 */
#define DWARF_REQUEST_NS_MAX (30 * NS_PER_SECOND)

/*
 * As long as so many of the longest requests may be waited for one file, with all of its requests:
 * 90 s, in which several gigabytes are read. And as long for all files, but for what each has for
 * itself, which is this part of a request: 2 s, with which most never need more. Who names waits
 * meanwhile, and after some time who samples waits for him.
 */
#define DWARF_FILE_REQUESTS 3
#define DWARF_SLOW_REQUESTS 6
#define DWARF_QUICK_PART    15

/* Readers that may end badly before none is started any more. A file may end two of them. */
#define DWARF_READERS_MAX 32

int dwarf_client_new(uint64_t request_ns_max, struct dwarf_client **ret);
void dwarf_client_free(struct dwarf_client *client); /* NULL is fine; ends the process */

/*
 * When interrupt_fd (borrowed; -1: none) is readable for a second, what is waited for is given up,
 * and nothing else is read any more. See struct dwarf_wait.
 */
void dwarf_client_set_interrupt(struct dwarf_client *client, int interrupt_fd);

/* The functions of struct dwarf_lookup (symbolize/symbolize.h), context being the client. */
int dwarf_client_open(void *context, int fd, int alt_fd, uint32_t *ret_file);
int dwarf_client_find(void *context, uint32_t number, const uint64_t *addresses, size_t n,
		      dwarf_answer answer, void *answer_context);

/*
 * For who goes on for months, between questions. The reader forgets what was not asked for since
 * the last call; a file with which it crashes or hangs is given up. Ends one that has more memory
 * then (its own and of files) than that, or so much more than when it was first told so: the next
 * question begins another one, which knows nothing yet. And gives back what limits are for: a
 * hundredth of the time since the last call, to each file and to all, and a reader an hour; files
 * that have been given up stay so. now_ns: CLOCK_MONOTONIC.
 */
struct dwarf_client_room {
	uint64_t bytes_max, growth_max;
};
void dwarf_client_rest(struct dwarf_client *client, const struct dwarf_client_room *room,
		       uint64_t now_ns);

/* Of the reader that runs; zero: none does. For any thread. */
struct dwarf_client_usage {
	uint64_t cpu_ns, resident_bytes;
};
void dwarf_client_usage_of(const struct dwarf_client *client, struct dwarf_client_usage *ret);

/* Also of the reader that runs. */
void dwarf_client_read_stats(const struct dwarf_client *client, struct dwarf_client_stats *ret);

#endif
