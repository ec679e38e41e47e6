/* SPDX-License-Identifier: Apache-2.0 */
/* `eprof record`. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "agent/debuginfod.h"
#include "agent/log.h"
#include "agent/options_parts.h"
#include "agent/perf_event.h"

static const struct argp_option rows[] = {
	{ NULL, 0, NULL, 0, "What to record (one of them, or a command):", 1 },
	{ "pid", 'p', "PID[,PID...]", 0, "These processes and what they fork", 1 },
	{ "tid", 't', "TID[,TID...]", 0, "These threads", 1 },
	{ "all", 'a', NULL, 0, "The whole machine", 1 },
	{ "cgroup", 'G', "CGROUP", 0, "Processes of this cgroup (v2) and those below it", 1 },

	{ NULL, 0, NULL, 0, "How:", 2 },
	{ "duration", 'd', "SECONDS", 0, "Stop after this time (default: at Ctrl-C)", 2 },
	{ "frequency", 'F', "HZ", 0, "Samples per second and CPU (default: 99)", 2 },
	{ "event", 'e', "EVENT", 0, "Sample by this event (default: cpu-clock)", 2 },
	{ "cpu", 'C', "CPU", 0,
	  "Only on this CPU (default: all), and without off-CPU time, which is no CPU's", 2 },
	{ "user", 'U', NULL, 0, "User stacks only", 2 },
	{ "kernel", 'K', NULL, 0, "Kernel stacks only", 2 },
	{ "idle", KEY_IDLE, NULL, 0, "Count the idle task, too", 2 },
	{ "per-thread", KEY_PER_THREAD, NULL, 0, "Keep the threads of a process apart", 2 },
	{ "unwind", KEY_UNWIND, "HOW", 0,
	  "Walk user stacks by unwind tables and, where there are none, frame pointers (auto, the "
	  "default), by frame pointers only (fp), or not at all (none)",
	  2 },
	{ "unwind-memory", KEY_UNWIND_MEMORY, "MIB", 0,
	  "Keep unwind tables within this much kernel memory (default: 256)", 2 },

	{ NULL, 0, NULL, 0, "Which time (both kinds, when neither is asked for):", 3 },
	{ "on-cpu", KEY_ON_CPU, NULL, 0, "Sample threads that run", 3 },
	{ "off-cpu", KEY_OFF_CPU, NULL, 0, "Measure the time of threads that do not run", 3 },
	{ "min-block", KEY_MIN_BLOCK, "US", 0,
	  "Leave out intervals off a CPU that are shorter, in microseconds (default: 0)", 3 },
	{ "max-block", KEY_MAX_BLOCK, "US", 0,
	  "Leave out intervals off a CPU that are longer, in microseconds (default: none)", 3 },
	{ "state", KEY_STATE, "STATE[,STATE...]", 0,
	  "Only time in these states: runqueue (R), sleep (S), uninterruptible (D), stopped (T), "
	  "other (default: all)",
	  3 },
	{ "wakers", KEY_WAKERS, NULL, 0, "Put who woke a thread up behind what it waited in", 3 },
	{ "kernel-threads", KEY_KERNEL_THREADS, NULL, 0,
	  "With -a: off-CPU time of the kernel's own threads, too", 3 },
	{ "max-events", KEY_MAX_EVENTS, "N", 0,
	  "Above so many switches per second and CPU, weigh short intervals off a CPU by sampling "
	  "them; 0: never (default: 300000)",
	  3 },
	{ "preempt-sample", KEY_PREEMPT_SAMPLE, "US", 0,
	  "Sample the stacks of threads that are preempted, one for so many microseconds that each "
	  "of them waits; 0: take all (default: 0)",
	  3 },

	{ NULL, 0, NULL, 0, "Where to:", 4 },
	{ "output", 'o', "PATH", 0,
	  "A file (.svg .html .folded .pb.gz .json), '-' for folded stacks on stdout, or a "
	  "directory for all of it (default: eprof-NAME-UTCTIME/); of one file, .html and .pb.gz "
	  "hold both kinds of time",
	  4 },
	{ "format", KEY_FORMAT, "FORM", 0,
	  "PATH is one file of this form, whatever its name: svg, html, folded, pprof, speedscope",
	  4 },
	{ "lines", KEY_LINES, NULL, 0, "Put source lines behind names, where known: main (a.c:12)",
	  4 },
	{ "quiet", 'q', NULL, 0, "Print errors only", 4 },

	{ NULL, 0, NULL, 0, "Where names come from:", 5 },
	{ "symfs", KEY_SYMFS, "DIR", 0,
	  "Look for binaries with symbols, and for debug files, below this directory first", 5 },
	{ "debuginfod", KEY_DEBUGINFOD, "SEC", OPTION_ARG_OPTIONAL,
	  "Ask debuginfod servers (DEBUGINFOD_URLS) for debug files that are not on this machine, "
	  "and wait for them so long in all (default: 20)",
	  5 },

	{ NULL, 0, NULL, 0, "When something is wrong:", 6 },
	{ "force", KEY_FORCE, NULL, 0, "Run on kernels that are known to lock up", 6 },
	{ "verifier-log", KEY_VERIFIER_LOG, "FILE", 0, "Write the kernel verifier's log there", 6 },
	{ "raw-tracepoint", KEY_RAW_TRACEPOINT, NULL, 0,
	  "Measure off-CPU time as on kernels without typed tracepoints", 6 },
	{ "verify-stacks", KEY_VERIFY_STACKS, NULL, 0,
	  "Walk off-CPU stacks also when they are known again, and count those that were wrong",
	  6 },
	{ "help", 'h', NULL, 0, "Print this and exit", -1 },
	{ 0 },
};

/* Exactly one kind of target is allowed; -p and -t may be given again to add to the list. */
static void set_target(struct record_options *options, enum target_kind kind)
{
	static const char *const names[] = {
		[TARGET_ALL] = "-a",    [TARGET_PIDS] = "-p",           [TARGET_TIDS] = "-t",
		[TARGET_CGROUP] = "-G", [TARGET_COMMAND] = "a command",
	};

	if (options->target != TARGET_NONE && options->target != kind)
		usage_error("%s and %s exclude each other: one kind of target at a time",
			    names[options->target], names[kind]);
	if (options->target == kind && kind == TARGET_CGROUP)
		usage_error("-G takes one cgroup, and can be given once");
	options->target = kind;
}

