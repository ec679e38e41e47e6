/* SPDX-License-Identifier: Apache-2.0 */
/* `eprof doctor`. */
#include "agent/options_parts.h"

static const struct argp_option rows[] = {
	{ "pid", 'p', "PID", 0, "Look at this process, too, and at all that it has mapped to run",
	  1 },
	{ "config", KEY_CONFIG, "FILE", 0,
	  "Ask each target of uploads in this configuration of the agent whether it answers", 1 },
	{ "json", KEY_JSON, NULL, 0, "Write JSON, for programs", 1 },
	{ "help", 'h', NULL, 0, "Print this and exit", -1 },
	{ 0 },
};

static void add_pid(struct doctor_options *options, const char *arg)
{
	uint64_t pid = number_of_option("-p", arg, 1, INT32_MAX, "");

	if (options->pid)
		usage_error("-p: '%s' is one process too many", arg);
	options->pid = (int32_t)pid;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct doctor_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = NULL; /* mistakes are printed by us */
		return 0;
	case ARGP_KEY_ARG:
		usage_error("'%s' is one word too many; a process is given by -p PID", arg);
	case 'p':
		add_pid(options, arg);
		return 0;
	case KEY_CONFIG:
		if (!*arg)
			usage_error("--config: the name is empty");
		options->config_file = arg;
		return 0;
	case KEY_JSON:
		options->json = true;
		return 0;
	case 'h':
		options_help(state, "eprof doctor");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp doctor_argp = {
	.options = rows,
	.parser = parse_option,
	.help_filter = options_help_filter,
	.doc = "Says what this machine can and cannot do, a line for each thing: ok, note, warn "
	       "(data will be missing) or fail (nothing can be recorded), and what to do. The exit "
	       "code is 0, 1 with a warning, 3 with a failure."
	       "\v"
	       "Examples:\n"
	       "  sudo eprof doctor\n"
	       "  sudo eprof doctor -p 1234\n"
	       "  eprof doctor --json | jq .worst",
};

void options_parse_doctor(int argc, char **argv, struct doctor_options *ret)
{
	*ret = (struct doctor_options){ 0 };
	options_run_argp(&doctor_argp, argc, argv, ret);
}
