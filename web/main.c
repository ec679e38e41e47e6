/* SPDX-License-Identifier: Apache-2.0 */
/* eprof-server: from the command line to the signal that ends it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "web/clickhouse_store.h"
#include "web/housekeeper.h"
#include "web/server.h"
#include "web/server_options.h"
#include "web/sqlite_store.h"

/* A profile of a large service for an hour has 2 MB; all that come at once, some hundred. */
#define BODY_MAX        ((size_t)32 << 20)
#define BODIES_MAX      ((size_t)256 << 20)
#define CONNECTIONS_MAX 4096
#define IDLE_SECONDS    30
#define REQUEST_SECONDS 60
#define ANSWER_SECONDS  600
#define WAIT_SECONDS    60
#define ANSWERS_MAX     ((size_t)1 << 30)

/* Those that write wait for the disk together (ClickHouse wants many that do:
 * CLICKHOUSE_BATCH_MAX); those that merge take a CPU each. */
#define WRITERS 8
#define READERS 4

/* Profiles of which much is in memory at once, and messages: some 300 MiB each, at most. */
#define READING_MAX 8

/* Of answers that were given. */
#define CACHE_BYTES ((size_t)64 << 20)

/* Of descriptors, for files. */
#define DESCRIPTORS_KEPT 256

/* What clocks may be wrong by. */
#define AHEAD_SECONDS 3600

/* Of a certificate, or its key. */
#define PEM_MAX 1048576

static void cleanup_store(struct store **store)
{
	store_close(*store);
}

static void cleanup_cache(struct answer_cache **cache)
{
	answer_cache_free(*cache);
}

static void cleanup_rate(struct rate_limit **rate)
{
	rate_limit_free(*rate);
}

static void cleanup_server(struct http_server **server)
{
	http_server_stop(*server);
}

static int failed(const char *what, const char *object, int err)
{
	(void)fprintf(stderr, "eprof-server: cannot %s '%s': %s\n", what, object, strerror(-err));
	return err;
}

static void cleanup_secret(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
}

/* The caller frees it; NULL after one line. */
static char *read_text(const char *path)
{
	CLEANUP(cleanup_file) FILE *in = fopen(path, "re");
	CLEANUP(cleanup_secret) char *text = calloc(1, PEM_MAX + 1);
	size_t length;

	if (!in || !text) {
		(void)failed("read", path, -errno);
		return NULL;
	}
	length = fread(text, 1, PEM_MAX, in);
	if (ferror(in) || length == PEM_MAX) {
		(void)failed("read", path, length == PEM_MAX ? -EFBIG : -EIO);
		return NULL;
	}
	return TAKE(text);
}

static int read_tokens(const struct server_options *options, struct tokens *tokens)
{
	char reason[TOKENS_REASON_SIZE] = "";
	int err;

	if (!options->tokens)
		return 0;
	err = tokens_read(options->tokens, tokens, reason);
	if (err < 0)
		(void)fprintf(stderr, "eprof-server: cannot take '%s': %s\n", options->tokens,
			      reason[0] ? reason : strerror(-err));
	return err;
}

/* The line USER:PASSWORD of a file, which text keeps. */
static int read_user(const char *path, struct clickhouse_options *ret, char **text)
{
	char *colon;

	*text = read_text(path);
	if (!*text)
		return -EINVAL;
	(*text)[strcspn(*text, "\n")] = '\0';
	colon = strchr(*text, ':');
	if (!colon || colon == *text) {
		(void)fprintf(stderr, "eprof-server: '%s' has no line USER:PASSWORD\n", path);
		return -EINVAL;
	}
	*colon = '\0';
	ret->user = *text;
	ret->password = colon + 1;
	return 0;
}

/* text: what the store needs while it is open. */
static int open_store(const struct server_options *options, char **text, struct store **ret)
{
	struct clickhouse_options clickhouse = options->clickhouse;
	int err = options->clickhouse_user ? read_user(options->clickhouse_user, &clickhouse, text)
					   : 0;

	if (err < 0 || clickhouse.url)
		return err < 0 ? err : store_open_clickhouse(&clickhouse, ret);
	err = store_open_sqlite(options->data, ret);
	if (err == -EBUSY)
		(void)fprintf(stderr, "eprof-server: '%s' is another eprof-server's\n",
			      options->data);
	else if (err < 0)
		(void)failed("keep profiles in", options->data, err);
	return err;
}

