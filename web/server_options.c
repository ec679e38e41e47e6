/* SPDX-License-Identifier: Apache-2.0 */
#include "web/server_options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTEN_DEFAULT "127.0.0.1:7745"

static const char help[] =
	"usage: eprof-server --data DIR [OPTION...]\n"
	"Receives profiles of `eprof agent`, keeps them, and merges them over time.\n"
	"\n"
	"      --data DIR            where profiles are kept; made if it is not there\n"
	"      --listen ADDRESS:PORT where to be asked (" LISTEN_DEFAULT "); [::1]:PORT for IPv6;\n"
	"                            port 0 is one that is free, which is told\n"
	"      --tokens FILE         who may: lines NAME RIGHT TOKEN, RIGHT being write, read or "
	"all;\n"
	"                            without it all who reach it may read, and nobody may write\n"
	"      --tls-cert FILE       PEM file of the certificate to show, with --tls-key FILE\n"
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
	if (!options->data)
		mistake("--data: where are profiles to be kept?");
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

void server_options_parse(int argc, char **argv, struct server_options *ret)
{
	enum { DATA = 256, LISTEN, TOKENS, CERTIFICATE, KEY, INSECURE, VERSION };
	static const struct option options[] = {
		{ "data", required_argument, NULL, DATA },
		{ "listen", required_argument, NULL, LISTEN },
		{ "tokens", required_argument, NULL, TOKENS },
		{ "tls-cert", required_argument, NULL, CERTIFICATE },
		{ "tls-key", required_argument, NULL, KEY },
		{ "insecure", no_argument, NULL, INSECURE },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, VERSION },
		{ 0 },
	};
	int option;

	*ret = (struct server_options){ 0 };
	parse_listen(LISTEN_DEFAULT, ret);
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", options, NULL)) != -1) {
		switch (option) {
		case DATA:
			ret->data = optarg;
			break;
		case LISTEN:
			parse_listen(optarg, ret);
			break;
		case TOKENS:
			ret->tokens = optarg;
			break;
		case CERTIFICATE:
			ret->certificate = optarg;
			break;
		case KEY:
			ret->key = optarg;
			break;
		case INSECURE:
			ret->is_insecure = true;
			break;
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
	if (optind < argc)
		mistake("'%s' is no option", argv[optind]);
	check(ret);
}
