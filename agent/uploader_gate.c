/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uploader_gate.h"

#include "base/clock.h"

int uploader_gate_init(struct uploader_gate *gate)
{
	pthread_condattr_t attributes;
	int err;

	*gate = (struct uploader_gate){ .cut = false };
	err = pthread_mutex_init(&gate->lock, NULL);
	if (err)
		return -err;
	/* Clocks that jump do not make a wait longer or shorter. */
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	err = pthread_cond_init(&gate->changed, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	if (err)
		(void)pthread_mutex_destroy(&gate->lock);
	return -err;
}

void uploader_gate_destroy(struct uploader_gate *gate)
{
	(void)pthread_cond_destroy(&gate->changed);
	(void)pthread_mutex_destroy(&gate->lock);
}

static void tell(struct uploader_gate *gate)
{
	(void)pthread_cond_broadcast(&gate->changed);
	(void)pthread_mutex_unlock(&gate->lock);
}

void uploader_gate_wake(struct uploader_gate *gate)
{
	(void)pthread_mutex_lock(&gate->lock);
	gate->view.wakes++;
	tell(gate);
}

void uploader_gate_end(struct uploader_gate *gate, bool drains)
{
	(void)pthread_mutex_lock(&gate->lock);
	gate->view.drains = drains;
	gate->view.ends = true;
	tell(gate);
}

void uploader_gate_cut(struct uploader_gate *gate)
{
	gate->cut = true;
	(void)pthread_mutex_lock(&gate->lock);
	gate->view.ends = true;
	gate->view.is_cut = true;
	tell(gate);
}

struct uploader_view uploader_gate_look(struct uploader_gate *gate)
{
	struct uploader_view view;

	(void)pthread_mutex_lock(&gate->lock);
	view = gate->view;
	(void)pthread_mutex_unlock(&gate->lock);
	return view;
}

static bool is_as_seen(const struct uploader_view *now, const struct uploader_view *seen,
		       bool heeds_wakes)
{
	return now->ends == seen->ends && now->drains == seen->drains &&
	       now->is_cut == seen->is_cut && (!heeds_wakes || now->wakes == seen->wakes);
}

void uploader_gate_wait(struct uploader_gate *gate, const struct uploader_view *seen,
			bool heeds_wakes, uint64_t until_ns)
{
	const struct timespec until = { .tv_sec = (time_t)(until_ns / NS_PER_SECOND),
					.tv_nsec = (long)(until_ns % NS_PER_SECOND) };
	int err = 0;

	(void)pthread_mutex_lock(&gate->lock);
	while (!err && is_as_seen(&gate->view, seen, heeds_wakes))
		err = pthread_cond_timedwait(&gate->changed, &gate->lock, &until);
	(void)pthread_mutex_unlock(&gate->lock);
}
