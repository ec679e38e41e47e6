/* SPDX-License-Identifier: Apache-2.0 */
/* What the files processes*.c share; nobody else includes it. All with the lock held. */
#ifndef EPROF_AGENT_PROCESSES_PARTS_H
#define EPROF_AGENT_PROCESSES_PARTS_H

#include <pthread.h>

#include "agent/bind_budget.h"
#include "agent/mappings.h"
#include "agent/pid_list.h"
#include "agent/processes.h"

#define PROCESSES_BUCKETS 4096 /* a power of two */

struct generation {
	struct generation *next; /* in its bucket; of one pid, the newest comes first */
	int32_t pid;
	uint64_t begin_ns;
	uint64_t last_exit_ns; /* of a thread; 0: none yet */
	struct mappings mappings;
	struct bind_budget budget;
	struct unwind_run run; /* what the unwinder has of the newest generation */
	bool is_changed;       /* since it was told; the pid is in processes->changed then */
	bool is_over;          /* a later one of its pid has ended, and is forgotten */
	bool is_exiting;       /* the pid is in processes->exited */
	uint64_t version;
	uint64_t changed_ns; /* when it became this version */
	uint64_t settled_ns; /* when walkers had been told of that; UINT64_MAX: not yet */
};

struct processes {
	pthread_mutex_t lock; /* of all that is below */
	struct binaries *binaries;
	struct unwinder *unwinder; /* or NULL */
	bool follow_all;
	uint64_t dropped_mappings;
	uint64_t version; /* the last one given out */
	struct pid_list changed;
	struct pid_list exited; /* whose threads have, of late: their runs may be free */
	bool has_put_off;       /* read by any thread */
	struct generation *buckets[PROCESSES_BUCKETS];
};

/* What pid was at a time: the newest generation that had begun. NULL: it is not known. */
struct generation *processes_find(const struct processes *processes, int32_t pid, uint64_t time_ns);

/* Notes that a thread of a generation has ended: perhaps all of it has. 0 or -ENOMEM. */
int processes_mark_exited(struct processes *processes, struct generation *generation,
			  uint64_t time_ns);

/* Whether that was its last thread, and its parent has been told. */
bool processes_has_ended(const struct generation *generation);

#endif
