/* SPDX-License-Identifier: Apache-2.0 */
#include "web/gate.h"

#include <stddef.h>

void gate_init(struct gate *gate, unsigned int room)
{
	(void)pthread_mutex_init(&gate->lock, NULL);
	(void)pthread_cond_init(&gate->left, NULL);
	gate->room = room;
}

void gate_done(struct gate *gate)
{
	(void)pthread_cond_destroy(&gate->left);
	(void)pthread_mutex_destroy(&gate->lock);
}

void gate_enter(struct gate *gate)
{
	if (!gate)
		return;
	(void)pthread_mutex_lock(&gate->lock);
	while (gate->room == 0)
		(void)pthread_cond_wait(&gate->left, &gate->lock);
	gate->room--;
	(void)pthread_mutex_unlock(&gate->lock);
}

void gate_leave(struct gate *gate)
{
	if (!gate)
		return;
	(void)pthread_mutex_lock(&gate->lock);
	gate->room++;
	(void)pthread_cond_signal(&gate->left);
	(void)pthread_mutex_unlock(&gate->lock);
}
