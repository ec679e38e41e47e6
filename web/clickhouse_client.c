/* SPDX-License-Identifier: Apache-2.0 */
#include "web/clickhouse_client.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/curl_answer.h"
#include "base/curl_library.h"

/* Of one answer: what a merge of a large selection takes. */
#define ANSWER_MAX ((size_t)512 << 20)

/* Connections that are kept; more are made as they are needed. */
#define IDLE_MAX 16

#define CONNECT_TIMEOUT_MS 5000
#define TIMEOUT_MS         120000
#define HTTP_OK            200

/* Of what the database says of an error, in our line. */
#define REASON_MAX 300

/* When an insert into more than a hundred partitions began to be refused, or before. */
#define SINCE_PARTITIONS_MAX 20

struct clickhouse_client {
	const struct clickhouse_options *options;
	const struct curl_library *library;
	char *url; /* with all settings */
	struct curl_slist *headers;
	unsigned int year;
	pthread_mutex_t lock;
	CURL *idle[IDLE_MAX]; /* below the lock */
	size_t idle_count;
};

static void cleanup_client(struct clickhouse_client **client)
{
	clickhouse_client_free(*client);
}

void clickhouse_quote(const char *text, FILE *out)
{
	(void)fputc('\'', out);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (isalnum(byte) || (byte < 0x80 && strchr(" -_./:@", byte)))
			(void)fputc(byte, out);
		else
			(void)fprintf(out, "\\x%02X", byte);
	}
	(void)fputc('\'', out);
}

static CURL *take_connection(struct clickhouse_client *client)
{
	CURL *easy = NULL;

	(void)pthread_mutex_lock(&client->lock);
	if (client->idle_count)
		easy = client->idle[--client->idle_count];
	(void)pthread_mutex_unlock(&client->lock);
	return easy ? easy : client->library->easy_init();
}

static void give_back(struct clickhouse_client *client, CURL *easy)
{
	client->library->easy_reset(easy);
	(void)pthread_mutex_lock(&client->lock);
	if (client->idle_count < IDLE_MAX)
		client->idle[client->idle_count++] = TAKE(easy);
	(void)pthread_mutex_unlock(&client->lock);
	if (easy)
		client->library->easy_cleanup(easy);
}

struct request {
	const char *url;
	const void *body;
	size_t size;
	bool may_exist; /* what it makes */
};

