/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The off-CPU half of the kernel half: owns its skeleton, which shares maps with the sampler's.
 * Windows follow each other without a gap: one begins where, by the scheduler's clock, the one
 * before ended.
 */
#ifndef EPROF_AGENT_OFF_CPU_H
#define EPROF_AGENT_OFF_CPU_H

#include "agent/ledger.h"
#include "agent/options.h"
#include "agent/sampler.h"

struct off_cpu;

struct off_cpu_facts {
	bool is_raw;       /* measured by raw tracepoints */
	uint64_t not_kept; /* pieces of stacks, and wakers, for want of memory */
	uint64_t missed; /* threads that were exiting when a window ended, and are not in its ledger
			  */
};

/*
 * Loads the programs. The sampler is the one of this recording, and outlives this. Prints one line
 * and returns -errno on failure; on success the caller owns *ret.
 */
int off_cpu_new(const struct record_options *options, const struct sampler *sampler,
		struct off_cpu **ret);
void off_cpu_free(struct off_cpu *off); /* NULL is fine */

/*
 * Attaches to the tracepoints of the scheduler, one by one, which takes a while on a busy machine:
 * what is to begin together with off_cpu_start() begins after this. Threads get records and no
 * time. One line and -errno on failure.
 */
int off_cpu_attach(struct off_cpu *off);

/*
 * After off_cpu_attach(): the first window begins. Who is blocked already is looked at: by now the
 * unwind tables of what is recorded should be there. One line and -errno on failure.
 */
int off_cpu_start(struct off_cpu *off);

/*
 * To be called OFF_CPU_LOOKS_HZ times a second: takes the accounts of threads that have ended, and
 * walks the stacks of those that are blocked and whose unwind tables were not there in time, as
 * they may be now. It costs little when there is nothing to do, and has limits when there always
 * is. 0 or -errno.
 */
#define OFF_CPU_LOOKS_HZ 10
int off_cpu_look(struct off_cpu *off);

/* As sampler_flip(), which has to follow: that waits until nobody writes to the quiet half. */
void off_cpu_flip(struct off_cpu *off);

/*
 * Ends the window: all time until now goes to the quiet half, also that of who is still blocked.
 * sampler_flip() has to follow; until it has, flipping does nothing. is_last: no other window
 * follows, and nothing is accounted for from here on. 0 or -errno.
 */
int off_cpu_end_window(struct off_cpu *off, bool is_last);

/* As sampler_drain(). A row with time blocked and time in the run queue comes as two. */
int off_cpu_drain(struct off_cpu *off, sample_handler handler, void *context);

/* After the drain of a window's end: where the time of all threads went in it. The caller's. */
int off_cpu_collect(struct off_cpu *off, struct ledger **ret);

/*
 * After the drain of a window's end: forgets stacks that no thread can be blocked in any more, as
 * those of all who are were in that drain.
 */
void off_cpu_forget(struct off_cpu *off);

/* No switch is looked at after it returns. */
void off_cpu_stop(struct off_cpu *off);

void off_cpu_read_facts(const struct off_cpu *off, struct off_cpu_facts *ret);

#endif
