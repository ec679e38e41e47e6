/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/program_logs.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "agent/load_error.h"
#include "base/cleanup.h"

/* Untouched pages cost nothing. */
#define LOG_SIZE     (16u << 20)
#define PROGRAMS_MAX 16

struct program_logs {
	struct bpf_program *programs[PROGRAMS_MAX];
	size_t count;
	char *text; /* LOG_SIZE for each */
};

static void cleanup_logs(struct program_logs **logs)
{
	program_logs_free(*logs);
}

static char *text_of(const struct program_logs *logs, size_t i)
{
	return logs->text + i * LOG_SIZE;
}

int program_logs_new(struct bpf_object *object, bool always, struct program_logs **ret)
{
	CLEANUP(cleanup_logs) struct program_logs *logs = calloc(1, sizeof(*logs));
	struct bpf_program *program;

	if (!logs)
		return -ENOMEM;
	bpf_object__for_each_program(program, object)
	{
		if (bpf_program__autoload(program) && logs->count < PROGRAMS_MAX)
			logs->programs[logs->count++] = program;
	}
	logs->text = calloc(logs->count + 1, LOG_SIZE);
	if (!logs->text)
		return -ENOMEM;
	for (size_t i = 0; i < logs->count; i++) {
		bpf_program__set_log_buf(logs->programs[i], text_of(logs, i), LOG_SIZE);
		bpf_program__set_log_level(logs->programs[i], always);
	}
	*ret = TAKE(logs);
	return 0;
}

void program_logs_free(struct program_logs *logs)
{
	if (!logs)
		return;
	for (size_t i = 0; logs->text && i < logs->count; i++)
		bpf_program__set_log_buf(logs->programs[i], NULL, 0);
	free(logs->text);
	free(logs);
}

int program_logs_write(const struct program_logs *logs, FILE *file)
{
	for (size_t i = 0; i < logs->count; i++) {
		if (fprintf(file, "%s:\n%s\n", bpf_program__name(logs->programs[i]),
			    text_of(logs, i)) < 0)
			return -errno;
	}
	return fflush(file) == 0 ? 0 : -errno;
}

void program_logs_explain(const struct program_logs *logs, int err)
{
	struct load_error error = { .log = "", .err = err };
	struct utsname name;

	(void)uname(&name);
	error.release = name.release;
	/* The last that was looked at is the one that was refused. */
	for (size_t i = 0; i < logs->count; i++) {
		if (!text_of(logs, i)[0])
			continue;
		error.program = bpf_program__name(logs->programs[i]);
		error.log = text_of(logs, i);
	}
	load_error_explain(&error);
}