static bool set_request(const struct clickhouse_client *client, CURL *easy,
			const struct request *request, struct curl_answer *answer)
{
	CURLcode (*set)(CURL *, CURLoption, ...) = client->library->easy_setopt;
	const struct clickhouse_options *options = client->options;

	if (options->user && (set(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) != CURLE_OK ||
			      set(easy, CURLOPT_USERNAME, options->user) != CURLE_OK ||
			      set(easy, CURLOPT_PASSWORD, options->password) != CURLE_OK))
		return false;
#if LIBCURL_VERSION_NUM >= 0x075500
	/* Nothing else gets here; where libcurl is too old to know the option, as well. */
	(void)set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#endif
	return set(easy, CURLOPT_URL, request->url) == CURLE_OK &&
	       set(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       set(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       set(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS) == CURLE_OK &&
	       set(easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS) == CURLE_OK &&
	       set(easy, CURLOPT_HTTPHEADER, client->headers) == CURLE_OK &&
	       set(easy, CURLOPT_POSTFIELDS, request->body) == CURLE_OK &&
	       set(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->size) == CURLE_OK &&
	       set(easy, CURLOPT_WRITEFUNCTION, curl_answer_take) == CURLE_OK &&
	       set(easy, CURLOPT_WRITEDATA, answer) == CURLE_OK;
}

/* The first line of what it says, in letters that do a log no harm. */
static void show_reason(const struct curl_answer *answer, char ret[REASON_MAX + 1])
{
	size_t length = 0;

	while (length < REASON_MAX && length < answer->size && answer->bytes[length] != '\n') {
		ret[length] =
			isprint((unsigned char)answer->bytes[length]) ? answer->bytes[length] : '?';
		length++;
	}
	ret[length] = '\0';
}

static int tell(const struct clickhouse_client *client, const char *reason, int err)
{
	(void)fprintf(stderr, "eprof-server: ClickHouse at '%s': %s\n", client->options->url,
		      reason);
	return err;
}

/* TABLE_ALREADY_EXISTS and REPLICA_IS_ALREADY_EXIST, in the words of all versions. */
static bool says_that_it_exists(const struct curl_answer *answer)
{
	static const char words[] = "already exist";

	return answer->size && memmem(answer->bytes, answer->size, words, strlen(words));
}

static int judge(const struct clickhouse_client *client, CURL *easy, CURLcode code, bool may_exist,
		 const struct curl_answer *answer)
{
	char reason[REASON_MAX + 1];
	long status = 0;

	(void)client->library->easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && status == HTTP_OK)
		return 0;
	if (code == CURLE_OK && may_exist && says_that_it_exists(answer))
		return -EEXIST;
	if (answer->err == -E2BIG)
		return tell(client, "the answer is too large", -E2BIG);
	if (code != CURLE_OK)
		return tell(client, client->library->easy_strerror(code),
			    answer->err ? answer->err : -EHOSTUNREACH);
	show_reason(answer, reason);
	return tell(client, reason, -EREMOTEIO);
}

static int ask(struct clickhouse_client *client, const struct request *request,
	       struct curl_answer *answer)
{
	CURL *easy = take_connection(client);
	int err;

	if (!easy)
		return -ENOMEM;
	err = set_request(client, easy, request, answer)
		      ? judge(client, easy, client->library->easy_perform(easy), request->may_exist,
			      answer)
		      : tell(client, "libcurl refuses an option: it is too old", -EINVAL);
	give_back(client, easy);
	return err;
}

int clickhouse_run(struct clickhouse_client *client, const char *sql)
{
	CLEANUP(curl_answer_done) struct curl_answer answer = { .bytes_max = ANSWER_MAX };
	const struct request request = { client->url, sql, strlen(sql), false };

	return ask(client, &request, &answer);
}

int clickhouse_create(struct clickhouse_client *client, const char *sql)
{
	CLEANUP(curl_answer_done) struct curl_answer answer = { .bytes_max = ANSWER_MAX };
	const struct request request = { client->url, sql, strlen(sql), true };

	return ask(client, &request, &answer);
}

static void escape(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (isalnum((unsigned char)*text))
			(void)fputc(*text, out);
		else
			(void)fprintf(out, "%%%02X", (unsigned char)*text);
	}
}

int clickhouse_insert(struct clickhouse_client *client, const char *sql,
		      const struct row_writer *rows)
{
	CLEANUP(curl_answer_done) struct curl_answer answer = { .bytes_max = ANSWER_MAX };
	CLEANUP(cleanup_free) char *url = NULL;
	struct request request = { .body = rows->bytes, .size = rows->size };
	size_t size;
	FILE *out;

	if (rows->is_out_of_memory)
		return -ENOMEM;
	if (rows->size == 0)
		return 0;
	out = open_memstream(&url, &size);
	if (!out)
		return -ENOMEM;
	(void)fprintf(out, "%s&query=", client->url);
	escape(sql, out);
	if (fclose(out) != 0)
		return -ENOMEM;
	request.url = url;
	return ask(client, &request, &answer);
}

int clickhouse_select(struct clickhouse_client *client, const char *sql,
		      struct clickhouse_rows *ret)
{
	CLEANUP(curl_answer_done) struct curl_answer answer = { .bytes_max = ANSWER_MAX };
	const struct request request = { client->url, sql, strlen(sql), false };
	int err = ask(client, &request, &answer);

	if (err < 0)
		return err;
	ret->bytes = (uint8_t *)TAKE(answer.bytes);
	ret->reader = (struct row_reader){ .at = ret->bytes, .end = ret->bytes + answer.size };
	return 0;
}

void clickhouse_rows_done(struct clickhouse_rows *rows)
{
	free(rows->bytes);
	*rows = (struct clickhouse_rows){ 0 };
}

/*
 * Answers come when all of them is known, so that an error is one by its status; what is inserted
 * has been written when it is said to be, on all shards; what does not fit in memory is sorted on
 * the disk; parts of a statement may be long.
 */
