/* SPDX-License-Identifier: Apache-2.0 */
/* `eprof diff`. */
#include <string.h>

#include "agent/options_parts.h"

struct diff_parser {
	struct diff_options *options;
	struct drawing_input drawing;
	bool has_form;
	enum output_form form;
};

static const struct argp_option rows[] = {
	{ "output", 'o', "FILE", 0, "Write to FILE (.svg .html .folded; default: SVG on stdout)",
	  1 },
	{ "format", KEY_FORMAT, "FORM", 0,
	  "FILE is of this form, whatever its name: svg, html, folded", 1 },
	{ "on-cpu", KEY_ON_CPU, NULL, 0,
	  "Of directories: time on a CPU (default: it, or both where FILE is .html)", 4 },
	{ "off-cpu", KEY_OFF_CPU, NULL, 0, "Of directories: time off a CPU", 4 },
	{ "no-normalize", KEY_NO_NORMALIZE, NULL, 0,
	  "Leave the counts before as they are, instead of scaling them to the total after", 4 },
	{ "strip-hex", KEY_STRIP_HEX, NULL, 0,
	  "Numbers such as 0x12ab in names become \"0x...\", as they differ from run to run", 4 },
	{ "help", 'h', NULL, 0, "Print this and exit", -1 },
	{ 0 },
};

static void add_input(struct diff_options *options, const char *arg)
{
	if (!*arg)
		usage_error("the name of an input is empty");
	if (options->after)
		usage_error("'%s' is one input too many: BEFORE and AFTER are compared", arg);
	if (options->before)
		options->after = arg;
	else
		options->before = arg;
}

static void check_inputs(const struct diff_options *options)
{
	if (!options->after)
		usage_error("two inputs are wanted: BEFORE and AFTER");
	if (strcmp(options->before, "-") == 0 && strcmp(options->after, "-") == 0)
		usage_error("stdin ('-') can be one of the inputs, and not both");
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct diff_parser *parser = state->input;
	struct diff_options *options = parser->options;

	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = NULL; /* mistakes are printed by us */
		state->child_inputs[0] = &parser->drawing;
		return 0;
	case ARGP_KEY_ARG:
		add_input(options, arg);
		return 0;
	case ARGP_KEY_END:
		check_inputs(options);
		return 0;
	case 'o':
		if (!*arg)
			usage_error("-o: the name is empty");
		options->output = arg;
		return 0;
	case KEY_FORMAT:
		parser->form = form_of_option(arg);
		parser->has_form = true;
		return 0;
	case KEY_ON_CPU:
		options->on_cpu = true;
		return 0;
	case KEY_OFF_CPU:
		options->off_cpu = true;
		return 0;
	case KEY_NO_NORMALIZE:
		options->keeps_totals = true;
		return 0;
	case KEY_STRIP_HEX:
		options->strips_hex = true;
		return 0;
	case 'h':
		options_help(state, "eprof diff");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{ .argp = &drawing_argp },
	{ 0 },
};

static const struct argp diff_argp = {
	.options = rows,
	.parser = parse_option,
	.children = children,
	.help_filter = options_help_filter,
	.args_doc = "BEFORE AFTER",
	.doc = "Draws what changed between two profiles: files as 'eprof flamegraph' reads them, "
	       "or "
	       "directories that 'eprof record' wrote. Frames are as wide as they count after, and "
	       "coloured by how much more or less that is than before. What vanished is below a "
	       "frame [removed]."
	       "\v"
	       "Examples:\n"
	       "  eprof diff monday.folded tuesday.folded -o change.svg\n"
	       "  eprof diff eprof-before eprof-after -o change.html\n"
	       "  eprof diff a.pb.gz b.pb.gz -o change.folded",
};

void options_parse_diff(int argc, char **argv, struct diff_options *ret)
{
	struct diff_parser parser = {
		.options = ret,
		.drawing = { .drawing = &ret->drawing, .input = &ret->input },
	};

	*ret = (struct diff_options){ .output = "-" };
	options_run_argp(&diff_argp, argc, argv, &parser);
	ret->form = options_output_form(ret->output, parser.has_form, parser.form, OUTPUT_SVG);
	if (ret->form == OUTPUT_PPROF || ret->form == OUTPUT_SPEEDSCOPE)
		usage_error("-o: a %s file cannot hold a comparison; .svg, .html and .folded can",
			    ret->form == OUTPUT_PPROF ? "pprof" : "speedscope");
	if (ret->on_cpu && ret->off_cpu && ret->form != OUTPUT_HTML)
		usage_error("-o: '%s' holds one kind of time: of --on-cpu and --off-cpu give one "
			    "(.html holds both)",
			    ret->output);
}
