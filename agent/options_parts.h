/* SPDX-License-Identifier: Apache-2.0 */
/* What the files options*.c share; nobody else includes it. */
#ifndef EPROF_AGENT_OPTIONS_PARTS_H
#define EPROF_AGENT_OPTIONS_PARTS_H

#include <argp.h>

#include "agent/options.h"

#define SAMPLE_HZ_DEFAULT     99
#define SAMPLE_HZ_MAX         1000000ULL
#define UNWIND_MIB_DEFAULT    256
#define UNWIND_MIB_MIN        1
#define UNWIND_MIB_MAX        ((uint64_t)UNWIND_CHUNKS_MAX * UNWIND_CHUNK_SIZE >> 20)
#define SECONDS_MIN           0.001
#define SECONDS_MAX           (10 * 365 * 86400.0)
#define MAX_EVENTS_DEFAULT    300000
#define MAX_EVENTS_MAX        1000000000
/* Sums are drawn with 32 bits of nanoseconds. */
#define PREEMPT_SAMPLE_US_MAX 1000000
#define BLOCK_US_MAX          (10 * 365 * 86400 * UINT64_C(1000000))
#define DEBUGINFOD_S          20
#define DEBUGINFOD_S_MAX      3600.0
#define WIDTH_MIN             100
#define WIDTH_MAX             100000
#define FRAME_HEIGHT_MIN      6
#define FRAME_HEIGHT_MAX      200
#define FONT_SIZE_MIN         4
#define FONT_SIZE_MAX         100
/* As palette_from_name() takes them. */
#define PALETTE_NAMES                                                                              \
	"kind, module, hot, mem, io, wakeup, red, green, blue, aqua, yellow, purple, orange, "     \
	"chain, java, js, perl"

/* Options without a letter. */
enum option_key {
	KEY_PER_THREAD = 0x100,
	KEY_IDLE,
	KEY_ON_CPU,
	KEY_OFF_CPU,
	KEY_MIN_BLOCK,
	KEY_MAX_BLOCK,
	KEY_STATE,
	KEY_WAKERS,
	KEY_KERNEL_THREADS,
	KEY_MAX_EVENTS,
	KEY_PREEMPT_SAMPLE,
	KEY_RAW_TRACEPOINT,
	KEY_VERIFY_STACKS,
	KEY_FORMAT,
	KEY_LINES,
	KEY_SYMFS,
	KEY_DEBUGINFOD,
	KEY_FORCE,
	KEY_VERIFIER_LOG,
	KEY_UNWIND,
	KEY_UNWIND_MEMORY,
	KEY_TITLE,
	KEY_SUBTITLE,
	KEY_NOTES,
	KEY_UNIT,
	KEY_WIDTH,
	KEY_HEIGHT,
	KEY_FONT_SIZE,
	KEY_MIN_WIDTH,
	KEY_NAME_TYPE,
	KEY_COLORS,
	KEY_NEGATE,
	KEY_INVERTED,
	KEY_REVERSE,
	KEY_FLAME_CHART,
	KEY_FACTOR,
	KEY_TOTAL,
	KEY_WITHOUT_EFFECT,
	KEY_WITHOUT_EFFECT_VALUE,
	KEY_NAME_ATTRIBUTES,
	KEY_ORDER,
	KEY_BASE,
	KEY_INCLUDE,
	KEY_EXCLUDE,
	KEY_DIFFERENTIAL,
	KEY_FROM,
	KEY_SAMPLE_TYPE,
	KEY_NO_NORMALIZE,
	KEY_STRIP_HEX,
	KEY_CONFIG,
	KEY_JSON,
	KEY_HOST,
	KEY_UNTIL,
	KEY_BEFORE,
	KEY_FUNCTION,
	KEY_BY,
	KEY_LIMIT,
	KEY_STEP,
	KEY_NAME,
	KEY_TOKEN_FILE,
	KEY_CA_FILE,
};

/* What is known only while record's line is parsed. */
struct record_parser {
	struct record_options *options;
	bool has_form;
	enum output_form form;
	/* The first option that was given and is about running threads only, or about others. */
	const char *about_on_cpu, *about_off_cpu;
};

/* Each parser: 0 and *ret set, or -EINVAL (not of its kind), -ERANGE (beyond its limits). */
int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret);
int parse_seconds(const char *text, double *ret);
int parse_form(const char *text, enum output_form *ret);
int parse_order(const char *text, enum call_tree_order *ret);
int parse_input_format(const char *text, enum input_format *ret);
/* "2", "0.25", ".5". -ERANGE: more than max, which is whole, or than so many decimals. */
int parse_decimal(const char *text, uint64_t max, unsigned int decimals,
		  struct decimal_number *ret);
/* "0.1" (pixels) or "0.05%". */
int parse_min_width(const char *text, struct picture_min_width *ret);
/* Letters of ps or names, "sleep,D": 1 << enum off_state each. -EINVAL names the bad one. */
int parse_states(const char *text, uint32_t *ret, const char **ret_bad, int *ret_bad_length);
/*
 * Appends the ids of "1,2,3" that are not yet there. -EINVAL names the bad piece: *ret_bad points
 * into text, *ret_bad_length long. -E2BIG: more than TARGET_IDS_MAX.
 */
int parse_ids(const char *text, int32_t *ids, size_t *count, const char **ret_bad,
	      int *ret_bad_length);

/* One line on stderr, exit code 2. */
_Noreturn void usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --help: prints the rows of state's parser on stdout and ends the process. */
_Noreturn void options_help(struct argp_state *state, const char *name);

/* Leaves out argp's remark about mandatory arguments: the rows show them. */
char *options_help_filter(int key, const char *text, void *input);

/*
 * Runs argp over argv, argv[0] being the sub-command. Never returns after a mistake; what argp or
 * getopt complain about is one line, too.
 */
void options_run_argp(const struct argp *argp, int argc, char **argv, void *input);

/*
 * The value of an option that takes a whole number; ends the process when it is none, or not from
 * min to max. unit stands behind these: " Hz" or "".
 */
uint64_t number_of_option(const char *option, const char *arg, uint64_t min, uint64_t max,
			  const char *unit);

/* The same of one that takes a number above 0 with decimals. */
struct decimal_number decimal_of_option(const char *option, const char *arg, uint64_t max);

/* The value of --format; ends the process when it is none. */
enum output_form form_of_option(const char *arg);

/* The form of path, given --format or not; ends the process when the two contradict. */
enum output_form options_output_form(const char *path, bool has_form, enum output_form form,
				     enum output_form fallback);

/* An option of off-CPU time: as argp's parsers. */
error_t options_parse_off_cpu(int key, char *arg, struct record_parser *parser);
/* When all are parsed: decides what is recorded. Never returns when they contradict each other. */
void options_choose_kinds(const struct record_parser *parser);

/* Rows of what all commands that draw know; a child of theirs, with a struct drawing_input. */
extern const struct argp drawing_argp;
struct drawing_input {
	struct drawing_options *drawing;
	struct input_options *input;
	bool has_order;
};

void options_parse_record(int argc, char **argv, struct record_options *ret);
void options_parse_flamegraph(int argc, char **argv, struct flamegraph_options *ret);
void options_parse_diff(int argc, char **argv, struct diff_options *ret);
void options_parse_agent(int argc, char **argv, struct agent_options *ret);
void options_parse_doctor(int argc, char **argv, struct doctor_options *ret);
void options_parse_query(int argc, char **argv, struct query_options *ret);

#endif
