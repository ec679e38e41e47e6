/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `eprof flamegraph` and `eprof diff` have in common. The names are those of flamegraph.pl
 * where it has the option, so that eprof can take its place in a script.
 */
#include <errno.h>
#include <inttypes.h>
#include <regex.h>

#include "agent/options_parts.h"

#define REGEX_MESSAGE_SIZE 256
/* Beyond, sums of counts hardly fit 64 bits. */
#define FACTOR_MAX         UINT64_C(1000000000)

static const struct argp_option rows[] = {
	{ "title", KEY_TITLE, "TEXT", 0, "Title of the picture", 2 },
	{ "subtitle", KEY_SUBTITLE, "TEXT", 0, "Second line of the title", 2 },
	{ "notes", KEY_NOTES, "TEXT", 0, "One line under the picture", 2 },
	{ "unit", KEY_UNIT, "UNIT", 0,
	  "What is counted (default: samples); of microseconds the picture shows times", 2 },
	{ "countname", KEY_UNIT, NULL, OPTION_ALIAS, NULL, 2 },
	{ "nametype", KEY_NAME_TYPE, "TEXT", 0, "What is before names (default: Function:)", 2 },
	{ "width", KEY_WIDTH, "PIXELS", 0, "Width of the picture (default: 1200)", 2 },
	{ "height", KEY_HEIGHT, "PIXELS", 0, "Height of a frame (default: 16)", 2 },
	{ "fontsize", KEY_FONT_SIZE, "PIXELS", 0, "Size of the letters (default: 12)", 2 },
	{ "minwidth", KEY_MIN_WIDTH, "WIDTH", 0,
	  "Frames narrower than WIDTH pixels, or WIDTH% of the total, are drawn when zoomed to "
	  "(default: 0.1)",
	  2 },
	{ "colors", KEY_COLORS, "PALETTE", 0, "Colours: " PALETTE_NAMES " (default: kind)", 2 },
	{ "inverted", KEY_INVERTED, NULL, 0, "The root is at the top", 2 },
	{ "icicle", KEY_INVERTED, NULL, OPTION_ALIAS, NULL, 2 },
	{ "negate", KEY_NEGATE, NULL, 0, "Swap the colours of more and less", 2 },
	{ "reverse", KEY_REVERSE, NULL, 0, "Begin with the innermost functions", 3 },
	{ "order", KEY_ORDER, "ORDER", 0,
	  "Order of frames side by side: name, value, input (default: name)", 3 },
	{ "base", KEY_BASE, "FUNCTION", 0,
	  "Stacks begin at FUNCTION; those without it are left out", 3 },
	{ "include", KEY_INCLUDE, "REGEX", 0,
	  "Only stacks with a function that matches; may be repeated: with any of them", 3 },
	{ "exclude", KEY_EXCLUDE, "REGEX", 0,
	  "Without stacks with a function that matches; may be repeated", 3 },
	{ "factor", KEY_FACTOR, "NUMBER", 0, "Multiply all counts by NUMBER", 3 },
	{ "from", KEY_FROM, "FORM", 0,
	  "The inputs are of this form, and not what they look like: folded, pprof, perf (the "
	  "text that perf script prints)",
	  4 },
	{ "sample-type", KEY_SAMPLE_TYPE, "NAME", 0,
	  "Of pprof, the values called NAME, such as samples or cpu (default: the file's)", 4 },
	{ "cp", KEY_WITHOUT_EFFECT, NULL, 0,
	  "No effect: a function has the same colour in every picture anyway", 5 },
	{ "hash", KEY_WITHOUT_EFFECT, NULL, OPTION_ALIAS, NULL, 5 },
	{ "random", KEY_WITHOUT_EFFECT, NULL, OPTION_ALIAS, NULL, 5 },
	{ "bgcolors", KEY_WITHOUT_EFFECT_VALUE, "X", 0,
	  "No effect: background and letters are the picture's, text is UTF-8", 5 },
	{ "encoding", KEY_WITHOUT_EFFECT_VALUE, NULL, OPTION_ALIAS, NULL, 5 },
	{ "fonttype", KEY_WITHOUT_EFFECT_VALUE, NULL, OPTION_ALIAS, NULL, 5 },
	{ "fontwidth", KEY_WITHOUT_EFFECT_VALUE, NULL, OPTION_ALIAS, NULL, 5 },
	{ "nameattr", KEY_NAME_ATTRIBUTES, "FILE", OPTION_HIDDEN, NULL, 5 },
	{ 0 },
};

