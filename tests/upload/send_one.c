/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send_one KEY=VALUE...: sends one plain file by upload_send(), and prints what came of it as lines
 * NAME=VALUE. Keys: url, file, service, host, kind, format, from, until (seconds), hz, label.NAME,
 * offset, times (how often), stop_ms (true after so long), probe, and those of struct
 * upload_config.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/upload_send.h"
#include "base/clock.h"

#define LABELS_MAX 8

struct words {
	char **words;
};

static char *value_of(const struct words *words, const char *key)
{
	size_t length = strlen(key);

	for (char **word = words->words; *word; word++) {
		if (strncmp(*word, key, length) == 0 && (*word)[length] == '=')
			return *word + length + 1;
	}
	return NULL;
}

static uint64_t number_of(const struct words *words, const char *key, uint64_t otherwise)
{
	const char *value = value_of(words, key);

	return value ? strtoull(value, NULL, 10) : otherwise;
}

static void read_config(const struct words *words, struct upload_config *config)
{
	const char *style = value_of(words, "style");

	*config = (struct upload_config){
		.name = "test",
		.url = value_of(words, "url"),
		.key = value_of(words, "key"),
		.endpoint = value_of(words, "endpoint"),
		.region = value_of(words, "region"),
		.style = style && strcmp(style, "virtual-host") == 0 ? S3_VIRTUAL_HOST : S3_PATH,
		.credentials_file = value_of(words, "credentials_file"),
		.ca_file = value_of(words, "ca_file"),
		.client_cert = value_of(words, "client_cert"),
		.client_key = value_of(words, "client_key"),
		.user_file = value_of(words, "user_file"),
		.token_file = value_of(words, "token_file"),
		.tenant = value_of(words, "tenant"),
		.timeout_s = number_of(words, "timeout", 10),
	};
}

static enum profile_format format_of(const char *name)
{
	for (int i = 0; i < PROFILE_FORMAT_COUNT; i++) {
		if (name && strcmp(profile_format_name((enum profile_format)i), name) == 0)
			return (enum profile_format)i;
	}
	return PROFILE_PPROF;
}

static enum profile_kind kind_of(const char *name)
{
	if (name && strcmp(name, "both") == 0)
		return PROFILE_BOTH;
	return name && strcmp(name, "off-cpu") == 0 ? PROFILE_OFF_CPU : PROFILE_ON_CPU;
}

static size_t read_labels(const struct words *words, struct profile_label labels[LABELS_MAX])
{
	size_t count = 0;

	for (char **word = words->words; *word && count < LABELS_MAX; word++) {
		char *equals = strchr(*word, '=');

		if (!equals || strncmp(*word, "label.", strlen("label.")) != 0)
			continue;
		*equals = '\0';
		labels[count++] = (struct profile_label){ *word + strlen("label."), equals + 1 };
	}
	return count;
}

static int read_item(const struct words *words, struct profile_label labels[LABELS_MAX],
		     struct spool_item *item)
{
	const char *path = value_of(words, "file"), *service = value_of(words, "service");
	const char *host = value_of(words, "host");
	struct stat status;

	item->file = (struct profile_file){
		.kind = kind_of(value_of(words, "kind")),
		.format = format_of(value_of(words, "format")),
		.service = service ? service : "nginx.service",
		.host = host ? host : "web1",
		.from_ns = number_of(words, "from", 1767323045) * NS_PER_SECOND,
		.until_ns = number_of(words, "until", 1767323105) * NS_PER_SECOND,
		.sample_hz = number_of(words, "hz", 99),
		.labels = labels,
		.label_count = read_labels(words, labels),
	};
	item->fd = open(path ? path : "/dev/null", O_RDONLY | O_CLOEXEC);
	if (item->fd < 0 || fstat(item->fd, &status) < 0)
		return -1;
	item->offset = number_of(words, "offset", 0);
	item->size = number_of(words, "size", (uint64_t)status.st_size - item->offset);
	return 0;
}

struct stopper {
	_Atomic bool stop;
	uint64_t after_ms;
};

static void *stop_later(void *context)
{
	struct stopper *stopper = context;

	(void)usleep((useconds_t)(stopper->after_ms * 1000));
	atomic_store(&stopper->stop, true);
	return NULL;
}

int main(int count, char **words)
{
	static const char *const outcomes[] = { "sent", "later", "refused" };
	const struct words given = { words + 1 };
	struct stopper stopper = { .after_ms = number_of(&given, "stop_ms", 0) };
	struct profile_label labels[LABELS_MAX];
	struct upload_sender *sender = NULL;
	struct upload_result result = { 0 };
	struct upload_config config;
	struct spool_item item = { 0 };
	struct rusage usage;
	pthread_t thread;

	(void)count;
	read_config(&given, &config);
	if (upload_sender_new(&config, &sender) < 0)
		return 2;
	if (read_item(&given, labels, &item) < 0)
		return 3;
	if (stopper.after_ms && pthread_create(&thread, NULL, stop_later, &stopper) != 0)
		return 3;
	for (uint64_t i = 0; i < number_of(&given, "times", 1); i++) {
		if (value_of(&given, "probe"))
			upload_probe(sender, &result);
		else
			upload_send(sender, &item, &stopper.stop, &result);
	}
	(void)getrusage(RUSAGE_SELF, &usage);
	printf("outcome=%s\nstatus=%ld\nretry_after=%llu\ntext=%s\nrss_kb=%ld\n",
	       outcomes[result.outcome], result.status, (unsigned long long)result.retry_after_s,
	       result.text, usage.ru_maxrss);
	if (stopper.after_ms)
		(void)pthread_join(thread, NULL);
	upload_sender_free(sender);
	(void)close(item.fd);
	return 0;
}
