/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/namer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "agent/known_stacks.h"
#include "base/cleanup.h"

struct namer {
	struct naming *naming;
	struct processes *processes;
	struct profile *profile;
	struct known_stacks known;
	pthread_t thread;
	bool is_running;
	/* Of all below. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct sample_batch *first, **last; /* waiting */
	size_t waiting;
	bool is_last; /* no more batches come */
	int err;      /* that ended the thread */
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

static int name_stack(struct namer *namer, const struct sample *sample, struct known_stack *ret)
{
	struct named_stack stack;

	naming_name(namer->naming, sample, &stack);
	*ret = (struct known_stack){ .stop = stack.stop, .is_complete = stack.is_complete };
	return call_tree_reach(namer->profile->tree, stack.frames, stack.count, &ret->node);
}

static int name_sample(struct namer *namer, const struct sample *sample)
{
	struct profile *profile = namer->profile;
	/* The same addresses are other code after a mapping has changed. */
	uint64_t id =
		hash_u64(sample->id + processes_version(namer->processes, (int32_t)sample->tgid,
							sample->first_ns));
	struct known_stack known;

	if (!known_stacks_find(&namer->known, id, &known)) {
		int err = name_stack(namer, sample, &known);

		if (err < 0)
			return err;
		known_stacks_add(&namer->known, id, &known);
	}
	profile->samples += sample->count;
	profile->stops[known.stop] += sample->count;
	if (known.is_complete)
		profile->complete_samples += sample->count;
	return call_tree_count(profile->tree, known.node, sample->count);
}

static int name_batch(struct namer *namer, const struct sample_batch *batch)
{
	if (batch->kernel_changed) {
		naming_kernel_changed(namer->naming);
		known_stacks_clear(&namer->known);
	}
	for (size_t i = 0; i < batch->count; i++) {
		struct sample sample;
		int err;

		sample_batch_read(batch, i, &sample);
		err = name_sample(namer, &sample);
		if (err < 0)
			return err;
	}
	processes_forget(namer->processes, batch->forget_before_ns);
	return 0;
}

/* The next batch, or NULL when there will be none. */
static struct sample_batch *wait_for_batch(struct namer *namer)
{
	struct sample_batch *batch;

	(void)pthread_mutex_lock(&namer->lock);
	while (!namer->first && !namer->is_last)
		(void)pthread_cond_wait(&namer->changed, &namer->lock);
	batch = namer->first;
	if (batch) {
		namer->first = batch->next;
		if (!namer->first)
			namer->last = &namer->first;
		namer->waiting--;
		(void)pthread_cond_broadcast(&namer->changed);
	}
	(void)pthread_mutex_unlock(&namer->lock);
	return batch;
}

static void *run(void *context)
{
	struct namer *namer = context;

	for (;;) {
		CLEANUP(cleanup_batch) struct sample_batch *batch = wait_for_batch(namer);
		int err;

		if (!batch)
			return NULL;
		err = name_batch(namer, batch);
		if (err >= 0)
			continue;
		(void)pthread_mutex_lock(&namer->lock);
		namer->err = err;
		(void)pthread_cond_broadcast(&namer->changed);
		(void)pthread_mutex_unlock(&namer->lock);
		return NULL;
	}
}

int namer_new(struct naming *naming, struct processes *processes, struct profile *profile,
	      struct namer **ret)
{
	struct namer *namer = calloc(1, sizeof(*namer));
	int err;

	if (!namer)
		return -ENOMEM;
	namer->naming = naming;
	namer->processes = processes;
	namer->profile = profile;
	namer->last = &namer->first;
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
	while (namer->first) {
		struct sample_batch *batch = namer->first;

		namer->first = batch->next;
		batch_free(batch);
	}
	namer->last = &namer->first;
	namer->waiting = 0;
	(void)pthread_mutex_unlock(&namer->lock);
	(void)namer_finish(namer);
	(void)pthread_mutex_destroy(&namer->lock);
	(void)pthread_cond_destroy(&namer->changed);
	known_stacks_done(&namer->known);
	free(namer);
}
