/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/uploader_target.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>

#include "agent/log.h"
#include "agent/spool.h"
#include "agent/upload_send.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define BUCKET_FIRST_NS UINT64_C(10000000)

/* While it drains: one try for the network's moods, one more for the target's. */
#define DRAIN_FAILURES_MAX 2

/* Of a target that refuses one thing after another. */
#define REFUSAL_LINES_EVERY_NS (3600 * NS_PER_SECOND)

/* What a line says of how many wait is a help, not a figure. */
#define COUNTED_FILES_MAX 1000000

const struct uploader_timing uploader_timing_default = {
	.backoff = {
		.first_ns = NS_PER_SECOND,
		.most_ns = 300 * NS_PER_SECOND,
		.retry_after_most_ns = 3600 * NS_PER_SECOND,
	},
	.look_ns = 30 * NS_PER_SECOND,
};

struct work {
	const struct uploader_target *target;
	struct spool_reader *reader;
	struct upload_sender *sender;
	struct uploader_figures figures;
	unsigned int failures;    /* in a row */
	uint64_t refusal_line_ns; /* when one was written last; 0: never */
	uint64_t refusals_untold;
};

static void cleanup_work(struct work *work)
{
	upload_sender_free(work->sender);
	spool_reader_close(work->reader);
}

static void cleanup_item(struct spool_item **item)
{
	spool_item_free(*item);
}

static void cleanup_dir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static void publish(const struct work *work)
{
	uploader_slot_publish(work->target->slot, &work->figures);
}

/* Cut between characters of UTF-8. */
static void set_error(struct work *work, const char *text)
{
	char *error = work->figures.last_error;
	size_t n = strnlen(text, sizeof(work->figures.last_error));

	if (n == sizeof(work->figures.last_error)) {
		n--;
		while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
	}
	memset(error, 0, sizeof(work->figures.last_error));
	memcpy(error, text, n);
}

static uint64_t count_waiting(const struct work *work)
{
	CLEANUP(cleanup_dir) DIR *dir = NULL;
	char path[PATH_MAX], id[SPOOL_TARGET_ID_SIZE];
	const struct dirent *entry;
	uint64_t n = 0;

	spool_target_id(work->target->config->url, id);
	if (snprintf(path, sizeof(path), "%s/queue/%s", work->target->spool_dir, id) >=
	    (int)sizeof(path))
		return 0;
	dir = opendir(path);
	while (dir && n < COUNTED_FILES_MAX && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	return n;
}

static uint64_t random_bits(void)
{
	uint64_t bits;

	/* Without it there is a wait all the same, but of all at once. */
	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != sizeof(bits))
		return clock_ns(CLOCK_REALTIME);
	return bits;
}

/*
 * After a failure: waits, with the item left where it is, so that the next attempt is about the
 * oldest one again. False: this is the end.
 */
static bool put_off(struct work *work, const char *text, uint64_t retry_after_s)
{
	const struct uploader_target *target = work->target;
	struct uploader_view view = uploader_gate_look(target->gate);
	uint64_t wait_ns;

	if (view.is_cut)
		return false;
	set_error(work, text);
	if (!work->failures)
		log_warning("cannot upload to '%s': %s; retrying", target->config->name,
			    work->figures.last_error);
	/* Beyond this nothing depends on how many there were. */
	if (work->failures < UINT_MAX)
		work->failures++;
	work->figures.retried++;
	publish(work);
	if (view.ends && (!view.drains || retry_after_s || work->failures >= DRAIN_FAILURES_MAX))
		return false;
	wait_ns = uploader_backoff_ns(&target->timing->backoff, work->failures, retry_after_s,
				      random_bits());
	work->figures.next_try_unix_s =
		(clock_ns(CLOCK_REALTIME) + wait_ns + NS_PER_SECOND - 1) / NS_PER_SECOND;
	publish(work);
	uploader_gate_wait(target->gate, &view, false, clock_ns(CLOCK_MONOTONIC) + wait_ns);
	work->figures.next_try_unix_s = 0;
	publish(work);
	return !retry_after_s || !uploader_gate_look(target->gate).ends;
}

static bool put_off_error(struct work *work, const char *what, int err)
{
	char text[sizeof(work->figures.last_error)];

	(void)snprintf(text, sizeof(text), "%s: %s", what, strerror(-err));
	return put_off(work, text, 0);
}

