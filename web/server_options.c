/* SPDX-License-Identifier: Apache-2.0 */
#include "web/server_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTEN_DEFAULT "127.0.0.1:7745"

#define DAY_S           86400
#define KEEP_S          (30 * DAY_S)
#define MINUTES_AFTER_S (2 * DAY_S)
#define HOURS_AFTER_S   (14 * DAY_S)
#define PAUSE_S         300
#define AGE_MAX_S       (UINT64_C(36525) * DAY_S)

/* ClickHouse likes an insert a second; a client waits for its answer as long. */
#define BATCH_MS     1000
#define BATCH_MS_MAX 10000

static const char help[] =
	"usage: eprof-server --data DIR|--clickhouse URL [OPTION...]\n"
	"Receives profiles of `eprof agent`, keeps them, and merges them over time.\n"
	"\n"
	"      --data DIR            where profiles are kept; made if it is not there\n"
	"      --clickhouse URL      instead of that: http://HOST:PORT/DATABASE, of a ClickHouse "
	"that\n"
	"                            any number of eprof-servers may share\n"
	"      --clickhouse-user FILE\n"
	"                            has a line USER:PASSWORD for it\n"
	"      --clickhouse-cluster NAME\n"
	"                            the tables are distributed over that cluster\n"
	"      --clickhouse-batch MS profiles are inserted together, each so many milliseconds\n"
	"                            (default 1000)\n"
	"      --listen ADDRESS:PORT where to be asked (" LISTEN_DEFAULT "); [::1]:PORT for IPv6;\n"
	"                            port 0 is one that is free, which is told\n"
	"      --tokens FILE         who may: lines NAME RIGHT TOKEN, RIGHT being write, read or "
	"all;\n"
	"                            without it all who reach it may read, and nobody may write\n"
	"      --rate N              profiles a second that one token may send, and ten times "
	"that\n"
	"                            at once; without tokens all together (default 0: no limit)\n"
	"      --connections N       how many one address may have at once (default 0: no limit; "
	"who\n"
	"                            comes through a proxy has its address)\n"
	"      --tls-cert FILE       PEM file of the certificate to show, with --tls-key FILE\n"
	"      --keep AGE            how long profiles are kept: 36h, 30d (the default); 0: for "
	"ever\n"
	"      --keep-bytes SIZE     how much the store may take, such as 500M, 20G: above it the\n"
	"                            oldest day goes; 0: as much as there is (the default)\n"
	"      --minutes-after AGE   when profiles are put together in windows of ten minutes\n"
	"                            (default 2d; 0: never), and\n"
	"      --hours-after AGE     of an hour (default 14d)\n"
	"      --housekeeping AGE    how often all of this is seen to (default 5m)\n"
	"      --insecure            on a loopback address: writing needs no token; elsewhere: "
	"starts\n"
	"                            without TLS or tokens, which it refuses to do otherwise\n"
	"  -h, --help                this\n"
	"      --version             the version\n";

static void __attribute__((noreturn, format(printf, 1, 2))) mistake(const char *format, ...)
{
	va_list arguments;

	(void)fputs("eprof-server: ", stderr);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputs("\ntry 'eprof-server --help'\n", stderr);
	exit(2);
}

/* ADDRESS:PORT or [ADDRESS]:PORT. */
static void parse_listen(const char *text, struct server_options *ret)
{
	const char *colon = strrchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	struct in6_addr address;
	unsigned long port;
	char *end;

	if (!colon || colon[1] < '0' || colon[1] > '9')
		mistake("--listen: '%s' is not ADDRESS:PORT", text);
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > UINT16_MAX)
		mistake("--listen: '%s' is no port", colon + 1);
	if (length > 2 && text[0] == '[' && text[length - 1] == ']') {
		text++;
		length -= 2;
	}
	if (length >= sizeof(ret->address))
		mistake("--listen: '%s' is no address", text);
	memcpy(ret->address, text, length);
	ret->address[length] = '\0';
	if (inet_pton(AF_INET, ret->address, &address) != 1 &&
	    inet_pton(AF_INET6, ret->address, &address) != 1)
		mistake("--listen: '%s' is no address of IPv4 or IPv6", ret->address);
	ret->port = (uint16_t)port;
}

