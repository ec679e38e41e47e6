/* SPDX-License-Identifier: Apache-2.0 */
/* What is recorded of threads that do not run, and what that excludes. */
#include <inttypes.h>
#include <string.h>

#include "agent/options_parts.h"

static uint64_t microseconds_of(const char *option, const char *arg, uint64_t min)
{
	uint64_t value;

	if (parse_u64(arg, min, BLOCK_US_MAX, &value) < 0)
		usage_error("%s: '%s' is not a whole number of microseconds from %" PRIu64
			    " to 10 years",
			    option, arg, min);
	return value;
}

static void set_states(struct record_options *options, const char *arg)
{
	const char *bad = NULL;
	int bad_length = 0;

	if (parse_states(arg, &options->states, &bad, &bad_length) < 0)
		usage_error("--state: '%.*s' is none of runqueue (R), sleep (S), "
			    "uninterruptible (D), stopped (T), other",
			    bad_length, bad);
}

/* Each sets *ret_option: its name, when it says nothing without off-CPU time. */
static error_t parse_detail(int key, char *arg, struct record_options *options,
			    const char **ret_option)
{
	switch (key) {
	case KEY_MIN_BLOCK:
		*ret_option = "--min-block";
		options->min_block_us = microseconds_of(*ret_option, arg, 0);
		return 0;
	case KEY_MAX_BLOCK:
		*ret_option = "--max-block";
		options->max_block_us = microseconds_of(*ret_option, arg, 1);
		return 0;
	case KEY_STATE:
		*ret_option = "--state";
		set_states(options, arg);
		return 0;
	case KEY_WAKERS:
		*ret_option = "--wakers";
		options->wakers = true;
		return 0;
	case KEY_KERNEL_THREADS:
		*ret_option = "--kernel-threads";
		options->kernel_threads = true;
		return 0;
	case KEY_MAX_EVENTS:
		*ret_option = "--max-events";
		options->max_events = number_of_option(*ret_option, arg, 0, MAX_EVENTS_MAX, "");
		return 0;
	case KEY_PREEMPT_SAMPLE:
		*ret_option = "--preempt-sample";
		options->preempt_sample_us =
			number_of_option(*ret_option, arg, 0, PREEMPT_SAMPLE_US_MAX, "");
		return 0;
	case KEY_RAW_TRACEPOINT:
		*ret_option = "--raw-tracepoint";
		options->raw_tracepoint = true;
		return 0;
	case KEY_VERIFY_STACKS:
		*ret_option = "--verify-stacks";
		options->verify_stacks = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

error_t options_parse_off_cpu(int key, char *arg, struct record_parser *parser)
{
	const char *option = NULL;
	error_t err;

	if (key == KEY_ON_CPU) {
		parser->options->on_cpu = true;
		return 0;
	}
	if (key == KEY_OFF_CPU) {
		parser->options->off_cpu = true;
		return 0;
	}
	err = parse_detail(key, arg, parser->options, &option);
	if (!err && !parser->about_off_cpu)
		parser->about_off_cpu = option;
	return err;
}

static bool holds_both(enum output_form form)
{
	return form == OUTPUT_DIRECTORY || form == OUTPUT_HTML || form == OUTPUT_PPROF;
}

void options_choose_kinds(const struct record_parser *parser)
{
	struct record_options *options = parser->options;

	if (options->cpu >= 0 && options->off_cpu)
		usage_error(
			"-C and --off-cpu exclude each other: time off a CPU is a thread's, and "
			"no CPU's");
	options->off_cpu_asked = options->off_cpu || parser->about_off_cpu;
	if (!options->on_cpu && !options->off_cpu) {
		options->on_cpu = true;
		options->off_cpu = options->cpu < 0;
	}
	if (!options->off_cpu && parser->about_off_cpu)
		usage_error("%s is about off-CPU time, which %s leaves out", parser->about_off_cpu,
			    options->cpu < 0 ? "--on-cpu alone" : "-C");
	if (!options->on_cpu && parser->about_on_cpu)
		usage_error("%s is about running threads, which --off-cpu alone leaves out",
			    parser->about_on_cpu);
	if (options->max_block_us && options->min_block_us > options->max_block_us)
		usage_error("--min-block %" PRIu64 " is above --max-block %" PRIu64
			    ": nothing would be left",
			    options->min_block_us, options->max_block_us);
	if (options->kernel_threads && options->target != TARGET_ALL)
		usage_error("--kernel-threads goes with -a only: they are part of no other target");
	if (options->on_cpu && options->off_cpu && !holds_both(options->form))
		usage_error("-o: '%s' holds one kind of time: add --on-cpu or --off-cpu (a "
			    "directory, .html and .pb.gz hold both)",
			    options->output);
}
