/* SPDX-License-Identifier: Apache-2.0 */
/* argv -> a const struct. Parsed once; wrong usage is one line on stderr and exit code 2. */
#ifndef EPROF_AGENT_OPTIONS_H
#define EPROF_AGENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/input.h"
#include "agent/output.h"
#include "bpf/abi.h"
#include "flamegraph/call_tree.h"
#include "flamegraph/picture.h"

#define TARGET_IDS_MAX 1024
/* Of --include, and of --exclude: more are one with '|'. */
#define PATTERNS_MAX   16

enum command {
	COMMAND_RECORD,
	COMMAND_FLAMEGRAPH,
	COMMAND_DIFF,
	COMMAND_AGENT,
	COMMAND_DOCTOR,
	COMMAND_QUERY,
};

enum target_kind {
	TARGET_NONE,
	TARGET_ALL,     /* -a */
	TARGET_PIDS,    /* -p */
	TARGET_TIDS,    /* -t */
	TARGET_CGROUP,  /* -G: path of a cgroup v2 directory, absolute or below the mount */
	TARGET_COMMAND, /* [--] COMMAND ARG... */
};

struct record_options {
	enum target_kind target;
	int32_t ids[TARGET_IDS_MAX]; /* pids or tids as typed, each > 0, none twice */
	size_t id_count;
	const char *cgroup;
	char **command;     /* NULL-terminated; within argv */
	int cpu;            /* -C; -1: every online one */
	double seconds;     /* -d; 0: until interrupted or the target ends */
	uint64_t sample_hz; /* -F; default 99 */
	const char *event;  /* -e; default "cpu-clock" */
	bool user_only;     /* -U */
	bool kernel_only;   /* -K */
	bool per_thread;
	bool with_idle;             /* --idle */
	bool on_cpu, off_cpu;       /* --on-cpu, --off-cpu; both when neither is given */
	bool off_cpu_asked;         /* by name: it is an error when it cannot be had */
	uint64_t min_block_us;      /* --min-block, of the interval; 0: none is too short */
	uint64_t max_block_us;      /* --max-block; 0: none is too long */
	uint32_t states;            /* --state: 1 << enum off_state; all bits when not given */
	bool wakers;                /* --wakers */
	bool kernel_threads;        /* --kernel-threads: off-CPU time of theirs, too */
	uint64_t max_events;        /* --max-events: per CPU and second; 0: no limit */
	uint64_t preempt_sample_us; /* --preempt-sample; 0: each stack stands for itself */
	bool verify_stacks;         /* --verify-stacks: walk also those that are known again */
	bool raw_tracepoint;        /* --raw-tracepoint: as where there is no tp_btf */
	bool is_thrifty;            /* of an agent: what costs more than it finds out is left out */
	bool quiet;
	bool force;               /* --force: run on kernels known to be unsafe */
	enum unwind_mode unwind;  /* --unwind; default UNWIND_TABLES */
	uint64_t unwind_bytes;    /* --unwind-memory, of tables in the kernel; default 256 MiB */
	const char *verifier_log; /* --verifier-log=FILE; NULL: only its end on failure */
	const char *output;       /* -o; NULL: eprof-NAME-UTCTIME/ */
	bool name_lines;          /* --lines: in all that is written but pprof */
	const char *symfs;        /* --symfs; NULL: none */
	double debuginfod_s;      /* --debuginfod: its budget; 0: without */
	enum output_form form;    /* of output: by its name, or --format; for output_open_as() */
};

/* 25 with one decimal is 2.5. */
struct decimal_number {
	uint64_t digits;
	unsigned int decimals; /* at most CALL_TREE_DECIMALS_MAX, and as few as it takes */
};

/* What both commands that draw know. */
struct drawing_options {
	struct picture picture; /* as far as it was asked for; of its sides is_negated only */
	enum call_tree_order order;
	/* POSIX extended regular expressions that compile; NULL after the last. */
	const char *include[PATTERNS_MAX + 1], *exclude[PATTERNS_MAX + 1];
	const char *base;             /* --base; NULL: none */
	struct decimal_number factor; /* --factor; digits are 0 when it is not given */
};

struct flamegraph_options {
	char **inputs;         /* NULL-terminated; "-" is stdin; none given: "-" */
	const char *output;    /* -o; "-" (the default): stdout */
	enum output_form form; /* of output: by its name, or --format; else OUTPUT_SVG */
	struct input_options input;
	struct drawing_options drawing;
	struct decimal_number total; /* --total; digits are 0 when it is not given */
	uint64_t sample_hz;          /* -F: what a count is worth in a .pb.gz; default 99 */
	bool has_sample_hz;          /* it was given: the view tells times, too */
};

struct diff_options {
	const char *before, *after; /* files, directories of `eprof record`, or "-" for one */
	const char *output;         /* -o; "-" (the default): stdout */
	enum output_form form;      /* SVG (the default), HTML or folded */
	struct input_options input;
	struct drawing_options drawing;
	bool on_cpu, off_cpu; /* --on-cpu, --off-cpu: of directories; neither: not given */
	bool keeps_totals;    /* --no-normalize */
	bool strips_hex;      /* --strip-hex */
};

/* What the command line of `eprof agent` asks for. */
enum agent_action { AGENT_RUN, AGENT_CHECK_CONFIG, AGENT_STATUS };

struct agent_options {
	enum agent_action action;
	const char *config_file; /* --config; NULL: none */
	char **words;            /* --KEY VALUE and so on, within argv, in their order; NULL ends */
	const char *socket;      /* of AGENT_STATUS */
	bool as_json;            /* --json, of AGENT_STATUS */
};

struct doctor_options {
	int32_t pid;             /* -p; 0: none */
	const char *config_file; /* --config; NULL: none */
	bool json;
};

#define QUERY_PARAMETERS_MAX 256

/* "PREFIXNAME=VALUE" of a URL, before it is escaped. */
struct query_parameter {
	const char *prefix; /* "", "label." or "before." */
	const char *name, *value;
};

struct query_options {
	const char *what;   /* "merge", "diff", "top", "callers", "series" or "values" */
	const char *server; /* -S: a URL */
	const char *token_file, *ca_file; /* NULL: none */
	const char *output;               /* -o; "-" (the default): stdout */
	enum output_form form;            /* of output: by its name, or --format */
	bool has_form, has_kind;
	struct query_parameter parameters[QUERY_PARAMETERS_MAX];
	size_t count;
};

struct options {
	enum command command;
	struct record_options record;         /* all zero unless it is the command */
	struct flamegraph_options flamegraph; /* the same */
	struct diff_options diff;             /* the same */
	struct agent_options agent;           /* the same */
	struct doctor_options doctor;         /* the same */
	struct query_options query;           /* the same */
};

/*
 * Fills *ret, or prints usage/help/version and ends the process (exit 0 for help, 2 for misuse).
 * Strings point into argv.
 */
void options_parse(int argc, char **argv, struct options *ret);

#endif
