/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands, and what their parsers share. */
#include "agent/options.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/log.h"
#include "agent/options_parts.h"

#ifndef EPROF_VERSION
#error "EPROF_VERSION comes from the build"
#endif

static void parse_record(int argc, char **argv, struct options *ret)
{
	ret->command = COMMAND_RECORD;
	options_parse_record(argc, argv, &ret->record);
}

static void parse_flamegraph(int argc, char **argv, struct options *ret)
{
	ret->command = COMMAND_FLAMEGRAPH;
	options_parse_flamegraph(argc, argv, &ret->flamegraph);
}

static void parse_diff(int argc, char **argv, struct options *ret)
{
	ret->command = COMMAND_DIFF;
	options_parse_diff(argc, argv, &ret->diff);
}

static void parse_agent(int argc, char **argv, struct options *ret)
{
	ret->command = COMMAND_AGENT;
	options_parse_agent(argc, argv, &ret->agent);
}

static void parse_doctor(int argc, char **argv, struct options *ret)
{
	ret->command = COMMAND_DOCTOR;
	options_parse_doctor(argc, argv, &ret->doctor);
}

static void parse_query(int argc, char **argv, struct options *ret)
{
	ret->command = COMMAND_QUERY;
	options_parse_query(argc, argv, &ret->query);
}

static const struct sub_command {
	const char *name;
	const char *summary;
	void (*parse)(int argc, char **argv, struct options *ret);
} sub_commands[] = {
	{ "record", "measure processes, a command or the machine", parse_record },
	{ "flamegraph", "draw profiles: folded stacks, pprof, perf script", parse_flamegraph },
	{ "diff", "draw what changed between two profiles", parse_diff },
	{ "agent", "measure always, and send a profile of each minute", parse_agent },
	{ "doctor", "say what this machine can do, and what to do about the rest", parse_doctor },
	{ "query", "ask eprof-server: profiles of many, merged or compared", parse_query },
};
#define SUB_COMMAND_COUNT (sizeof(sub_commands) / sizeof(sub_commands[0]))

void usage_error(const char *format, ...)
{
	char message[1024];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	log_error("%s", message);
	exit(2);
}

/* Help that did not reach its reader is a failure, too. */
static _Noreturn void exit_after_printing(void)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		log_error("cannot write to stdout");
		exit(1);
	}
	exit(0);
}

void options_help(struct argp_state *state, const char *name)
{
	/* Not argp_help(): without a state it asks no help filter. */
	state->name = (char *)name;
	argp_state_help(state, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC);
	exit_after_printing();
}

char *options_help_filter(int key, const char *text, void *input)
{
	(void)input;
	return key == ARGP_KEY_HELP_DUP_ARGS_NOTE ? NULL : (char *)text;
}

void options_run_argp(const struct argp *argp, int argc, char **argv, void *input)
{
	error_t err;

	/* getopt starts its one-line complaints with argv[0]. */
	argv[0] = (char *)"eprof";
	/*
	 * Help is a row of our tables, and argp is told not to exit: it would add a second line
	 * ("Try ...") and another exit code. ARGP_IN_ORDER: the options end where a command begins.
	 */
	err = argp_parse(argp, argc, argv, ARGP_NO_HELP | ARGP_NO_EXIT | ARGP_IN_ORDER, NULL,
			 input);
	if (err == EINVAL)
		exit(2); /* getopt has said why */
	if (err) {
		log_error("cannot parse the options: %s", strerror(err));
		exit(1); /* none of ours: there is too little memory */
	}
}

uint64_t number_of_option(const char *option, const char *arg, uint64_t min, uint64_t max,
			  const char *unit)
{
	uint64_t value = 0;
	int err = parse_u64(arg, min, max, &value);

	if (err == -EINVAL)
		usage_error("%s: '%s' is not a whole number", option, arg);
	if (err < 0)
		usage_error("%s: '%s' is not between %" PRIu64 " and %" PRIu64 "%s", option, arg,
			    min, max, unit);
	return value;
}