/* A number and one of the letters, each of which is worth so much; none: 1. */
struct suffix {
	char letter;
	uint64_t worth;
};

static const struct suffix no_units[] = { { 0, 0 } };

static uint64_t parse_scaled(const char *option, const char *text, const struct suffix *suffixes)
{
	unsigned long long number;
	uint64_t worth = 1, scaled;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || errno)
		mistake("%s: '%s' is no number", option, text);
	for (; *end && suffixes->letter; suffixes++) {
		if (*end != suffixes->letter)
			continue;
		worth = suffixes->worth;
		end++;
		break;
	}
	if (*end)
		mistake("%s: '%s' has a unit that is not known", option, text);
	if (__builtin_mul_overflow(number, worth, &scaled))
		mistake("%s: '%s' is too large", option, text);
	return scaled;
}

static uint64_t parse_age(const char *option, const char *text)
{
	static const struct suffix units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 0, 0 }
	};

	uint64_t age = parse_scaled(option, text, units);

	if (age > AGE_MAX_S)
		mistake("%s: '%s' is more than a hundred years", option, text);
	return age;
}

static uint64_t parse_size(const char *option, const char *text)
{
	static const struct suffix units[] = { { 'K', UINT64_C(1) << 10 },
					       { 'M', UINT64_C(1) << 20 },
					       { 'G', UINT64_C(1) << 30 },
					       { 'T', UINT64_C(1) << 40 },
					       { 0, 0 } };

	return parse_scaled(option, text, units);
}

bool server_options_is_loopback(const struct server_options *options)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, options->address, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	return inet_pton(AF_INET6, options->address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static void check(const struct server_options *options)
{
	if (!options->data && !options->clickhouse.url)
		mistake("--data or --clickhouse: where are profiles to be kept?");
	if (options->data && options->clickhouse.url)
		mistake("--data and --clickhouse: profiles are kept in one of them");
	if (!options->housekeeping.pause_s)
		mistake("--housekeeping: a pause is at least one second");
	if (!options->certificate != !options->key)
		mistake("--tls-cert and --tls-key go together");
	if (server_options_is_loopback(options) || options->is_insecure)
		return;
	if (!options->certificate)
		mistake("'%s' can be reached by others: --tls-cert and --tls-key are needed, or "
			"--insecure",
			options->address);
	if (!options->tokens)
		mistake("'%s' can be reached by others: --tokens is needed, or --insecure",
			options->address);
}

enum option_code {
	DATA = 256,
	CLICKHOUSE,
	CLICKHOUSE_USER,
	CLICKHOUSE_CLUSTER,
	CLICKHOUSE_BATCH,
	LISTEN,
	TOKENS,
	RATE,
	CONNECTIONS,
	CERTIFICATE,
	KEY,
	KEEP,
	KEEP_BYTES,
	MINUTES_AFTER,
	HOURS_AFTER,
	PAUSE,
	INSECURE,
	VERSION
};

static const struct option options_known[] = {
	{ "data", required_argument, NULL, DATA },
	{ "clickhouse", required_argument, NULL, CLICKHOUSE },
	{ "clickhouse-user", required_argument, NULL, CLICKHOUSE_USER },
	{ "clickhouse-cluster", required_argument, NULL, CLICKHOUSE_CLUSTER },
	{ "clickhouse-batch", required_argument, NULL, CLICKHOUSE_BATCH },
	{ "listen", required_argument, NULL, LISTEN },
	{ "tokens", required_argument, NULL, TOKENS },
	{ "rate", required_argument, NULL, RATE },
	{ "connections", required_argument, NULL, CONNECTIONS },
	{ "tls-cert", required_argument, NULL, CERTIFICATE },
	{ "tls-key", required_argument, NULL, KEY },
	{ "keep", required_argument, NULL, KEEP },
	{ "keep-bytes", required_argument, NULL, KEEP_BYTES },
	{ "minutes-after", required_argument, NULL, MINUTES_AFTER },
	{ "hours-after", required_argument, NULL, HOURS_AFTER },
	{ "housekeeping", required_argument, NULL, PAUSE },
	{ "insecure", no_argument, NULL, INSECURE },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, VERSION },
	{ 0 },
};

