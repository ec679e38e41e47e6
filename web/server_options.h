/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of eprof-server. */
#ifndef EPROF_WEB_SERVER_OPTIONS_H
#define EPROF_WEB_SERVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "web/clickhouse_store.h"
#include "web/housekeeper.h"
#include "web/rate_limit.h"

struct server_options {
	char address[64]; /* of IPv4 or IPv6, as digits */
	uint16_t port;
	const char *data; /* a directory; NULL: clickhouse.url is there */
	struct clickhouse_options clickhouse;
	const char *clickhouse_user;   /* a file; NULL: none */
	const char *tokens;            /* a file; NULL: none */
	const char *certificate, *key; /* files; NULL: none */
	bool is_insecure;
	uint64_t rate;        /* of a token, a second; 0: no limit */
	uint64_t connections; /* of one address; 0: no limit */
	struct housekeeping housekeeping;
};

/* Ends the program with 2 after a mistake, and with 0 after --help and --version. */
void server_options_parse(int argc, char **argv, struct server_options *ret);

/* Whether only this machine can reach the address. */
bool server_options_is_loopback(const struct server_options *options);

#endif
