/* SPDX-License-Identifier: Apache-2.0 */
/* `eprof query`. */
#include <string.h>

#include "agent/options_parts.h"

#define SERVER_DEFAULT "http://127.0.0.1:7745"
#define KIND_DEFAULT   "on-cpu"

static const struct argp_option rows[] = {
	{ "kind", 'k', "KIND", 0, "on-cpu (the default), off-cpu, or what else was sent", 1 },
	{ "service", 's', "NAME", 0, "Of this service; each of these four may be repeated", 1 },
	{ "host", KEY_HOST, "NAME", 0, "Of this host", 1 },
	{ "label", 'l', "NAME=VALUE", 0, "With this label", 1 },
	{ "from", KEY_FROM, "TIME", 0,
	  "From this time on: seconds since 1970, or -15m, -6h, -7d before now (default: an hour "
	  "before the end)",
	  1 },
	{ "until", KEY_UNTIL, "TIME", 0, "Until this time (default: now)", 1 },
	{ "before", KEY_BEFORE, "NAME=VALUE", 0,
	  "diff: what is compared with, as far as it is another: from, until, service, host or "
	  "label.NAME",
	  1 },
	{ "no-normalize", KEY_NO_NORMALIZE, NULL, 0, "diff: as --no-normalize of eprof diff", 1 },
	{ "function", KEY_FUNCTION, "NAME", 0, "callers: of this function", 1 },
	{ "by", KEY_BY, "WORD", 0, "top: self or total; series: the values of this label", 1 },
	{ "limit", KEY_LIMIT, "N", 0, "top: so many functions", 1 },
	{ "step", KEY_STEP, "SECONDS", 0, "series: of so many seconds each", 1 },
	{ "name", KEY_NAME, "LABEL", 0, "values: of this label, of service, host or kind", 1 },
	{ "server", 'S', "URL", 0, "Where eprof-server is (default: " SERVER_DEFAULT ")", 2 },
	{ "token-file", KEY_TOKEN_FILE, "FILE", 0, "A file with the token to show", 2 },
	{ "ca-file", KEY_CA_FILE, "FILE", 0, "A PEM file of who may vouch for the server", 2 },
	{ "output", 'o', "FILE", 0,
	  "Write there; what it ends in says the format: .svg, .html, .folded, .pb.gz (default: "
	  "stdout, folded)",
	  3 },
	{ "format", KEY_FORMAT, "FORM", 0, "svg, html, folded or pprof, whatever the name", 3 },
	{ "help", 'h', NULL, 0, "Print this and exit", -1 },
	{ 0 },
};

/* What the server calls it. */
static const struct {
	int key;
	const char *name;
} parameters[] = {
	{ 'k', "kind" },
	{ 's', "service" },
	{ KEY_HOST, "host" },
	{ KEY_FROM, "from" },
	{ KEY_UNTIL, "until" },
	{ KEY_FUNCTION, "function" },
	{ KEY_BY, "by" },
	{ KEY_LIMIT, "limit" },
	{ KEY_STEP, "step" },
	{ KEY_NAME, "name" },
	{ KEY_NO_NORMALIZE, "normalize" },
};

static void add(struct query_options *options, const char *prefix, const char *name,
		const char *value)
{
	if (options->count == QUERY_PARAMETERS_MAX)
		usage_error("more than %d things are asked for", QUERY_PARAMETERS_MAX);
	options->parameters[options->count++] = (struct query_parameter){ prefix, name, value };
}

/* "NAME=VALUE", which is cut in two. */
static void add_pair(struct query_options *options, const char *option, const char *prefix,
		     char *arg)
{
	char *equals = strchr(arg, '=');

	if (!equals || equals == arg)
		usage_error("%s: '%s' is not NAME=VALUE", option, arg);
	*equals = '\0';
	add(options, prefix, arg, equals + 1);
}

static bool take_parameter(struct query_options *options, int key, const char *arg)
{
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
		if (parameters[i].key != key)
			continue;
		options->has_kind |= key == 'k';
		add(options, "", parameters[i].name, arg ? arg : "0");
		return true;
	}
	return false;
}

static void take_what(struct query_options *options, const char *arg)
{
	static const char *const known[] = {
		"merge", "diff", "top", "callers", "series", "values"
	};

	if (options->what)
		usage_error("'%s' is one word too many", arg);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(arg, known[i]) == 0)
			options->what = known[i];
	}
	if (!options->what)
		usage_error("'%s' is none of merge, diff, top, callers, series, values", arg);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct query_options *options = state->input;

	if (take_parameter(options, key, arg))
		return 0;
	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = NULL; /* mistakes are printed by us */
		return 0;
	case ARGP_KEY_ARG:
		take_what(options, arg);
		return 0;
	case 'l':
		add_pair(options, "--label", "label.", arg);
		return 0;
	case KEY_BEFORE:
		add_pair(options, "--before", "before.", arg);
		return 0;
	case 'S':
		options->server = arg;
		return 0;
	case KEY_TOKEN_FILE:
		options->token_file = arg;
		return 0;
	case KEY_CA_FILE:
		options->ca_file = arg;
		return 0;
	case 'o':
		options->output = arg;
		return 0;
	case KEY_FORMAT:
		options->form = form_of_option(arg);
		options->has_form = true;
		return 0;
	case 'h':
		options_help(state, "eprof query");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp query_argp = {
	.options = rows,
	.parser = parse_option,
	.args_doc = "[merge|diff|top|callers|series|values]",
	.help_filter = options_help_filter,
	.doc = "Asks eprof-server: for one profile of many (merge, without a word), what changed "
	       "between two times, hosts or versions (diff), functions (top), who calls one and "
	       "whom "
	       "it calls (callers), sums over time (series), and which services, hosts and labels "
	       "there are (values)."
	       "\v"
	       "Examples:\n"
	       "  eprof query values --name service\n"
	       "  eprof query -s shop.service --from -6h -o shop.svg\n"
	       "  eprof query diff -s shop.service -l version=2 --before label.version=1 -o "
	       "diff.html\n"
	       "  eprof query top -s shop.service -k off-cpu --by total | jq .functions",
};

/* The others are JSON, whatever the name of the file. */
static bool is_drawn(const char *what)
{
	return strcmp(what, "merge") == 0 || strcmp(what, "diff") == 0;
}

void options_parse_query(int argc, char **argv, struct query_options *ret)
{
	*ret = (struct query_options){ .server = SERVER_DEFAULT, .output = "-" };
	options_run_argp(&query_argp, argc, argv, ret);
	if (!ret->what)
		ret->what = "merge";
	if (!ret->has_kind && strcmp(ret->what, "values") != 0)
		add(ret, "", "kind", KIND_DEFAULT);
	ret->form = options_output_form(ret->output, ret->has_form, ret->form, OUTPUT_FOLDED);
	if (ret->form == OUTPUT_SPEEDSCOPE && is_drawn(ret->what))
		usage_error("-o: '%s' is a form that the server has not", ret->output);
}