static void take_housekeeping(enum option_code code, struct housekeeping *ret)
{
	if (code == KEEP)
		ret->keep_s = parse_age("--keep", optarg);
	else if (code == KEEP_BYTES)
		ret->keep_bytes = parse_size("--keep-bytes", optarg);
	else if (code == MINUTES_AFTER)
		ret->minutes_s = parse_age("--minutes-after", optarg);
	else if (code == HOURS_AFTER)
		ret->hours_s = parse_age("--hours-after", optarg);
	else
		ret->pause_s = parse_age("--housekeeping", optarg);
}

static void take_clickhouse(enum option_code code, struct server_options *ret)
{
	struct clickhouse_options *clickhouse = &ret->clickhouse;

	if (code == CLICKHOUSE) {
		clickhouse->url = optarg;
	} else if (code == CLICKHOUSE_USER) {
		ret->clickhouse_user = optarg;
	} else if (code == CLICKHOUSE_CLUSTER) {
		clickhouse->cluster = optarg;
	} else {
		clickhouse->batch_ms = parse_scaled("--clickhouse-batch", optarg, no_units);
		if (clickhouse->batch_ms > BATCH_MS_MAX)
			mistake("--clickhouse-batch: '%s' is more than %d", optarg, BATCH_MS_MAX);
	}
}

static void take(int code, char *const *argv, struct server_options *ret)
{
	switch (code) {
	case DATA:
		ret->data = optarg;
		return;
	case CLICKHOUSE:
	case CLICKHOUSE_USER:
	case CLICKHOUSE_CLUSTER:
	case CLICKHOUSE_BATCH:
		take_clickhouse((enum option_code)code, ret);
		return;
	case LISTEN:
		parse_listen(optarg, ret);
		return;
	case TOKENS:
		ret->tokens = optarg;
		return;
	case RATE:
		ret->rate = parse_scaled("--rate", optarg, no_units);
		if (ret->rate > RATE_MAX)
			mistake("--rate: '%s' is more than %d", optarg, RATE_MAX);
		return;
	case CONNECTIONS:
		ret->connections = parse_scaled("--connections", optarg, no_units);
		if (ret->connections > INT_MAX)
			mistake("--connections: '%s' is more than %d", optarg, INT_MAX);
		return;
	case CERTIFICATE:
		ret->certificate = optarg;
		return;
	case KEY:
		ret->key = optarg;
		return;
	case KEEP:
	case KEEP_BYTES:
	case MINUTES_AFTER:
	case HOURS_AFTER:
	case PAUSE:
		take_housekeeping((enum option_code)code, &ret->housekeeping);
		return;
	case INSECURE:
		ret->is_insecure = true;
		return;
	case 'h':
		(void)fputs(help, stdout);
		exit(0);
	case VERSION:
		(void)puts("eprof-server " EPROF_VERSION);
		exit(0);
	case ':':
		mistake("'%s' needs a value", argv[optind - 1]);
	default:
		mistake("'%s' is no option", argv[optind - 1]);
	}
}

void server_options_parse(int argc, char **argv, struct server_options *ret)
{
	int code;

	*ret = (struct server_options){ .housekeeping = { .keep_s = KEEP_S,
							  .minutes_s = MINUTES_AFTER_S,
							  .hours_s = HOURS_AFTER_S,
							  .pause_s = PAUSE_S },
					.clickhouse = { .batch_ms = BATCH_MS } };
	parse_listen(LISTEN_DEFAULT, ret);
	opterr = 0;
	while ((code = getopt_long(argc, argv, ":h", options_known, NULL)) != -1)
		take(code, argv, ret);
	if (optind < argc)
		mistake("'%s' is no option", argv[optind]);
	check(ret);
}
