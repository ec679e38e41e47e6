/* SPDX-License-Identifier: Apache-2.0 */
/* A door that so many threads may be behind at once; the others wait. */
#ifndef EPROF_WEB_GATE_H
#define EPROF_WEB_GATE_H

#include <pthread.h>

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t left;
	unsigned int room; /* below the lock */
};

void gate_init(struct gate *gate, unsigned int room);
void gate_done(struct gate *gate); /* nobody is behind it any more */

/* NULL is a door that is always open. */
void gate_enter(struct gate *gate);
void gate_leave(struct gate *gate);

#endif
