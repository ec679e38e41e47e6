/* SPDX-License-Identifier: Apache-2.0 */
#include "web/clickhouse_store.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "web/clickhouse_parts.h"

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

/* Another eprof-server may have written since: nobody knows without asking. */
static uint64_t version(struct store *base, uint64_t from_s, uint64_t until_s)
{
	(void)base;
	(void)from_s;
	(void)until_s;
	return 0;
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
