/* SPDX-License-Identifier: Apache-2.0 */
/* What the threads of the uploader wait at: for files, for time to pass, for the end. */
#ifndef EPROF_AGENT_UPLOADER_GATE_H
#define EPROF_AGENT_UPLOADER_GATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Ends in the order of its members; none of them is taken back. */
struct uploader_view {
	uint64_t wakes; /* counts uploader_gate_wake() */
	bool drains;    /* with ends: what is there is sent before */
	bool ends;      /* nothing new is begun */
	bool is_cut;    /* what is begun is left */
};

struct uploader_gate {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* CLOCK_MONOTONIC */
	struct uploader_view view;
	_Atomic bool cut; /* as in view, for who has no time for the lock */
};

/* 0 or -errno. */
int uploader_gate_init(struct uploader_gate *gate);
void uploader_gate_destroy(struct uploader_gate *gate);

void uploader_gate_wake(struct uploader_gate *gate);
void uploader_gate_end(struct uploader_gate *gate, bool drains);
void uploader_gate_cut(struct uploader_gate *gate);

struct uploader_view uploader_gate_look(struct uploader_gate *gate);

/*
 * Returns when CLOCK_MONOTONIC says until_ns, when something else than the wakes is not as seen any
 * more, or, with heeds_wakes, when those are not.
 */
void uploader_gate_wait(struct uploader_gate *gate, const struct uploader_view *seen,
			bool heeds_wakes, uint64_t until_ns);

#endif
