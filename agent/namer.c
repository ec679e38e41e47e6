/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/namer.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "agent/sample_namer.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* Of samples that wait for debug files; at 99 Hz a large machine has a tenth of it in 20 s. */
#define HELD_BYTES_MAX (256u << 20)

/* How often is looked for debug files. */
#define DOWNLOADS_MS 100

struct namer {
	struct sample_namer samples;
	struct debug_downloads *downloads; /* or NULL */
	profile_handler take;
	void *take_context;
	struct sample_batch *held, **held_last; /* wait for debug files */
	size_t held_bytes;
	uint64_t turned_cpu_ns; /* the thread's own, when the last window ended */
	pthread_t thread;
	bool is_running;
	/* Of all below. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct sample_batch *first, **last; /* waiting */
	size_t waiting;
	bool is_last;              /* no more batches come */
	_Atomic bool is_abandoned; /* and nobody wants what there is; read without the lock */
	int err;                   /* that ended the thread */
};

static void turn_free(struct namer_turn *turn)
{
	if (!turn)
		return;
	profile_done(&turn->next);
	ledger_free(turn->ledger);
	free(turn);
}

static void batch_free(struct sample_batch *batch)
{
	if (!batch)
		return;
	turn_free(batch->turn);
	sample_batch_done(batch);
	free(batch);
}

static void cleanup_batch(struct sample_batch **batch)
{
	batch_free(*batch);
}

static uint64_t version_of(const struct namer *namer, const struct sample_batch *batch, size_t i,
			   const struct sample *sample)
{
	return batch->versions ? batch->versions[i]
			       : naming_sample_version(namer->samples.naming, sample);
}

static int name_samples(struct namer *namer, const struct sample_batch *batch)
{
	int caught_up = namer->samples.services ? services_catch_up(namer->samples.services) : 0;

	if (caught_up < 0)
		return caught_up;
	if (batch->kernel_changed) {
		naming_kernel_changed(namer->samples.naming);
		sample_namer_forget(&namer->samples);
	}
	for (size_t i = 0; i < batch->count; i++) {
		struct sample sample;
		int err;

		sample_batch_read(batch, i, &sample);
		err = sample_namer_name(&namer->samples, &sample,
					version_of(namer, batch, i, &sample));
		if (err < 0)
			return err;
	}
	return 0;
}

/* All samples from before that time are named. */
static void forget_before(struct namer *namer, uint64_t time_ns)
{
	processes_forget(namer->samples.processes, time_ns);
	naming_end(namer->samples.naming, time_ns);
}

static int name_batch(struct namer *namer, const struct sample_batch *batch)
{
	int err;

	naming_begin(namer->samples.naming);
	err = name_samples(namer, batch);
	if (!err)
		forget_before(namer, batch->forget_before_ns);
	return err;
}

/* What is known of run-time code now may not be known later. */
static int prepare_batch(struct namer *namer, struct sample_batch *batch)
{
	naming_begin(namer->samples.naming);
	batch->versions = calloc(batch->count + 1, sizeof(*batch->versions));
	if (!batch->versions)
		return -ENOMEM;
	for (size_t i = 0; i < batch->count; i++) {
		struct sample sample;

		sample_batch_read(batch, i, &sample);
		batch->versions[i] = naming_sample_version(namer->samples.naming, &sample);
		if (!sample_namer_knows(&namer->samples, &sample, batch->versions[i]))
			naming_prepare(namer->samples.naming, &sample, batch->versions[i]);
	}
	return 0;
}

static struct sample_batch *take_held(struct namer *namer)
{
	struct sample_batch *batch = namer->held;

	namer->held = batch->next;
	if (!namer->held)
		namer->held_last = &namer->held;
	namer->held_bytes -= sample_batch_bytes(batch);
	return batch;
}

static int name_held(struct namer *namer)
{
	while (namer->held) {
		CLEANUP(cleanup_batch) struct sample_batch *batch = take_held(namer);
		int err = name_samples(namer, batch);

		if (err < 0)
			return err;
		/* Only then: processes that are gone are in later ones, too. */
		if (!namer->held)
			forget_before(namer, batch->forget_before_ns);
	}
	naming_forget_prepared(namer->samples.naming);
	return 0;
}