struct decimal_number decimal_of_option(const char *option, const char *arg, uint64_t max)
{
	struct decimal_number number = { 0 };

	if (parse_decimal(arg, max, CALL_TREE_DECIMALS_MAX, &number) < 0 || number.digits == 0)
		usage_error("%s: '%s' is not a number above 0 and up to %" PRIu64
			    ", with up to %d decimals",
			    option, arg, max, CALL_TREE_DECIMALS_MAX);
	return number;
}

enum output_form form_of_option(const char *arg)
{
	enum output_form form;

	if (parse_form(arg, &form) < 0)
		usage_error("--format: '%s' is none of svg, html, folded, pprof, speedscope", arg);
	return form;
}

enum output_form options_output_form(const char *path, bool has_form, enum output_form form,
				     enum output_form fallback)
{
	enum output_form named = output_form_of(path);
	size_t length = strlen(path);

	if (named == OUTPUT_STDOUT && fallback != OUTPUT_DIRECTORY)
		named = fallback;
	if (path[length - 1] == '/' && (has_form || fallback != OUTPUT_DIRECTORY))
		usage_error("-o: '%s' is a directory, and one file is to be written", path);
	if (has_form && (named == OUTPUT_DIRECTORY || strcmp(path, "-") == 0))
		return form;
	if (has_form && named != form)
		usage_error("-o: the name '%s' and --format contradict each other", path);
	return named == OUTPUT_DIRECTORY ? fallback : named;
}

static void print_usage(FILE *out)
{
	(void)fputs("Usage: eprof COMMAND [OPTION...]\n"
		    "Shows where the time of processes goes, as flame graphs.\n\n",
		    out);
	for (size_t i = 0; i < SUB_COMMAND_COUNT; i++)
		(void)fprintf(out, "  eprof %-16s %s\n", sub_commands[i].name,
			      sub_commands[i].summary);
	(void)fputs("  eprof help [COMMAND]   explain, and print the options\n"
		    "  eprof --version        print the version\n",
		    out);
}

static const struct sub_command *sub_command_find(const char *name)
{
	for (size_t i = 0; i < SUB_COMMAND_COUNT; i++) {
		if (strcmp(sub_commands[i].name, name) == 0)
			return &sub_commands[i];
	}
	usage_error("unknown command '%s'; 'eprof help' lists them", name);
}

static _Noreturn void help(void)
{
	print_usage(stdout);
	exit_after_printing();
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
	return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

/* How many words a call of eprof itself, and not of a command, may have. */
static int words_of(const char *name)
{
	if (is_one_of(name, "--version", "-V") || is_one_of(name, "--help", "-h"))
		return 1;
	return strcmp(name, "help") == 0 ? 2 : INT_MAX;
}

static void refuse_words_after(int argc, char **argv, int words)
{
	if (argc - 1 > words)
		usage_error("'%s' is one word too many: 'eprof help' lists the commands",
			    argv[words + 1]);
}

void options_parse(int argc, char **argv, struct options *ret)
{
	char *ask_for_help[] = { (char *)"eprof", (char *)"--help", NULL };
	const char *name = argc > 1 ? argv[1] : NULL;

	*ret = (struct options){ 0 };
	if (!name) {
		print_usage(stderr);
		exit(2);
	}
	refuse_words_after(argc, argv, words_of(name));
	if (is_one_of(name, "--version", "-V")) {
		(void)puts("eprof " EPROF_VERSION);
		exit_after_printing();
	}
	if (is_one_of(name, "--help", "-h") || (strcmp(name, "help") == 0 && !argv[2]))
		help();
	if (strcmp(name, "help") == 0)
		sub_command_find(argv[2])->parse(2, ask_for_help, ret);
	if (name[0] == '-')
		usage_error("unknown option '%s'; 'eprof help' lists the commands", name);
	sub_command_find(name)->parse(argc - 1, argv + 1, ret);
}