static void add_ids(struct record_options *options, enum target_kind kind, const char *arg)
{
	const char *bad = NULL;
	int bad_length = 0, err;
	char letter = kind == TARGET_PIDS ? 'p' : 't';

	set_target(options, kind);
	err = parse_ids(arg, options->ids, &options->id_count, &bad, &bad_length);
	if (err == -E2BIG)
		usage_error("-%c: more than %d ids", letter, TARGET_IDS_MAX);
	if (err < 0)
		usage_error("-%c: '%.*s' is not a %s id", letter, bad_length, bad,
			    kind == TARGET_PIDS ? "process" : "thread");
}

static void set_seconds(struct record_options *options, const char *arg)
{
	int err = parse_seconds(arg, &options->seconds);

	if (err == -EINVAL)
		usage_error("-d: '%s' is not a number of seconds", arg);
	if (err < 0)
		usage_error("-d: '%s' is not between %g s and 10 years", arg, SECONDS_MIN);
}

static void set_debuginfod(struct record_options *options, const char *arg)
{
	double seconds = DEBUGINFOD_S;
	int err = arg ? parse_seconds(arg, &seconds) : 0;

	if (err == -EINVAL)
		usage_error("--debuginfod: '%s' is not a number of seconds", arg);
	if (err < 0 || seconds < DEBUGINFOD_BUDGET_MIN_S || seconds > DEBUGINFOD_S_MAX)
		usage_error("--debuginfod: '%s' is not between %d and %g s", arg,
			    DEBUGINFOD_BUDGET_MIN_S, DEBUGINFOD_S_MAX);
	options->debuginfod_s = seconds;
}

static void set_cpu(struct record_options *options, const char *arg)
{
	uint64_t cpu;

	if (parse_u64(arg, 0, INT_MAX, &cpu) < 0)
		usage_error("-C: '%s' is not the number of one CPU", arg);
	options->cpu = (int)cpu;
}

static void set_event(struct record_options *options, const char *arg)
{
	struct perf_event_attr attr;

	if (perf_event_parse(arg, &attr) < 0)
		usage_error("-e: '%s' is none of %s", arg, perf_event_names());
	options->event = arg;
}

static void set_unwind(struct record_options *options, const char *arg)
{
	if (!strcmp(arg, "auto"))
		options->unwind = UNWIND_TABLES;
	else if (!strcmp(arg, "fp"))
		options->unwind = UNWIND_FRAME_POINTERS;
	else if (!strcmp(arg, "none"))
		options->unwind = UNWIND_NONE;
	else
		usage_error("--unwind: '%s' is none of auto, fp, none", arg);
}

static void set_unwind_memory(struct record_options *options, const char *arg)
{
	uint64_t mebibytes =
		number_of_option("--unwind-memory", arg, UNWIND_MIB_MIN, UNWIND_MIB_MAX, " MiB");

	options->unwind_bytes = mebibytes << 20;
}

static const char *not_empty(const char *arg, const char *option)
{
	if (!*arg)
		usage_error("%s: the name is empty", option);
	return arg;
}

/* The first word that is no option starts the command; what follows belongs to the command. */
static void set_command(struct record_options *options, struct argp_state *state)
{
	set_target(options, TARGET_COMMAND);
	options->command = state->argv + state->next - 1;
	not_empty(options->command[0], "command");
	state->next = state->argc;
}