static int name_early(struct namer *namer)
{
	while (namer->held_bytes > HELD_BYTES_MAX) {
		CLEANUP(cleanup_batch) struct sample_batch *batch = take_held(namer);
		int err = name_samples(namer, batch);

		if (err < 0)
			return err;
		namer->samples.profile->named_early += batch->total;
	}
	return 0;
}

/* Takes what debug files have come; when no other is under way, there is nothing to wait for. */
static int look_for_downloads(struct namer *namer)
{
	if (debug_downloads_take(namer->downloads))
		sample_namer_forget(&namer->samples);
	return debug_downloads_are_pending(namer->downloads) ? name_early(namer) : name_held(namer);
}

/* Takes the batch. */
static int hold(struct namer *namer, struct sample_batch *batch)
{
	int err = prepare_batch(namer, batch);

	if (err < 0) {
		batch_free(batch);
		return err;
	}
	batch->next = NULL;
	*namer->held_last = batch;
	namer->held_last = &batch->next;
	namer->held_bytes += sample_batch_bytes(batch);
	return look_for_downloads(namer);
}

/* All of a profile has its last name. */
static int finish(struct namer *namer)
{
	int err = 0;

	if (namer->is_abandoned)
		return 0;
	if (namer->downloads) {
		if (debug_downloads_finish(namer->downloads))
			sample_namer_forget(&namer->samples);
		err = name_held(namer);
	}
	return err < 0 ? err
		       : naming_finish(
				 namer->samples.naming,
				 (struct call_tree * *[]){ &namer->samples.profile->tree,
							   &namer->samples.profile->off_tree },
				 2);
}

/* What this window took the thread. What the handler does of the last one is in it. */
static double take_cpu_seconds(struct namer *namer)
{
	uint64_t now_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	double seconds = (double)(now_ns - namer->turned_cpu_ns) / (double)NS_PER_SECOND;

	namer->turned_cpu_ns = now_ns;
	return seconds;
}

/* The contents of the profile are exchanged: what is borrowed stays where it is. */
static int turn(struct namer *namer, struct namer_turn *turn)
{
	int err = finish(namer);
	struct profile done;

	if (err < 0 || namer->is_abandoned)
		return err;
	done = *namer->samples.profile;
	done.ledger = TAKE(turn->ledger);
	done.seconds = turn->seconds;
	done.sample_hz = turn->sample_hz;
	done.name_seconds = take_cpu_seconds(namer);
	memcpy(done.counters, turn->counters, sizeof(done.counters));
	*namer->samples.profile = turn->next;
	turn->next = (struct profile){ 0 };
	sample_namer_forget(&namer->samples);
	naming_rest(namer->samples.naming, clock_ns(CLOCK_MONOTONIC) / NS_PER_SECOND);
	if (namer->samples.services)
		services_end_window(namer->samples.services);
	err = namer->take(namer->take_context, &done);
	profile_done(&done);
	return err;
}

/* With the lock held. */
static void wait_for_change(struct namer *namer)
{
	struct timespec until = clock_in_ms(CLOCK_MONOTONIC, DOWNLOADS_MS);

	if (namer->held)
		(void)pthread_cond_clockwait(&namer->changed, &namer->lock, CLOCK_MONOTONIC,
					     &until);
	else
		(void)pthread_cond_wait(&namer->changed, &namer->lock);
}

enum work { WORK_BATCH, WORK_DOWNLOADS, WORK_END };

/* What to do next; a batch is the caller's. */
static enum work wait_for_work(struct namer *namer, struct sample_batch **ret)
{
	struct sample_batch *batch;
	enum work work = WORK_BATCH;

	(void)pthread_mutex_lock(&namer->lock);
	if (!namer->first && !namer->is_last)
		wait_for_change(namer);
	batch = namer->first;
	if (batch) {
		namer->first = batch->next;
		if (!namer->first)
			namer->last = &namer->first;
		namer->waiting--;
		(void)pthread_cond_broadcast(&namer->changed);
	} else {
		work = namer->is_last ? WORK_END : WORK_DOWNLOADS;
	}
	(void)pthread_mutex_unlock(&namer->lock);
	*ret = batch;
	return work;
}