static void tell(const struct server_options *options, const struct http_server *server)
{
	const char *scheme = options->certificate ? "https" : "http";
	bool is_v6 = strchr(options->address, ':');

	(void)fprintf(stderr, "eprof-server: answers at %s://%s%s%s:%u/\n", scheme,
		      is_v6 ? "[" : "", options->address, is_v6 ? "]" : "",
		      http_server_port(server));
}

static void cleanup_housekeeper(struct housekeeper **housekeeper)
{
	housekeeper_stop(*housekeeper);
}

/* As many as there may be, and have descriptors beside those of the store. */
static unsigned int raise_connections(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return DESCRIPTORS_KEPT;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= 2 * DESCRIPTORS_KEPT)
		return DESCRIPTORS_KEPT;
	return limit.rlim_cur - DESCRIPTORS_KEPT < CONNECTIONS_MAX
		       ? (unsigned int)limit.rlim_cur - DESCRIPTORS_KEPT
		       : CONNECTIONS_MAX;
}

static int serve(const struct server_options *options, struct server *server, const sigset_t *ends)
{
	CLEANUP(cleanup_free) char *certificate = NULL;
	CLEANUP(cleanup_secret) char *key = NULL;
	CLEANUP(cleanup_housekeeper) struct housekeeper *housekeeper = NULL;
	CLEANUP(cleanup_server) struct http_server *http = NULL;
	struct http_options http_options = {
		.address = options->address,
		.port = options->port,
		.body_max = BODY_MAX,
		.bodies_max = BODIES_MAX,
		.connections_max = raise_connections(),
		.address_connections_max = (unsigned int)options->connections,
		.idle_seconds_max = IDLE_SECONDS,
		.request_seconds_max = REQUEST_SECONDS,
		.answer_seconds_max = ANSWER_SECONDS,
		.wait_seconds_max = WAIT_SECONDS,
		.answers_max = ANSWERS_MAX,
		.writers = options->clickhouse.url ? CLICKHOUSE_BATCH_MAX : WRITERS,
		.readers = READERS,
		.find_way = server_find_way,
		.handler = server_answer,
		.context = server,
	};
	int err, number;

	if (options->certificate) {
		http_options.certificate = certificate = read_text(options->certificate);
		http_options.key = key = certificate ? read_text(options->key) : NULL;
		if (!key)
			return -EINVAL;
	}
	err = http_server_start(&http_options, &http);
	if (err < 0)
		return failed("listen at", options->address, err);
	err = housekeeper_start(server->store, &options->housekeeping, &housekeeper);
	if (err < 0)
		return failed("see to", options->data ? options->data : options->clickhouse.url,
			      err);
	tell(options, http);
	(void)sigwait(ends, &number);
	return 0;
}

int main(int argc, char **argv)
{
	struct server_options options;
	CLEANUP(tokens_done) struct tokens tokens = { 0 };
	CLEANUP(cleanup_secret) char *user = NULL;
	CLEANUP(cleanup_store) struct store *store = NULL;
	CLEANUP(cleanup_cache) struct answer_cache *cache = NULL;
	CLEANUP(cleanup_rate) struct rate_limit *rate = NULL;
	CLEANUP(gate_done) struct gate profiles;
	CLEANUP(gate_done) struct gate messages;
	struct server_metrics metrics = { 0 };
	struct server server;
	sigset_t ends;

	gate_init(&profiles, READING_MAX);
	gate_init(&messages, READING_MAX);
	server_options_parse(argc, argv, &options);
	/* Before there are threads, so that none of them takes one. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGINT);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	if (read_tokens(&options, &tokens) < 0 || open_store(&options, &user, &store) < 0)
		return EXIT_FAILURE;
	server = (struct server){
		.store = store,
		.tokens = &tokens,
		.is_open = options.is_insecure,
		.limits = { .age_s = options.housekeeping.keep_s,
			    .ahead_s = AHEAD_SECONDS,
			    .profiles = &profiles,
			    .messages = &messages },
	};
	server_prepare(&server, &metrics);
	if (options.rate && rate_limit_new(tokens.count + 1, options.rate, &rate) < 0) {
		(void)failed("limit", "--rate", -ENOMEM);
		return EXIT_FAILURE;
	}
	server.rate = rate;
	/* Without one each question is asked anew. */
	(void)answer_cache_new(CACHE_BYTES, &cache);
	server.cache = cache;
	return serve(&options, &server, &ends) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
