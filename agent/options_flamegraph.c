/* SPDX-License-Identifier: Apache-2.0 */
/* `eprof flamegraph`. */
#include "agent/options_parts.h"

struct flamegraph_parser {
	struct flamegraph_options *options;
	bool has_form;
	enum output_form form;
};

static const struct argp_option rows[] = {
	{ "output", 'o', "FILE", 0,
	  "Write to FILE (.svg .html .folded .pb.gz .json; default: SVG on stdout)", 1 },
	{ "format", KEY_FORMAT, "FORM", 0,
	  "FILE is of this form, whatever its name: svg, html, folded, pprof, speedscope", 1 },
	{ "title", KEY_TITLE, "TEXT", 0, "Title of the picture", 2 },
	{ "subtitle", KEY_SUBTITLE, "TEXT", 0, "Second line of the title", 2 },
	{ "notes", KEY_NOTES, "TEXT", 0, "One line under the picture", 2 },
	{ "unit", KEY_UNIT, "UNIT", 0,
	  "What is counted (default: samples); of microseconds the picture shows times, and what "
	  "was waited for",
	  2 },
	{ "width", KEY_WIDTH, "PIXELS", 0, "Width of the picture (default: 1200)", 2 },
	{ "frequency", 'F', "HZ", 0,
	  "The samples per second that were taken: gives them a duration in .pb.gz (default: 99)",
	  2 },
	{ "help", 'h', NULL, 0, "Print this and exit", -1 },
	{ 0 },
};

/* Options may follow inputs, so the inputs are gathered at the front of argv. */
static void add_input(struct flamegraph_options *options, struct argp_state *state, char *arg)
{
	if (!*arg)
		usage_error("the name of an input file is empty");
	options->inputs[state->arg_num] = arg;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct flamegraph_parser *parser = state->input;
	struct flamegraph_options *options = parser->options;

	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = NULL; /* mistakes are printed by us */
		return 0;
	case ARGP_KEY_ARG:
		add_input(options, state, arg);
		return 0;
	case ARGP_KEY_END:
		options->inputs[state->arg_num] = NULL;
		return 0;
	case 'o':
		if (!*arg)
			usage_error("-o: the name is empty");
		options->output = arg;
		return 0;
	case 'F':
		options->sample_hz = number_of_option("-F", arg, 1, SAMPLE_HZ_MAX, " Hz");
		return 0;
	case KEY_FORMAT:
		parser->form = form_of_option(arg);
		parser->has_form = true;
		return 0;
	case KEY_TITLE:
		options->title = arg;
		return 0;
	case KEY_SUBTITLE:
		options->subtitle = arg;
		return 0;
	case KEY_NOTES:
		options->notes = arg;
		return 0;
	case KEY_UNIT:
		options->unit = arg;
		return 0;
	case KEY_WIDTH:
		options->width =
			(uint32_t)number_of_option("--width", arg, WIDTH_MIN, WIDTH_MAX, " pixels");
		return 0;
	case 'h':
		options_help(state, "eprof flamegraph");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp flamegraph_argp = {
	.options = rows,
	.parser = parse_option,
	.help_filter = options_help_filter,
	.args_doc = "[FILE...]",
	.doc = "Draws folded stacks (lines of \"root;frame;leaf COUNT\") as a flame graph. Several "
	       "inputs are merged; '-', or none, is stdin."
	       "\v"
	       "Examples:\n"
	       "  eprof flamegraph in.folded -o x.svg\n"
	       "  eprof flamegraph monday.folded tuesday.folded -o both.html",
};

void options_parse_flamegraph(int argc, char **argv, struct flamegraph_options *ret)
{
	static char *stdin_only[] = { (char *)"-", NULL };
	struct flamegraph_parser parser = { .options = ret };

	*ret = (struct flamegraph_options){
		/* Input i is never before argv[i + 1]: they are moved down, over what is parsed. */
		.inputs = argv,
		.output = "-",
		.sample_hz = SAMPLE_HZ_DEFAULT,
	};
	options_run_argp(&flamegraph_argp, argc, argv, &parser);
	if (!ret->inputs[0])
		ret->inputs = stdin_only;
	ret->form = options_output_form(ret->output, parser.has_form, parser.form, OUTPUT_SVG);
}