static int do_work(struct namer *namer, enum work work, struct sample_batch **batch)
{
	switch (work) {
	case WORK_BATCH:
		if ((*batch)->turn)
			return turn(namer, (*batch)->turn);
		return namer->downloads ? hold(namer, TAKE(*batch)) : name_batch(namer, *batch);
	case WORK_DOWNLOADS:
		return namer->downloads ? look_for_downloads(namer) : 0;
	case WORK_END:
		break;
	}
	return finish(namer);
}

static void *run(void *context)
{
	struct namer *namer = context;

	(void)prctl(PR_SET_NAME, "eprof-name");
	for (;;) {
		CLEANUP(cleanup_batch) struct sample_batch *batch = NULL;
		enum work work = wait_for_work(namer, &batch);
		int err = do_work(namer, work, &batch);

		if (!err && work == WORK_END) {
			namer->samples.profile->name_seconds = take_cpu_seconds(namer);
			return NULL;
		}
		if (err >= 0)
			continue;
		(void)pthread_mutex_lock(&namer->lock);
		namer->err = err;
		(void)pthread_cond_broadcast(&namer->changed);
		(void)pthread_mutex_unlock(&namer->lock);
		return NULL;
	}
}

int namer_new(const struct namer_parts *parts, struct profile *profile, struct namer **ret)
{
	struct namer *namer = calloc(1, sizeof(*namer));
	int err;

	if (!namer)
		return -ENOMEM;
	namer->samples.naming = parts->naming;
	namer->samples.processes = parts->processes;
	namer->downloads = parts->downloads;
	namer->samples.services = parts->services;
	namer->take = parts->take;
	namer->take_context = parts->context;
	namer->samples.profile = profile;
	namer->samples.is_prepared = parts->downloads != NULL;
	namer->last = &namer->first;
	namer->held_last = &namer->held;
	(void)pthread_mutex_init(&namer->lock, NULL);
	(void)pthread_cond_init(&namer->changed, NULL);
	err = pthread_create(&namer->thread, NULL, run, namer);
	namer->is_running = !err;
	if (err) {
		namer_free(namer);
		return -err;
	}
	*ret = namer;
	return 0;
}

int namer_take(struct namer *namer, struct sample_batch *batch)
{
	int err;

	(void)pthread_mutex_lock(&namer->lock);
	while (!namer->err && namer->waiting >= NAMER_WAITING_MAX)
		(void)pthread_cond_wait(&namer->changed, &namer->lock);
	err = namer->err;
	if (!err) {
		batch->next = NULL;
		*namer->last = batch;
		namer->last = &batch->next;
		namer->waiting++;
		(void)pthread_cond_broadcast(&namer->changed);
	}
	(void)pthread_mutex_unlock(&namer->lock);
	if (err)
		batch_free(batch);
	return err;
}

int namer_turn(struct namer *namer, struct namer_turn *turn)
{
	struct sample_batch *batch = calloc(1, sizeof(*batch));
	struct namer_turn *copy = malloc(sizeof(*copy));

	assert(namer->take);
	if (!batch || !copy) {
		profile_done(&turn->next);
		ledger_free(turn->ledger);
		free(batch);
		free(copy);
		return -ENOMEM;
	}
	*copy = *turn;
	batch->turn = copy;
	return namer_take(namer, batch);
}

int namer_finish(struct namer *namer)
{
	if (!namer->is_running)
		return namer->err;
	(void)pthread_mutex_lock(&namer->lock);
	namer->is_last = true;
	(void)pthread_cond_broadcast(&namer->changed);
	(void)pthread_mutex_unlock(&namer->lock);
	(void)pthread_join(namer->thread, NULL);
	namer->is_running = false;
	return namer->err;
}

void namer_free(struct namer *namer)
{
	if (!namer)
		return;
	(void)pthread_mutex_lock(&namer->lock);
	namer->is_abandoned = true;
	while (namer->first) {
		struct sample_batch *batch = namer->first;

		namer->first = batch->next;
		batch_free(batch);
	}
	namer->last = &namer->first;
	namer->waiting = 0;
	(void)pthread_mutex_unlock(&namer->lock);
	(void)namer_finish(namer);
	while (namer->held)
		batch_free(take_held(namer));
	(void)pthread_mutex_destroy(&namer->lock);
	(void)pthread_cond_destroy(&namer->changed);
	sample_namer_done(&namer->samples);
	free(namer);
}
