/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/namer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "agent/known_stacks.h"
#include "base/cleanup.h"
#include "base/clock.h"

/* Of samples that wait for debug files; at 99 Hz a large machine has a tenth of it in 20 s. */
#define HELD_BYTES_MAX (256u << 20)

/* How often is looked for debug files. */
#define DOWNLOADS_MS 100

struct namer {
	struct naming *naming;
	struct processes *processes;
	struct debug_downloads *downloads; /* or NULL */
	struct profile *profile;
	struct known_stacks known;
	struct sample_batch *held, **held_last; /* wait for debug files */
	size_t held_bytes;
	pthread_t thread;
	bool is_running;
	/* Of all below. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct sample_batch *first, **last; /* waiting */
	size_t waiting;
	bool is_last;      /* no more batches come */
	bool is_abandoned; /* and nobody wants what there is */
	int err;           /* that ended the thread */
};

static void batch_free(struct sample_batch *batch)
{
	if (!batch)
		return;
	sample_batch_done(batch);
	free(batch);
}

static void cleanup_batch(struct sample_batch **batch)
{
	batch_free(*batch);
}

static struct call_tree *tree_of(const struct namer *namer, const struct sample *sample)
{
	return sample->is_off_cpu ? namer->profile->off_tree : namer->profile->tree;
}

static int name_stack(struct namer *namer, const struct sample *sample, uint64_t version,
		      struct known_stack *ret)
{
	struct named_stack stack;

	if (namer->downloads)
		naming_name_prepared(namer->naming, sample, version, &stack);
	else
		naming_name(namer->naming, sample, &stack);
	*ret = (struct known_stack){ .stop = stack.stop, .is_complete = stack.is_complete };
	return call_tree_reach(tree_of(namer, sample), stack.frames, stack.count, &ret->node);
}

/* The same addresses are other code after a mapping, or what is made at run time, has changed. */
static uint64_t stack_id(const struct namer *namer, const struct sample *sample, uint64_t version)
{
	uint64_t mapped =
		processes_version(namer->processes, (int32_t)sample->tgid, sample->first_ns);

	return hash_u64(sample->id + mapped) + hash_u64(version);
}

static int name_sample(struct namer *namer, const struct sample *sample, uint64_t version)
{
	struct profile *profile = namer->profile;
	uint64_t id = stack_id(namer, sample, version);
	struct known_stack known;

	if (!known_stacks_find(&namer->known, id, &known)) {
		int err = name_stack(namer, sample, version, &known);

		if (err < 0)
			return err;
		known_stacks_add(&namer->known, id, &known);
	}
	if (sample->is_off_cpu) {
		profile->off_ns += sample->count;
		profile->off_complete_ns += known.is_complete ? sample->count : 0;
	} else {
		profile->samples += sample->count;
		profile->stops[known.stop] += sample->count;
		profile->complete_samples += known.is_complete ? sample->count : 0;
	}
	return call_tree_count(tree_of(namer, sample), known.node, sample->count);
}

static uint64_t version_of(const struct namer *namer, const struct sample_batch *batch, size_t i,
			   const struct sample *sample)
{
	return batch->versions ? batch->versions[i] : naming_sample_version(namer->naming, sample);
}

static int name_samples(struct namer *namer, const struct sample_batch *batch)
{
	if (batch->kernel_changed) {
		naming_kernel_changed(namer->naming);
		known_stacks_clear(&namer->known);
	}
	for (size_t i = 0; i < batch->count; i++) {
		struct sample sample;
		int err;

		sample_batch_read(batch, i, &sample);
		err = name_sample(namer, &sample, version_of(namer, batch, i, &sample));
		if (err < 0)
			return err;
	}
	return 0;
}

/* All samples from before that time are named. */
static void forget_before(struct namer *namer, uint64_t time_ns)
{
	processes_forget(namer->processes, time_ns);
	naming_end(namer->naming, time_ns);
}

static int name_batch(struct namer *namer, const struct sample_batch *batch)
{
	int err;

	naming_begin(namer->naming);
	err = name_samples(namer, batch);
	if (!err)
		forget_before(namer, batch->forget_before_ns);
	return err;
}

/* What is known of run-time code now may not be known later. */
static int prepare_batch(struct namer *namer, struct sample_batch *batch)
{
	naming_begin(namer->naming);
	batch->versions = calloc(batch->count + 1, sizeof(*batch->versions));
	if (!batch->versions)
		return -ENOMEM;
	for (size_t i = 0; i < batch->count; i++) {
		struct known_stack known;
		struct sample sample;

		sample_batch_read(batch, i, &sample);
		batch->versions[i] = naming_sample_version(namer->naming, &sample);
		if (!known_stacks_find(&namer->known, stack_id(namer, &sample, batch->versions[i]),
				       &known))
			naming_prepare(namer->naming, &sample, batch->versions[i]);
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
	naming_forget_prepared(namer->naming);
	return 0;
}

static int name_early(struct namer *namer)
{
	while (namer->held_bytes > HELD_BYTES_MAX) {
		CLEANUP(cleanup_batch) struct sample_batch *batch = take_held(namer);
		int err = name_samples(namer, batch);

		if (err < 0)
			return err;
		namer->profile->named_early += batch->total;
	}
	return 0;
}

/* Takes what debug files have come; when no other is under way, there is nothing to wait for. */
static int look_for_downloads(struct namer *namer)
{
	if (debug_downloads_take(namer->downloads))
		known_stacks_clear(&namer->known);
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

static int finish(struct namer *namer)
{
	int err = 0;

	if (namer->is_abandoned)
		return 0;
	if (namer->downloads) {
		if (debug_downloads_finish(namer->downloads))
			known_stacks_clear(&namer->known);
		err = name_held(namer);
	}
	return err < 0 ? err
		       : naming_finish(namer->naming,
				       (struct call_tree * *[]){ &namer->profile->tree,
								 &namer->profile->off_tree },
				       2);
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

	for (;;) {
		CLEANUP(cleanup_batch) struct sample_batch *batch = NULL;
		enum work work = wait_for_work(namer, &batch);
		int err = do_work(namer, work, &batch);

		if (!err && work == WORK_END)
			return NULL;
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
	namer->naming = parts->naming;
	namer->processes = parts->processes;
	namer->downloads = parts->downloads;
	namer->profile = profile;
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
	known_stacks_done(&namer->known);
	free(namer);
}