/* It has said yes or no, and what it said has been done. */
static void note_answer(struct work *work)
{
	if (work->failures)
		log_info("uploads to '%s' are answered again; %llu files wait",
			 work->target->config->name, (unsigned long long)count_waiting(work));
	work->failures = 0;
	publish(work);
}

static void note_latency(struct uploader_figures *figures, uint64_t ns)
{
	uint64_t limit = BUCKET_FIRST_NS;
	size_t bucket = 0;

	while (bucket < UPLOADER_BUCKETS && ns > limit) {
		bucket++;
		limit *= 2;
	}
	figures->latency_ns += ns;
	figures->latency_buckets[bucket]++;
}

static bool finish_sent(struct work *work, const struct spool_item *item, uint64_t took_ns)
{
	struct uploader_figures *figures = &work->figures;
	int err = spool_done(work->reader, item);

	if (err < 0)
		return put_off_error(work, "it is there, but does not go from the spool", err);
	figures->sent++;
	figures->sent_bytes += item->size;
	figures->last_sent_unix_s = clock_ns(CLOCK_REALTIME) / NS_PER_SECOND;
	note_latency(figures, took_ns);
	set_error(work, "");
	note_answer(work);
	return true;
}

static void tell_refusal(struct work *work, const struct spool_item *item)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (work->refusal_line_ns && now < work->refusal_line_ns + REFUSAL_LINES_EVERY_NS) {
		work->refusals_untold++;
		return;
	}
	log_warning("'%s' refused '%s': %s; it is kept among the dead ones, as are %llu since the "
		    "last such line",
		    work->target->config->name, item->name, work->figures.last_error,
		    (unsigned long long)work->refusals_untold);
	work->refusal_line_ns = now;
	work->refusals_untold = 0;
}

static bool finish_refused(struct work *work, const struct spool_item *item, const char *text)
{
	int err = spool_park(work->reader, item, text);

	if (err < 0)
		return put_off_error(work, "it is refused, but does not go from the spool", err);
	work->figures.parked++;
	set_error(work, text);
	tell_refusal(work, item);
	note_answer(work);
	return true;
}

static bool send_item(struct work *work, const struct spool_item *item)
{
	struct upload_result result = { .outcome = UPLOAD_LATER };
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);

	upload_send(work->sender, item, &work->target->gate->cut, &result);
	result.text[sizeof(result.text) - 1] = '\0';
	work->figures.last_status = result.status;
	switch (result.outcome) {
	case UPLOAD_SENT:
		return finish_sent(work, item, clock_ns(CLOCK_MONOTONIC) - begin);
	case UPLOAD_REFUSED:
		return finish_refused(work, item, result.text);
	case UPLOAD_LATER:
		break;
	}
	return put_off(work, result.text, result.retry_after_s);
}

/* What may be missing for a while, such as a directory, is opened when it is there. */
static int open_parts(struct work *work)
{
	const struct uploader_target *target = work->target;
	char id[SPOOL_TARGET_ID_SIZE];
	int err = 0;

	if (!work->reader) {
		spool_target_id(target->config->url, id);
		err = spool_reader_open(target->spool_dir, id, &work->reader);
	}
	if (!err && !work->sender)
		err = upload_sender_new(target->config, &work->sender);
	return err;
}

/* False: this is the end. */
static bool step(struct work *work)
{
	const struct uploader_target *target = work->target;
	/* Before the queue is looked at: what is put after that is waited for in vain otherwise. */
	struct uploader_view view = uploader_gate_look(target->gate);
	CLEANUP(cleanup_item) struct spool_item *item = NULL;
	int found;

	if (view.is_cut || (view.ends && !view.drains))
		return false;
	found = open_parts(work);
	if (found < 0)
		return put_off_error(work, "it cannot begin", found);
	found = spool_take(work->reader, &item);
	if (found < 0)
		return put_off_error(work, "the spool cannot be read", found);
	if (found)
		return send_item(work, item);
	if (view.ends)
		return false;
	uploader_gate_wait(target->gate, &view, true,
			   clock_ns(CLOCK_MONOTONIC) + target->timing->look_ns);
	return true;
}

void uploader_target_run(const struct uploader_target *target)
{
	CLEANUP(cleanup_work) struct work work = { .target = target };

	(void)uploader_slot_read(target->slot, &work.figures);
	work.figures.next_try_unix_s = 0;
	publish(&work);
	while (step(&work))
		;
}
