/* SPDX-License-Identifier: Apache-2.0 */
/* `eprof flamegraph`. */
#include "agent/options_parts.h"

struct flamegraph_parser {
	struct flamegraph_options *options;
	struct drawing_input drawing;
	bool has_form;
	enum output_form form;
};

static const struct argp_option rows[] = {
	{ "output", 'o', "FILE", 0,
	  "Write to FILE (.svg .html .folded .pb.gz .json; default: SVG on stdout)", 1 },
	{ "format", KEY_FORMAT, "FORM", 0,
	  "FILE is of this form, whatever its name: svg, html, folded, pprof, speedscope", 1 },
	{ "flamechart", KEY_FLAME_CHART, NULL, 0,
	  "Stacks stay in the order of the input, which is that of time", 3 },
	{ "total", KEY_TOTAL, "COUNT", 0,
	  "The picture is as wide as COUNT, if the counts are less in all", 3 },
	{ "differential", KEY_DIFFERENTIAL, NULL, 0,
	  "Lines of folded stacks have two counts, before and after", 4 },
	{ "frequency", 'F', "HZ", 0,
	  "The samples per second that were taken: gives them a duration in .pb.gz (default: 99), "
	  "and, "
	  "when it is given, in pictures",
	  4 },
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

static void end_inputs(struct flamegraph_parser *parser, struct argp_state *state)
{
	const struct flamegraph_options *options = parser->options;

	options->inputs[state->arg_num] = NULL;
	if (options->input.keeps_time && parser->drawing.has_order)
		usage_error("--flamechart and --order exclude each other: the order is that of "
			    "time");
	if (options->input.keeps_time && options->total.digits > 0)
		usage_error("--flamechart and --total exclude each other: time that nothing is "
			    "known of has no place in it");
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct flamegraph_parser *parser = state->input;
	struct flamegraph_options *options = parser->options;

	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = NULL; /* mistakes are printed by us */
		state->child_inputs[0] = &parser->drawing;
		return 0;
	case ARGP_KEY_ARG:
		add_input(options, state, arg);
		return 0;
	case ARGP_KEY_END:
		end_inputs(parser, state);
		return 0;
	case 'o':
		if (!*arg)
			usage_error("-o: the name is empty");
		options->output = arg;
		return 0;
	case 'F':
		options->sample_hz = number_of_option("-F", arg, 1, SAMPLE_HZ_MAX, " Hz");
		options->has_sample_hz = true;
		return 0;
	case KEY_FORMAT:
		parser->form = form_of_option(arg);
		parser->has_form = true;
		return 0;
	case KEY_FLAME_CHART:
		options->input.keeps_time = options->drawing.picture.is_chart = true;
		return 0;
	case KEY_TOTAL:
		options->total = decimal_of_option("--total", arg, UINT64_MAX);
		return 0;
	case KEY_DIFFERENTIAL:
		options->input.is_differential = true;
		return 0;
	case 'h':
		options_help(state, "eprof flamegraph");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {
	{ .argp = &drawing_argp },
	{ 0 },
};

static const struct argp flamegraph_argp = {
	.options = rows,
	.parser = parse_option,
	.children = children,
	.help_filter = options_help_filter,
	.args_doc = "[FILE...]",
	.doc = "Draws a profile as a flame graph: folded stacks (lines of \"root;frame;leaf "
	       "COUNT\"), pprof, or what perf script prints. Several inputs are merged; '-', or "
	       "none, is stdin."
	       "\v"
	       "Examples:\n"
	       "  eprof flamegraph in.folded -o x.svg\n"
	       "  eprof flamegraph monday.folded tuesday.folded -o both.html\n"
	       "  perf script | eprof flamegraph --title Perf > x.svg",
};

void options_parse_flamegraph(int argc, char **argv, struct flamegraph_options *ret)
{
	static char *stdin_only[] = { (char *)"-", NULL };
	struct flamegraph_parser parser = {
		.options = ret,
		.drawing = { .drawing = &ret->drawing, .input = &ret->input },
	};

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
	if (ret->input.is_differential &&
	    (ret->form == OUTPUT_PPROF || ret->form == OUTPUT_SPEEDSCOPE))
		usage_error("--differential: a %s file cannot hold counts before and after; .svg, "
			    ".html and .folded can",
			    ret->form == OUTPUT_PPROF ? "pprof" : "speedscope");
}
