/* SPDX-License-Identifier: Apache-2.0 */
#include "web/clickhouse_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "web/clickhouse_parts.h"

/* No answer is given again for longer, however little changes. */
#define ANSWER_NS_MAX (UINT64_C(300) * NS_PER_SECOND)

#define PARTS_HASH "sum(cityHash64(name, modification_time, bytes_on_disk))"

static void close_store(struct store *base)
{
	struct clickhouse_store *store = (struct clickhouse_store *)base;

	clickhouse_writer_done(&store->writer);
	clickhouse_client_free(store->client);
	hashmap_done(&store->coarse);
	free(store);
}

static void cleanup_store(struct clickhouse_store **store)
{
	if (*store)
		close_store(&(*store)->store);
}

/*
 * Every change of rows makes another part; so do merges, after which the rows are the same. Names
 * come again when all parts were dropped. On a cluster the replica that says this may not be the
 * one that answers, which is what ANSWER_NS_MAX is for.
 */
static uint64_t version(struct store *base, uint64_t from_s, uint64_t until_s)
{
	struct clickhouse_store *store = (struct clickhouse_store *)base;
	uint64_t day = from_s / DAY_S, parts = 0, version;
	char condition[160];

	/* Windows that begin on the day before may overlap it. */
	(void)snprintf(condition, sizeof(condition),
		       "active AND table = '%s' AND toUInt32OrZero(partition) BETWEEN %" PRIu64
		       " AND %" PRIu64,
		       store->options.cluster ? "profiles_local" : "profiles", day ? day - 1 : 0,
		       until_s / DAY_S);
	if (clickhouse_ask_system(store->client, &store->options, PARTS_HASH, "parts", condition,
				  &parts) < 0)
		return 0;
	version = hash_u64(parts + clock_ns(CLOCK_MONOTONIC) / ANSWER_NS_MAX);
	return version ? version : 1;
}

int store_open_clickhouse(const struct clickhouse_options *options, struct store **ret)
{
	static const struct store_calls calls = {
		.close = close_store,
		.put = clickhouse_put,
		.merge = clickhouse_merge,
		.series = clickhouse_series,
		.values = clickhouse_values,
		.delete_before = clickhouse_delete_before,
		.coarsen = clickhouse_coarsen,
		.version = version,
		.extent = clickhouse_extent,
	};
	CLEANUP(cleanup_store) struct clickhouse_store *store = calloc(1, sizeof(*store));
	int err;

	if (!store)
		return -ENOMEM;
	store->store.calls = &calls;
	store->options = *options;
	clickhouse_writer_init(&store->writer);
	err = clickhouse_client_new(&store->options, &store->client);
	if (!err)
		err = clickhouse_schema_open(store->client, &store->schema);
	if (err < 0)
		return err;
	*ret = &TAKE(store)->store;
	return 0;
}
