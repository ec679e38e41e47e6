/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who writes to ClickHouse. It wants few inserts of many rows: one of those that wait writes for
 * all, and not more often than every batch_ms, unless so many wait that no more would come. First
 * what is new of frames and stacks, then the profiles: whoever sees one finds its names.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "flamegraph/wait_state.h"
#include "web/clickhouse_parts.h"
#include "web/state_sums.h"

/* Of each kind: 32 MB together. What is not remembered is written again, which does no harm. */
#define REMEMBERED_MAX (1u << 20)

/* Rows of stacks, or of frames, that are sent at once. */
#define CHUNK_BYTES ((size_t)16 << 20)

/* Another server may have deleted the day of what is remembered, if the store was full. */
#define FORGET_S 600

struct batch {
	struct clickhouse_store *store;
	struct row_writer profiles, stacks, frames;
	struct hashmap ids; /* of this batch: series and id */
};

static void cleanup_batch(struct batch *batch)
{
	row_writer_done(&batch->profiles);
	row_writer_done(&batch->stacks);
	row_writer_done(&batch->frames);
	hashmap_done(&batch->ids);
}

void clickhouse_writer_init(struct clickhouse_writer *writer)
{
	pthread_condattr_t attributes;

	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&writer->fuller, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	(void)pthread_cond_init(&writer->done, NULL);
	(void)pthread_mutex_init(&writer->lock, NULL);
	writer->last = &writer->waiting;
}

void clickhouse_writer_done(struct clickhouse_writer *writer)
{
	(void)pthread_cond_destroy(&writer->fuller);
	(void)pthread_cond_destroy(&writer->done);
	(void)pthread_mutex_destroy(&writer->lock);
	hashmap_done(&writer->frames);
	hashmap_done(&writer->stacks);
}

static uint64_t day_of(const struct clickhouse_request *one)
{
	return one->profile->from_s / DAY_S;
}

/* True: it was there. */
static bool remember(struct hashmap *map, uint64_t hash, uint64_t day)
{
	uint64_t key = hash ^ hash_u64(day), value;

	if (hashmap_get(map, key, &value))
		return true;
	if (map->count >= REMEMBERED_MAX)
		hashmap_clear(map);
	/* Not to be remembered is no error. */
	(void)hashmap_put(map, key, 0);
	return false;
}

static void forget(struct clickhouse_writer *writer)
{
	hashmap_clear(&writer->frames);
	hashmap_clear(&writer->stacks);
}

static void forget_sometimes(struct clickhouse_writer *writer)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC) / NS_PER_SECOND / FORGET_S;

	if (now != writer->forgotten)
		forget(writer);
	writer->forgotten = now;
}

static int send(struct batch *batch, struct row_writer *rows, const char *sql)
{
	int err = clickhouse_insert(batch->store->client, sql, rows);

	rows->size = 0;
	return err;
}

static int send_frames(struct batch *batch)
{
	return send(batch, &batch->frames,
		    "INSERT INTO frames (day, frame, name, kind, file, line, module)"
		    " FORMAT RowBinary");
}

static int send_stacks(struct batch *batch)
{
	return send(batch, &batch->stacks,
		    "INSERT INTO stacks (day, service, stack, frames) FORMAT RowBinary");
}

static void add_frame(struct batch *batch, const struct clickhouse_request *one, uint32_t index)
{
	const struct call_tree *tree = one->profile->tree;

	if (remember(&batch->store->writer.frames, one->ids.frames[index], day_of(one)))
		return;
	row_put_u32(&batch->frames, (uint32_t)day_of(one));
	row_put_u64(&batch->frames, one->ids.frames[index]);
	clickhouse_put_frame(tree, call_tree_node(tree, index), &batch->frames);
}

/* path: room for all frames of the deepest stack. */
static void add_stack(struct batch *batch, const struct clickhouse_request *one, uint32_t index,
		      uint64_t *path)
{
	const struct store_profile *profile = one->profile;
	size_t depth = call_tree_node(profile->tree, index)->depth;
	uint64_t stack = one->ids.stacks[index];

	if (remember(&batch->store->writer.stacks, stack, day_of(one)))
		return;
	for (size_t i = depth; i > 0; i--) {
		path[i - 1] = one->ids.frames[index];
		add_frame(batch, one, index);
		index = call_tree_node(profile->tree, index)->parent;
	}
	row_put_u32(&batch->stacks, (uint32_t)day_of(one));
	row_put_text(&batch->stacks, profile->service, strlen(profile->service));
	row_put_u64(&batch->stacks, stack);
	row_put_length(&batch->stacks, depth);
	for (size_t i = 0; i < depth; i++)
		row_put_u64(&batch->stacks, path[i]);
}

