/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/load_error.h"

#include <errno.h>
#include <string.h>

#include "agent/limits.h"
#include "agent/log.h"

/* The verifier's reason stands at the end of its log, with the instructions that led there. */
#define LOG_LINES 20

static const char *last_lines(const char *log)
{
	const char *line = log + strlen(log);
	int lines = 0;

	while (line > log) {
		if (line[-1] == '\n' && line[0] && ++lines == LOG_LINES)
			break;
		line--;
	}
	return line;
}

static void print_log_tail(const char *log)
{
	const char *line = last_lines(log);

	while (*line) {
		size_t length = strcspn(line, "\n");

		log_error("| %.*s", (int)length, line);
		line += length;
		line += *line == '\n';
	}
}

void load_error_explain(const struct load_error *error)
{
	if (error->err == -EMFILE || !error->program || !error->log[0]) {
		log_error("cannot load the BPF programs into Linux %s: %s%s", error->release,
			  strerror(-error->err), limits_advice(error->err));
		return;
	}
	log_error("the BPF verifier of Linux %s refuses program '%s' (%s); please report it with "
		  "what --verifier-log=FILE writes",
		  error->release, error->program, strerror(-error->err));
	print_log_tail(error->log);
}