static void note_on_cpu(struct record_parser *parser, const char *option)
{
	if (!parser->about_on_cpu)
		parser->about_on_cpu = option;
}

static error_t parse_long_option(int key, char *arg, struct record_parser *parser)
{
	struct record_options *options = parser->options;

	switch (key) {
	case KEY_PER_THREAD:
		options->per_thread = true;
		return 0;
	case KEY_IDLE:
		options->with_idle = true;
		note_on_cpu(parser, "--idle");
		return 0;
	case KEY_FORCE:
		options->force = true;
		return 0;
	case KEY_UNWIND:
		set_unwind(options, arg);
		return 0;
	case KEY_UNWIND_MEMORY:
		set_unwind_memory(options, arg);
		return 0;
	case KEY_VERIFIER_LOG:
		options->verifier_log = not_empty(arg, "--verifier-log");
		return 0;
	case KEY_FORMAT:
		parser->form = form_of_option(arg);
		parser->has_form = true;
		return 0;
	case KEY_LINES:
		options->name_lines = true;
		return 0;
	case KEY_SYMFS:
		options->symfs = not_empty(arg, "--symfs");
		return 0;
	case KEY_DEBUGINFOD:
		set_debuginfod(options, arg);
		return 0;
	default:
		return options_parse_off_cpu(key, arg, parser);
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct record_parser *parser = state->input;
	struct record_options *options = parser->options;

	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = NULL; /* mistakes are printed by us */
		return 0;
	case ARGP_KEY_ARG:
		set_command(options, state);
		return 0;
	case 'p':
		add_ids(options, TARGET_PIDS, arg);
		return 0;
	case 't':
		add_ids(options, TARGET_TIDS, arg);
		return 0;
	case 'a':
		set_target(options, TARGET_ALL);
		return 0;
	case 'G':
		set_target(options, TARGET_CGROUP);
		options->cgroup = not_empty(arg, "-G");
		return 0;
	case 'd':
		set_seconds(options, arg);
		return 0;
	case 'F':
		options->sample_hz = number_of_option("-F", arg, 1, SAMPLE_HZ_MAX, " Hz");
		note_on_cpu(parser, "-F");
		return 0;
	case 'e':
		set_event(options, arg);
		note_on_cpu(parser, "-e");
		return 0;
	case 'C':
		set_cpu(options, arg);
		return 0;
	case 'U':
		options->user_only = true;
		return 0;
	case 'K':
		options->kernel_only = true;
		return 0;
	case 'o':
		options->output = not_empty(arg, "-o");
		return 0;
	case 'q':
		options->quiet = true;
		return 0;
	case 'h':
		options_help(state, "eprof record");
	default:
		return parse_long_option(key, arg, parser);
	}
}

static const struct argp record_argp = {
	.options = rows,
	.parser = parse_option,
	.help_filter = options_help_filter,
	.args_doc = "-p PID\n-t TID\n-a\n-G CGROUP\n[--] COMMAND [ARG...]",
	.doc = "Samples where threads run, measures where they wait, and writes flame graphs of "
	       "both."
	       "\v"
	       "Examples:\n"
	       "  eprof record -p 1234 -d 30          a process, for 30 seconds\n"
	       "  eprof record -d 10 -- ./a.out ARG   a command, for 10 seconds at most\n"
	       "  eprof record -a -d 30 -o all.html   the whole machine, into one file\n"
	       "\n"
	       "Exit code: 0 done, 1 failed, 2 wrong usage.",
};

void options_parse_record(int argc, char **argv, struct record_options *ret)
{
	struct record_parser parser = { .options = ret };

	*ret = (struct record_options){
		.cpu = -1,
		.sample_hz = SAMPLE_HZ_DEFAULT,
		.event = "cpu-clock",
		.form = OUTPUT_DIRECTORY,
		.unwind = UNWIND_TABLES,
		.unwind_bytes = (uint64_t)UNWIND_MIB_DEFAULT << 20,
		.states = (UINT32_C(1) << OFF_STATE_COUNT) - 1,
		.max_events = MAX_EVENTS_DEFAULT,
	};
	options_run_argp(&record_argp, argc, argv, &parser);
	if (ret->target == TARGET_NONE) {
		argp_help(&record_argp, stderr, ARGP_HELP_SHORT_USAGE | ARGP_HELP_DOC,
			  (char *)"eprof record");
		exit(2);
	}
	if (ret->user_only && ret->kernel_only)
		usage_error("-U and -K exclude each other: without both, both stacks are recorded");
	if (parser.has_form && !ret->output)
		usage_error("--format needs -o FILE");
	if (ret->output)
		ret->form = options_output_form(ret->output, parser.has_form, parser.form,
						OUTPUT_DIRECTORY);
	options_choose_kinds(&parser);
}