static int add_stacks(struct batch *batch, const struct clickhouse_request *one)
{
	const struct call_tree *tree = one->profile->tree;
	CLEANUP(cleanup_free)
	uint64_t *path = calloc(call_tree_depth(tree) + 1, sizeof(*path));
	size_t count = call_tree_node_count(tree);
	int err = path ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < count; i++) {
		if (!call_tree_node(tree, i)->self)
			continue;
		add_stack(batch, one, i, path);
		if (batch->frames.size > CHUNK_BYTES)
			err = send_frames(batch);
		if (!err && batch->stacks.size > CHUNK_BYTES)
			err = send_stacks(batch);
	}
	return err;
}

static void put_samples(const struct clickhouse_request *one, struct row_writer *rows)
{
	const struct call_tree *tree = one->profile->tree;
	size_t count = call_tree_node_count(tree), used = 0;

	for (uint32_t i = 0; i < count; i++)
		used += call_tree_node(tree, i)->self != 0;
	row_put_length(rows, used);
	for (uint32_t i = 0; i < count; i++) {
		if (call_tree_node(tree, i)->self)
			row_put_u64(rows, one->ids.stacks[i]);
	}
	row_put_length(rows, used);
	for (uint32_t i = 0; i < count; i++) {
		if (call_tree_node(tree, i)->self)
			row_put_u64(rows, call_tree_node(tree, i)->self);
	}
}

static int put_sums(const struct clickhouse_request *one, struct row_writer *rows)
{
	struct state_sums sums;
	int err = state_sums_make(one->profile->tree, one->profile->kind, &sums);

	if (err < 0)
		return err;
	row_put_length(rows, sums.count);
	for (size_t i = 0; i < sums.count; i++)
		row_put_u8(rows, (uint8_t)sums.list[i].number);
	row_put_length(rows, sums.count);
	for (size_t i = 0; i < sums.count; i++)
		row_put_u64(rows, sums.list[i].count);
	return 0;
}

#define PROFILE_COLUMNS                                                                            \
	"day, kind, service, host, unit, label_names, label_values, series, from_s, until_s,"      \
	" profiles, id, ids, stacks, counts, states, sums"

static int add_profile(struct batch *batch, const struct clickhouse_request *one)
{
	const struct store_profile *profile = one->profile;
	const char *const texts[] = { profile->kind, profile->service, profile->host,
				      profile->unit };
	struct row_writer *rows = &batch->profiles;

	row_put_u32(rows, (uint32_t)day_of(one));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		row_put_text(rows, texts[i], strlen(texts[i]));
	row_put_length(rows, profile->label_count);
	for (size_t i = 0; i < profile->label_count; i++)
		row_put_text(rows, profile->labels[i].name, strlen(profile->labels[i].name));
	row_put_length(rows, profile->label_count);
	for (size_t i = 0; i < profile->label_count; i++)
		row_put_text(rows, profile->labels[i].value, strlen(profile->labels[i].value));
	row_put_u64(rows, one->ids.series);
	row_put_u64(rows, profile->from_s);
	row_put_u64(rows, profile->until_s);
	row_put_u64(rows, 1);
	row_put_u64(rows, one->ids.id);
	row_put_length(rows, 0);
	put_samples(one, rows);
	return put_sums(one, rows);
}

static uint64_t key_of(uint64_t day, uint64_t series, uint64_t id)
{
	return series ^ hash_u64(id ^ hash_u64(day));
}

/* Of the ids in the batch, those that are in the table, themselves or in a sum. */
static int write_question(const struct clickhouse_request *requests, FILE *out)
{
	const char *before = "";

	(void)fputs("SELECT DISTINCT day, series, one FROM (SELECT day, series,"
		    " arrayJoin(arrayPushBack(ids, id)) AS one FROM profiles WHERE day IN (",
		    out);
	for (const struct clickhouse_request *one = requests; one; one = one->next) {
		(void)fprintf(out, "%s%" PRIu64, before, day_of(one));
		before = ",";
	}
	(void)fputs(") AND (service, kind, series) IN (", out);
	before = "";
	for (const struct clickhouse_request *one = requests; one; one = one->next) {
		(void)fprintf(out, "%s(", before);
		clickhouse_quote(one->profile->service, out);
		(void)fputc(',', out);
		clickhouse_quote(one->profile->kind, out);
		(void)fprintf(out, ",%" PRIu64 ")", one->ids.series);
		before = ",";
	}
	(void)fputs(")) WHERE one IN (", out);
	before = "";
	for (const struct clickhouse_request *one = requests; one; one = one->next) {
		(void)fprintf(out, "%s%" PRIu64, before, one->ids.id);
		before = ",";
	}
	return fputs(")", out) < 0 ? -ENOMEM : 0;
}

