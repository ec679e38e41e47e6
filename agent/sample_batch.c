/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sample_batch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Pointers are set when it is read: the words move while the batch grows. */
struct stored_sample {
	struct sample sample;
	size_t words; /* user addresses, then kernel addresses */
	char process_name[COMM_SIZE], thread_name[COMM_SIZE];
	struct waker waker; /* if sample.waker is not NULL; its words follow the sample's */
	char waker_name[COMM_SIZE];
};

void sample_batch_done(struct sample_batch *batch)
{
	free(batch->samples);
	free(batch->words);
	free(batch->versions);
}

size_t sample_batch_bytes(const struct sample_batch *batch)
{
	size_t bytes = sizeof(*batch) + batch->capacity * sizeof(*batch->samples) +
		       batch->word_capacity * sizeof(*batch->words);

	return batch->versions ? bytes + batch->count * sizeof(*batch->versions) : bytes;
}

/* The items, with room for count more of a size; they may have moved. NULL without memory. */
static void *reserve(void *items, size_t *capacity, size_t used, size_t count, size_t size)
{
	size_t wanted = *capacity ? *capacity : 256;
	void *grown;

	while (wanted < used + count)
		wanted *= 2;
	if (wanted == *capacity)
		return items;
	grown = realloc(items, wanted * size);
	if (grown)
		*capacity = wanted;
	return grown;
}

static int make_room(struct sample_batch *batch, size_t words)
{
	struct stored_sample *samples =
		reserve(batch->samples, &batch->capacity, batch->count, 1, sizeof(*samples));
	uint64_t *grown;

	if (!samples)
		return -ENOMEM;
	batch->samples = samples;
	grown = reserve(batch->words, &batch->word_capacity, batch->word_count, words,
			sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	batch->words = grown;
	return 0;
}

static void copy_name(char to[COMM_SIZE], const char *from)
{
	size_t length = from ? strnlen(from, COMM_SIZE - 1) : 0;

	memcpy(to, from ? from : "", length);
	to[length] = '\0';
}

/* Room is there. */
static void add_words(struct sample_batch *batch, const uint64_t *words, size_t count)
{
	if (count)
		memcpy(batch->words + batch->word_count, words, count * sizeof(*words));
	batch->word_count += count;
}

int sample_batch_add(void *context, const struct sample *sample)
{
	const struct waker *waker = sample->waker;
	struct sample_batch *batch = context;
	size_t depth = sample->user_depth + sample->kernel_depth;
	struct stored_sample *stored;
	int err;

	if (waker)
		depth += waker->user_depth + waker->kernel_depth;
	err = make_room(batch, depth);
	if (err < 0)
		return err;
	stored = &batch->samples[batch->count++];
	stored->sample = *sample;
	stored->words = batch->word_count;
	copy_name(stored->process_name, sample->process_name);
	copy_name(stored->thread_name, sample->thread_name);
	add_words(batch, sample->user, sample->user_depth);
	add_words(batch, sample->kernel, sample->kernel_depth);
	if (waker) {
		stored->waker = *waker;
		copy_name(stored->waker_name, waker->process_name);
		add_words(batch, waker->user, waker->user_depth);
		add_words(batch, waker->kernel, waker->kernel_depth);
	}
	if (!sample->is_off_cpu)
		batch->total += sample->count;
	return 0;
}

void sample_batch_read(const struct sample_batch *batch, size_t index, struct sample *ret)
{
	struct stored_sample *stored = &batch->samples[index];

	assert(index < batch->count);
	*ret = stored->sample;
	ret->process_name = stored->process_name;
	ret->thread_name = stored->thread_name;
	ret->user = batch->words + stored->words;
	ret->kernel = ret->user + ret->user_depth;
	if (!ret->waker)
		return;
	stored->waker.process_name = stored->waker_name;
	stored->waker.user = ret->kernel + ret->kernel_depth;
	stored->waker.kernel = stored->waker.user + stored->waker.user_depth;
	ret->waker = &stored->waker;
}