#define SETTINGS                                                                                   \
	"wait_end_of_query=1&insert_distributed_sync=1&max_query_size=16777216&max_execution_"     \
	"time="                                                                                    \
	"100&max_bytes_before_external_group_by=1073741824&max_ast_elements=1000000"

/*
 * All parts of a question go to the same replica of a shard, the first that is there: two that do
 * not know the same would count a sum and what is in it, or neither. A replica that is not there
 * does what it is told later: nobody waits for it longer than this.
 */
#define CLUSTER_SETTINGS                                                                           \
	"&load_balancing=in_order&prefer_localhost_replica=0&distributed_ddl_task_timeout=60"

/* http://HOST:PORT/DATABASE */
static int make_url(struct clickhouse_client *client)
{
	const char *url = client->options->url, *host = strstr(url, "://"), *slash;
	FILE *out;
	size_t size;

	slash = host ? strchr(host + strlen("://"), '/') : NULL;
	if (!slash || !slash[1] || strpbrk(slash + 1, "/?#&") ||
	    (strncmp(url, "http://", strlen("http://")) != 0 &&
	     strncmp(url, "https://", strlen("https://")) != 0))
		return tell(client, "this is not http://HOST:PORT/DATABASE", -EINVAL);
	out = open_memstream(&client->url, &size);
	if (!out)
		return -ENOMEM;
	(void)fprintf(out, "%.*s/?" SETTINGS "%s&database=", (int)(slash - url), url,
		      client->options->cluster ? CLUSTER_SETTINGS : "");
	escape(slash + 1, out);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

static int read_version(struct clickhouse_client *client)
{
	CLEANUP(clickhouse_rows_done) struct clickhouse_rows rows = { 0 };
	int err = clickhouse_select(client, "SELECT version() FORMAT RowBinary", &rows);
	const char *text;
	size_t length;

	if (err < 0)
		return err;
	text = row_get_text(&rows.reader, &length);
	for (size_t i = 0; i < length && isdigit((unsigned char)text[i]) && i < 4; i++)
		client->year = 10 * client->year + (unsigned int)(text[i] - '0');
	return client->year ? 0 : tell(client, "it does not say of which version it is", -EPROTO);
}

/* Profiles that come together may be of any days, which are partitions. */
static int allow_partitions(struct clickhouse_client *client)
{
	char *url;

	if (!clickhouse_client_is_since(client, SINCE_PARTITIONS_MAX))
		return 0;
	if (asprintf(&url, "%s&max_partitions_per_insert_block=0", client->url) < 0)
		return -ENOMEM;
	free(client->url);
	client->url = url;
	return 0;
}

int clickhouse_client_new(const struct clickhouse_options *options, struct clickhouse_client **ret)
{
	CLEANUP(cleanup_client) struct clickhouse_client *client = calloc(1, sizeof(*client));
	int err;

	if (!client)
		return -ENOMEM;
	(void)pthread_mutex_init(&client->lock, NULL);
	client->options = options;
	client->library = curl_library_get();
	if (!client->library)
		return tell(client, CURL_LIBRARY " is needed: " CURL_LIBRARY_PACKAGES, -ELIBACC);
	/* Without it, a server would be asked whether it wants the body before each insert. */
	client->headers = client->library->slist_append(NULL, "Expect:");
	err = client->headers ? make_url(client) : -ENOMEM;
	if (!err)
		err = read_version(client);
	if (!err)
		err = allow_partitions(client);
	if (err < 0)
		return err;
	*ret = TAKE(client);
	return 0;
}

void clickhouse_client_free(struct clickhouse_client *client)
{
	if (!client)
		return;
	for (size_t i = 0; i < client->idle_count; i++)
		client->library->easy_cleanup(client->idle[i]);
	if (client->headers)
		client->library->slist_free_all(client->headers);
	(void)pthread_mutex_destroy(&client->lock);
	free(client->url);
	free(client);
}

bool clickhouse_client_is_since(const struct clickhouse_client *client, unsigned int year)
{
	return client->year >= year;
}

const char *clickhouse_client_database(const struct clickhouse_client *client)
{
	return strrchr(client->options->url, '/') + 1;
}