static int find_known(struct batch *batch, const struct clickhouse_request *requests)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	CLEANUP(cleanup_free) char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&sql, &size);
	int err = out ? write_question(requests, out) : -ENOMEM;

	if (out)
		err = clickhouse_ask(batch->store->client, out, &sql, &rows);
	while (!err && row_is_left(&rows.reader)) {
		uint64_t day = row_get_u32(&rows.reader);
		uint64_t series = row_get_u64(&rows.reader), id = row_get_u64(&rows.reader);

		err = hashmap_put(&batch->ids, key_of(day, series, id), 0);
	}
	return !err && rows.reader.is_broken ? -EPROTO : err;
}

/* What the table has, or a request before this one, is not written again. */
static int add_profiles(struct batch *batch, struct clickhouse_request *requests)
{
	int err = find_known(batch, requests);

	for (struct clickhouse_request *one = requests; !err && one; one = one->next) {
		uint64_t key = key_of(day_of(one), one->ids.series, one->ids.id), value;

		if (hashmap_get(&batch->ids, key, &value)) {
			one->result = -EEXIST;
			continue;
		}
		err = hashmap_put(&batch->ids, key, 0);
		if (!err)
			err = add_profile(batch, one);
	}
	return err;
}

static int write_batch(struct clickhouse_store *store, struct clickhouse_request *requests)
{
	CLEANUP(cleanup_batch) struct batch batch = { .store = store };
	int err = 0;

	forget_sometimes(&store->writer);
	for (struct clickhouse_request *one = requests; !err && one; one = one->next)
		err = add_stacks(&batch, one);
	if (!err)
		err = send_frames(&batch);
	if (!err)
		err = send_stacks(&batch);
	if (!err)
		err = add_profiles(&batch, requests);
	if (!err)
		err = send(&batch, &batch.profiles,
			   "INSERT INTO profiles (" PROFILE_COLUMNS ") FORMAT RowBinary");
	/* It is not known what of it has arrived. */
	if (err < 0)
		forget(&store->writer);
	for (struct clickhouse_request *one = requests; err < 0 && one; one = one->next)
		one->result = err;
	return err;
}

/* With the lock. Who waits for others is not the only one of them for long. */
static void wait_for_more(struct clickhouse_writer *writer)
{
	struct timespec until = { .tv_sec = (time_t)(writer->next_ns / NS_PER_SECOND),
				  .tv_nsec = (long)(writer->next_ns % NS_PER_SECOND) };

	while (writer->waiting_count < CLICKHOUSE_BATCH_MAX &&
	       pthread_cond_timedwait(&writer->fuller, &writer->lock, &until) == 0)
		;
}

/* With the lock, which is not held while it writes: more requests come meanwhile. */
static void write_waiting(struct clickhouse_store *store)
{
	struct clickhouse_writer *writer = &store->writer;
	struct clickhouse_request *requests;

	writer->is_writing = true;
	wait_for_more(writer);
	requests = writer->waiting;
	writer->waiting = NULL;
	writer->last = &writer->waiting;
	writer->waiting_count = 0;
	writer->next_ns =
		clock_ns(CLOCK_MONOTONIC) + store->options.batch_ms * (NS_PER_SECOND / 1000);
	(void)pthread_mutex_unlock(&writer->lock);
	(void)write_batch(store, requests);
	(void)pthread_mutex_lock(&writer->lock);
	writer->is_writing = false;
	while (requests) {
		struct clickhouse_request *next = requests->next;

		/* It is on the stack of a thread that goes on from here. */
		requests->is_done = true;
		requests = next;
	}
	(void)pthread_cond_broadcast(&writer->done);
}

int clickhouse_put(struct store *base, const struct store_profile *profile)
{
	struct clickhouse_store *store = (struct clickhouse_store *)base;
	struct clickhouse_writer *writer = &store->writer;
	struct clickhouse_request request = { .profile = profile };
	int err = clickhouse_ids_make(store->schema.seed, profile, &request.ids);

	if (err < 0)
		return err;
	(void)pthread_mutex_lock(&writer->lock);
	*writer->last = &request;
	writer->last = &request.next;
	if (++writer->waiting_count >= CLICKHOUSE_BATCH_MAX)
		(void)pthread_cond_signal(&writer->fuller);
	while (!request.is_done) {
		if (writer->is_writing)
			(void)pthread_cond_wait(&writer->done, &writer->lock);
		else
			write_waiting(store);
	}
	(void)pthread_mutex_unlock(&writer->lock);
	clickhouse_ids_done(&request.ids);
	return request.result;
}
