/* SPDX-License-Identifier: Apache-2.0 */
#ifndef EPROF_BASE_LOCK_H
#define EPROF_BASE_LOCK_H

#include <pthread.h>

/*
 * A lock between threads of different priorities: whoever holds it runs at the priority of who
 * waits for it. To be destroyed with pthread_mutex_destroy().
 */
static inline void lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attributes;

	(void)pthread_mutexattr_init(&attributes);
	(void)pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	(void)pthread_mutex_init(lock, &attributes);
	(void)pthread_mutexattr_destroy(&attributes);
}

#endif