static void add_pattern(const char *option, const char **patterns, const char *arg)
{
	char message[REGEX_MESSAGE_SIZE];
	regex_t regex;
	size_t count = 0;
	int err = regcomp(&regex, arg, REG_EXTENDED | REG_NOSUB);

	if (err) {
		(void)regerror(err, &regex, message, sizeof(message));
		usage_error("%s: '%s' is no regular expression: %s", option, arg, message);
	}
	regfree(&regex);
	while (patterns[count])
		count++;
	if (count >= PATTERNS_MAX)
		usage_error("%s: there are more than %d; REGEX may be 'ONE|OTHER'", option,
			    PATTERNS_MAX);
	patterns[count] = arg;
}

static uint32_t pixels_of(const char *option, const char *arg, uint32_t min, uint32_t max)
{
	return (uint32_t)number_of_option(option, arg, min, max, " pixels");
}

static void set_min_width(struct picture *picture, const char *arg)
{
	if (parse_min_width(arg, &picture->min_width) < 0)
		usage_error("--minwidth: '%s' is neither a number of pixels up to 1000 nor a share "
			    "of the total, such as 0.5%%, with up to 3 decimals",
			    arg);
}

static void set_colours(struct picture *picture, const char *arg)
{
	if (palette_from_name(arg, &picture->colours) < 0)
		usage_error("--colors: '%s' is none of " PALETTE_NAMES, arg);
}

static error_t parse_words(int key, char *arg, struct drawing_input *parsed)
{
	struct picture *picture = &parsed->drawing->picture;

	switch (key) {
	case KEY_TITLE:
		picture->title = arg;
		return 0;
	case KEY_SUBTITLE:
		picture->subtitle = arg;
		return 0;
	case KEY_NOTES:
		picture->notes = arg;
		return 0;
	case KEY_UNIT:
		picture->unit = arg;
		parsed->input->unit = arg;
		return 0;
	case KEY_NAME_TYPE:
		picture->nametype = arg;
		return 0;
	case KEY_BASE:
		parsed->drawing->base = arg;
		return 0;
	case KEY_SAMPLE_TYPE:
		parsed->input->sample_type = arg;
		return 0;
	case KEY_WITHOUT_EFFECT:
	case KEY_WITHOUT_EFFECT_VALUE:
		return 0;
	case KEY_NAME_ATTRIBUTES:
		usage_error("--nameattr is not supported: frames of eprof's pictures have neither "
			    "links nor attributes of their own");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_looks(int key, char *arg, struct picture *picture)
{
	switch (key) {
	case KEY_WIDTH:
		picture->width = pixels_of("--width", arg, WIDTH_MIN, WIDTH_MAX);
		return 0;
	case KEY_HEIGHT:
		picture->frame_height =
			pixels_of("--height", arg, FRAME_HEIGHT_MIN, FRAME_HEIGHT_MAX);
		return 0;
	case KEY_FONT_SIZE:
		picture->font_size = pixels_of("--fontsize", arg, FONT_SIZE_MIN, FONT_SIZE_MAX);
		return 0;
	case KEY_MIN_WIDTH:
		set_min_width(picture, arg);
		return 0;
	case KEY_COLORS:
		set_colours(picture, arg);
		return 0;
	case KEY_INVERTED:
		picture->is_inverted = true;
		return 0;
	case KEY_NEGATE:
		picture->sides.is_negated = true;
		return 0;
	case KEY_REVERSE:
		picture->is_reversed = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_counts(int key, char *arg, struct drawing_input *parsed)
{
	struct drawing_options *drawing = parsed->drawing;

	switch (key) {
	case KEY_ORDER:
		parsed->has_order = true;
		if (parse_order(arg, &drawing->order) < 0)
			usage_error("--order: '%s' is none of name, value, input", arg);
		return 0;
	case KEY_INCLUDE:
		add_pattern("--include", drawing->include, arg);
		return 0;
	case KEY_EXCLUDE:
		add_pattern("--exclude", drawing->exclude, arg);
		return 0;
	case KEY_FACTOR:
		drawing->factor = decimal_of_option("--factor", arg, FACTOR_MAX);
		return 0;
	case KEY_FROM:
		if (parse_input_format(arg, &parsed->input->format) < 0)
			usage_error("--from: '%s' is none of folded, pprof, perf", arg);
		parsed->input->has_format = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct drawing_input *parsed = state->input;
	error_t err = parse_words(key, arg, parsed);

	if (err == ARGP_ERR_UNKNOWN)
		err = parse_looks(key, arg, &parsed->drawing->picture);
	return err == ARGP_ERR_UNKNOWN ? parse_counts(key, arg, parsed) : err;
}

const struct argp drawing_argp = {
	.options = rows,
	.parser = parse_option,
	.help_filter = options_help_filter,
};
