/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a line that was typed. */
#ifndef EPROF_TESTS_UNIT_ASK_OPTIONS_H
#define EPROF_TESTS_UNIT_ASK_OPTIONS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/options.h"

#define WORDS_MAX 64
#define RETURNED  99 /* exit code of a child whose options_parse() came back */

struct words {
	char text[1024];
	char *argv[WORDS_MAX + 1];
	int argc;
};

static inline void split(const char *line, struct words *words)
{
	char *save = NULL;

	(void)snprintf(words->text, sizeof(words->text), "%s", line);
	words->argc = 0;
	for (char *word = strtok_r(words->text, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		assert_true(words->argc < WORDS_MAX);
		/* stands for the empty word */
		words->argv[words->argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
	}
	words->argv[words->argc] = NULL;
}

struct answer {
	int exit_code;
	char out[16384];
	char err[16384];
};

static inline void read_all(FILE *file, char *text, size_t size)
{
	size_t n;

	rewind(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	(void)fclose(file);
}

/* options_parse() in a child: most lines here end the process. */
static inline const struct answer *ask_argv(int argc, char **argv)
{
	static struct answer answer;
	FILE *out = tmpfile(), *err = tmpfile();
	int status;
	pid_t child;

	assert_non_null(out);
	assert_non_null(err);
	(void)fflush(NULL);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct options options;

		(void)dup2(fileno(out), STDOUT_FILENO);
		(void)dup2(fileno(err), STDERR_FILENO);
		options_parse(argc, argv, &options);
		_exit(RETURNED);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	answer.exit_code = WEXITSTATUS(status);
	read_all(out, answer.out, sizeof(answer.out));
	read_all(err, answer.err, sizeof(answer.err));
	return &answer;
}

static inline const struct answer *ask(const char *line)
{
	struct words words;

	split(line, &words);
	return ask_argv(words.argc, words.argv);
}

/* Exit code 2, nothing on stdout, one line on stderr: "eprof: ... about ...". */
static inline void check_refused(const char *line, const char *about)
{
	const struct answer *answer = ask(line);
	size_t length = strlen(answer->err);

	if (answer->exit_code != 2 || !strstr(answer->err, about))
		print_message("%s -> %d: %s\n", line, answer->exit_code, answer->err);
	assert_int_equal(answer->exit_code, 2);
	assert_string_equal(answer->out, "");
	assert_true(strncmp(answer->err, "eprof: ", strlen("eprof: ")) == 0);
	assert_true(length > 0);
	assert_ptr_equal(strchr(answer->err, '\n'), answer->err + length - 1);
	assert_non_null(strstr(answer->err, about));
}

/* The strings of the options live until the next call. */
static inline const struct options *accepted(const char *line)
{
	static struct options options;
	static struct words words;

	memset(&options, 0xa5, sizeof(options));
	split(line, &words);
	options_parse(words.argc, words.argv, &options);
	return &options;
}

#endif
